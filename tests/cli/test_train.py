"""`train`: `spacy train` as a run."""

import json
import random
import shutil
import subprocess
import sys
import time

import pytest
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

    # A setting without value is that of the config.
    result = skd_here(*command, "--training.max_steps", 10, "--system.seed=", "--nlp.lang=")
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


def test_the_same_without_teachers_beside_it(skd_here, fails, corpus, config, tmp_path):
    command = ["train", config, "--paths.corpus", corpus, "--training.max_steps", 5]
    alone = [*command, "--output", "alone", "--paths.targets", "null"]
    assert skd_here(*alone).returncode == 0
    both = [*command, "--output", "student", "--baseline", "baseline", "--jobs", 2]
    result = skd_here(*both)
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    assert {line.split()[0] for line in lines[:-2]} == {"[student]", "[baseline]"}
    assert "written to student" in lines[-2] and "written to baseline" in lines[-1]
    assert model_files(tmp_path / "baseline") == model_files(tmp_path / "alone")
    # What teachers alone give a meaning trains the student again, and not the baseline.
    settings = ["--corpora.train.unlabelled_ratio", 0]
    result = skd_here(*both, *settings)
    assert result.returncode == 0, result.stderr
    (line,) = [line for line in result.stdout.splitlines() if "written" in line]
    assert "written to student" in line
    assert "Nothing changed" in skd_here(*both, *settings).stdout
    result = skd_here(*both, *settings, "--training.logger.output_file", "log.jsonl")
    assert result.returncode == 0, result.stderr
    logs = sorted(path.name for path in tmp_path.glob("log*"))
    assert logs == ["log.baseline.jsonl", "log.jsonl"]
    assert "SKD146" in fails(*command, "--output", "a", "--baseline", "a/b")
    assert "SKD146" in fails(*command, "--output", "a/../b", "--baseline", "b")
    assert not (tmp_path / "a").exists()


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


def model_files(student):
    """Parameters and all else that was trained; meta.json has times."""
    paths = [path for path in student.glob("model-*/**/*") if path.is_file()]
    return {
        path.relative_to(student): path.read_bytes() for path in paths if path.name != "meta.json"
    }


def curve(student):
    return json.loads((student / "run.json").read_text("utf-8"))["report"]["curve"]


def start(*args, cwd):
    command = [sys.executable, "-m", "spacy", "skd", *map(str, args)]
    return subprocess.Popen(command, cwd=cwd, stdout=subprocess.PIPE, encoding="utf-8")


def test_an_interrupted_training_is_gone_on_with(skd_here, corpus, config, tmp_path):
    command = ["train", config, "--paths.corpus", corpus, "--training.eval_frequency", 5]
    often = [*command, "--output", "often"]
    assert skd_here(*command, "--output", "once").returncode == 0
    unfinished = tmp_path / ".often.unfinished"
    process = start(*often, "--training.max_steps", 1000, cwd=tmp_path)
    while process.stdout.readline().split()[:2] != ["0", "5"]:
        pass
    process.kill()
    process.communicate()
    states = list(unfinished.glob("checkpoint.*.msgpack"))
    assert states  # a later one may stand beside the first, which was to be removed

    # A state that is damaged is not taken up, nor is that of something else.
    for path in states:
        path.write_bytes(path.read_bytes()[:-1])
    result = skd_here(*often)
    assert result.returncode == 0 and not unfinished.exists()
    assert model_files(tmp_path / "often") == model_files(tmp_path / "once")


@pytest.mark.slow
def test_a_training_that_is_killed_ten_times(skd_here, corpus, small_configs, tmp_path):
    command = ["train", "student.cfg", "--paths.corpus", corpus, "--training.eval_frequency", 5]
    command += ["--training.max_steps", 63, "--output"]
    begin = time.monotonic()
    start(*command, "once", cwd=tmp_path).communicate()
    seconds = time.monotonic() - begin
    rng = random.Random(0)
    kills = taken_up = 0
    while kills < 10:
        taken_up += bool(list(tmp_path.glob(".often.unfinished/checkpoint.*.msgpack")))
        process = start(*command, "often", cwd=tmp_path)
        try:
            process.communicate(timeout=rng.uniform(0.5, 1.1) * seconds)
            shutil.rmtree(tmp_path / "often")
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            kills += 1
    assert skd_here(*command, "often").returncode == 0
    assert taken_up > 2
    assert model_files(tmp_path / "often") == model_files(tmp_path / "once")
    assert curve(tmp_path / "often") == curve(tmp_path / "once")
    assert not list(tmp_path.glob(".*"))
