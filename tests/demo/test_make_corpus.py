"""The first step of the project: files that `convert` reads, made anew when they have to be."""

import shutil
import subprocess
import sys

import pytest
from spacy.tokens import DocBin
from spacy.vocab import Vocab

import make_corpus as script
from spacy_skd.corpora.convert import convert

from .conftest import ASSETS, write_language

NAMES = "\n".join(f"Name{i}" for i in range(40))
SIZES = {"train": 6, "dev": 2, "test": 2, "unlabelled": 3}


@pytest.fixture
def assets(tmp_path, monkeypatch):
    """Frames of two languages for a few sentences each."""
    frames = "\n".join(f"{{PER}} calls number {i} ." for i in range(12))
    for language in ("de", "en"):
        write_language(tmp_path / "assets" / language, frames=frames, names=NAMES)
    monkeypatch.setattr(script, "ASSETS", tmp_path / "assets")
    monkeypatch.setattr(script.generate, "__defaults__", (SIZES,))
    return tmp_path / "assets"


def contents(folder):
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


@pytest.fixture
def run(tmp_path, assets, capsys):
    """Runs the script for `<tmp_path>/raw/demo`; what it says and its exit code."""

    def run(*arguments):
        code = script.main([str(tmp_path / "raw" / "demo"), *arguments])
        captured = capsys.readouterr()
        return (captured.out + captured.err).strip(), code

    return run


def test_convert_reads_what_it_makes(run, tmp_path):
    assert run()[1] == 0
    report = convert(tmp_path / "raw" / "demo", tmp_path / "corpus")
    made = {(split.lang, split.split): split for split in report.splits}
    assert {key: split.sentences for key, split in made.items()} == {
        (lang, split): size for lang in ("de", "en") for split, size in SIZES.items()
    }
    assert all(split.repaired == 0 for split in report.splits)
    docs = DocBin().from_disk(tmp_path / "corpus" / "en" / "train.spacy").get_docs(Vocab())
    assert all(doc.ents[0].text.startswith("Name") for doc in docs)
    assert made["en", "unlabelled"].entities is None


def test_it_is_made_once(run, tmp_path):
    assert "made" in run()[0]
    before = contents(tmp_path / "raw")
    assert "nothing changed" in run()[0]
    assert contents(tmp_path / "raw") == before


@pytest.mark.parametrize("change", ["name", "language", "seed", "lost", "altered", "record"])
def test_it_is_made_again_when_something_differs(run, tmp_path, assets, change):
    run()
    demo = tmp_path / "raw" / "demo"
    if change == "name":
        (assets / "en" / "PER.txt").write_text(NAMES + "\nAda")
    elif change == "language":
        (assets / "en").rename(assets / "nl")
    elif change == "lost":
        (demo / "en" / "test.iob2").unlink()
    elif change == "altered":
        (demo / "en" / "test.iob2").write_text("Name1\tO\n")
    elif change == "record":
        (demo / script.RECORD).write_text("{")
    arguments = ["--seed", "1"] if change == "seed" else []
    assert "made" in run(*arguments)[0]
    assert "nothing changed" in run(*arguments)[0]
    assert (demo / "nl").exists() == (change == "language")
    assert (demo / "en").exists() == (change != "language")


def test_other_data_needs_no_demo_corpus(run, tmp_path):
    assert run("--only-for", str(tmp_path / "mine")) == (
        f"The data is {tmp_path / 'mine'}: no demo corpus is needed",
        0,
    )
    assert not (tmp_path / "raw").exists()
    assert "made" in run("--only-for", str(tmp_path / "mine" / ".." / "raw" / "demo"))[0]


def test_what_it_did_not_make_stays(run, tmp_path):
    run()
    precious = tmp_path / "raw" / "demo" / "en" / "notes.txt"
    precious.write_text("mine")
    message, code = run("--seed", "1")
    assert code == 1 and message.startswith("Error: ") and "notes.txt is no part of" in message
    assert precious.read_text() == "mine"
    shutil.rmtree(tmp_path / "raw" / "demo")
    (tmp_path / "raw" / "demo").write_text("a file")
    message, code = run()
    assert code == 1 and message.startswith("Error: ") and "is no folder" in message


def test_bad_frames_are_one_line_and_leave_what_was_there(run, tmp_path, assets):
    run()
    before = contents(tmp_path / "raw")
    (assets / "en" / "frames.txt").write_text("{SHIP} calls .")
    message, code = run()
    assert code == 1 and message.startswith("Error: ") and "frames.txt:1" in message
    assert contents(tmp_path / "raw") == before
    shutil.rmtree(assets)
    message, code = run()
    assert code == 1 and "holds no <language>/frames.txt" in message


def test_it_runs_by_itself(tmp_path):
    command = [sys.executable, ASSETS / "make_corpus.py", "raw", "--only-for", "other"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert result.stdout == "The data is other: no demo corpus is needed\n"
