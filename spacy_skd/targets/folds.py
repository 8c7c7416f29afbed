"""Cross-fitting: a teacher is certain of the sentences it was trained on, and what it says of them
is gold again. So each of K teachers is trained without one of K folds, and asked for that one.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Dict, Iterable, Mapping, Sequence

import numpy as np
from spacy.tokens import Doc
from spacy.vocab import Vocab

from ..corpora.layout import split_files
from ..corpora.stored import read_docs
from ..ensembles import Fold
from ..errors import Errors, SkdError
from .fingerprints import text_fingerprint


def in_fold(fold: Fold, docs: Sequence[Doc], lang: str) -> np.ndarray:
    """Which of a language's training sentences are in a fold, (n,) bool."""
    return assign_folds(docs, fold.total, lang) == fold.number


@dataclass(frozen=True)
class LeftOut:
    """The sentences that a teacher does not see, without themselves: `doc in left_out`.

    fingerprints (np.ndarray): Of the different ones, sorted.
    sentences (Dict[str, int]): How many of each language, with those that come again.
    """

    fingerprints: np.ndarray
    sentences: Dict[str, int]

    @classmethod
    def of(cls, fold: Fold, texts: Mapping[str, np.ndarray]) -> "LeftOut":
        """Of a teacher of one or more languages: what is in the fold of any of them. What two
        languages share may be in another fold of the other.

        texts (Mapping[str, np.ndarray]): See `train_texts`.
        Raises `SkdError` for more folds than a language has different sentences.
        """
        found = [
            text[folds_of(text, fold.total, lang) == fold.number] for lang, text in texts.items()
        ]
        fingerprints = np.unique(np.concatenate([np.zeros(0, dtype=np.uint64), *found]))
        counts = {lang: int(np.isin(text, fingerprints).sum()) for lang, text in texts.items()}
        return cls(fingerprints, counts)

    def __contains__(self, doc: Doc) -> bool:
        fingerprint = np.uint64(text_fingerprint(doc))
        i = np.searchsorted(self.fingerprints, fingerprint)
        return bool(i < len(self.fingerprints) and self.fingerprints[i] == fingerprint)


def train_texts(corpus: Path, languages: Iterable[str]) -> Dict[str, np.ndarray]:
    """Fingerprints of the training sentences of each language that has some, in the corpus's order.
    The sentences themselves are held no longer than it takes.
    """
    texts = {}
    for lang in languages:
        files = split_files(corpus, lang, "train")
        found = text_fingerprints(doc for path in files for doc in read_docs(path, lang, Vocab()))
        if len(found):
            texts[lang] = found
    return texts


def text_fingerprints(docs: Iterable[Doc]) -> np.ndarray:
    return np.fromiter(map(text_fingerprint, docs), dtype=np.uint64)


def assign_folds(docs: Iterable[Doc], total: int, lang: str) -> np.ndarray:
    """The fold of each sentence, (n,) from 1: consecutive blocks, so that a document is not torn.
    A sentence that comes again, however it is split into words, is in the fold where it came first:
    otherwise the teacher that is asked for it would have seen it after all.

    docs (Iterable[Doc]): The n training sentences of `lang`, in the corpus's order.
    Raises `SkdError` for more folds than there are different sentences.
    """
    return folds_of(text_fingerprints(docs), total, lang)


def folds_of(fingerprints: np.ndarray, total: int, lang: str) -> np.ndarray:
    _, first, which = np.unique(fingerprints, return_index=True, return_inverse=True)
    if total > len(first):
        raise SkdError(Errors.SKD221.format(folds=total, sentences=len(first), lang=lang))
    rank = np.empty(len(first), dtype=np.int64)
    rank[np.argsort(first)] = np.arange(len(first))  # in the order in which they come first
    return rank[which] * total // len(first) + 1
