"""Parts of a comparison that need no training."""

from pathlib import Path

import pytest
from thinc.api import Config

from spacy_skd.comparison.compare import pattern_of, row_runs, with_own_log
from spacy_skd.comparison.spec import Spec


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


def test_each_training_has_a_log_of_its_own(tmp_path):
    config = tmp_path / "student.cfg"
    logger = {"output_file": "log.jsonl"}
    Config({"paths": {}, "system": {}, "training": {"logger": logger}}).to_disk(config)
    rows = [{"name": "a"}, {"name": "b"}]
    common = {"corpus": "corpus", "baseline": "a", "metric": "ents_f"}
    spec = Spec(**common, config=config, seeds=[0, 1], rows=rows)
    logs = [
        run.overrides["training.logger.output_file"] for run in row_runs(spec, Path("out")).values()
    ]
    names = ["a.seed-0", "b.seed-0", "a.seed-1", "b.seed-1"]
    assert logs == [f"log.{name}.jsonl" for name in names]
    assert with_own_log(config, {"system.seed": 2}, "cnn", 2) == {
        "system.seed": 2,
        "training.logger.output_file": "log.cnn.seed-2.jsonl",
    }
