import pytest
import srsly

from spacy_skd.training.execution import TABLE_LINE, best_score, error_line


@pytest.mark.parametrize(
    "line,step",
    [
        ("  E       #  LOSS NER  ENTS_F   SCORE", None),
        ("---  ------  --------  ------  ------", None),
        ("  0       0      9.33    0.00    0.00", "0"),
        (" 12    3400      9.33    0.00    0.00", "3400"),
    ],
)
def test_table_lines(line, step):
    assert TABLE_LINE.match(line)["step"] == step


@pytest.mark.parametrize("line", ["ℹ Pipeline: ['ner']", "======= Training =======", "", "E"])
def test_other_lines(line):
    assert not TABLE_LINE.match(line)


@pytest.mark.parametrize(
    "output,returncode,expected",
    [
        (["info", "Error: [SKD040] Component 'ner' found no label."], 1, "Error: [SKD040] Comp"),
        (
            ["Traceback", "  File", "ValueError: [E1] A long", "message", ""],
            1,
            "ValueError: [E1] A",
        ),
        (
            ["✘ Config validation error", "training -> x", "  bad"],
            1,
            "✘ Config validation error tra",
        ),
        (["no module named spacy"], 1, "no module named spacy"),
        (["  0   0   1.0"], -9, "ended with exit code -9"),
        ([], 3, "ended with exit code 3"),
    ],
)
def test_error_line(output, returncode, expected):
    line = error_line(output, returncode)
    assert line.startswith(expected) and "\n" not in line


@pytest.mark.parametrize(
    "performance,metric",
    [
        ({"tag_acc": 0.0, "pos_acc": 0.9, "pos_acc_macro": 0.9}, "pos_acc"),
        ({"ents_f": 0.5, "tag_acc": 0.7}, "ents_f"),
        ({"ents_f": 0.0}, "ents_f"),
        ({}, None),
    ],
)
def test_best_score_is_one_that_was_measured(tmp_path, performance, metric):
    srsly.write_json(tmp_path / "meta.json", {"performance": performance})
    assert best_score(tmp_path) == {"metric": metric, "score": performance.get(metric)}
