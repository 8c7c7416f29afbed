"""The command through its real entry point, in a process of its own."""

import os
import subprocess
import sys

import pytest

TRAIN = "".join(f"Stad{i}\tB-LOC\nlever\tI-PER\n\n" for i in range(20))


def convert(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "spacy", "skd", "convert", *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**os.environ, "COLUMNS": "200"},
    )


@pytest.fixture
def raw(tmp_path):
    path = tmp_path / "raw" / "nb" / "train.tsv"
    path.parent.mkdir(parents=True)
    path.write_text(TRAIN)
    return tmp_path / "raw"


def test_table_and_notes(raw, tmp_path):
    result = convert(raw, tmp_path / "corpus")
    assert result.returncode == 0, result.stderr
    rows = [line.split() for line in result.stdout.splitlines()]
    header = ["Language", "Split", "Sentences", "Tokens", "Entities", "Labels", "Repaired"]
    assert header in rows
    assert ["nb", "train", "18", "36", "36", "2", "20"] in rows
    assert ["nb", "dev", "2", "4", "4", "2", "-"] in rows
    assert "nb dev: no dev file, 2 of the 20 sentences of train taken (seed 0)" in result.stdout
    assert (tmp_path / "corpus/nb/dev.spacy").is_file()


def test_bad_input_is_one_line(raw, tmp_path):
    (raw / "nb" / "train.tsv").write_text("Oslo\tB-LOC\nby\n")
    result = convert(raw, tmp_path / "corpus")
    assert result.returncode == 1
    *_, last = result.stderr.splitlines()
    assert last.startswith("Error: [SKD091]") and "train.tsv:2: 2 columns expected" in last
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "corpus").exists()


def test_single_file_and_options(tmp_path):
    path = tmp_path / "esp.testa"
    path.write_bytes("Núñez NC B\ncalla VMI O\n".encode("latin-1"))
    result = convert(
        path, tmp_path / "corpus", "--format", "conll", "--lang", "es", "--split", "test",
        "--encoding", "latin-1", "--type", "PER",
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert ["es", "test", "1", "2", "1", "1", "0"] in [
        line.split() for line in result.stdout.splitlines()
    ]


def test_help_stands_alone():
    result = convert("--help")
    assert result.returncode == 0
    for option in ("--format", "--dev-fraction", "--seed", "--type", "--tag", "--encoding"):
        assert option in result.stdout
