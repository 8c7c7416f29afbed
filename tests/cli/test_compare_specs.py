"""The comparisons that come with the project can be read, and every row can be trained."""

from pathlib import Path

import pytest

from spacy_skd.comparison.compare import check_configs, row_runs
from spacy_skd.comparison.spec import read_spec

ROOT = Path(__file__).parents[2]
SPECS = sorted((ROOT / "configs" / "compare").glob("*.cfg"))


# student_size names the component of one task.
PAIRS = [(path, task) for path in SPECS for task in ("ner", "pos")]
PAIRS = [pair for pair in PAIRS if (pair[0].stem, pair[1]) != ("student_size", "pos")]


@pytest.mark.parametrize("path, task", PAIRS, ids=lambda value: getattr(value, "stem", value))
def test_every_row_of_a_comparison_can_be_trained(path, task, corpus, tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    spec = read_spec(path, {"comparison.corpus": str(corpus), "comparison.task": task})
    check_configs(spec, list(row_runs(spec, tmp_path).values()))
    assert spec.about and path.read_text("utf-8").startswith("# ")


def test_what_the_paper_compares_is_there():
    wanted = {"methods", "k", "temperature", "weights", "weaker_teachers", "teachers", "unlabelled"}
    assert wanted | {"student_size", "kinds", "levers"} == {path.stem for path in SPECS}
