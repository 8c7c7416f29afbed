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
    }
    return {**found, **changes}


def test_tables_of_a_comparison():
    lines = markdown(comparison()).splitlines()
    assert lines[0] == "# Methods"
    assert "mean and standard deviation of 2 runs" in lines[2]
    assert "|  | cnn | baseline | structural |" in lines
    assert "| de | **91.00 ± 1.41** | 80.00 ± 0.00 | 89.00 ± 1.41 |" in lines
    assert "| average | **86.00 ± 1.41** | 79.00 ± 0.00 | 83.00 ± 0.00 |" in lines
    (row,) = [line for line in lines if line.startswith("| structural | +4.00 |")]
    assert row.endswith("| 57 % | 1 of 2 | 0 of 2 |")
    assert "| structural | 60 | 12346 | 0.25 | 2.50 | 10.0 | 300 |" in lines


def test_zero_shot_has_tables_of_its_own_and_names_cannot_break_them():
    rows = summarise({"a|b": CELLS["baseline"]}, {}, "a|b", "tag_acc")
    text = markdown(comparison(zero_shot=rows))
    assert "Languages that no row was trained on" in text
    assert "a\\|b" in text
