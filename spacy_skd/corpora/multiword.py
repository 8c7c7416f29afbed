"""Multiword tokens that are not the sum of their words: as many tokens as their text has words.

A text has one word where French *du* is *de* and *le*, but two where Hebrew *bbyt* ("in the house")
is *b*, an article that nobody writes, and *byt*. What is not written joins what is.
"""

import unicodedata
from collections import Counter, defaultdict
from itertools import pairwise
from typing import Counter as Counts
from typing import Dict, Iterable, List, NamedTuple, Sequence, Tuple

from spacy.tokens import Doc

from .documents import make_doc
from .stored import words_and_spaces
from .surface import MULTIWORD

# Parts of speech of words that mean something by themselves.
OPEN_CLASS = {"ADJ", "ADV", "INTJ", "NOUN", "NUM", "PROPN", "VERB"}
# Some treebanks mark words that are not written as they stand: Hebrew "ה_", "_הוא".
MARK = "_"
# A word whose end is changed by what follows it is still recognised by so many characters, if they
# are that part of it: Spanish "vámonos" has "vamos".
SHORTEST, LEAST = 3, 2 / 3
# How often a word is seen before it is known to be written or not.
SEEN = 3

Words = Tuple[str, ...]
# How many characters of a word are replaced by what.
Ending = Tuple[int, str]


class Part(NamedTuple):
    """Words that follow each other and are one token of a text."""

    first: int
    end: int
    text: str


class _Written(NamedTuple):
    """A word in the text of a multiword token, by characters; not whole if its end is changed."""

    word: int
    start: int
    end: int
    whole: bool


def written(words: Sequence[str], form: str) -> List[Part]:
    """The tokens of a multiword token: each has one or several of its words, and a piece of its
    text; all of them are all of it.

    A token begins with each word that is found in the text, upper and lower case, accents and marks
    of the treebank aside, in the order of the words and so that they explain most of its
    characters. A word that is not found belongs to the token before it, or to the first, and so do
    characters of no word. Two words with letters between them that no third explains are not told
    apart: Italian "sulla" is "su" and "la", but nothing says whose the second "l" is.
    """
    text = _characters(form)
    found = _find([_folded(_bare(word)) for word in words], _folded(form))
    starts: List[_Written] = found[:1]
    for left, right in pairwise(found):
        alone = right.word == left.word + 1 and left.whole
        if not (alone and any(map(str.isalnum, "".join(text[left.end : right.start])))):
            starts.append(right)
    edges = [(0, 0), *((start.word, start.start) for start in starts[1:]), (len(words), len(text))]
    return [Part(i, end, "".join(text[a:b])) for (i, a), (end, b) in pairwise(edges)]


def merge_multiword(doc: Doc, tag: str) -> Doc:
    """A sentence whose multiword tokens, of those that are not the sum of their words, have become
    what `written` says.

    tag (str): What `token.tag_` is, "upos" or "xpos".
    """
    words, spaces = words_and_spaces(doc)
    fused = doc.user_data.get(MULTIWORD, ())
    if not fused:
        return doc
    parts: List[Part] = []
    for first, end, form in fused:
        parts += _singles(words, parts[-1].end if parts else 0, first)
        found = written(words[first:end], form)
        parts += [Part(first + i, first + j, text) for i, j, text in found]
    parts += _singles(words, parts[-1].end, len(words))
    return _joined(doc, spaces, parts, tag)


class Spellings:
    """What multiword tokens tell of sentences of the same treebank in which they are not marked:
    words that are hardly ever written, and what becomes of the word before them.

    docs (Iterable[Doc]): Sentences with their multiword tokens, not merged.
    """

    def __init__(self, docs: Iterable[Doc]) -> None:
        seen: Counts[str] = Counter()
        unwritten: Counts[str] = Counter()
        texts: Dict[Words, Counts[str]] = defaultdict(Counter)
        endings: Dict[Words, Counts[Ending]] = defaultdict(Counter)
        for doc in docs:
            words, _ = words_and_spaces(doc)
            seen.update(words)
            for first, end, form in doc.user_data.get(MULTIWORD, ()):
                for i, j, text in written(words[first:end], form):
                    host, *others = words[first + i : first + j]
                    unwritten.update(others)
                    texts[(host, *others)][text] += 1
                    fewer, more = _ending(_bare(host), text)
                    endings[(_bare(host)[-1], *others)][fewer, more] += 1
                    if fewer == 0:
                        endings[("", *others)][fewer, more] += 1
        self.unwritten = {
            word for word, count in unwritten.items() if SEEN <= count > seen[word] / 2
        }
        self.texts = {words: count.most_common(1)[0][0] for words, count in texts.items()}
        self.endings = {words: count.most_common(1)[0][0] for words, count in endings.items()}

    def merge(self, doc: Doc, tag: str) -> Doc:
        """A sentence in which words that are not written have joined the ones before them; the
        same sentence where there are none.
        """
        words, spaces = words_and_spaces(doc)
        firsts = [i for i, word in enumerate(words) if i == 0 or word not in self.unwritten]
        parts = [
            Part(first, end, self.spelled(words[first:end]))
            for first, end in pairwise([*firsts, len(words)])
        ]
        same = [part.text for part in parts] == words
        return doc if same else _joined(doc, spaces, parts, tag)

    def spelled(self, words: Sequence[str]) -> str:
        """The text of a word and those after it that are not written: as it was seen, or else with
        the ending that the same ones gave another word, one that ends alike if there was one.
        """
        host, *others = words
        bare, known = _bare(host), self.texts.get((host, *others))
        if not others:
            return bare if bare == known else host
        if known is not None:
            return known
        nothing = self.endings.get(("", *others), (0, ""))
        fewer, more = self.endings.get((bare[-1], *others), nothing)
        return bare[: len(bare) - fewer] + more


