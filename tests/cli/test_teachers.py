import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import spacy
from spacy.tokens import DocBin
from spacy.vocab import Vocab

OUTPUT = Path("training") / "teachers"


def table_row(output: str, language: str) -> list:
    """The cells of a language's row in the table at the end."""
    rows = [line.split() for line in output.splitlines()]
    return next(row for row in reversed(rows) if row and row[0] == language)


def test_trains_skips_and_retrains(skd, skd_here, corpus, config, tmp_path):
    command = ["teachers", corpus, "--config", config, "--jobs", 2]
    result = skd(*command, "--training.max_steps", 10)
    assert result.returncode == 0, result.stdout + result.stderr
    output = tmp_path / OUTPUT
    assert sorted(path.name for path in output.iterdir()) == ["de", "en"]
    for language in ("de", "en"):
        nlp = spacy.load(output / language / "model-best")
        assert nlp.config["training"]["max_steps"] == 10
        assert table_row(result.stdout, language)[1:3] == ["30", "10"]
        assert table_row(result.stdout, language)[-1] == "trained"
        # progress: the table of each training, as it went
        assert f"[{language}]   E" in result.stdout
        assert f"[{language}]   0       0" in result.stdout

    stamps = {path: path.stat().st_mtime_ns for path in output.glob("*/run.json")}
    result = skd_here(*command, "--training.max_steps", 10)
    assert result.returncode == 0
    assert table_row(result.stdout, "de")[-1] == table_row(result.stdout, "en")[-1] == "skipped"
    assert "Nothing changed" in result.stdout
    assert {path: path.stat().st_mtime_ns for path in stamps} == stamps

    # other data for one language: only its teacher is made anew
    path = corpus / "en" / "train.spacy"
    docs = list(DocBin().from_disk(path).get_docs(Vocab()))
    DocBin(docs=docs[:20], store_user_data=True).to_disk(path)
    result = skd_here(*command, "--training.max_steps", 10)
    assert table_row(result.stdout, "de")[-1] == "skipped"
    assert table_row(result.stdout, "en")[1] == "20"
    assert table_row(result.stdout, "en")[-1] == "trained"

    # another setting: all are
    result = skd_here(*command, "--training.max_steps=11", "--languages", "de")
    assert table_row(result.stdout, "de")[-1] == "trained"
    assert sorted(path.name for path in output.iterdir()) == ["de", "en"]


def names(folder: Path) -> list:
    return sorted(path.name for path in folder.iterdir())


def test_folds_and_seeds(skd_here, corpus, config, tmp_path):
    """Each teacher is trained without its fold; later ones take the place of those before."""
    command = ["teachers", corpus, "--config", config, "--jobs", 2, "--training.max_steps", 1]
    output = tmp_path / OUTPUT
    assert skd_here(*command, "--languages", "de").returncode == 0
    result = skd_here(*command, "--folds", 2, "--languages", "de")
    assert result.returncode == 0, result.stderr
    assert names(output) == ["de.fold-1-of-2", "de.fold-2-of-2"]
    rows = [table_row(result.stdout, f"de.fold-{i}-of-2") for i in (1, 2)]
    assert [row[-1] for row in rows] == ["trained", "trained"]
    assert sum(int(row[1]) for row in rows) == 30  # each sentence is held out from one of two
    for i in (1, 2):
        nlp = spacy.load(output / f"de.fold-{i}-of-2" / "model-best")
        assert nlp.config["corpora"]["train"]["held_out"] == f"{i}/2"
        assert nlp.config["corpora"]["dev"]["held_out"] is None
    result = skd_here(*command, "--folds", 2, "--languages", "de")
    assert result.returncode == 0 and "Nothing changed" in result.stdout

    (output / ".de.fold-1-of-5.unfinished").mkdir()
    result = skd_here(*command, "--seeds", "3,0")
    assert result.returncode == 0, result.stderr
    assert names(output) == ["de.seed-0", "de.seed-3", "en.seed-0", "en.seed-3"]
    nlp = spacy.load(output / "en.seed-3" / "model-best")
    assert nlp.config["training"]["seed"] == nlp.config["system"]["seed"] == 3

    result = skd_here(*command, "--folds", 2, "--seeds", "0,3", "--languages", "de")
    assert names(output) == [
        *(f"de.seed-{seed}.fold-{fold}-of-2" for seed in (0, 3) for fold in (1, 2)),
        "en.seed-0",
        "en.seed-3",
    ]


