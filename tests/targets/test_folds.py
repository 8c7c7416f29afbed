import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.tokens import Doc
from spacy.vocab import Vocab

from spacy_skd.ensembles import Fold
from spacy_skd.errors import SkdError
from spacy_skd.targets.folds import LeftOut, assign_folds, in_fold, text_fingerprints


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


def test_a_sentence_is_in_one_fold_however_it_is_split():
    docs = sentences(*"abcd")
    vocab = Vocab()
    again = [Doc(vocab, words=["a"], spaces=[False]), Doc(vocab, words=["c", "d"])]
    docs += [*again, Doc(vocab, words=["cd"])]
    assert assign_folds(docs, 5, "de").tolist() == [1, 2, 3, 4, 1, 5, 5]


@settings(deadline=None)
@given(st.lists(st.lists(st.integers(0, 20), min_size=4), min_size=1, max_size=3))
def test_nothing_of_a_fold_is_seen_in_another_language(corpora):
    docs = {str(lang): sentences(*words) for lang, words in enumerate(corpora)}
    texts = {lang: text_fingerprints(of_lang) for lang, of_lang in docs.items()}
    fold = Fold(1, 2)
    try:
        left_out = LeftOut.of(fold, texts)
    except SkdError:
        assert any(len(set(words)) < 2 for words in corpora)
        return
    found = {lang: [doc in left_out for doc in of_lang] for lang, of_lang in docs.items()}
    assert left_out.sentences == {lang: sum(those) for lang, those in found.items()}
    held = {
        doc[0].text
        for lang, of_lang in docs.items()
        for doc, is_held in zip(of_lang, in_fold(fold, of_lang, lang))
        if is_held
    }
    for lang, of_lang in docs.items():
        assert found[lang] == [doc[0].text in held for doc in of_lang]
