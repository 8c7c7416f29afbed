"""What is known of the tags of a batch: one tag, any, or one of several; and what sequences of tags
agree with that.

The loss of partial annotation is log Z - log Z of the sequences that agree (Tsuboi et al. 2008). A
mask of tags a token says which these are if it is told in BILOU, where tags show where a span ends:
in IOB2 a span before a token without annotation could go on. So a student with IOB2 is asked in
BILOU, as `transfer.py` asks a teacher.
"""

from dataclasses import dataclass
from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from .crf import Potentials, cross_entropy, has_sequence, log_partition, marginals, partial_nll
from .schemes import BILOU, Scheme, Span, coarsen, split_tag
from .transfer import FORBIDDEN, Transfer, constrain

MISSING = -1


class Question(NamedTuple):
    """Neighbouring tokens of which several things can be said, each of them a span.

    answers (List[Span]): Spans (start, end, label), each of which overlaps another one; label "" is
        no entity. On these tokens there is nothing but some of them, and a token is outside of
        entities only if an answer leaves it out. Without answers nothing is known.
    """

    start: int
    end: int
    answers: List[Span]

    def moved(self, offset: int) -> "Question":
        """The same of tokens that come so many later."""
        answers = [(start + offset, end + offset, label) for start, end, label in self.answers]
        return Question(self.start + offset, self.end + offset, answers)


@dataclass
class Gold:
    """What is known of the tags of B chains, N tokens.

    tags (ndarray): (N,) index of the tag, MISSING where there is not just one.
    allowed (Optional[ndarray]): (N, S) bool, the states that each token may be in; None: as `tags`
        say.
    states (Optional[Transfer]): What the states are in terms of the student's tags; None: these.
    asked (Optional[ndarray]): (N,) bool, the tokens of which some answers are known.
    """

    tags: np.ndarray
    allowed: Optional[np.ndarray] = None
    states: Optional[Transfer] = None
    asked: Optional[np.ndarray] = None

    @property
    def annotated(self) -> np.ndarray:
        """(N,) bool, of which tokens anything is known."""
        known = self.tags != MISSING
        return known if self.asked is None else known | self.asked

    def partial_nll(
        self, student: Potentials, weights: np.ndarray
    ) -> Tuple[np.ndarray, Potentials]:
        """The negative log-likelihood (B,) of all tag sequences together that agree, times a weight
        a chain, and the gradient of the sum.
        """
        if self.states is None:
            return partial_nll(student, self._allowed(student), weights)
        chains = np.flatnonzero(weights > 0)
        tokens = np.repeat(weights > 0, student.lengths)
        asked = select(student, chains, tokens)
        agreeing = marginals(restrict(asked, self._allowed(student)[tokens], self.states))
        target = self.states.project(agreeing)
        # The cross-entropy of the student and those that agree: the loss, and their entropy, which
        # adds nothing to the gradient.
        _, gradient = cross_entropy(asked, target, weights[chains])
        losses, unary = np.zeros(len(weights)), np.zeros(student.unary.shape)
        losses[chains] = weights[chains] * (log_partition(asked) - agreeing.log_partition)
        unary[tokens] = gradient.unary
        edges = (gradient.transitions, gradient.start, gradient.end)
        return losses, Potentials(unary, student.lengths, *edges)

    def _allowed(self, student: Potentials) -> np.ndarray:
        if self.allowed is not None:
            return self.allowed
        return one_or_any(self.tags, student.n_labels, student.n_labels)


def tag_gold(tags: np.ndarray, questions: Sequence[Question], labels: Sequence[str]) -> Gold:
    """Of a tagger: a question is about one token, and its answers are the tags that it may have.

    tags (ndarray): (N,) indices, MISSING where not annotated. Questions come before them.
    """
    if not questions:
        return Gold(tags)
    tags, asked = open_questions(tags, questions)
    index = {label: i for i, label in enumerate(labels)}
    allowed = one_or_any(tags, len(labels), len(labels))
    for question in questions:
        if question.answers:
            allowed[question.start] = False
            allowed[question.start, [index[label] for _, _, label in question.answers]] = True
    return Gold(tags, allowed, asked=asked)


def span_gold(
    tags: np.ndarray,
    questions: Sequence[Question],
    labels: Sequence[str],
    scheme: Scheme,
    student: Potentials,
) -> Gold:
    """Of spans. What no legal sequence of a chain agrees with is treated as not annotated.

    tags (ndarray): (N,) indices of the scheme's tags, MISSING where not annotated. Questions come
        before them: of an entity that a question cuts nothing remains.
    student (Potentials): B chains, N tokens, constrained.
    """
    if not questions and (scheme is BILOU or (tags != MISSING).all()):
        return Gold(tags)
    questions = [within_a_chain(question, student.lengths) for question in questions]
    own = scheme.tags(labels)
    tags, asked = open_questions(uncut(tags, questions, own, scheme), questions)
    slots = tell_apart(questions, labels)
    names = BILOU.tags([str(i) for i in range(len(slots))])
    states = states_of(names, [label for label, _ in slots], own, scheme, student)
    n_base = 1 + len(BILOU.positions) * len(labels)
    allowed = one_or_any(tags if scheme is BILOU else refined(tags, own), n_base, len(names))
    before = allowed.copy()
    place = {slot: str(i) for i, slot in enumerate(slots)}
    index = {name: i for i, name in enumerate(names)}
    for question in questions:
        if question.answers:
            write_answers(allowed, question, place, index)
    legal = has_sequence(restrict(student, allowed, states))
    hopeless = np.repeat(~legal, student.lengths)
    allowed[hopeless], asked[hopeless] = before[hopeless], False
    is_own = scheme is BILOU and len(slots) == len(labels)
    return Gold(tags, allowed, None if is_own else states, asked)


