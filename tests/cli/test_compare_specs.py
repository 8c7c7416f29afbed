"""The comparisons that come with the project can be read, and every row can be trained."""

from pathlib import Path

import pytest

from spacy_skd.comparison.compare import check_configs, row_runs
from spacy_skd.comparison.spec import read_spec

ROOT = Path(__file__).parents[2]
SPECS = sorted((ROOT / "configs" / "compare").glob("*.cfg"))


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_every_row_of_a_comparison_can_be_trained(path, corpus, tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    spec = read_spec(path, {"comparison.corpus": str(corpus)})
    check_configs(spec, list(row_runs(spec, tmp_path).values()))
    assert spec.about and path.read_text("utf-8").startswith("# ")


def test_what_the_paper_compares_is_there():
    wanted = {"methods", "k", "temperature", "weights", "weaker_teachers", "teachers", "unlabelled"}
    assert wanted | {"student_size"} == {path.stem for path in SPECS}
