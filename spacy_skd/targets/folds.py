"""Cross-fitting: a teacher is certain of the sentences it was trained on, and what it says of them
is gold again. So each of K teachers is trained without one of K folds, and asked for that one.
"""

from dataclasses import dataclass
from typing import Iterable, Sequence

import numpy as np
from spacy.tokens import Doc

from ..ensembles import Fold
from ..errors import Errors, SkdError
from .fingerprints import sentence_fingerprint


def in_fold(fold: Fold, docs: Sequence[Doc], lang: str) -> np.ndarray:
    """Which of a language's training sentences are in a fold, (n,) bool."""
    return assign_folds(docs, fold.total, lang) == fold.number


@dataclass(frozen=True)
class LeftOut:
    """The sentences of a fold, without themselves: `doc in left_out`.

    fingerprints (np.ndarray): Of the different ones, sorted.
    sentences (int): How many there are, with those that come again.
    """

    fingerprints: np.ndarray
    sentences: int

    @classmethod
    def of(cls, fold: Fold, docs: Iterable[Doc], lang: str) -> "LeftOut":
        """See `assign_folds`, whose documents are held no longer than it takes."""
        fingerprints = np.fromiter(map(sentence_fingerprint, docs), dtype=np.uint64)
        found = fingerprints[folds_of(fingerprints, fold.total, lang) == fold.number]
        return cls(np.unique(found), len(found))

    def __contains__(self, doc: Doc) -> bool:
        fingerprint = np.uint64(sentence_fingerprint(doc))
        i = np.searchsorted(self.fingerprints, fingerprint)
        return bool(i < len(self.fingerprints) and self.fingerprints[i] == fingerprint)


def assign_folds(docs: Iterable[Doc], total: int, lang: str) -> np.ndarray:
    """The fold of each sentence, (n,) from 1: consecutive blocks, so that a document is not torn.
    A sentence that comes again is in the fold where it came first: otherwise the teacher that is
    asked for it would have seen it after all.

    docs (Iterable[Doc]): The n training sentences of `lang`, in the corpus's order.
    Raises `SkdError` for more folds than there are different sentences.
    """
    return folds_of(np.fromiter(map(sentence_fingerprint, docs), dtype=np.uint64), total, lang)


def folds_of(fingerprints: np.ndarray, total: int, lang: str) -> np.ndarray:
    _, first, which = np.unique(fingerprints, return_index=True, return_inverse=True)
    if total > len(first):
        raise SkdError(Errors.SKD221.format(folds=total, sentences=len(first), lang=lang))
    rank = np.empty(len(first), dtype=np.int64)
    rank[np.argsort(first)] = np.arange(len(first))  # in the order in which they come first
    return rank[which] * total // len(first) + 1
