"""Tag schemes: how labelled spans become one tag a token, and which tag sequences are legal.

`plain` has one tag a label and no spans (part-of-speech tagging). `IOB2` and `BILOU` encode spans;
in both a legal sequence and its spans determine each other, so that constraining a CRF to legal
sequences loses nothing and no prediction needs repair.
"""

from dataclasses import dataclass
from typing import Any, Callable, List, Optional, Sequence, Tuple

import numpy as np

from .errors import Errors, SkdError

Span = Tuple[int, int, str]
Legality = Tuple[np.ndarray, np.ndarray, np.ndarray]

OUTSIDE = "O"


def split_tag(tag: str) -> Tuple[str, str]:
    """Split a tag into position and label: "B-PER" -> ("B", "PER"), "O" -> ("O", "")."""
    position, _, label = tag.partition("-")
    return position, label


@dataclass(frozen=True)
class Scheme:
    """A tag scheme for spans. `opening` and `closing` are the positions at which a span may begin
    and end; "B" and "I" are both or neither of them, depending on the scheme. `outside` is the
    place of the tag "O".
    """

    name: str
    positions: Tuple[str, ...]
    opening: Tuple[str, ...]
    closing: Tuple[str, ...]
    encode_span: Callable[[int], List[str]]
    outside: Optional[int] = 0

    def tags(self, labels: Sequence[str]) -> List[str]:
        """The tags for some labels, in the order of the CRF's columns; "O" is the first."""
        return [OUTSIDE] + [f"{p}-{label}" for label in labels for p in self.positions]

    def constraints(self, tags: Sequence[str]) -> Legality:
        """Which transitions (L, L) [from, to], start tags (L,), end tags (L,) are legal (bool)."""
        parts = [split_tag(tag) for tag in tags]
        start = np.array([self._opens(position) for position, _ in parts], dtype=bool)
        end = np.array([self._closes(position) for position, _ in parts], dtype=bool)
        label = np.array([label for _, label in parts])
        inside = ~start[None, :] & (label[:, None] == label[None, :]) & self._continues(parts)
        transitions = inside | (end[:, None] & start[None, :])
        return transitions, start, end

    def encode(self, spans: Sequence[Span], n: int) -> List[str]:
        """Tags of `n` tokens for spans (start, end, label) that do not overlap."""
        tags = [OUTSIDE] * n
        for start, end, label in spans:
            tags[start:end] = [f"{p}-{label}" for p in self.encode_span(end - start)]
        return tags

    def decode(self, tags: Sequence[str]) -> List[Span]:
        """The spans (start, end, label) of a legal tag sequence."""
        spans, start = [], 0
        for i, tag in enumerate(tags):
            if tag == OUTSIDE:
                continue
            position, label = split_tag(tag)
            if self._opens(position):
                start = i
            follows = split_tag(tags[i + 1])[0] if i + 1 < len(tags) else OUTSIDE
            if self._closes(position) and self._opens(follows):
                spans.append((start, i + 1, label))
        return spans

    def _opens(self, position: str) -> bool:
        return position == OUTSIDE or position in self.opening

    def _closes(self, position: str) -> bool:
        return position == OUTSIDE or position in self.closing

    def _continues(self, parts: Sequence[Tuple[str, str]]) -> np.ndarray:
        """(L, 1): whether a span may go on after the tag. In BILOU it may not after L and U."""
        return np.array([[p in ("B", "I")] for p, _ in parts], dtype=bool)


@dataclass(frozen=True)
class Plain:
    """One tag a label, every sequence legal."""

    name: str = "plain"
    outside: Optional[int] = None

    def tags(self, labels: Sequence[str]) -> List[str]:
        return list(labels)

    def constraints(self, tags: Sequence[str]) -> Legality:
        n = len(tags)
        return np.ones((n, n), dtype=bool), np.ones(n, dtype=bool), np.ones(n, dtype=bool)


@dataclass(frozen=True)
class IOB1:
    """A span begins with I; with B only where one of the same label ends before it. Old corpora are
    in it, and classifiers trained on them: a teacher's scheme, none of a component. Where B is
    missing, neighbours of one label are one span.
    """

    name: str = "IOB1"

    def tags(self, labels: Sequence[str]) -> List[str]:
        return [OUTSIDE] + [f"{p}-{label}" for label in labels for p in ("I", "B")]

    def constraints(self, tags: Sequence[str]) -> Legality:
        parts = [split_tag(tag) for tag in tags]
        begins = np.array([position == "B" for position, _ in parts], dtype=bool)
        label = np.array([label for _, label in parts])
        transitions = ~begins[None, :] | (label[:, None] == label[None, :])
        return transitions, ~begins, np.ones(len(tags), dtype=bool)


def _iob2_positions(length: int) -> List[str]:
    return ["B"] + ["I"] * (length - 1)


def _bilou_positions(length: int) -> List[str]:
    return ["U"] if length == 1 else ["B"] + ["I"] * (length - 2) + ["L"]


PLAIN = Plain()
IOB2 = Scheme("IOB2", ("B", "I"), ("B",), ("B", "I"), _iob2_positions)
BILOU = Scheme("BILOU", ("B", "I", "L", "U"), ("B", "U"), ("L", "U"), _bilou_positions)
SPAN_SCHEMES = {scheme.name: scheme for scheme in (BILOU, IOB2)}
SCHEMES = {PLAIN.name: PLAIN, **SPAN_SCHEMES, "IOB1": IOB1()}


def get_scheme(name: str) -> Any:
    """The scheme "plain", "IOB2", "BILOU" or "IOB1". Raises `SkdError` for any other name."""
    if name not in SCHEMES:
        raise SkdError(Errors.SKD020.format(name=name, names=", ".join(SCHEMES)))
    return SCHEMES[name]


def coarsen(tag: str) -> str:
    """The IOB2 tag of a BILOU tag: U becomes B, L becomes I."""
    position, label = split_tag(tag)
    if position == OUTSIDE:
        return tag
    return f"{'B' if position in ('B', 'U') else 'I'}-{label}"


def repair_iob(tags: Sequence[str]) -> Tuple[List[str], int]:
    """Make IOB1 or broken IOB2 tags legal IOB2, reading them as the CoNLL evaluation does: an I
    that continues nothing begins a span.

    RETURNS: The tags and the number of tags changed.
    """
    repaired: List[str] = []
    previous: Optional[str] = None
    for tag in tags:
        position, label = split_tag(tag)
        if position == "I" and label != previous:
            position = "B"
        repaired.append(tag if position == OUTSIDE else f"{position}-{label}")
        previous = None if position == OUTSIDE else label
    return repaired, sum(a != b for a, b in zip(tags, repaired))
