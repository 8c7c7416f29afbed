"""What a comparison measures, without measuring it."""

import pytest

from spacy_skd.comparison import measurements
from spacy_skd.comparison.measurements import (
    Cell,
    Measurement,
    best_of,
    identity,
    measure_all,
    proofs,
)
from spacy_skd.comparison.spec import Spec
from spacy_skd.errors import SkdError
from spacy_skd.records import write_record


def scores(**values):
    return {
        "languages": {language: {"ents_f": value} for language, value in values.items()},
        "counts": {language: [[value, 0, 0]] for language, value in values.items()},
    }


def test_of_several_teachers_the_best_for_each_language():
    first, second = scores(de=0.5, ru=0.2, tl=None), scores(de=0.4, ru=0.3, tl=0.1)
    assert best_of(None, first, "ents_f") is first
    best = best_of(first, second, "ents_f")
    assert best == scores(de=0.5, ru=0.3, tl=0.1)
    assert first == scores(de=0.5, ru=0.2, tl=None)


def test_what_shows_that_a_pipeline_has_changed(tmp_path):
    pipeline = tmp_path / "de" / "model-best"
    pipeline.mkdir(parents=True)
    (pipeline / "meta.json").touch()
    assert proofs(str(pipeline)) == proofs(f"hf:{pipeline}") == [pipeline / "meta.json"]
    (tmp_path / "de" / "run.json").touch()
    assert proofs(str(pipeline)) == [tmp_path / "de" / "run.json"]
    assert proofs("xx_package") == proofs("hf:some/model") == []


def test_a_pipeline_is_the_same_wherever_it_is(tmp_path):
    pipeline = tmp_path / "old" / "de" / "model-best"
    pipeline.mkdir(parents=True)
    (pipeline / "meta.json").write_text("1")
    (tmp_path / "old" / "de" / "run.json").write_text("of both")
    (tmp_path / "old" / "de" / "model-last").mkdir()
    known = identity(str(pipeline))
    (tmp_path / "old").rename(tmp_path / "new")
    moved = tmp_path / "new" / "de"
    assert identity(str(moved / "model-best")) == known
    assert identity(str(moved / "model-last")) != known
    (moved / "run.json").write_text("of others")
    assert identity(str(moved / "model-best")) != known
    assert identity("xx_package") != identity("hf:some/model")


@pytest.mark.parametrize("when", ["during the first", "before the second"])
def test_a_corpus_that_changes_meanwhile_is_not_compared(tmp_path, monkeypatch, when):
    """Rows measured on two corpora stood in one table, and what was measured on the second was
    kept as of the first.
    """
    data = tmp_path / "corpus" / "de" / "test.spacy"
    data.parent.mkdir(parents=True)
    data.write_bytes(b"the first")
    result = Measurement.result

    class Carried:
        """Measures without measuring."""

        def __init__(self, threads):
            pass

        def carry_out(self, task, on_line):
            if when == "during the first":
                data.write_bytes(b"the second")
            write_record(task.writes, {"key": task.arguments[-2]})
            return 0

        def stop(self):
            pass

    def changed_before(self, *args):
        if when == "before the second" and self.cell.row == "b":
            data.write_bytes(b"the second")
        return result(self, *args)

    monkeypatch.setattr(measurements, "LocalProcesses", Carried)
    monkeypatch.setattr(Measurement, "result", changed_before)
    spec = Spec(
        corpus=tmp_path / "corpus", config="x.cfg", seeds=[0], baseline="a", metric="ents_f",
        rows=[{"name": "a"}, {"name": "b"}],
    )  # fmt: skip
    cells = [Cell(name, 0, f"xx_{name}", []) for name in ("a", "b")]
    with pytest.raises(SkdError, match="SKD232.*changed meanwhile"):
        measure_all(spec, cells, ["de"], tmp_path / "out", None, None)
    kept = {path.parts[-3] for path in (tmp_path / "out").rglob("scores.json")}
    assert ("a" in kept) == (when == "before the second")
