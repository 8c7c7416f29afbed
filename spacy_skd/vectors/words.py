"""The text of a corpus that vectors may know: for training, labelled or not; never dev or test."""

from collections import Counter
from pathlib import Path
from typing import Dict, Iterator, List, Tuple

from spacy.vocab import Vocab

from ..corpora.layout import find_languages
from ..corpora.stored import read_split

SPLITS = ("train", "unlabelled")


def sentences(corpus: Path) -> Iterator[Tuple[str, List[str]]]:
    """Language and words of each document. Raises `SkdError` if there is no corpus."""
    for language in find_languages(corpus, []):
        vocab = Vocab()
        for split in SPLITS:
            for doc in read_split(corpus, language, split, vocab):
                yield language, [token.text for token in doc]


def count_words(corpus: Path) -> Dict[str, Counter]:
    """For each language its words, and how often they occur."""
    counts: Dict[str, Counter] = {}
    for language, words in sentences(corpus):
        counts.setdefault(language, Counter()).update(words)
    return counts