def test_each_training_has_a_log_of_its_own(skd_here, corpus, config, tmp_path):
    command = ["teachers", corpus, "--config", config, "--jobs", 2, "--training.max_steps", 1]
    command += ["--training.logger.output_file", "logs/training.jsonl"]
    command += ["--folds", 2, "--seeds", 0, "--languages", "de"]
    result = skd_here(*command)
    assert result.returncode == 0, result.stdout + result.stderr
    members = ["de.seed-0.fold-1-of-2", "de.seed-0.fold-2-of-2"]
    assert names(tmp_path / "logs") == [f"training.{name}.jsonl" for name in members]
    for path in (tmp_path / "logs").iterdir():
        lines = path.read_text(encoding="utf-8").splitlines()
        assert [json.loads(line)["step"] for line in lines] == [0, 1]
    assert "Nothing changed" in skd_here(*command).stdout


def test_one_teacher_of_all_languages(skd_here, corpus, config, tmp_path):
    command = ["teachers", corpus, "--config", config, "--training.max_steps", 1]
    output = tmp_path / OUTPUT
    assert skd_here(*command, "--languages", "de").returncode == 0
    result = skd_here(*command, "--kind", "multilingual")
    assert result.returncode == 0, result.stderr
    assert names(output) == ["multilingual"]
    assert table_row(result.stdout, "multilingual")[1] == "60"
    nlp = spacy.load(output / "multilingual" / "model-best")
    assert "Nothing changed" in skd_here(*command, "--kind", "multilingual").stdout
    result = skd_here(*command, "--kind", "multilingual", "--folds", 2)
    assert names(output) == ["multilingual.fold-1-of-2", "multilingual.fold-2-of-2"]
    rows = [table_row(result.stdout, name) for name in names(output)]
    assert sum(int(row[1]) for row in rows) == 60
    nlp = spacy.load(output / "multilingual.fold-1-of-2" / "model-best")
    assert nlp.config["corpora"]["train"]["held_out"] == "1/2"
    skd_here(*command, "--languages", "de")
    assert "multilingual.fold-1-of-2" in names(output)  # English has no other
    skd_here(*command)
    assert names(output) == ["de", "en"]


def test_teachers_stay_until_all_others_are_there(skd_here, corpus, config, tmp_path):
    command = ["teachers", corpus, "--config", config, "--languages", "de"]
    assert skd_here(*command, "--training.max_steps", 1).returncode == 0
    # six different sentences, of which the fold's teacher gets none that is a sentence
    mine = tmp_path / OUTPUT / "de.fold-2-of-2" / "notes.txt"
    mine.parent.mkdir()
    mine.write_text("mine", encoding="utf-8")
    result = skd_here(*command, "--training.max_steps", 1, "--folds", 2)
    assert result.returncode == 1 and "SKD133" in result.stderr
    assert names(tmp_path / OUTPUT) == ["de", "de.fold-2-of-2"]
    # what no run made is in nobody's way, and stays
    result = skd_here(*command, "--training.max_steps", 1, "--folds", 3)
    assert result.returncode == 0, result.stderr
    assert names(tmp_path / OUTPUT) == [
        *(f"de.fold-{i}-of-3" for i in (1,)),
        "de.fold-2-of-2",
        *(f"de.fold-{i}-of-3" for i in (2, 3)),
    ]
    assert mine.read_text("utf-8") == "mine"


