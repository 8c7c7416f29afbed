"""What a comparison measures, without measuring it."""

from spacy_skd.comparison.measurements import best_of, identity, proofs


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
