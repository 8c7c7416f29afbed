"""Bars of progress belong on a terminal: in the file of a log they would be drawn over lines."""

import ast
import sys
from pathlib import Path

import pytest

import spacy_skd
from spacy_skd.corpora.convert import convert

PACKAGE = Path(spacy_skd.__file__).parent


def calls_of_tqdm():
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "tqdm":
                yield path.relative_to(PACKAGE).as_posix(), node


def test_every_bar_knows_where_it_is():
    calls = list(calls_of_tqdm())
    assert len(calls) >= 5
    for path, call in calls:
        assert "disable" in {keyword.arg for keyword in call.keywords}, f"{path}:{call.lineno}"


@pytest.mark.parametrize("is_terminal", [False, True])
def test_a_bar_is_drawn_on_a_terminal_only(tmp_path, monkeypatch, capsys, is_terminal):
    path = tmp_path / "raw" / "de" / "train.tsv"
    path.parent.mkdir(parents=True)
    path.write_text("Rom\tB-LOC\n\n" * 20, encoding="utf-8")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: is_terminal)
    convert(tmp_path / "raw", tmp_path / "corpus")
    assert ("\rde:" in capsys.readouterr().err) == is_terminal
