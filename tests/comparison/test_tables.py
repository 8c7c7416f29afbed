"""The tables say what the numbers are."""

from spacy_skd.comparison.results import summarise
from spacy_skd.comparison.tables import markdown

from .test_results import CELLS, TEACHERS

COST = {
    "training_seconds": 60.0,
    "words_per_second": 12345.6,
    "load_seconds": 0.25,
    "parameters": 2_500_000,
    "bytes": 10_000_000,
    "peak_memory": 300_000_000,
    "training_memory": 512_000_000,
}
CALIBRATION = {
    "error": {"mean": 0.0625, "spread": 0.01, "runs": [0.0525, 0.0725]},
    "counts": [4, 0, 12],
    "confidence": [0.25, None, 0.95],
    "accuracy": [0.5, None, 0.75],
}


def comparison(**changes):
    rows = summarise(CELLS, TEACHERS, "baseline", "tag_acc")
    found = {
        "spec": {
            "about": "Methods",
            "seeds": [0, 1],
            "metric": "tag_acc",
            "split": "test",
            "baseline": "baseline",
        },
        "rows": rows,
        "zero_shot": None,
        "costs": {name: [COST, COST] for name in rows},
        "calibration": {**dict.fromkeys(rows), "structural": CALIBRATION},
    }
    return {**found, **changes}


def test_tables_of_a_comparison():
    text = markdown(comparison())
    lines = text.splitlines()
    assert lines[0] == "# Methods"
    assert "mean and standard deviation of 2 runs" in lines[2]
    assert "|  | cnn | baseline | structural |" in lines
    assert "| de | **91.00 ± 1.41** | 80.00 ± 0.00 | 89.00 ± 1.41 |" in lines
    assert "| average | **86.00 ± 1.41** | 79.00 ± 0.00 | 83.00 ± 0.00 |" in lines
    (row,) = [line for line in lines if line.startswith("| structural | +4.00 |")]
    assert row.endswith("| 57 % | 1 of 2 | 0 of 2 |")
    assert "| structural | 60 | 12346 | 0.25 | 2.50 | 10.0 | 300 | 512 |" in lines
    # (4 * 0.25 + 12 * 0.95) / 16 and (4 * 0.5 + 12 * 0.75) / 16
    assert "| structural | **6.25 ± 1.00** | 77.50 | 68.75 |" in lines
    assert "| cnn |" not in text.split("confidences can be believed")[1]


def test_what_was_not_trained_here_has_no_cost_of_training():
    there = {**COST, "training_memory": None}
    text = markdown(comparison(costs={"cnn": [there, there]}, calibration={"cnn": None}))
    assert "| cnn | 60 | 12346 | 0.25 | 2.50 | 10.0 | 300 | - |" in text
    assert "believed" not in text


def test_zero_shot_has_tables_of_its_own_and_names_cannot_break_them():
    rows = summarise({"a|b": CELLS["baseline"]}, {}, "a|b", "tag_acc")
    calibration = {"a|b": None}
    text = markdown(comparison(zero_shot=rows, calibration=calibration))
    assert "Languages that no row was trained on" in text
    assert "a\\|b" in text
