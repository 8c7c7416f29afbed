"""The temperature that fits: of a component whose scores are what they should be times a number."""

from functools import cache

import numpy as np
import pytest
from spacy.tokens import Doc
from spacy.training import Example
from spacy.util import fix_random_seed

from spacy_skd.corpora.stored import copy_tokens
from spacy_skd.errors import SkdError
from spacy_skd.evaluation.calibration import (
    calibration_of,
    expected_calibration_error,
    verdicts,
)
from spacy_skd.evaluation.temperature import (
    RANGE,
    calibrate,
    confidences_of,
    log_losses,
    minimum,
)

from ..conftest import make_examples, make_pipeline

CHAIN = ("transitions", "start", "end")
WORDS = [f"w{i}" for i in range(60)]


def scaled(pipe, factor):
    """All scores of a component times a number: its right temperature is that number."""
    output = pipe.model.layers[1]
    for node, names in ((pipe.model, CHAIN), (output, ("W", "b"))):
        for name in names:
            node.set_param(name, node.get_param(name) * factor)


@pytest.fixture(params=["crf_ner", "crf_tagger"])
def honest(request):
    nlp, references = made(request.param)
    pipe = nlp.get_pipe("pipe")
    before = pipe.to_bytes()
    yield nlp, references
    pipe.from_bytes(before)
    pipe.writes_confidence = False


@cache
def made(factory):
    """A component with random scores, and sentences annotated as it finds them probable: a sample
    of each. So its right temperature is 1.
    """
    fix_random_seed(0)
    nlp = make_pipeline(factory)
    nlp.initialize(lambda: make_examples(nlp))
    pipe, rng = nlp.get_pipe("pipe"), np.random.default_rng(0)
    output = pipe.model.layers[1]
    for node, names in ((pipe.model, CHAIN), (output, ("W", "b"))):
        for name in names:
            shape = node.get_param(name).shape
            node.set_param(name, rng.normal(0, 0.4, shape).astype("float32"))
    references = []
    for i in range(400):
        words = rng.choice(WORDS, 6).tolist()
        doc = Doc(nlp.vocab, words=words)
        (analysis,) = pipe.sample(doc, 1, seed=i)
        if factory == "crf_ner":
            doc.set_ents(analysis)
        else:
            for token, tag in zip(doc, analysis):
                token.tag_ = tag
        references.append(doc)
    return nlp, references


@pytest.mark.parametrize("factor", [0.5, 2.5])
def test_the_temperature_is_that_by_which_scores_were_multiplied(honest, factor):
    nlp, references = honest
    pipe = nlp.get_pipe("pipe")
    scaled(pipe, factor)
    metric = "ents_f" if "ents_f" in pipe.score([]) else "tag_acc"
    before = expected_calibration_error(calibration_of(nlp, references, metric))
    said = [nlp(copy_tokens(doc, nlp.vocab)).to_json() for doc in references]
    found = calibrate(nlp, references)["pipe"]
    assert found.temperature == pytest.approx(factor, rel=0.15)
    assert pipe.temperature == found.temperature
    after = calibration_of(nlp, references, metric)
    assert expected_calibration_error(found.before) == pytest.approx(before)
    assert after.confidence == pytest.approx(found.after.confidence)
    assert expected_calibration_error(after) < 0.07
    assert expected_calibration_error(after) < 0.5 * before
    assert [nlp(copy_tokens(doc, nlp.vocab)).to_json() for doc in references] == said


def test_few_sentences_do_not_make_it_worse(honest):
    nlp, references = honest
    pipe = nlp.get_pipe("pipe")
    metric = "ents_f" if "ents_f" in pipe.score([]) else "tag_acc"
    docs = list(nlp.pipe(copy_tokens(doc, nlp.vocab) for doc in references))
    judged = [verdicts(Example(*both), metric) for both in zip(docs, references)]
    counted, right = (np.concatenate([of[i] for of in judged]) for i in (0, 1))
    shown = confidences_of(pipe, docs, counted)

    def loss(temperature):
        return log_losses(shown(temperature), right[counted]).mean()

    taken, worse = [], []
    for i in range(0, len(references), 20):
        found = calibrate(nlp, references[i : i + 10])["pipe"]
        assert found.temperature in (1.0, found.best)
        taken.append(found.temperature != 1)
        worse.append(loss(found.best) > 1.005 * loss(1.0))
        assert pipe.temperature == found.temperature
    assert np.mean(worse) > 0.4, worse
    assert np.mean(taken) < 0.25, taken


def test_all_that_is_shown_has_the_temperature(honest):
    nlp, (doc, *_) = honest
    pipe = nlp.get_pipe("pipe")
    doc = nlp(copy_tokens(doc, nlp.vocab))
    pipe.writes_confidence = True
    cold = pipe.confidence(doc), pipe.marginals(doc), pipe.kbest(doc, 3)
    pipe.temperature = 3.0
    warm = pipe.confidence(doc), pipe.marginals(doc), pipe.kbest(doc, 3)
    assert warm[0].max() < cold[0].max() and warm[1].max() < cold[1].max()
    assert [said for said, _ in warm[2]] == [said for said, _ in cold[2]]
    assert warm[2][0][1] < cold[2][0][1]
    (predicted,) = pipe.predict([copy_tokens(doc, nlp.vocab)])
    assert predicted.confidence == pytest.approx(warm[0])
    assert pipe.confidences([doc])(1.0) == pytest.approx(cold[0])


def test_where_nothing_can_be_fitted(honest):
    nlp, references = honest
    for docs in ([], [copy_tokens(doc, nlp.vocab) for doc in references[:5]]):
        with pytest.raises(SkdError, match="SKD236.*'pipe'.* 0 of 0"):
            calibrate(nlp, docs)
    right = [nlp(copy_tokens(doc, nlp.vocab)) for doc in references[:5]]
    with pytest.raises(SkdError, match=r"SKD236.*'pipe' says (\d+) of \1 are right"):
        calibrate(nlp, right)
    assert nlp.get_pipe("pipe").temperature == 1.0


def test_a_minimum_is_found():
    for temperature in (0.13, 0.9, 1.0, 4.2):
        found = minimum(lambda t, best=temperature: (np.log(t) - np.log(best)) ** 2)
        assert found == pytest.approx(temperature, rel=0.01)
    assert minimum(lambda t: t) == pytest.approx(RANGE[0])


def test_the_loss_of_certainties_is_a_number():
    right, wrong = np.array([True, False]), np.array([False, True])
    assert log_losses(np.array([1.0, 0.0]), right) == pytest.approx([0, 0], abs=1e-5)
    assert np.all(log_losses(np.array([1.0, 0.0]), wrong) > 1)
    assert np.all(log_losses(np.array([1.0, 0.0]), wrong) < 20)
