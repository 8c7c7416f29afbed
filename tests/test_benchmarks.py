"""The programs that measure: what they share, and that the page says what they have found."""

import importlib
import json
import re
from pathlib import Path

import numpy as np
import pytest

from spacy_skd import crf

ROOT = Path(__file__).parents[1]
BENCHMARKS = ROOT / "benchmarks"
PAGE = ROOT / "docs" / "benchmarks.md"


@pytest.fixture
def module(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module


def test_calls_are_timed_in_turn(module):
    side_by_side = module("side_by_side")
    made = []
    calls = {"a": lambda given: made.append(given), "b": lambda given: made.append(given)}
    times = side_by_side.in_turn(calls, 3, str.upper, warm_up=False)
    # A first round does not count.
    assert made == ["A", "B"] * 4
    assert {name: len(row) for name, row in times.items()} == {"a": 3, "b": 3}
    assert all(seconds >= 0 for row in times.values() for seconds in row)


def test_short_calls_are_made_twice(module):
    made = []
    module("side_by_side").in_turn({"short": lambda: made.append(1)}, 3)
    assert len(made) == 1 + 2 * 3


def test_time_of_the_cpu_grows_with_work(module):
    cpu_time = module("side_by_side").cpu_time
    assert cpu_time(lambda: sum(range(2_000_000))) > 5 * cpu_time(lambda: sum(range(2_000)))


def test_ratios_are_of_rounds(module):
    found = module("side_by_side").ratio([2.0, 30.0, 8.0, 20.0, 5.0], [1.0, 10.0, 2.0, 4.0, 5.0])
    assert (found.median, found.low, found.high) == (3.0, 2.0, 4.0)
    assert str(found) == "3.00 (2.00 to 4.00)"
    assert str(module("side_by_side").exactly(12.34)) == "12.3"


@pytest.mark.parametrize(
    "bounds, value, holds",
    [
        ({"at_least": 2.0}, 2.0, True),
        ({"at_least": 2.0}, 1.9, False),
        ({"at_most": 2.0}, 2.0, True),
        ({"at_most": 2.0}, 2.1, False),
    ],
)
def test_claims_hold_or_not(module, bounds, value, holds):
    side_by_side = module("side_by_side")
    claim = side_by_side.Claim("x", side_by_side.exactly(value), **bounds)
    assert claim.holds is holds


def test_results_become_a_page(module, tmp_path, monkeypatch):
    side_by_side, page = module("side_by_side"), module("page")
    monkeypatch.setattr(side_by_side, "RESULTS", tmp_path / "results")
    monkeypatch.setattr("sys.argv", ["benchmarks/made_up.py"])
    result = side_by_side.Result(
        "Made up",
        "What it is about.",
        [side_by_side.Claim("a | b", side_by_side.Ratio(1.0, 0.5, 2.0), at_least=2.0)],
        [side_by_side.Table("Seconds", ["", "s"], [["a", "1.5"]])],
        [side_by_side.Curves("How it grows", "x", "y", {"a": [(1.0, 2.0), (2.0, 4.0)]})],
        {"another": "it is not installed"},
    )
    result.finish(["numpy"])
    page.write(tmp_path / "page.md", tmp_path / "results")
    text = (tmp_path / "page.md").read_text(encoding="utf-8")
    assert "## Made up" in text and "Not measured: another, it is not installed." in text
    assert "| a \\| b | 1.00 (0.50 to 2.00) | ≥ 2 | **no** |" in text
    assert "![How it grows](page/made_up-0.svg)" in text
    assert (tmp_path / "page" / "made_up-0.svg").read_text(encoding="utf-8").startswith("<svg")
    assert "`python benchmarks/made_up.py` on" in text and "numpy 2" in text


def test_the_page_is_that_of_the_results(module, tmp_path):
    module("page").write(tmp_path / "benchmarks.md")
    written = (tmp_path / "benchmarks.md").read_text(encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == written
    pictures = {path.name for path in (ROOT / "docs" / "benchmarks").glob("*.svg")}
    assert pictures == set(re.findall(r"\(benchmarks/(\S+\.svg)\)", written))


def test_results_are_of_programs_that_are_there():
    records = list((BENCHMARKS / "results").glob("*.json"))
    assert records
    for path in records:
        assert (BENCHMARKS / f"{path.stem}.py").is_file()
        record = json.loads(path.read_text(encoding="utf-8"))
        assert record["claims"] and record["machine"]["cores"] and record["versions"]["spacy"]


def test_links_to_the_page_lead_to_headings():
    text = PAGE.read_text(encoding="utf-8")
    headings = {
        re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-")
        for heading in re.findall(r"^## (.*)", text, flags=re.M)
    }
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    named = {
        anchor
        for path in pages
        for anchor in re.findall(r"benchmarks\.md#([\w-]+)\)", path.read_text(encoding="utf-8"))
    }
    assert named and named <= headings


def test_what_the_best_sequences_keep_of_a_teacher(module):
    kept = module("best_sequences").kept
    rng = np.random.default_rng(0)
    lengths = np.array([2, 3])
    p = crf.Potentials(
        rng.normal(size=(5, 3)), lengths, rng.normal(size=(3, 3)), np.zeros(3), np.zeros(3)
    )
    assert kept(p, 27) == pytest.approx((1, 1))
    probability, entropy = kept(p, 1)
    assert entropy == pytest.approx(0)
    assert probability == pytest.approx(np.mean(np.exp([lp[0] for _, lp in crf.kbest(p, 1)])))
    assert 0 < kept(p, 2)[1] < kept(p, 4)[1] < 1
