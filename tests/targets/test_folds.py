import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.tokens import Doc
from spacy.vocab import Vocab

from spacy_skd.ensembles import Fold
from spacy_skd.errors import SkdError
from spacy_skd.targets.folds import assign_folds, in_fold


def sentences(*words):
    vocab = Vocab()
    return [Doc(vocab, words=[str(word)]) for word in words]


def test_folds_are_consecutive_blocks():
    folds = assign_folds(sentences(*range(10)), 4, "de")
    assert folds.tolist() == [1, 1, 1, 2, 2, 3, 3, 3, 4, 4]


@settings(deadline=None)
@given(st.lists(st.integers(0, 30), min_size=2), st.integers(2, 6))
def test_a_sentence_is_in_one_fold_wherever_it_comes(words, total):
    different = list(dict.fromkeys(words))
    docs = sentences(*words)
    if total > len(different):
        with pytest.raises(SkdError, match=f"SKD221.*{total} folds of {len(different)} "):
            assign_folds(docs, total, "de")
        return
    folds = assign_folds(docs, total, "de")
    first = [int(folds[words.index(word)]) for word in different]
    assert first == sorted(first)
    sizes = np.bincount(first, minlength=total + 1)[1:]
    assert sizes.max() - sizes.min() <= 1
    assert folds.tolist() == [first[different.index(word)] for word in words]


def test_sentences_are_told_by_their_words():
    vocab = Vocab()
    docs = [Doc(vocab, words=words) for words in (["a"], ["b"], ["c"], ["a"], ["d"])]
    assert in_fold(Fold(1, 2), docs, "de").tolist() == [True, True, False, True, False]
    assert in_fold(Fold(2, 2), docs, "de").tolist() == [False, False, True, False, True]