def test_folds_and_seeds_that_cannot_be(fails, corpus, config, tmp_path):
    command = ["teachers", corpus, "--config", config]
    line = fails(*command, "--folds", 7)  # three names and two places make six sentences
    assert "SKD221" in line and "7 folds of 6 " in line and "(de)" in line
    assert "SKD029" in fails(*command, "--folds", 1)
    assert "SKD029" in fails(*command, "--folds", -3)
    assert "SKD223" in fails(*command, "--seeds", "1,2,1")
    assert "SKD029" in fails(*command, "--seeds", "one")
    assert "SKD029" in fails(*command, "--seeds", "4294967296")
    text = config.read_text(encoding="utf-8")
    other = text.replace("spacy-skd.MultilingualCorpus.v1", "spacy.Corpus.v1", 1)
    (tmp_path / "other.cfg").write_text(other, encoding="utf-8")
    line = fails("teachers", corpus, "--config", "other.cfg", "--folds", 2)
    assert "SKD222" in line and "corpora." in line
    assert not (tmp_path / OUTPUT).exists()


def test_a_failing_language_leaves_the_others(skd_here, corpus, config, tmp_path):
    (corpus / "de" / "train.spacy").write_bytes(b"not a DocBin")
    result = skd_here("teachers", corpus, "--config", config, "--training.max_steps", 1)
    assert result.returncode == 1
    assert [path.name for path in (tmp_path / OUTPUT).iterdir()] == ["en"]
    assert table_row(result.stdout, "en")[-1] == "trained"
    assert table_row(result.stdout, "de")[-1] == "failed"
    reason = next(line for line in result.stderr.splitlines() if line.startswith("[de] "))
    assert "rror" in reason
    assert result.stderr.rstrip().splitlines()[-1].startswith("Error: [SKD129]")
    assert "Traceback" not in result.stdout + result.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_interrupted(corpus, config, tmp_path, number):
    if signal.getsignal(number) == signal.SIG_IGN:  # in the background; a child inherits it
        signal.signal(number, signal.default_int_handler)
    command = [sys.executable, "-m", "spacy", "skd", "teachers", str(corpus)]
    command += ["--config", str(config), "--jobs", "2", "--training.max_steps", "1000000"]
    process = subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8"
    )
    try:
        seen = ""
        while not ("[de]   0" in seen and "[en]   0" in seen):
            line = process.stdout.readline()
            assert line, seen
            seen += line
        children = child_processes(process.pid)
        assert len(children) == 2
        process.send_signal(number)
        rest, _ = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode not in (0, None)
    assert "Traceback" not in rest
    # After SIGKILL they end by themselves.
    assert not any(is_running(child) for child in children)
    if number != signal.SIGKILL:  # what stays is what can be gone on with
        assert "the same command goes on" in rest.splitlines()[-1]
        left = list((tmp_path / OUTPUT).iterdir())
        assert {path.name for path in left} <= {".de.unfinished", ".en.unfinished"}
        assert all((path / "checkpoint.json").exists() for path in left)


def test_two_at_a_time(corpus, config, skd, tmp_path):
    """One works, the other says so; a killed one keeps nothing."""
    command = ["teachers", str(corpus), "--config", str(config), "--languages", "de"]
    slow = [*command, "--training.max_steps", "1000000"]
    process = subprocess.Popen(
        [sys.executable, "-m", "spacy", "skd", *slow],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        encoding="utf-8",
    )
    try:
        assert process.stdout.readline().split()[:2] == ["E", "#"]
        result = skd(*command, "--training.max_steps", 1)
        assert result.returncode == 1 and result.stdout == ""
        assert "SKD130" in result.stderr and f"process {process.pid} on" in result.stderr
        assert result.stderr.count("\n") == 1
    finally:
        process.kill()
        process.communicate()
    result = skd(*command, "--training.max_steps", 1)
    assert result.returncode == 0, result.stderr
    assert [path.name for path in (tmp_path / OUTPUT).iterdir()] == ["de"]


