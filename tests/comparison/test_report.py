"""The page of a comparison: what it says, that nothing breaks it, and how it lies in a browser."""

import html
import json
import re

import pytest
from spacy.cli._util import app
from typer.testing import CliRunner

import spacy_skd.cli  # noqa: F401  adds its commands to spaCy's
from spacy_skd.comparison import charts
from spacy_skd.comparison.report import learning, parts, render

from ..browser import check_frames, frames_page, look_at, needs_browser
from .test_tables import COST, comparison

EVIL = '<script>alert("x")</script>'


def whole(**changes):
    """A comparison with everything in it that a report can show."""
    found = comparison(**changes)
    curve = {"structural 0": [[0, 0.1], [100, 0.5], [200, 0.83]]}
    found["spec"] = {
        **found["spec"],
        "about": f"Methods {EVIL}",
        "axis": "distillation.k",
        "settings": {"distillation.k": 1},
        "teachers": [{"name": "cnn"}],
        "rows": [
            {"name": "baseline", "settings": {}},
            {"name": "structural", "settings": {"distillation.k": 10}},
        ],
    }
    words = ["Ada ", "Lovelace ", "lives ", "in ", EVIL, "."]
    return {
        **found,
        "zero_shot": found["rows"],
        "costs": {name: [{**COST, "curves": curve}] for name in found["rows"]},
        "sentences": [
            {
                "language": "de",
                "words": words,
                "gold": [[0, 2, "PER"], [4, 5, "LOC"]],
                "found": {"baseline": [[0, 1, "PER"]], "structural": [[0, 2, "PER"]]},
            }
        ],
        "versions": {"spacy": "3.8", "torch": None},
        "machine": {"cores": 2},
        "data": {"corpus": {"de/train.spacy": "ab" * 32}, "zero_shot": None},
        **changes,
    }


def test_the_figures_are_those_of_the_comparison():
    page = render([whole()])
    for text in ("91.00 ± 1.41", "80.00 ± 0.00", "+4.00", "57 %", "1 of 2", "12346"):
        assert f">{text}<" in page, text
    # Bars carry the means of teachers, baseline and best row.
    drawn = set(re.findall(r">(\d+\.\d)</text>", page))
    assert {"91.0", "81.0", "80.0", "78.0", "89.0", "77.0", "86.0", "79.0", "83.0"} <= drawn
    assert page.count("<svg") == 8
    assert ">6.25 ± 1.00<" in page and "calibration errors: structural 6.2." in page
    assert "not installed" in page and "abababab" in page


def test_whatever_is_in_a_comparison_is_escaped():
    page = render([whole()])
    assert EVIL not in page and html.escape(EVIL) in page.replace("&#34;", "&quot;")
    assert "<script" not in page and "http-equiv" not in page
    assert not re.findall(r'(?:src|href)="(?!#)', page.replace("xlink:href", "href"))


def test_sentences_are_cut_at_their_spans():
    words = ["New ", "York ", "is ", "big", "."]
    found = parts(words, [(0, 2, "LOC"), (3, 4, "X")], {(0, 2, "LOC")})
    assert [(part["text"], part["label"], part["wrong"]) for part in found] == [
        ("New York", "LOC", False),
        (" ", None, False),
        ("is ", None, False),
        ("big", "X", True),
        (".", None, False),
    ]


def test_a_comparison_without_extras():
    plain = whole(zero_shot=None, sentences=[])
    plain["spec"] = {**plain["spec"], "axis": None}
    page = render([plain, whole()])
    assert page.count("<section>") == 2 and page.count("<h1>") == 1


def test_command(tmp_path):
    path = tmp_path / "comparison.json"
    path.write_text(json.dumps(whole()), encoding="utf-8")
    output = tmp_path / "new" / "report.html"
    result = CliRunner().invoke(app, ["skd", "report", str(path), "--output", str(output)])
    assert result.exit_code == 0, result.output
    assert output.read_text("utf-8").startswith("<!doctype html>")
    for broken in ("{", "[]", "{}"):
        path.write_text(broken)
        result = CliRunner().invoke(app, ["skd", "report", str(path), "--output", str(output)])
        assert result.exit_code == 1 and "SKD234" in result.stderr


LOOK = """
addEventListener("load", () => {
  const frames = [...document.querySelectorAll("iframe")];
  say(frames.map(frame => measure(frame, "figure, .sentence, p, h1, .wide")));
});
"""


@needs_browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_overflows_in_a_browser(tmp_path, scheme):
    """What is too wide scrolls in its own place."""
    page = html.escape(render([whole(), whole()]), quote=True)
    outer = tmp_path / "outer.html"
    outer.write_text(frames_page(f'srcdoc="{page}"', LOOK), encoding="utf-8")
    check_frames(look_at(outer.as_uri(), scheme, tmp_path), scheme)


def test_learning_curves_begin_with_what_was_learned(monkeypatch):
    drawn = []
    monkeypatch.setattr(charts, "curves", lambda series, *labels: drawn.append(series))
    found = whole()
    assert learning(found["costs"], found["spec"], "F1")["title"] == "Learning curves"
    assert [[x for x, _, _ in points] for points in drawn[0].values()] == [[100, 200]] * 2
