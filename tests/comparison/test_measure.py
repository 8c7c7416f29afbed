import numpy as np
import pytest
import spacy

from spacy_skd.comparison.measure import measure, n_parameters
from spacy_skd.errors import SkdError
from spacy_skd.evaluation.counts import f_score
from spacy_skd.teachers import ClassifierSettings

from ..cli.conftest import corpus  # noqa: F401
from ..encoders.test_frozen import encoder, encoder_of, make_pipeline, train  # noqa: F401


def test_the_numbers_of_an_encoder_count(encoder):  # noqa: F811
    nlp = make_pipeline(encoder)
    train(nlp, steps=1)
    model = nlp.get_pipe("pipe").model
    learned = sum(
        node.get_param(name).size
        for node in model.walk()
        for name in node.param_names
        if node.has_param(name)
    )
    encoders = sum(weights.numel() for weights in encoder_of(nlp)._model.model.parameters())
    assert encoders > 1000 and n_parameters(nlp) == learned + encoders


def ruler(path, label, *texts):
    """A pipeline that finds some words."""
    nlp = spacy.blank("xx")
    patterns = [{"label": label, "pattern": text} for text in texts]
    nlp.add_pipe("entity_ruler").add_patterns(patterns)
    path.mkdir(parents=True)
    nlp.to_disk(path)


def test_the_counts_are_those_of_all_teachers(corpus, tmp_path):  # noqa: F811
    ruler(tmp_path / "teachers/de.seed-0", "PER", "Anna", "Bernd", "Carla")
    ruler(tmp_path / "teachers/de.seed-1", "LOC", "Bonn")
    source = str(tmp_path / "teachers/{lang}")
    found = measure(source, ClassifierSettings(), corpus, "test", "ents_f")
    score = found["languages"]["de"]["ents_f"]
    of_each = f_score(np.sum(found["counts"]["de"], axis=1))
    assert of_each == pytest.approx([2 * 6 / (6 + 12), 2 * 3 / (3 + 12)])
    assert score == pytest.approx(of_each.mean())
    assert found["calibration"] == {"de": None}


def test_a_metric_that_a_pipeline_lacks(corpus, tmp_path):  # noqa: F811
    ruler(tmp_path / "ruler", "PER", "Anna")
    with pytest.raises(SkdError, match="SKD237.*ruler.*tag_acc.*ents_f"):
        measure(str(tmp_path / "ruler"), ClassifierSettings(), corpus, "test", "tag_acc")
