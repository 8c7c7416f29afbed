"""Where words begin inside of what stands between two spaces: a decision at each character.

Pointwise prediction (Neubig, Nakata and Mori, ACL 2011): whether a word begins at a character is a
logistic regression on the characters around it, their kinds, and the parts that it would give. One
more feature is what spaCy's rules say; so without training data the rules decide, and training says
where a corpus does otherwise: "don't" and "l'eau", the prefixes of Hebrew, words of Japanese.

Features are hashed into one table of weights (Weinberger et al., ICML 2009), so that nothing but
the table is to be stored.
"""

import unicodedata
from functools import lru_cache
from itertools import pairwise
from typing import AbstractSet, Iterable, List, NamedTuple, Sequence, Tuple

import numpy as np

from ..corpora.scripts import script_of

BITS = 21
# Characters to each side that a decision sees, apart from the parts it would give.
REACH = 4
# Runs of characters that are features: (first, length), counted from the character in question.
WINDOWS = (
    [(i, 1) for i in range(-3, 3)]
    + [(i, 2) for i in range(-3, 2)]
    + [(i, 3) for i in range(-3, 1)]
    + [(-4, 4), (-2, 4), (-1, 4), (0, 4)]
)
KIND_WINDOWS = [(-1, 2), (-2, 3), (-1, 3), (-2, 4), (-3, 6)]
LONGEST_PART = 12
WORD_BITS = 19

ZERO_WIDTH_JOINER = "\u200d"
# Joiners, and skin tones, which change the emoji before them.
JOINERS = {ZERO_WIDTH_JOINER, "\u200c", *map(chr, range(0x1F3FB, 0x1F400))}

EPOCHS = 6
RATE = 0.1
L2 = 0.002
# Characters of a batch, and decisions that are made at a time.
BATCH = 4000

# An odd number, whose powers modulo 2^64 have inverses: any substring is hashed from two sums.
BASE = 0x9E3779B97F4A7C15
INVERSE = pow(BASE, -1, 1 << 64)
MIX = np.uint64(0xD6E8FEB86659FD93)
HALF = np.uint64(32)
SALTS = np.arange(1, 100, dtype=np.uint64) * MIX


class Chunk(NamedTuple):
    """What stands between two spaces, and where words begin in it.

    text (str): n characters, none of them white space.
    rule (ndarray): (n,) whether a token begins at each by spaCy's rules, bool.
    whole (ndarray): (n,) whether that stands, whatever is learned: inside of an address, or in and
        behind a special case, bool.
    """

    text: str
    rule: np.ndarray
    whole: np.ndarray


class Boundaries:
    """A trained table.

    weights (ndarray): (2^BITS,) float32, one of each hashed feature.
    words (ndarray): (2^WORD_BITS,) uint8, how often words of each hash were seen, at most 2.
    familiar (Iterable[str]): Neighbours on which it was trained, see `neighbours_of`; of places
        between others it says nothing.
    """

    def __init__(self, weights: np.ndarray, words: np.ndarray, familiar: Iterable[str]) -> None:
        self.weights = weights
        self.words = words
        self.familiar = frozenset(familiar)

    def decide(self, chunks: Sequence[Chunk]) -> List[np.ndarray]:
        """Whether a word begins at each character of each chunk, (n,) bool."""
        if not chunks:
            return []
        features = Features(chunks, self.words)
        places = features.places
        starts = np.zeros(places.size, dtype=bool)
        for first in range(0, len(places.positions), BATCH):
            at = places.positions[first : first + BATCH]
            starts[at] = self.weights[features.of(at)].sum(axis=1) > 0
        return [
            np.where(chunk.whole | ~trusted(chunk.text, self.familiar), chunk.rule, decided)
            for chunk, decided in zip(chunks, places.split(starts))
        ]


@lru_cache(maxsize=1 << 16)
def group_of(char: str) -> str:
    """The script of a letter, "0" for a digit, or the character itself."""
    return script_of(char) or ("0" if char.isdigit() else char)


def neighbours_of(text: str) -> List[str]:
    """The groups of each two characters that follow each other: "LATIN LATIN" or "LATIN ,". Of
    single groups too little would follow: Latin words in Chinese text say nothing of the marks of a
    Latin one.
    """
    groups = map(group_of, text)
    return [" ".join(pair) for pair in pairwise(groups)]


def trusted(text: str, familiar: AbstractSet[str]) -> np.ndarray:
    """The characters of which a table knows whether words begin there, (n,) bool: they and the ones
    before are neighbours on which it was trained.
    """
    return np.array([True, *(pair in familiar for pair in neighbours_of(text))])


