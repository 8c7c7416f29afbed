"""What a teacher knows, said in the tags of the student.

Labels are matched by name, schemes by the spans that they encode. Both IOB2 and BILOU describe the
same spans, so a distribution over sequences of the one is one over sequences of the other:

- an IOB2 teacher of a BILOU student gives each BILOU tag the scores of its IOB2 tag, and the BILOU
  constraints keep exactly one sequence for each set of spans (`Transfer.potentials`);
- a BILOU teacher of an IOB2 student is asked in BILOU, and the expected counts of the tags that
  IOB2 does not tell apart are added up (`Transfer.project`);
- an IOB1 teacher is asked in the scheme of the student, with two tags for each that begins a span:
  one after a span of the same label, with the score of its B, and one after anything else, with the
  score of its I.

All are exact.
"""

from dataclasses import dataclass
from typing import List, Sequence, Tuple

import numpy as np

from .crf import Moments, Potentials
from .crf.transitions import rename
from .errors import Errors, SkdError
from .schemes import SPAN_SCHEMES, Legality, coarsen, get_scheme, split_tag

FORBIDDEN = -np.inf

# Names, the teacher's tag behind each, and which of their sequences are legal.
Expansion = Tuple[List[str], np.ndarray, Legality]


@dataclass(frozen=True, eq=False)
class Teacher:
    """The part of a teacher that all sentences share. Scores as learned, without constraints."""

    tags: Tuple[str, ...]
    scheme: str
    transitions: np.ndarray  # (L, L) [from, to]
    start: np.ndarray  # (L,)
    end: np.ndarray  # (L,)


def constrain(
    scores: Tuple[np.ndarray, np.ndarray, np.ndarray], legality: Tuple[np.ndarray, ...]
) -> Tuple[np.ndarray, ...]:
    """Transition (L, L), start (L,) and end (L,) scores with -inf wherever it is not legal."""
    return tuple(np.where(legal, score, FORBIDDEN) for score, legal in zip(scores, legality))


@dataclass(frozen=True)
class Transfer:
    """The way from one teacher's tags (Lt) to one student's (Ls).

    columns (ndarray): (Lx,) the teacher's tag behind each tag of the expanded teacher.
    targets (ndarray): (Lx,) the student's tag of each tag of the expanded teacher.
    chain (tuple): Transition, start and end scores of the expanded teacher, constrained.
    n_tags (int): Ls.
    """

    columns: np.ndarray
    targets: np.ndarray
    chain: Tuple[np.ndarray, ...]
    n_tags: int

    def potentials(
        self, emissions: np.ndarray, lengths: np.ndarray, allowed: np.ndarray
    ) -> Potentials:
        """The teacher's potentials for some chains.

        emissions (ndarray): (N, Lt) emission scores of the teacher.
        lengths (ndarray): (B,) tokens of each chain.
        allowed (ndarray): (N, Ls) bool, what the student can predict. Mass elsewhere is dropped and
            the rest renormalised: the loss of a student that cannot agree would be infinite.
        """
        scores = emissions[:, self.columns]
        # Half precision is for storage: temperatures would round once more, and probabilities be
        # off by a thousandth.
        scores = scores.astype(np.result_type(scores, np.float32), copy=False)
        unary = np.where(allowed[:, self.targets], scores, FORBIDDEN)
        return Potentials(unary, lengths, *self.chain)

    def project(self, moments: Moments) -> Moments:
        """Expected counts in the student's tags: unary (N, Ls), transitions (B, Ls, Ls)."""
        if self._same_tags:
            return moments
        return Moments(
            self.project_unary(moments.unary),
            rename(moments.transitions, self.targets, self.n_tags),
            moments.log_partition,
        )

    def project_unary(self, unary: np.ndarray) -> np.ndarray:
        """Tag probabilities (N, Lx) in the student's tags (N, Ls)."""
        return unary if self._same_tags else unary @ np.eye(self.n_tags)[self.targets]

    @property
    def _same_tags(self) -> bool:
        """The rule in practice: all languages have the same labels."""
        n = self.n_tags
        return len(self.targets) == n and bool((self.targets == np.arange(n)).all())


def make_transfer(teacher: Teacher, scheme: str, tags: Sequence[str]) -> Transfer:
    """Match a teacher's tags with a student's. A student's tag that the teacher never saw gets no
    mass; a teacher's tag whose label the student lacks is an `SkdError`, and so are two schemes of
    which one has spans and the other none.
    """
    index = {tag: i for i, tag in enumerate(tags)}
    if teacher.scheme == "IOB1" and scheme in SPAN_SCHEMES:
        names, columns, legality = expand_iob1(teacher.tags, scheme)
    elif teacher.scheme == "IOB2" and scheme == "BILOU":
        names, columns, legality = expand_iob2(teacher.tags)
    elif teacher.scheme == "BILOU" and scheme == "IOB2":
        names, columns, legality = unexpanded(teacher)
        names = [coarsen(tag) for tag in names]
    elif teacher.scheme == scheme:
        names, columns, legality = unexpanded(teacher)
    else:
        raise SkdError(Errors.SKD024.format(teacher=teacher.scheme, student=scheme))
    lacking = sorted({name for name in names if name not in index})
    if lacking:
        raise SkdError(Errors.SKD023.format(tags=", ".join(lacking)))
    scores = (
        teacher.transitions[np.ix_(columns, columns)],
        teacher.start[columns],
        teacher.end[columns],
    )
    chain = constrain(scores, legality)
    return Transfer(columns, np.array([index[name] for name in names]), chain, len(index))


def unexpanded(teacher: Teacher) -> Expansion:
    tags = list(teacher.tags)
    return tags, np.arange(len(tags)), get_scheme(teacher.scheme).constraints(tags)


def expand_iob2(tags: Sequence[str]) -> Expansion:
    """The BILOU tags of an IOB2 teacher, each with the scores of its IOB2 tag."""
    bilou = get_scheme("BILOU")
    source = {tag: i for i, tag in enumerate(tags)}
    names = bilou.tags([tag[2:] for tag in tags if tag.startswith("B-")])
    columns = np.array([source[coarsen(tag)] for tag in names])
    return names, columns, bilou.constraints(names)


def expand_iob1(tags: Sequence[str], scheme: str) -> Expansion:
    """The tags of a student's scheme for an IOB1 teacher, those that begin a span twice."""
    target = get_scheme(scheme)
    source = {tag: i for i, tag in enumerate(tags)}
    names, columns, adjacent, fresh = [], [], [], []
    for name in target.tags([tag[2:] for tag in tags if tag.startswith("I-")]):
        position, label = split_tag(name)
        opens = position in target.opening
        for of_neighbour in (False, True) if opens else (False,):
            column = source.get(f"{'B' if of_neighbour else 'I'}-{label}" if label else name)
            if column is not None:
                names.append(name)
                columns.append(column)
                adjacent.append(of_neighbour)
                fresh.append(opens and not of_neighbour)
    transitions, start, end = target.constraints(names)
    labels = np.array([split_tag(name)[1] for name in names])
    same = labels[:, None] == labels[None, :]
    transitions = transitions & np.where(same, ~np.array(fresh), ~np.array(adjacent))
    return names, np.array(columns), (transitions, start & ~np.array(adjacent), end)
