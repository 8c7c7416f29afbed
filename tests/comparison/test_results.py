"""Means, spreads, gaps and wins, against values worked out by hand."""

import numpy as np
import pytest

from spacy_skd.comparison.results import calibrations, summarise
from spacy_skd.evaluation.calibration import reliability


def run(**accuracy):
    """The scores of a run on 100 sentences of one token each, right in so many of them."""
    counts = {}
    for language, right in accuracy.items():
        rows = np.zeros((100, 3), dtype=int)
        rows[:right, 0] = 1
        rows[right:, 1:] = 1
        counts[language] = [rows.tolist()]
    languages = {language: {"tag_acc": right / 100} for language, right in accuracy.items()}
    return {"languages": languages, "counts": counts}


CELLS = {
    "cnn": [run(de=90, en=80), run(de=92, en=82)],
    "baseline": [run(de=80, en=78), run(de=80, en=78)],
    "structural": [run(de=90, en=76), run(de=88, en=78)],
}
TEACHERS = {"baseline": "cnn", "structural": "cnn"}


def test_a_comparison_by_hand():
    rows = summarise(CELLS, TEACHERS, "baseline", "tag_acc")
    assert list(rows) == ["cnn", "baseline", "structural"]
    student = rows["structural"]
    assert student["languages"]["de"]["mean"] == pytest.approx(0.89)
    assert student["languages"]["de"]["runs"] == pytest.approx([0.90, 0.88])
    assert student["languages"]["de"]["spread"] == pytest.approx(np.sqrt(2) / 100)
    assert student["average"]["mean"] == pytest.approx(0.83)
    assert student["average"]["spread"] == pytest.approx(0.0)
    # Baseline 79, teachers 86: 4 of 7 points.
    assert student["gap_closed"] == pytest.approx(4 / 7)
    assert student["wins"] == {"baseline": 1, "teachers": 0}
    assert student["difference"]["mean"] == pytest.approx(0.04)
    assert student["difference"]["low"] < 0.04 < student["difference"]["high"]
    assert rows["baseline"]["difference"] is None and rows["baseline"]["gap_closed"] == 0.0
    assert rows["cnn"]["difference"]["p"] < 0.05 and rows["cnn"]["gap_closed"] is None


def test_of_several_teachers_all_count():
    """In the difference as in the average, and not the last alone."""
    good, bad = run(de=90, en=80), run(de=70, en=60)
    both = {
        "languages": run(de=80, en=70)["languages"],
        "counts": {name: good["counts"][name] + bad["counts"][name] for name in ("de", "en")},
    }
    rows = summarise({**CELLS, "cnn": [both, both]}, TEACHERS, "baseline", "tag_acc")
    assert rows["cnn"]["average"]["mean"] == pytest.approx(0.75)
    assert rows["cnn"]["difference"]["mean"] == pytest.approx(0.75 - 0.79)


def test_no_gap_where_the_teachers_are_worse():
    cells = {**CELLS, "cnn": [run(de=70, en=70)]}
    rows = summarise(cells, TEACHERS, "baseline", "tag_acc")
    assert rows["structural"]["gap_closed"] is None
    assert rows["structural"]["wins"] == {"baseline": 1, "teachers": 2}
    assert rows["cnn"]["average"]["spread"] is None


def test_teachers_that_lack_a_language_are_not_paired():
    cells = {**CELLS, "cnn": [run(de=90)]}
    rows = summarise(cells, TEACHERS, "baseline", "tag_acc")
    assert rows["cnn"]["difference"] is None
    assert rows["structural"]["wins"]["teachers"] == 0


def curve(sure, right):
    return reliability(sure, right, 2).to_dict()


def test_calibration_of_all_languages_and_runs():
    runs = [
        {"de": curve([0.2, 0.9], [False, True]), "ja": None, "en": curve([0.7], [False])},
        {"de": curve([0.9, 0.9], [True, True]), "ja": None, "en": curve([0.9], [True])},
    ]
    found = calibrations(runs)
    # Of the first run: (|0.2 - 0| + |1.6 - 1|) / 3, of the second |2.7 - 3| / 3.
    assert found["error"]["runs"] == pytest.approx([0.8 / 3, 0.1])
    assert found["counts"] == [1, 5]
    assert found["confidence"] == pytest.approx([0.2, 4.3 / 5])
    assert found["accuracy"] == pytest.approx([0.0, 4 / 5])
    assert calibrations([runs[0], {"de": curve([], [])}]) is None  # nothing was said
    assert calibrations([runs[0], {"de": None}]) is None


def test_bins_without_anything():
    found = calibrations([{"de": curve([0.9], [True])}])
    assert found["accuracy"] == [None, 1.0] and found["confidence"] == [None, 0.9]
    assert found["error"]["spread"] is None