def write_answers(
    allowed: np.ndarray,
    question: Question,
    place: Dict[Tuple[str, int], str],
    index: Dict[str, int],
) -> None:
    """The states (N, S) of the tokens of a question."""
    start, end, answers = question
    allowed[start:end] = False
    for (first, last, label), copy in zip(answers, copies(answers)):
        # What lies beside an answer, or in one that says so, may be outside.
        allowed[start:first, 0] = allowed[last:end, 0] = True
        if not label:
            allowed[first:last, 0] = True
            continue
        for token, position in enumerate(BILOU.encode_span(last - first), first):
            allowed[token, index[f"{position}-{place[label, copy]}"]] = True


def copies(answers: Sequence[Span]) -> List[int]:
    """Which copy of its label each answer gets: others for two spans of one label that overlap and
    share neither end. From the tags of such two, spans could be put together that nobody named.
    """
    taken: List[int] = []
    for i, (start, end, label) in enumerate(answers):
        near = {
            copy
            for (first, last, other), copy in zip(answers[:i], taken)
            if other == label and first != start and last != end and first < end and start < last
        }
        taken.append(min(set(range(len(near) + 1)) - near))
    return taken


def tell_apart(questions: Sequence[Question], labels: Sequence[str]) -> List[Tuple[str, int]]:
    """The labels, and those copies of them that are needed: (label, number of the copy)."""
    needed = {
        (label, copy)
        for question in questions
        for (_, _, label), copy in zip(question.answers, copies(question.answers))
        if copy and label  # what is outside has no ends
    }
    return [*((label, 0) for label in labels), *sorted(needed)]


def states_of(
    names: Sequence[str],
    slots: Sequence[str],
    own: Sequence[str],
    scheme: Scheme,
    student: Potentials,
) -> Transfer:
    """The states, named as BILOU tags of numbered labels, in terms of the student's own tags."""
    index = {tag: i for i, tag in enumerate(own)}
    columns = []
    for position, slot in map(split_tag, names):
        tag = f"{position}-{slots[int(slot)]}" if slot else position
        columns.append(index[tag if scheme is BILOU else coarsen(tag)])
    of_tag = np.array(columns)
    scores = (
        student.transitions[np.ix_(of_tag, of_tag)],
        student.start[of_tag],
        student.end[of_tag],
    )
    return Transfer(of_tag, of_tag, constrain(scores, BILOU.constraints(names)), len(own))


def restrict(student: Potentials, allowed: np.ndarray, states: Transfer) -> Potentials:
    """The potentials of the states (N, S) that are allowed."""
    unary = np.where(allowed, student.unary[:, states.columns], FORBIDDEN)
    return Potentials(unary, student.lengths, *states.chain)


def select(p: Potentials, chains: np.ndarray, tokens: np.ndarray) -> Potentials:
    """Some chains, by their indices and a mask (N,) of their tokens."""
    return Potentials(p.unary[tokens], p.lengths[chains], p.transitions, p.start, p.end)


def one_or_any(tags: np.ndarray, n_any: int, n: int) -> np.ndarray:
    """(N, n) bool: of each token its tag alone, or where it is missing the first ones, n_any."""
    allowed = np.zeros((len(tags), n), dtype=bool)
    known = tags != MISSING
    allowed[~known, :n_any] = True
    allowed[known, tags[known]] = True
    return allowed


def open_questions(
    tags: np.ndarray, questions: Sequence[Question]
) -> Tuple[np.ndarray, np.ndarray]:
    """Tags (N,) without those that a question is about; and for which tokens answers are known."""
    tags, asked = tags.copy(), np.zeros(len(tags), dtype=bool)
    for start, end, answers in questions:
        tags[start:end] = MISSING
        asked[start:end] = bool(answers)
    return tags, asked


def within_a_chain(question: Question, lengths: np.ndarray) -> Question:
    """Without answers where one crosses the end of a chain: nobody could give it."""
    ends = np.cumsum(lengths)
    crossing = any(
        np.searchsorted(ends, first, "right") != np.searchsorted(ends, last - 1, "right")
        for first, last, _ in question.answers
    )
    return question._replace(answers=[]) if crossing else question


def uncut(
    tags: np.ndarray, questions: Sequence[Question], own: Sequence[str], scheme: Scheme
) -> np.ndarray:
    """Tags (N,) without what is left of entities of which a question takes a part."""
    tags = tags.copy()
    opens = scheme.constraints(own)[1]
    for start, end, _ in questions:
        while end < len(tags) and tags[end] != MISSING and not opens[tags[end]]:
            tags[end], end = MISSING, end + 1
        while start < len(tags) and tags[start] != MISSING and not opens[tags[start]]:
            tags[start], start = MISSING, start - 1
            if opens[tags[start]]:
                tags[start] = MISSING
    return tags


def refined(tags: np.ndarray, own: Sequence[str]) -> np.ndarray:
    """The BILOU tags (N,) of IOB2 tags (N,), both indices, the labels in the same order."""
    fine = []
    for tag, following in zip(tags, [*tags[1:], MISSING]):
        position, label = split_tag(own[tag]) if tag != MISSING else ("", "")
        goes_on = following != MISSING and own[following] == f"I-{label}"
        if position in ("", "O"):
            fine.append(tag)
        else:
            first = 1 + len(BILOU.positions) * ((tag - 1) // 2)
            names = {"B": "BU", "I": "IL"}[position]
            fine.append(first + BILOU.positions.index(names[0 if goes_on else 1]))
    return np.array(fine, dtype=np.int64)
