"""The text that a sentence of a corpus was before it was split into words."""

from itertools import pairwise
from typing import List, NamedTuple, Tuple

from spacy.tokens import Doc

from .scripts import is_spaceless
from .stored import words_and_spaces

# Where a document keeps the multiword tokens that are not the sum of their words: (first word, end,
# form). "du" is the French "de" and "le".
MULTIWORD = "multiword"


class Surface(NamedTuple):
    """A text and where its words are in it.

    text (str): As people write it.
    spans (List[Tuple[int, int]]): Of each word, (start, end) in characters. Words of a multiword
        token that is not their sum have all of it.
    fused (List[bool]): Whether a word is one of those.
    known (bool): Whether it is known where the text has spaces.
    """

    text: str
    spans: List[Tuple[int, int]]
    fused: List[bool]
    known: bool


def surface_of(doc: Doc) -> Surface:
    """The text of a document of a corpus. A sentence in a script without spaces whose words all are
    followed by one was split, and its spaces are not the text's.
    """
    words, spaces = words_and_spaces(doc)
    split = all(spaces[:-1]) and is_spaceless("".join(words))
    if split:
        spaces = [is_ascii_word(a) and is_ascii_word(b) for a, b in pairwise(words)] + [False]
    fused = {first: (end, form) for first, end, form in doc.user_data.get(MULTIWORD, ())}
    pieces: List[str] = []
    spans: List[Tuple[int, int]] = []
    of_fused: List[bool] = []
    i = at = 0
    while i < len(words):
        end, form = fused.get(i, (i + 1, words[i]))
        spans += [(at, at + len(form))] * (end - i)
        of_fused += [i in fused] * (end - i)
        # None after the last word. That may itself be white space, which is kept.
        pieces.append(form + " " * (spaces[end - 1] and end < len(words)))
        at += len(pieces[-1])
        i = end
    known = split or not doc.has_unknown_spaces
    return Surface("".join(pieces), spans, of_fused, known)


def is_ascii_word(word: str) -> bool:
    return word.isascii() and word.isalnum()
