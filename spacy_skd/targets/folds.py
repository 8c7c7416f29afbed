"""Cross-fitting: a teacher is certain of the sentences it was trained on, and what it says of them
is gold again. So each of K teachers is trained without one of K folds, and asked for that one.
"""

import re
from dataclasses import dataclass
from typing import Sequence

import numpy as np
from spacy.tokens import Doc

from ..errors import Errors, SkdError
from ..settings import shown
from .fingerprints import sentence_fingerprint


@dataclass(frozen=True)
class Fold:
    """The `number`-th (from 1) of `total` folds of a language's training sentences."""

    number: int
    total: int

    @classmethod
    def parse(cls, text: str) -> "Fold":
        """From "2/4". Raises `SkdError` for anything else."""
        match = re.fullmatch(r"(\d{1,6})/(\d{1,6})", text) if isinstance(text, str) else None
        fold = cls(*map(int, match.groups())) if match else None
        if fold is None or not 1 <= fold.number <= fold.total or fold.total < 2:
            name, expected = "held_out", 'such as "2/4", the second of four, of at least two'
            raise SkdError(Errors.SKD029.format(name=name, value=shown(text), expected=expected))
        return fold

    def __str__(self) -> str:
        return f"{self.number}/{self.total}"

    def members(self, fingerprints: np.ndarray, lang: str) -> np.ndarray:
        """Which sentences are in the fold, (n,) bool. See `assign_folds`."""
        return assign_folds(fingerprints, self.total, lang) == self.number


def assign_folds(fingerprints: np.ndarray, total: int, lang: str) -> np.ndarray:
    """The fold of each sentence, (n,) from 1: consecutive blocks, so that a document is not torn.
    A sentence that comes again is in the fold where it came first: otherwise the teacher that is
    asked for it would have seen it after all.

    fingerprints (ndarray): (n,) of the sentences of `lang`, in the corpus's order.
    Raises `SkdError` for more folds than there are different sentences.
    """
    _, first, which = np.unique(fingerprints, return_index=True, return_inverse=True)
    if total > len(first):
        raise SkdError(Errors.SKD221.format(folds=total, sentences=len(first), lang=lang))
    rank = np.empty(len(first), dtype=np.int64)
    rank[np.argsort(first)] = np.arange(len(first))  # in the order in which they come first
    return rank[which] * total // len(first) + 1


def fingerprints_of(docs: Sequence[Doc]) -> np.ndarray:
    return np.array([sentence_fingerprint(doc) for doc in docs], dtype=np.uint64)
