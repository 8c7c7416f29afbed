"""The labels of a token classifier, understood: which tags of which scheme they are."""

import re
from dataclasses import dataclass, field
from typing import Dict, List, Mapping, Optional, Sequence, Set, Tuple

import numpy as np

from ..errors import Errors, SkdError
from ..schemes import OUTSIDE, get_scheme, split_tag

# How schemes call a position, and how ours do: E and S of BIOES, M of BMES.
POSITIONS = {"B": "B", "I": "I", "M": "I", "L": "L", "E": "L", "U": "U", "S": "U"}
SPAN_TAG = re.compile(rf"([{''.join(POSITIONS)}])[-_](.+)")


@dataclass(frozen=True)
class ClassifierSettings:
    """How a token classifier is asked.

    renamed (Mapping[str, str]): Its labels, without B- and the like, as the student calls them; two
        may become one. "" drops a label: spans of it are no spans, and what is left of tags without
        spans is renormalised. A name as a whole may become a tag of spans: LABEL_1 is B-PER.
    pooling (str): Scores of a word: of its "first" piece, or the "mean" of its pieces.
    scheme (Optional[str]): "IOB1" or "IOB2" where names alone do not tell; None: IOB1 if no name
        begins with B, else IOB2.
    """

    renamed: Mapping[str, str] = field(default_factory=dict)
    pooling: str = "first"
    scheme: Optional[str] = None


@dataclass(frozen=True)
class Tagset:
    """What a classifier's labels mean.

    scheme (str): "plain", "IOB1", "IOB2" or "BILOU".
    tags (Tuple[str, ...]): (L,) tags of the scheme.
    columns (Tuple[Tuple[int, ...], ...]): For each tag the classifier's labels whose probabilities
        add up to its own; none for a tag that the classifier cannot give.
    """

    scheme: str
    tags: Tuple[str, ...]
    columns: Tuple[Tuple[int, ...], ...]

    @property
    def labels(self) -> Set[str]:
        """What the tags are about, without positions."""
        if self.scheme == "plain":
            return set(self.tags)
        return {split_tag(tag)[1] for tag in self.tags} - {""}

    def scores(self, logits: np.ndarray) -> np.ndarray:
        """Log probabilities (n, L) of the tags from the classifier's logits (n, labels)."""
        log_probs = logits - log_sum(logits)
        scores = [
            log_sum(log_probs[:, list(columns)]) if columns else np.full((len(logits), 1), -np.inf)
            for columns in self.columns
        ]
        together = np.concatenate(scores, axis=1)
        return together - log_sum(together)


def log_sum(scores: np.ndarray) -> np.ndarray:
    """log(sum(exp(scores))) of each row, (n, 1)."""
    highest = scores.max(axis=1, keepdims=True)
    return highest + np.log(np.exp(scores - highest).sum(axis=1, keepdims=True))


def read_labels(names: Sequence[str], settings: ClassifierSettings, source: str) -> Tagset:
    """Understand a classifier's labels, in the order of its logits.

    source (str): What the classifier is called in messages.
    Raises `SkdError` for labels to be renamed that it does not have, for labels of which only some
    are of spans, if none is left, and for a scheme that they contradict.
    """
    renamed = {n: label for n, label in settings.renamed.items() if not is_meant(n, label, names)}
    names = meant_names(names, settings)
    parts = {i: split_name(name) for i, name in enumerate(names)}
    spans = any(part is not None and part != (OUTSIDE, "") for part in parts.values())
    if not spans:
        parts = {i: ("", name) for i, name in enumerate(names)}
    # A name that is no tag at all, such as [CLS], can be dropped as it is.
    dropped = [i for i, name in enumerate(names) if renamed.get(name) == ""]
    odd = [names[i] for i, part in parts.items() if part is None and i not in dropped]
    if odd:
        raise SkdError(Errors.SKD162.format(source=source, names=", ".join(odd)))
    known = {part[1] for part in parts.values() if part is not None} | {names[i] for i in dropped}
    unknown = [name for name in renamed if name not in known]
    if unknown:
        labels = ", ".join(sorted(known - {""}))
        raise SkdError(Errors.SKD161.format(name=unknown[0], source=source, labels=labels))
    if spans:
        positions = {part[0] for part in parts.values() if part is not None} - {OUTSIDE}
        tagset = span_tags(parts, scheme_of(positions, settings.scheme, source), renamed)
    else:
        tagset = plain_tags(names, renamed)
    if not tagset.labels:
        raise SkdError(Errors.SKD163.format(source=source))
    return tagset


def meant_names(names: Sequence[str], settings: ClassifierSettings) -> List[str]:
    """A classifier's labels, those that say what they mean in the place of such as LABEL_1."""
    renamed = settings.renamed
    return [renamed[n] if is_meant(n, renamed.get(n, ""), names) else n for n in names]


def is_meant(name: str, label: str, names: Sequence[str]) -> bool:
    """Whether a name as a whole is renamed, to a tag of spans, and not what follows its B-."""
    return name in names and split_name(label) is not None


def split_name(name: str) -> Optional[Tuple[str, str]]:
    """Position, as our schemes call it, and label; None for what is no tag of a span scheme."""
    if name == OUTSIDE:
        return OUTSIDE, ""
    match = SPAN_TAG.fullmatch(name)
    return None if match is None else (POSITIONS[match[1]], match[2])


def scheme_of(positions: Set[str], asked: Optional[str], source: str) -> str:
    """The scheme that has these positions. With B and I alone IOB2 is meant nearly always, but the
    names would be the same in IOB1.
    """
    if positions & {"L", "U"}:
        possible = ["BILOU"]
    elif "B" in positions:
        possible = ["IOB2", "IOB1"]
    else:
        possible = ["IOB1"]
    if asked is not None and asked not in possible:
        found = ", ".join(sorted(positions))
        raise SkdError(Errors.SKD164.format(source=source, positions=found, scheme=asked))
    return asked or possible[0]


def span_tags(
    parts: Mapping[int, Optional[Tuple[str, str]]], scheme: str, renamed: Mapping[str, str]
) -> Tagset:
    """Dropped labels count as O: their spans are none."""
    columns: Dict[str, List[int]] = {}
    labels: Dict[str, None] = {}
    for i, part in parts.items():
        position, label = part or (OUTSIDE, "")
        label = renamed.get(label, label)
        columns.setdefault(f"{position}-{label}" if label else OUTSIDE, []).append(i)
        labels.setdefault(label)
    tags = get_scheme(scheme).tags([label for label in labels if label])
    return Tagset(scheme, tuple(tags), tuple(tuple(columns.get(tag, ())) for tag in tags))


def plain_tags(names: Sequence[str], renamed: Mapping[str, str]) -> Tagset:
    columns: Dict[str, List[int]] = {}
    for i, name in enumerate(names):
        if tag := renamed.get(name, name):
            columns.setdefault(tag, []).append(i)
    return Tagset("plain", tuple(columns), tuple(map(tuple, columns.values())))
