"""What the labels of a token classifier mean, and what becomes of their probabilities."""

import numpy as np
import pytest

from spacy_skd.errors import SkdError
from spacy_skd.teachers.labels import ClassifierSettings, read_labels


def read(*names, **settings):
    return read_labels(names, ClassifierSettings(**settings), "model")


@pytest.mark.parametrize(
    ("names", "scheme", "tags"),
    [
        (["O", "B-PER", "I-PER"], "IOB2", ["O", "B-PER", "I-PER"]),
        (["I-LOC", "B-LOC", "O"], "IOB2", ["O", "B-LOC", "I-LOC"]),
        (["O", "I-PER", "I-LOC"], "IOB1", ["O", "I-PER", "B-PER", "I-LOC", "B-LOC"]),
        (
            ["B-A", "I-A", "E-A", "S-A", "O"],
            "BILOU",
            ["O", "B-A", "I-A", "L-A", "U-A"],
        ),
        (
            ["O", "B-A", "I-A", "L-A", "U-A"],
            "BILOU",
            ["O", "B-A", "I-A", "L-A", "U-A"],
        ),
        (["O", "B-A", "M-A", "E-A", "S-A"], "BILOU", ["O", "B-A", "I-A", "L-A", "U-A"]),
        (["O", "S-A", "B-A", "E-A"], "BILOU", ["O", "B-A", "I-A", "L-A", "U-A"]),
        (["O", "B_PER", "I_PER"], "IOB2", ["O", "B-PER", "I-PER"]),
        (["O", "B-date-time", "I-date-time"], "IOB2", ["O", "B-date-time", "I-date-time"]),
        (["O", "B-PER"], "IOB2", ["O", "B-PER", "I-PER"]),
        (["NOUN", "VERB", "X"], "plain", ["NOUN", "VERB", "X"]),
        (["O", "X"], "plain", ["O", "X"]),
    ],
)
def test_schemes_are_recognised(names, scheme, tags):
    tagset = read(*names)
    assert (tagset.scheme, list(tagset.tags)) == (scheme, tags)


def probabilities(tagset, *rows):
    with np.errstate(divide="ignore"):
        return np.exp(tagset.scores(np.log(np.array(rows, dtype=np.float32)) + 3.0))


def test_scores_are_the_classifiers_own_log_probabilities():
    tagset = read("I-PER", "O", "B-PER")
    np.testing.assert_allclose(
        probabilities(tagset, [0.5, 0.3, 0.2], [0.1, 0.8, 0.1]),
        [[0.3, 0.2, 0.5], [0.8, 0.1, 0.1]],
        rtol=1e-5,
    )


def test_labels_that_become_one_add_up():
    names = ["O", "B-GPE", "I-GPE", "B-LOC", "I-LOC"]
    tagset = read(*names, renamed={"GPE": "LOC"})
    assert tagset.tags == ("O", "B-LOC", "I-LOC")
    found = probabilities(tagset, [0.1, 0.3, 0.05, 0.4, 0.15])
    np.testing.assert_allclose(found, [[0.1, 0.7, 0.2]], rtol=1e-5)


def test_spans_of_a_dropped_label_are_none():
    tagset = read("O", "B-PER", "I-PER", "B-MISC", "I-MISC", renamed={"MISC": "", "PER": "person"})
    assert tagset.tags == ("O", "B-person", "I-person")
    found = probabilities(tagset, [0.1, 0.3, 0.05, 0.4, 0.15])
    np.testing.assert_allclose(found, [[0.65, 0.3, 0.05]], rtol=1e-5)


def test_without_spans_the_rest_is_renormalised():
    tagset = read("NOUN", "_", "PROPN", "VERB", renamed={"_": "", "PROPN": "NOUN"})
    assert tagset.tags == ("NOUN", "VERB")
    found = probabilities(tagset, [0.2, 0.5, 0.2, 0.1])
    np.testing.assert_allclose(found, [[0.8, 0.2]], rtol=1e-5)


def test_a_tag_that_the_classifier_cannot_give_has_no_probability():
    tagset = read("O", "S-A", "B-A", "E-A")
    found = probabilities(tagset, [0.4, 0.3, 0.2, 0.1])
    np.testing.assert_allclose(found, [[0.4, 0.2, 0.0, 0.1, 0.3]], rtol=1e-5)
    assert tagset.scores(np.zeros((1, 4), dtype=np.float32))[0, 2] == -np.inf


def test_logits_of_any_size():
    tagset = read("O", "B-A", "I-A")
    scores = tagset.scores(np.array([[1e4, -1e4, 0.0]], dtype=np.float32))
    np.testing.assert_allclose(scores, [[0.0, -2e4, -1e4]])


def test_names_that_do_not_say_what_they_mean():
    meant = {"LABEL_0": "O", "LABEL_1": "B-PER", "LABEL_2": "I-PER", "LABEL_3": ""}
    tagset = read("LABEL_0", "LABEL_1", "LABEL_2", "LABEL_3", renamed=meant)
    assert (tagset.scheme, tagset.tags) == ("IOB2", ("O", "B-PER", "I-PER"))
    assert tagset.columns == ((0, 3), (1,), (2,))
    tagset = read("O", "PER", "LOC", renamed={"PER": "I-PER", "LOC": "I-LOC"})
    assert (tagset.scheme, tagset.labels) == ("IOB1", {"PER", "LOC"})
    # What follows B- may be called as a tag is.
    assert read("O", "B-PLANE", "I-PLANE", renamed={"PLANE": "B-52"}).labels == {"B-52"}
    with pytest.raises(SkdError, match="SKD162.*LABEL_2"):
        read("LABEL_0", "LABEL_1", "LABEL_2", renamed={"LABEL_0": "O", "LABEL_1": "B-PER"})


def test_names_that_are_no_tags_can_be_dropped():
    names = ["O", "B-PER", "I-PER", "X", "[CLS]"]
    with pytest.raises(SkdError, match=r"SKD162.*X, \[CLS\]"):
        read(*names)
    tagset = read(*names, renamed={"X": "", "[CLS]": ""})
    assert tagset.tags == ("O", "B-PER", "I-PER")
    found = probabilities(tagset, [0.1, 0.2, 0.3, 0.25, 0.15])
    np.testing.assert_allclose(found, [[0.5, 0.2, 0.3]], rtol=1e-5)


def test_iob1_if_one_says_so():
    names = ["O", "B-PER", "I-PER"]
    assert read(*names, scheme="IOB1").scheme == "IOB1"
    assert read(*names, scheme="IOB2").scheme == "IOB2"
    with pytest.raises(SkdError, match="SKD164.*IOB2"):
        read("O", "I-PER", scheme="IOB2")
    with pytest.raises(SkdError, match="SKD164.*B, I, L, U"):
        read("O", "B-A", "I-A", "E-A", "S-A", scheme="IOB1")


def test_labels_that_are_not_there():
    with pytest.raises(SkdError, match="SKD161.*PERSON.*LOC, PER"):
        read("O", "B-PER", "I-PER", "B-LOC", renamed={"PERSON": "PER"})
    with pytest.raises(SkdError, match="SKD163"):
        read("O", "B-PER", "I-PER", renamed={"PER": ""})
    with pytest.raises(SkdError, match="SKD163"):
        read("NOUN", renamed={"NOUN": ""})