def test_leftovers_of_a_killed_run_are_replaced(skd_here, corpus, config, tmp_path):
    output = tmp_path / OUTPUT
    (output / ".de.unfinished" / "model-best").mkdir(parents=True)
    (output / ".de.replaced").mkdir()
    (output / ".de.replaced" / "run.json").write_text("{", encoding="utf-8")
    (output / ".de.lock").touch()
    (output / ".de.holder").write_text("process 1 on earth", encoding="utf-8")
    result = skd_here(
        *("teachers", corpus, "--config", config, "--languages", "de"),
        *("--training.max_steps", 1),
    )
    assert result.returncode == 0, result.stderr
    assert [path.name for path in output.iterdir()] == ["de"]
    report = json.loads((output / "de" / "run.json").read_text("utf-8"))["report"]
    assert report["name"] == "de" and report["status"] == "trained"


def test_nothing_is_removed_that_no_training_made(fails, skd_here, corpus, config, tmp_path):
    """`--output` is the raw corpus by mistake, or someone has put a file beside a teacher."""
    raw = tmp_path / "raw" / "de" / "train.iob2"
    raw.parent.mkdir(parents=True)
    raw.write_text("Bonn B-LOC", encoding="utf-8")
    train = ("teachers", corpus, "--config", config, "--training.max_steps", 1, "--output")
    line = fails(*train, "raw")
    assert "SKD133" in line and "raw/de" in line and "train.iob2" in line
    assert raw.read_text("utf-8") == "Bonn B-LOC"
    assert [path.name for path in (tmp_path / "raw").iterdir()] == ["de"]

    assert skd_here(*train, "teachers").returncode == 0
    note = tmp_path / "teachers" / "de" / "model-best" / "note.txt"
    note.write_text("mine", encoding="utf-8")
    line = fails(*train, "teachers", "--training.seed", 2)
    assert "SKD133" in line and "model-best/note.txt" in line
    assert note.read_text("utf-8") == "mine"


def test_a_config_that_cannot_be_used_is_told_before_the_training(fails, corpus, config, tmp_path):
    train = ("teachers", corpus, "--config", config)
    line = fails(*train, "--components.ner.factory", "no_such_factory")
    assert "SKD131" in line and "no_such_factory" in line
    line = fails(*train, "--training.max_steps", "many")
    assert "SKD131" in line and "max_steps" in line
    assert not (tmp_path / OUTPUT).exists()


def test_bad_input_in_a_process_of_its_own(skd, config):
    result = skd("teachers", "nowhere", "--config", config)
    assert result.returncode == 1 and result.stdout == ""
    assert result.stderr.startswith("Error: [SKD121]") and result.stderr.count("\n") == 1


def test_bad_input(fails, corpus, config, tmp_path):
    assert "SKD121" in fails("teachers", "nowhere", "--config", config)
    (tmp_path / "empty").mkdir()
    assert "SKD122" in fails("teachers", "empty", "--config", config)
    assert "SKD124" in fails("teachers", corpus, "--config", "nowhere.cfg")
    assert "SKD123" in fails("teachers", corpus, "--config", config, "--languages", "de,xy")
    (corpus / "de" / "train.spacy").unlink()
    line = fails("teachers", corpus, "--config", config)
    assert "SKD224" in line and "'de'" in line  # its unlabelled text is there
    (corpus / "de" / "unlabelled.spacy").unlink()
    line = fails("teachers", corpus, "--config", config)
    assert "SKD123" in line and "'de'" in line and "train.spacy" in line
    assert not (tmp_path / OUTPUT).exists()


def child_processes(pid: int) -> list:
    """The ids of a process's children."""
    if not Path("/proc/self/task").exists():
        pytest.skip("needs /proc to find child processes")
    files = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for path in files for child in path.read_text().split()]


def is_running(pid: int) -> bool:
    for _ in range(300):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        time.sleep(0.1)
    return True
