"""Counts of single sentences add up to what spaCy's scorer says of all of them."""

import numpy as np
import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.scorer import Scorer, get_ner_prf
from spacy.tokens import Doc
from spacy.training import Example

from spacy_skd.evaluation.counts import f_score, sentence_counts

VOCAB = spacy.blank("xx").vocab
TAGS = st.sampled_from(["", "O", "O", "B-A", "B-B", "I-A", "I-B"])


def legal(tags):
    """IOB2 tags with "-" for what is not annotated."""
    fixed = []
    for tag in tags:
        before = fixed[-1] if fixed else "O"
        starts = tag.startswith("I-") and before[2:] != tag[2:]
        fixed.append("B-" + tag[2:] if starts else tag)
    return fixed


def doc_of(tags, attribute):
    words = [f"w{i}" for i in range(len(tags))]
    if attribute == "ents":
        return Doc(VOCAB, words=words, ents=legal(tags))
    return Doc(VOCAB, words=words, **{attribute: [tag[2:] or "" for tag in tags]})


def examples_of(pairs, attribute):
    return [
        Example(
            doc_of([tag or "O" for _, tag in pair], attribute),
            doc_of([t for t, _ in pair], attribute),
        )
        for pair in pairs
    ]


PAIRS = st.lists(st.lists(st.tuples(TAGS, TAGS), min_size=1, max_size=6), min_size=1, max_size=5)


@settings(deadline=None)
@given(PAIRS)
def test_entities_add_up_to_spacys_score(pairs):
    examples = examples_of(pairs, "ents")
    expected = get_ner_prf(examples)["ents_f"]
    counts = sentence_counts(examples, "ents_f")
    assert counts.shape == (len(pairs), 3)
    assert f_score(counts.sum(axis=0)) == pytest.approx(expected or 0.0)


@settings(deadline=None)
@given(PAIRS)
def test_tags_add_up_to_spacys_accuracy(pairs):
    examples = examples_of(pairs, "tags")
    expected = Scorer.score_token_attr(examples, "tag")["tag_acc"]
    counts = sentence_counts(examples, "tag_acc")
    assert f_score(counts.sum(axis=0)) == pytest.approx(expected or 0.0)


def test_other_tokens_are_aligned():
    words = ["New", "York", "is", "big"]
    reference = Doc(VOCAB, words=words, ents=["B-A", "I-A", "O", "O"])
    predicted = Doc(
        VOCAB, words=["New", "Yo", "rk", "is", "big"], spaces=[True, False, True, True, False]
    )
    predicted.set_ents([predicted.char_span(0, 8, "A")])
    assert sentence_counts([Example(predicted, reference)], "ents_f").tolist() == [[1, 0, 0]]


def test_nothing_to_find_and_nothing_found():
    assert f_score(np.zeros((2, 3))).tolist() == [0.0, 0.0]
    assert sentence_counts([], "pos_acc").shape == (0, 3)