def may_begin(text: str) -> np.ndarray:
    """Whether a word may begin at each character, (n,) bool: not with a mark on the one before, and
    not where characters are joined into one.
    """
    joined = [char in JOINERS or unicodedata.category(char)[0] == "M" for char in text]
    after = [False] + [char == ZERO_WIDTH_JOINER for char in text[:-1]]
    free = ~(np.array(joined) | np.array(after))
    free[0] = True
    return free


class Places(NamedTuple):
    """Where the characters of chunks are in their joined text."""

    firsts: np.ndarray  # (chunks,)
    lengths: np.ndarray  # (chunks,)
    positions: np.ndarray  # (P,) where there is a decision: all characters but the first of a chunk
    size: int

    def split(self, of_chars: np.ndarray) -> List[np.ndarray]:
        """The values (size,) of each chunk's characters; that of its first is True."""
        of_chars[self.firsts] = True
        return [of_chars[i : i + n] for i, n in zip(self.firsts.tolist(), self.lengths.tolist())]


def place(chunks: Sequence[Chunk]) -> Tuple[str, Places]:
    gap = "\0" * REACH
    lengths = np.array([len(chunk.text) for chunk in chunks], dtype=np.int64)
    firsts = np.cumsum(lengths + REACH) - lengths
    text = gap + gap.join(chunk.text for chunk in chunks) + gap
    inner = np.zeros(len(text), dtype=bool)
    for first, length in zip(firsts.tolist(), lengths.tolist()):
        inner[first + 1 : first + length] = True
    return text, Places(firsts, lengths, np.flatnonzero(inner), len(text))


class Features:
    """The features of decisions, made of as many at a time as are asked for: they take 1.1 kB each,
    and text without spaces may be of any length.

    words (ndarray): See `Boundaries`.
    """

    def __init__(self, chunks: Sequence[Chunk], words: np.ndarray) -> None:
        text, self.places = place(chunks)
        self.words = words
        self.rule = np.zeros(len(text), dtype=bool)
        for chunk, first in zip(chunks, self.places.firsts.tolist()):
            self.rule[first : first + len(chunk.text)] = chunk.rule
            self.rule[first + len(chunk.text)] = True
        self.edges = np.flatnonzero(self.rule)
        codes = as_codes(text)
        self.chars, self.kinds = Substrings(codes), Substrings(kinds_of(text, codes))

    def of(self, at: np.ndarray) -> np.ndarray:
        """Of decisions at some positions, (P, F), as rows of the table of weights."""
        rule, words, chars, kinds = self.rule, self.words, self.chars, self.kinds
        starts, ends = self._token_edges(at)
        by_rule = rule[at].astype(np.uint64)
        around = by_rule + 2 * rule[at - 1].astype(np.uint64) + 4 * rule[at + 1].astype(np.uint64)
        before, after = chars.of(starts, at), chars.of(at, ends)
        known = np.zeros(len(at), dtype=np.uint64)
        for i, part in enumerate((before, after, chars.of(starts, ends))):
            known += words[rows(part, WORD_BITS)].astype(np.uint64) * np.uint64(3**i)
        left = np.minimum(at - starts, LONGEST_PART).astype(np.uint64)
        right = np.minimum(ends - at, LONGEST_PART).astype(np.uint64)
        sizes = left * np.uint64(16) + right
        script = kinds.of(at, at + 1)
        features = [chars.of(at + i, at + i + n) for i, n in WINDOWS]
        features += [kinds.of(at + i, at + i + n) + by_rule for i, n in KIND_WINDOWS]
        features += [
            before,
            after,
            before ^ (after * MIX),
            before + right * MIX,
            after + left * MIX,
            around ^ script,
            (known * np.uint64(2) + by_rule) ^ script,
            (known * MIX) ^ sizes ^ script,
            before ^ (words[rows(after, WORD_BITS)].astype(np.uint64) * MIX),
            after ^ (words[rows(before, WORD_BITS)].astype(np.uint64) * MIX),
        ]
        salted = [feature + SALTS[i] for i, feature in enumerate(features)]
        return np.stack([rows(feature, BITS) for feature in salted], axis=1)

    def _token_edges(self, at: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
        """The token by the rules that each place is in, (P,) its start and its end; that to both
        sides of a place where one begins.
        """
        after = np.searchsorted(self.edges, at, side="right")
        return self.edges[np.searchsorted(self.edges, at) - 1], self.edges[after]


def rows(hashes: np.ndarray, bits: int) -> np.ndarray:
    """Hashes (P,) to rows of a table of 2^bits, int64."""
    mixed = (hashes ^ (hashes >> HALF)) * MIX
    mixed ^= mixed >> HALF
    return ((mixed * MIX) >> np.uint64(64 - bits)).astype(np.int64)


def as_codes(text: str) -> np.ndarray:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32).astype(
        np.uint64
    )


