"""A document's chains are its sentences."""

import spacy
from hypothesis import given
from hypothesis import strategies as st
from spacy.tokens import Doc

from spacy_skd.models import chain_lengths

VOCAB = spacy.blank("xx").vocab


@given(st.lists(st.sampled_from([True, False, None]), max_size=8))
def test_sentences_are_those_of_spacy(starts):
    doc = Doc(VOCAB, words=["a"] * len(starts), sent_starts=starts)
    known = doc.has_annotation("SENT_START")
    expected = [len(sentence) for sentence in doc.sents] if known else [len(doc)]
    assert chain_lengths(doc) == expected


def test_a_hook_that_says_what_a_sentence_is_is_asked():
    doc = Doc(VOCAB, words=["a", "b", "c"])
    doc.user_hooks["sents"] = lambda doc: iter([doc[:2], doc[2:]])
    assert chain_lengths(doc) == [2, 1]
