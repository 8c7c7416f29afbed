"""`train`: `spacy train` as a run."""

import json

import spacy


def test_trains_once(skd, skd_here, corpus, config, tmp_path):
    command = ["train", config, "--output", "student", "--paths.corpus", corpus]
    result = skd(*command, "--training.max_steps", 10)
    assert result.returncode == 0, result.stdout + result.stderr
    lines = result.stdout.splitlines()
    assert lines[0].split()[:2] == ["E", "#"] and "Pipeline written to student" in lines[-1]
    assert [line.split()[1] for line in lines[2:-1]] == ["0", "10"]
    assert result.stderr == ""
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config.cfg", "corpus", "student"]
    names = ["model-best", "model-last", "run.cfg", "run.json"]
    assert sorted(path.name for path in (tmp_path / "student").iterdir()) == names
    assert spacy.load(tmp_path / "student" / "model-best").pipe_names == ["ner", "tagger"]
    report = json.loads((tmp_path / "student" / "run.json").read_text("utf-8"))["report"]
    assert report["sentences"] == 60 and report["steps"] == 10

    result = skd_here(*command, "--training.max_steps", 10)
    assert result.returncode == 0 and "Nothing changed" in result.stdout

    # A pipeline of other components: nothing of the earlier one stays.
    result = skd_here(*command, "--training.max_steps", 1, "--nlp.pipeline", '["tagger"]')
    assert result.returncode == 0, result.stderr
    assert not (tmp_path / "student" / "model-best" / "ner").exists()

    # One flipped bit: trained again.
    model = tmp_path / "student" / "model-best" / "tagger" / "model"
    model.write_bytes(model.read_bytes()[:-1] + b"\x00")
    result = skd_here(*command, "--training.max_steps", 1, "--nlp.pipeline", '["tagger"]')
    assert result.returncode == 0 and "Pipeline written to student" in result.stdout


def test_a_failed_training_leaves_what_was_there(skd_here, fails, corpus, config, tmp_path):
    command = ["train", config, "--output", "student", "--training.max_steps", 1]
    assert skd_here(*command, "--paths.corpus", corpus).returncode == 0
    intact = (corpus / "de" / "train.spacy").read_bytes()
    (corpus / "de" / "train.spacy").write_bytes(intact[:100])
    line = fails(*command, "--paths.corpus", corpus)
    assert "SKD134" in line and "SKD078" in line and "train.spacy" in line
    (corpus / "de" / "train.spacy").write_bytes(intact)
    assert "SKD121" in fails(*command, "--paths.corpus", "nowhere")
    assert "SKD131" in fails(*command, "--nlp.lang", "nolanguage")
    assert skd_here(*command, "--paths.corpus", corpus).stdout.count("Nothing changed") == 1
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_registered_functions_in_a_file(skd, corpus, config, tmp_path):
    (tmp_path / "functions.py").write_text(
        "from spacy import registry\n"
        "@registry.callbacks('mine.v1')\n"
        "def make():\n"
        "    return lambda nlp: nlp\n"
    )
    result = skd(
        *("train", config, "--output", "student", "--paths.corpus", corpus, "--verbose"),
        *("--training.max_steps", 1, "--training.before_to_disk", '{"@callbacks": "mine.v1"}'),
        *("--code", "functions.py"),
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert "Initialized pipeline" in result.stdout  # --verbose


def test_bad_input(fails, corpus, config, tmp_path):
    train = ("train", config, "--paths.corpus", corpus, "--output")
    assert "SKD124" in fails("train", "nowhere.cfg", "--output", "student")
    (tmp_path / "file").write_text("mine")
    assert "SKD132" in fails(*train, "file")
    assert "SKD135" in fails(*train, "file/student")
    assert "SKD135" in fails(*train, "x" * 300)
    (tmp_path / "link").symlink_to("nowhere")
    assert "SKD132" in fails(*train, "link")
    assert "SKD133" in fails(*train, corpus)
    assert "SKD138" in fails(*train, "student", "--code", "nowhere.py")
    assert "SKD137" in fails(*train, "student", "--gpu-id", 0)
    assert not (tmp_path / "student").exists()