def _ending(word: str, text: str) -> Ending:
    same = _shared(word, text)
    return len(word) - same, text[same:]


def _singles(words: List[str], first: int, end: int) -> List[Part]:
    return [Part(i, i + 1, words[i]) for i in range(first, end)]


def _joined(doc: Doc, spaces: List[bool], parts: List[Part], tag: str) -> Doc:
    """A sentence of these tokens. The UPOS of one is that of its first word of an open class, or
    else of its first; its XPOS is that of all, joined as `spacy convert --merge-subtokens` does.
    """
    upos, tags = [], []
    for first, end, _ in parts:
        of_words = [token.pos_ for token in doc[first:end]]
        upos.append(next((pos for pos in of_words if pos in OPEN_CLASS), of_words[0]))
        tags.append("_".join(token.tag_ for token in doc[first:end] if token.tag_))
    return make_doc(
        doc.vocab,
        doc.user_data["lang"],
        [part.text for part in parts],
        [spaces[part.end - 1] for part in parts],
        pos=upos,
        tags=upos if tag == "upos" else tags,
    )


def _bare(word: str) -> str:
    return word.strip(MARK) or word


def _characters(text: str) -> List[str]:
    """Characters with the marks on them, so that no token begins with a mark."""
    found: List[str] = []
    for char in text:
        if found and unicodedata.category(char)[0] == "M":
            found[-1] += char
        else:
            found.append(char)
    return found


def _folded(text: str) -> List[str]:
    """Its characters without case and accents. Vowel signs, which are letters, stay."""
    return [
        "".join(
            part
            for part in unicodedata.normalize("NFD", char.casefold())
            if not unicodedata.combining(part)
        )
        for char in _characters(text)
    ]


def _find(words: List[List[str]], text: List[str]) -> List[_Written]:
    """The words of a text that are in it, in their order, so that they have most of its characters
    and, of such, are most. Dynamic programming from the end.
    """
    # best[i][j]: (characters, words) found of the words from i in the text from j; and the choice.
    best = [[(0, 0)] * (len(text) + 1) for _ in range(len(words) + 1)]
    lengths = [[0] * (len(text) + 1) for _ in words]
    for i in range(len(words) - 1, -1, -1):
        for j in range(len(text), -1, -1):
            later = best[i][j + 1] if j < len(text) else (0, 0)
            best[i][j] = max(best[i + 1][j], later)
            if length := _match(words[i], text, j):
                characters, number = best[i + 1][j + length]
                if (characters + length, number + 1) >= best[i][j]:
                    best[i][j] = (characters + length, number + 1)
                    lengths[i][j] = length
    found: List[_Written] = []
    i = j = 0
    while i < len(words) and j < len(text):
        if length := lengths[i][j]:
            found.append(_Written(i, j, j + length, length == len(words[i])))
            i, j = i + 1, j + length
        elif best[i][j] == best[i + 1][j]:
            i += 1
        else:
            j += 1
    return found


def _match(word: List[str], text: List[str], at: int) -> int:
    """How many characters of a word the text has at a place; 0 if too few."""
    length = _shared(word, text[at : at + len(word)])
    enough = length == len(word) or length >= max(SHORTEST, LEAST * len(word))
    return length if enough else 0


def _shared(one: Sequence[str], other: Sequence[str]) -> int:
    """How many characters the beginnings of two words have in common."""
    differences = (i for i, (a, b) in enumerate(zip(one, other)) if a != b)
    return next(differences, min(len(one), len(other)))
