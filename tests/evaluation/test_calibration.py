"""Reliability curves and expected calibration errors, against what one can count by hand."""

import json

import numpy as np
import pytest
import spacy
from hypothesis import given
from hypothesis import strategies as st
from spacy.training import Example

from spacy_skd.corpora.stored import copy_tokens
from spacy_skd.errors import SkdError
from spacy_skd.evaluation.calibration import (
    Reliability,
    calibration_of,
    expected_calibration_error,
    reliability,
)

from ..conftest import SENTENCES, reference_doc

SAID = st.lists(st.tuples(st.floats(0, 1), st.booleans()), max_size=30)


def curve_of(said, bins=10):
    return reliability([sure for sure, _ in said], [right for _, right in said], bins)


def test_counted_by_hand():
    curve = reliability([0.0, 0.1, 0.15, 0.92, 0.98, 1.0], [False, True, False, True, False, True])
    assert curve.counts.tolist() == [2, 1, 0, 0, 0, 0, 0, 0, 0, 3]
    assert curve.correct.tolist() == [1, 0, 0, 0, 0, 0, 0, 0, 0, 2]
    assert curve.mean_confidence[[0, 1, 9]] == pytest.approx([0.05, 0.15, 2.9 / 3])
    assert curve.accuracy[[0, 1, 9]] == pytest.approx([0.5, 0.0, 2 / 3])
    assert np.isnan(curve.accuracy[2:9]).all() and np.isnan(curve.mean_confidence[2:9]).all()
    error = (2 * 0.45 + 1 * 0.15 + 3 * (2.9 / 3 - 2 / 3)) / 6
    assert expected_calibration_error(curve) == pytest.approx(error)


def naive_error(said, bins):
    """Guo et al. (2017), eq. 3, as it stands there."""
    error = 0.0
    for i in range(bins):
        inside = [
            (sure, right)
            for sure, right in said
            if i / bins < sure <= (i + 1) / bins or (i == 0 and sure == 0)
        ]
        if inside:
            sure, right = np.mean(inside, axis=0)
            error += len(inside) / len(said) * abs(right - sure)
    return error


@given(st.lists(st.tuples(st.integers(0, 64), st.booleans()), min_size=1), st.sampled_from([1, 8]))
def test_as_the_formula_says(said, bins):
    # Sixty-fourths, so that the edges of the bins are exact.
    said = [(number / 64, right) for number, right in said]
    assert expected_calibration_error(curve_of(said, bins)) == pytest.approx(
        naive_error(said, bins), abs=1e-12
    )


@given(SAID, SAID)
def test_curves_add_up(ours, theirs):
    both = curve_of(ours).plus(curve_of(theirs))
    together = curve_of(ours + theirs)
    assert both.counts.tolist() == together.counts.tolist()
    assert both.correct.tolist() == together.correct.tolist()
    assert both.confidence == pytest.approx(together.confidence)


def test_perfectly_calibrated_and_never():
    rng = np.random.default_rng(0)
    sure = rng.uniform(size=200_000)
    assert expected_calibration_error(reliability(sure, rng.uniform(size=200_000) < sure)) < 0.01
    assert expected_calibration_error(reliability([1.0] * 4, [False] * 4)) == 1.0


def test_nothing_said():
    curve = reliability([], [])
    assert expected_calibration_error(curve) is None
    assert curve.counts.tolist() == [0] * 10


def test_rounding_is_forgiven():
    curve = reliability([1 + 1e-9, -1e-9], [True, False])
    assert curve.counts[[0, 9]].tolist() == [1, 1] and curve.confidence.sum() == 1.0


def test_kept_in_json():
    curve = reliability([0.3, 0.9], [True, False], 5)
    found = Reliability.from_dict(json.loads(json.dumps(curve.to_dict())))
    assert [values.tolist() for values in found] == [values.tolist() for values in curve]


@pytest.mark.parametrize(
    "confidences, correct",
    [([0.5], []), ([[0.5]], [[True]]), ([1.5], [True]), ([-0.1], [True]), ([np.nan], [True])],
)
def test_what_are_no_confidences(confidences, correct):
    with pytest.raises(ValueError):
        reliability(confidences, correct)


@pytest.mark.parametrize("bins", [0, 2.5])
def test_what_are_no_bins(bins):
    with pytest.raises(SkdError, match="SKD029"):
        reliability([0.5], [True], bins)


# Of pipelines.


@pytest.fixture(scope="module")
def trained():
    """A small NER, and sentences of which it knows some."""
    nlp = spacy.blank("xx")
    nlp.add_pipe("crf_ner", "ner")
    nlp.add_pipe("crf_tagger", "tagger")
    docs = [reference_doc(nlp.vocab, words, tags) for words, tags in SENTENCES]
    examples = [Example(copy_tokens(doc, nlp.vocab), doc) for doc in docs]
    nlp.initialize(lambda: examples)
    for _ in range(5):
        nlp.update(examples)
    return nlp, docs


@pytest.mark.parametrize("metric, pipe", [("ents_f", "ner"), ("tag_acc", "tagger")])
def test_of_a_pipeline_as_of_each_document(trained, metric, pipe):
    nlp, docs = trained
    found = calibration_of(nlp, docs, metric)
    sure, right = [], []
    for doc in docs:
        labelled = nlp(copy_tokens(doc, nlp.vocab))
        sure += nlp.get_pipe(pipe).confidence(labelled).tolist()
        if metric == "tag_acc":
            right += [ours.tag_ == gold.tag_ for ours, gold in zip(labelled, doc)]
        else:
            gold = {(ent.start, ent.end, ent.label_) for ent in doc.ents}
            right += [(ent.start, ent.end, ent.label_) in gold for ent in labelled.ents]
    expected = reliability(sure, right)
    assert found.counts.sum() == len(sure) > 0
    assert found.counts.tolist() == expected.counts.tolist()
    assert found.correct.tolist() == expected.correct.tolist()
    assert found.confidence == pytest.approx(expected.confidence)
    assert not nlp.get_pipe(pipe).writes_confidence


def test_what_is_not_annotated_is_not_judged(trained):
    nlp, docs = trained
    for doc in docs:
        blank = copy_tokens(doc, nlp.vocab)
        for metric in ("ents_f", "tag_acc"):
            assert calibration_of(nlp, [blank], metric).counts.sum() == 0


def test_components_without_confidences():
    nlp = spacy.blank("xx")
    nlp.add_pipe("ner").add_label("PER")
    nlp.initialize()
    assert calibration_of(nlp, [nlp.make_doc("a b")], "ents_f") is None
