"""From the sentences of a corpus to a table of boundaries."""

import typing
from collections import Counter, defaultdict
from typing import Callable, Dict, Iterable, Iterator, List, Optional, Tuple

import numpy as np
from spacy.tokens import Doc

from ..corpora.multiword import written
from ..corpora.scripts import WITHOUT_SPACES, is_wide_mark
from ..corpora.stored import words_and_spaces
from ..corpora.surface import MULTIWORD, Surface, surface_of
from .boundaries import Boundaries, Chunk, Lesson, neighbours_of, train
from .restoring import Spacing, between_spaces, is_split

# How often characters have to stand side by side before more is known of what is between them than
# by rule: letters of one script, others, and those beside a letter or mark of a script without
# spaces, of which the rules know nothing.
ENOUGH_LETTERS, ENOUGH, ENOUGH_WITHOUT_SPACES = 500, 30, 5

Piece = Tuple[str, bytes]


def learn(docs: Iterable[Doc], by_rule: Callable[[str], Chunk]) -> Optional[Boundaries]:
    """A table trained on the sentences whose text is known, or can be told from those of the same
    language. None where there is none.

    by_rule (Callable): A piece without white space -> where tokens begin in it by the rules.
    """
    languages: Dict[str, List[Doc]] = defaultdict(list)
    for doc in docs:
        languages[doc.user_data.get("lang", "")].append(doc)
    counts: typing.Counter[Piece] = Counter()
    for of_language in languages.values():
        counts.update(pieces_of(of_language))
    lessons = [
        Lesson(by_rule(text), np.frombuffer(starts, dtype=bool), count)
        for (text, starts), count in counts.items()
    ]
    seen: Dict[str, int] = Counter()
    for lesson in lessons:
        for pair in neighbours_of(lesson.chunk.text):
            seen[pair] += lesson.times
    familiar = {pair for pair, count in seen.items() if count >= enough(*pair.split(" "))}
    return train(lessons, familiar) if familiar else None


def enough(left: str, right: str) -> int:
    if any(side in WITHOUT_SPACES or is_wide_mark(side) for side in (left, right)):
        return ENOUGH_WITHOUT_SPACES
    return ENOUGH_LETTERS if left == right and len(left) > 1 else ENOUGH


def pieces_of(docs: List[Doc]) -> Iterator[Piece]:
    """What stands between spaces in the text of a language's sentences, with where words begin,
    bool bytes.
    """
    known: List[Tuple[Doc, Surface]] = []
    unknown: List[Tuple[Doc, Surface]] = []
    for doc, split in zip(docs, is_split(docs)):
        surface = surface_of(doc)
        (unknown if split or not surface.known else known).append((doc, surface))
    for doc, surface in known:
        yield from pieces_of_surface(doc, surface)
    spacing = Spacing(doc for doc, _ in known)
    for doc, _ in unknown if spacing.seen else ():
        yield from spacing.pieces(doc)


def pieces_of_surface(doc: Doc, surface: Surface) -> Iterator[Piece]:
    starts = np.zeros(len(surface.text), dtype=bool)
    for (start, _), fused in zip(surface.spans, surface.fused):
        starts[start] |= not fused
    words, _ = words_and_spaces(doc)
    for first, end, form in doc.user_data.get(MULTIWORD, ()):
        at = surface.spans[first][0]
        for part in written(words[first:end], form):
            starts[at] = True
            at += len(part.text)
    yield from between_spaces(surface.text, starts)
