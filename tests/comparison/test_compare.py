"""Parts of a comparison that need no training."""

import pytest

from spacy_skd.comparison.compare import pattern_of


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
