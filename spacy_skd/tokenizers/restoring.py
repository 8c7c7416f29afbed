"""Sentences of which only the words are kept: their text, as far as others of the language tell."""

import re
import unicodedata
from collections import Counter
from typing import Dict, Iterable, Iterator, List, Mapping, Optional, Tuple

import numpy as np
from spacy.tokens import Doc

from ..corpora.scripts import is_spaceless
from ..corpora.stored import words_and_spaces

# Of a word that was seen so often the spaces are known, if they are nearly always the same.
SEEN = 3
SURE = 0.95

# A word, and whether its end or its beginning is meant.
Side = Tuple[str, bool]
# Two words and whether a space is between them.
Place = Tuple[str, str, bool]


def is_split(docs: List[Doc]) -> List[bool]:
    """Whether the spaces of each sentence of a language are only those between its words. They are
    where every word is followed by one, if with most such sentences of several words that has
    brought punctuation marks out of their places.
    """
    spaced, apart = [], []
    for doc in docs:
        words, spaces = words_and_spaces(doc)
        spaced.append(all(spaces[:-1]) and not is_spaceless("".join(words)))
        if spaced[-1] and len(doc) > 1:
            apart.append(any(map(is_mark, words[1:])))
    return spaced if sum(apart) * 2 > len(apart) else [False] * len(docs)


def is_mark(word: str) -> bool:
    return len(word) == 1 and unicodedata.category(word) == "Po"


class Spacing:
    """How often a space stands before and after each word.

    docs (Iterable[Doc]): Sentences whose spaces are known.
    """

    def __init__(self, docs: Iterable[Doc]) -> None:
        places = Counter(place for doc in docs for place in places_of(doc))
        self._count(places, {})
        # A noun stands together with the preposition before it, but because that one does.
        partners = Counter(side for place in places for side in sides_of(place))
        sure = {side: partners[side] for side in self.seen if self.share(*side) >= SURE}
        self._count(places, sure)

    def _count(self, places: Mapping[Place, int], sure: Mapping[Side, int]) -> None:
        """Both sides of each place, but for those that the other side explains: one that is sure to
        be attached, and is so to more different words.
        """
        self.seen: Dict[Side, int] = Counter()
        self.attached: Dict[Side, int] = Counter()
        for place, times in places.items():
            one, other = sides_of(place)
            for side, beside in ((one, other), (other, one)):
                if sure.get(side, 0) >= sure.get(beside, 0):
                    self.seen[side] += times
                    self.attached[side] += 0 if place[2] else times

    def pieces(self, doc: Doc) -> Iterator[Tuple[str, bytes]]:
        """What stands between spaces in the text of a sentence, with where words begin, bool bytes;
        without what is doubtful. Some spaces must be known.
        """
        words, _ = words_and_spaces(doc)
        piece: Optional[List[str]] = []
        for word, following in zip(words, [*words[1:], None]):
            doubtful = word.startswith("_") or word.endswith("_")
            if piece is not None:
                piece = None if doubtful else [*piece, word]
            attached = False if following is None else self.is_attached(word, following)
            if attached is None:
                piece = None
            elif not attached:
                if piece:
                    yield from between_spaces("".join(piece), starts_of(piece))
                piece = []

    def is_attached(self, left: str, right: str) -> Optional[bool]:
        """Whether two words stand together; None where that is not known."""
        shares = [self.share(left, True), self.share(right, False)]
        if max(shares) >= SURE:
            return True
        return False if max(shares) <= 1 - SURE else None

    def share(self, word: str, after: bool) -> float:
        """How often a word stands together with the one after it, or before it."""
        seen = self.seen[word, after]
        if seen < SEEN:
            return 0.0 if word.isalpha() and len(word) > 1 else 0.5
        return self.attached[word, after] / seen


def places_of(doc: Doc) -> Iterator[Place]:
    words, spaces = words_and_spaces(doc)
    return zip(words, words[1:], spaces)


def sides_of(place: Place) -> Tuple[Side, Side]:
    left, right, _ = place
    return (left, True), (right, False)


def starts_of(words: List[str]) -> np.ndarray:
    """Whether a word begins at each character of words that stand together, (n,) bool."""
    starts = np.zeros(sum(map(len, words)), dtype=bool)
    starts[np.cumsum([0, *map(len, words[:-1])])] = True
    return starts


def between_spaces(text: str, starts: np.ndarray) -> Iterator[Tuple[str, bytes]]:
    """What stands between spaces in a text, with where words begin. Words may have spaces in them,
    such as those of Vietnamese; there the tokenizer always splits.
    """
    for piece in re.finditer(r"\S+", text):
        within = starts[piece.start() : piece.end()].copy()
        within[0] = True
        yield piece.group(), within.tobytes()