def kinds_of(text: str, codes: np.ndarray) -> np.ndarray:
    """The kind of each character: its script and category, or of punctuation itself."""
    different, index = np.unique(codes, return_inverse=True)
    names = [kind_of(chr(int(code))) for code in different]
    hashes = [sum(ord(c) * BASE**i for i, c in enumerate(name)) % (1 << 64) for name in names]
    return np.array(hashes, dtype=np.uint64)[index]


def kind_of(char: str) -> str:
    category = unicodedata.category(char)
    return char if category[0] in "PS" else category + script_of(char)


class Substrings:
    """Hashes of substrings of one sequence of codes, the same wherever they stand: polynomials in
    BASE modulo 2^64, from sums over prefixes (Karp and Rabin 1987).
    """

    def __init__(self, codes: np.ndarray) -> None:
        n = len(codes)
        powers = np.cumprod(np.full(n, BASE, dtype=np.uint64))
        self.inverses = np.cumprod(np.full(n + 1, INVERSE, dtype=np.uint64))
        self.sums = np.concatenate([[np.uint64(0)], np.cumsum((codes + np.uint64(1)) * powers)])

    def of(self, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
        return (self.sums[ends] - self.sums[starts]) * self.inverses[starts]


class Lesson(NamedTuple):
    """A chunk of a corpus, where its words begin, and how often it occurs."""

    chunk: Chunk
    starts: np.ndarray  # (n,) bool
    times: int


def train(lessons: Sequence[Lesson], familiar: Iterable[str], seed: int = 0) -> Boundaries:
    """Logistic regression by Adagrad (Duchi, Hazan and Singer, JMLR 2011), a chunk as often as the
    square root of its occurrences.
    """
    rng = np.random.default_rng(seed)
    words = count_words(lessons)
    weights = np.zeros(1 << BITS, dtype=np.float32)
    squares = np.full(1 << BITS, 1e-6, dtype=np.float32)
    order = np.arange(len(lessons))
    for _ in range(EPOCHS):
        rng.shuffle(order)
        for batch in batches(order, lessons):
            of_batch = Features([lesson.chunk for lesson in batch], words)
            features = of_batch.of(of_batch.places.positions)
            gold = np.concatenate([lesson.starts[1:] for lesson in batch])
            sizes = [len(lesson.starts) - 1 for lesson in batch]
            weight = np.repeat([np.sqrt(lesson.times) for lesson in batch], sizes)
            scores = weights[features].sum(axis=1)
            error = ((1 / (1 + np.exp(-scores)) - gold) * weight).astype(np.float32)
            touched, inverse = np.unique(features, return_inverse=True)
            spread = np.repeat(error, features.shape[1])
            gradient = np.bincount(inverse.ravel(), spread, len(touched)).astype(np.float32)
            gradient += L2 * weights[touched]
            squares[touched] += gradient**2
            weights[touched] -= RATE * gradient / np.sqrt(squares[touched])
    # As they are stored, so that a loaded table decides as this one.
    return Boundaries(weights.astype(np.float16).astype(np.float32), words, familiar)


def batches(order: np.ndarray, lessons: Sequence[Lesson]) -> Iterable[List[Lesson]]:
    batch: List[Lesson] = []
    size = 0
    for i in order.tolist():
        batch.append(lessons[i])
        size += len(lessons[i].starts)
        if size >= BATCH:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def count_words(lessons: Sequence[Lesson]) -> np.ndarray:
    """How often each word occurs, (2^WORD_BITS,): 0, 1 or, for more, 2. A word of the chunk at
    hand says little of it, so that only what occurs twice is worth much.
    """
    counts = np.zeros(1 << WORD_BITS, dtype=np.int64)
    for lesson in lessons:
        codes = Substrings(as_codes(lesson.chunk.text + "\0"))
        edges = np.append(np.flatnonzero(lesson.starts), len(lesson.starts))
        np.add.at(counts, rows(codes.of(edges[:-1], edges[1:]), WORD_BITS), lesson.times)
    return np.minimum(counts, 2).astype(np.uint8)
