"""Cross-fitting: a teacher is certain of the sentences it was trained on, and what it says of them
is gold again. So each of K teachers is trained without one of K folds, and asked for that one.
"""

from typing import Sequence

import numpy as np
from spacy.tokens import Doc

from ..ensembles import Fold
from ..errors import Errors, SkdError
from .fingerprints import sentence_fingerprint


def in_fold(fold: Fold, docs: Sequence[Doc], lang: str) -> np.ndarray:
    """Which of a language's training sentences are in a fold, (n,) bool."""
    return assign_folds(docs, fold.total, lang) == fold.number


def assign_folds(docs: Sequence[Doc], total: int, lang: str) -> np.ndarray:
    """The fold of each sentence, (n,) from 1: consecutive blocks, so that a document is not torn.
    A sentence that comes again is in the fold where it came first: otherwise the teacher that is
    asked for it would have seen it after all.

    docs (Sequence[Doc]): The n training sentences of `lang`, in the corpus's order.
    Raises `SkdError` for more folds than there are different sentences.
    """
    fingerprints = np.array([sentence_fingerprint(doc) for doc in docs], dtype=np.uint64)
    _, first, which = np.unique(fingerprints, return_index=True, return_inverse=True)
    if total > len(first):
        raise SkdError(Errors.SKD221.format(folds=total, sentences=len(first), lang=lang))
    rank = np.empty(len(first), dtype=np.int64)
    rank[np.argsort(first)] = np.arange(len(first))  # in the order in which they come first
    return rank[which] * total // len(first) + 1
