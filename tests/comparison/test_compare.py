"""Parts of a comparison that need no training."""

import pytest

from spacy_skd.comparison.compare import best_of, pattern_of, proofs


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


@pytest.mark.parametrize(
    "files, expected",
    [
        (["config.cfg"], ""),
        (["model-best/config.cfg"], "model-best"),
        (["de/config.cfg"], "{lang}"),
        (["de/model-best/config.cfg"], "{lang}/model-best"),
        (["de.seed-1.fold-1-of-2/model-best/config.cfg"], "{lang}/model-best"),
        (["multilingual/model-best/config.cfg"], "{lang}/model-best"),
    ],
)
def test_where_pipelines_of_a_folder_are(tmp_path, files, expected):
    for name in files:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert pattern_of(str(tmp_path)) == str(tmp_path / expected)


def test_what_is_no_folder_is_called_as_it_is():
    assert pattern_of("hf:some/model") == "hf:some/model"


def test_what_shows_that_a_pipeline_has_changed(tmp_path):
    pipeline = tmp_path / "de" / "model-best"
    pipeline.mkdir(parents=True)
    (pipeline / "meta.json").touch()
    assert proofs(str(pipeline)) == proofs(f"hf:{pipeline}") == [pipeline / "meta.json"]
    (tmp_path / "de" / "run.json").touch()
    assert proofs(str(pipeline)) == [tmp_path / "de" / "run.json"]
    assert proofs("xx_package") == proofs("hf:some/model") == []
