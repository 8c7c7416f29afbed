"""A token classifier as a pipeline says what it says as a teacher."""

import numpy as np
import pytest
import srsly
from spacy.tokens import Doc

from spacy_skd.crf import Potentials, viterbi
from spacy_skd.errors import SkdError
from spacy_skd.evaluation.calibration import calibration_of
from spacy_skd.evaluation.evaluate import load
from spacy_skd.schemes import get_scheme
from spacy_skd.teachers import ClassifierSettings
from spacy_skd.teachers.token_classifiers import open_token_classifier
from spacy_skd.transfer import constrain

from ..conftest import SENTENCES, reference_doc

pytest.importorskip("transformers")


def labelled(nlp):
    return list(nlp.pipe(Doc(nlp.vocab, words=words) for words, _ in SENTENCES))


def spans(doc):
    return [(ent.start, ent.end, ent.label_) for ent in doc.ents]


@pytest.mark.parametrize(
    "names", [None, ("O", "I-PER", "I-LOC"), ("O", *(f"{p}-{x}" for x in "YX" for p in "BILU"))]
)
def test_its_best_sequence_is_that_of_its_scores(make_classifier, names):
    folder = make_classifier(**({} if names is None else {"names": names}))
    nlp, metrics = load(f"hf:{folder}")
    assert metrics == ["ents_f"]
    scorer = open_token_classifier(str(folder), ClassifierSettings())
    teacher = scorer.teacher
    for doc in labelled(nlp):
        (scores,) = scorer.score([doc])
        if teacher.scheme == "IOB1":  # a span is a run of one label, so no constraint is needed
            best = scores.argmax(axis=1)
            tags = [teacher.tags[i] for i in best]
            assert spans(doc) == runs(tags)
            continue
        chain = (teacher.transitions, teacher.start, teacher.end)
        scheme = get_scheme(teacher.scheme)
        potentials = Potentials(
            scores, np.array([len(doc)]), *constrain(chain, scheme.constraints(teacher.tags))
        )
        best, _ = viterbi(potentials)
        assert spans(doc) == scheme.decode([teacher.tags[i] for i in best])


def runs(tags):
    found, start = [], None
    for i, tag in enumerate([*tags, "O"]):
        if start is not None and tag != tags[start]:
            found.append((start, i, tags[start][2:]))
            start = None
        if start is None and tag != "O":
            start = i
    return found


def test_a_trained_one_is_right_and_knows_it(make_classifier):
    nlp, _ = load(f"hf:{make_classifier(trained=True)}")
    docs = [reference_doc(nlp.vocab, words, tags) for words, tags in SENTENCES]
    curve = calibration_of(nlp, docs, "ents_f")
    assert curve.correct.sum() == curve.counts.sum() == 6
    assert 3 < curve.confidence.sum() < 6


def test_parts_of_speech(make_classifier):
    nlp, metrics = load(f"hf:{make_classifier(names=('NOUN', 'VERB', 'X'))}")
    assert metrics == ["pos_acc"]
    assert {token.pos_ for doc in labelled(nlp) for token in doc} <= {"NOUN", "VERB", "X"}
    nlp, metrics = load(f"hf:{make_classifier(names=('NN', 'VB'), name='other')}")
    assert metrics == ["tag_acc"]
    assert {token.tag_ for doc in labelled(nlp) for token in doc} <= {"NN", "VB"}


def test_labels_are_renamed(make_classifier):
    settings = ClassifierSettings(renamed={"PER": "HUMAN", "LOC": ""})
    nlp, _ = load(f"hf:{make_classifier(trained=True)}", settings)
    assert {ent.label_ for doc in labelled(nlp) for ent in doc.ents} == {"HUMAN"}


def test_labels_that_are_numbers(make_classifier):
    """Those of a classifier whose config names none; it is as good as with its names."""
    named = make_classifier(trained=True)
    config = srsly.read_json(named / "config.json")
    tags = config.pop("id2label").values()
    srsly.write_json(named / "config.json", {**config, "label2id": None, "num_labels": len(tags)})
    settings = ClassifierSettings(renamed={f"LABEL_{i}": tag for i, tag in enumerate(tags)})
    nlp, _ = load(f"hf:{named}", settings)
    docs = [reference_doc(nlp.vocab, words, tags) for words, tags in SENTENCES]
    assert calibration_of(nlp, docs, "ents_f").correct.sum() == 6


def test_what_cannot_be_measured(make_classifier):
    with pytest.raises(SkdError, match="SKD249"):
        load(f"hf:{make_classifier()}", ClassifierSettings(scheme="IOB1"))
    with pytest.raises(SkdError, match="SKD151"):
        load("hf:nowhere/at/all")
