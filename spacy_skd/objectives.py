"""The losses of structure-level knowledge distillation, from potentials and targets.

Every objective compares the student with a *target distribution* of its teachers. For the
sequence-level ones the target enters through its moments only (see `crf.moments`), so that any sum
of them, and of them and gold, is one cross-entropy and one forward-backward pass of the student.
"""

from dataclasses import dataclass
from typing import Any, Dict, Iterator, List, Optional, Tuple, Union

import numpy as np
from spacy import registry

from .annotation import MISSING, Gold
from .crf import (
    Moments,
    Potentials,
    cross_entropy,
    emission_cross_entropy,
    kbest,
    kbest_moments,
    marginals,
    mix,
    nll,
    posterior_cross_entropy,
)
from .crf.transitions import add, no_transitions
from .errors import Errors, SkdError
from .schedules import Schedule, make_weight
from .settings import check_number
from .transfer import Transfer

Loss = Tuple[np.ndarray, Potentials]


def structural(teacher: Potentials, k: int) -> Moments:
    """The teacher's whole distribution (Wang et al. 2021, section 3)."""
    return marginals(teacher)


def top_k(teacher: Potentials, k: int) -> Moments:
    """The teacher's k best sequences, weight 1/k each (Wang et al. 2020, eq. 8)."""
    return kbest_moments(kbest(teacher, k), teacher.n_labels, weighted=False)


def top_wk(teacher: Potentials, k: int) -> Moments:
    """The k best, weighted by the teacher's probability renormalised over them (2020, eq. 9)."""
    return kbest_moments(kbest(teacher, k), teacher.n_labels, weighted=True)


def posterior_target(teacher: Potentials) -> np.ndarray:
    """The teacher's tag probabilities (N, L) by forward-backward (2020, eq. 10-12)."""
    return marginals(teacher).unary


def emission_target(teacher: Potentials) -> np.ndarray:
    """The softmax (N, L) of the teacher's emission scores, transitions ignored (2020, eq. 5)."""
    scores = np.exp(teacher.unary - teacher.unary.max(axis=1, keepdims=True, initial=-1e30))
    return scores / scores.sum(axis=1, keepdims=True)


SEQUENCE_OBJECTIVES = {"structural": structural, "top_k": top_k, "top_wk": top_wk}
TOKEN_OBJECTIVES = {
    "posterior": (posterior_target, posterior_cross_entropy),
    "emission": (emission_target, emission_cross_entropy),
}
OBJECTIVES = (*SEQUENCE_OBJECTIVES, *TOKEN_OBJECTIVES)

# Beyond these a setting is a mistake: time and memory grow with k, and the scores of a teacher with
# the inverse of its temperature.
MAX_K = 1000
TEMPERATURES = (0.001, 1000)
OBJECTIVE_WEIGHTS = (0.001, 1000)


@dataclass
class Knowledge:
    """The targets of one batch (B chains, N tokens), in the student's L tags.

    taught (ndarray): (B,) the number of teachers of each chain.
    moments (Optional[Moments]): Of the sequence-level targets, their weights normalised to 1.
    unary (Dict[str, ndarray]): (N, L) tag probabilities of each token-level objective.
    """

    taught: np.ndarray
    moments: Optional[Moments]
    unary: Dict[str, np.ndarray]

    @classmethod
    def empty(cls, lengths: np.ndarray, n_tags: int, objective: Dict[str, float]) -> "Knowledge":
        n = int(lengths.sum())
        sequence_level = any(name in SEQUENCE_OBJECTIVES for name in objective)
        nothing = Moments(np.zeros((n, n_tags)), no_transitions(len(lengths), n_tags))
        return cls(
            np.zeros(len(lengths), dtype=np.int32),
            nothing if sequence_level else None,
            {name: np.zeros((n, n_tags)) for name in objective if name in TOKEN_OBJECTIVES},
        )

    def add(self, part: "Knowledge", chains: np.ndarray, tokens: np.ndarray) -> None:
        """Add what one teacher says of some chains (their indices, and those of their tokens)."""
        self.taught[chains] += 1
        if self.moments is not None and part.moments is not None:
            self.moments.unary[tokens] += part.moments.unary
            self.moments.transitions = add(
                self.moments.transitions, part.moments.transitions, chains
            )
        for name, unary in self.unary.items():
            unary[tokens] += part.unary[name]

    def average(self, lengths: np.ndarray) -> None:
        """Divide by the number of teachers: an ensemble is the even mixture of its members."""
        share = 1.0 / np.maximum(self.taught, 1)
        if self.moments is not None:
            self.moments = mix([(share, self.moments)], lengths)
        for unary in self.unary.values():
            unary *= np.repeat(share, lengths)[:, None]


@dataclass(frozen=True)
class Distillation:
    """How a component learns from teachers. See `make_distillation`."""

    objective: Dict[str, float]
    k: int
    temperature: float
    teacher_temperature: float
    kd_weight: Schedule

    def ask(self, teacher: Potentials, transfer: Transfer) -> Knowledge:
        """The targets that a teacher's potentials give for its chains, in the student's tags."""
        softened = teacher.tempered(self.teacher_temperature)
        tempered = softened.tempered(self.temperature)
        weights = {o: w for o, w in self.objective.items() if o in SEQUENCE_OBJECTIVES}
        parts = [
            (weight / sum(weights.values()), SEQUENCE_OBJECTIVES[name](tempered, self.k))
            for name, weight in weights.items()
        ]
        return Knowledge(
            np.ones(len(teacher.lengths), dtype=np.int32),
            transfer.project(mix(parts)) if parts else None,
            {
                name: transfer.project_unary(TOKEN_OBJECTIVES[name][0](softened))
                for name in self.objective
                if name in TOKEN_OBJECTIVES
            },
        )

    def loss(self, student: Potentials, knowledge: Knowledge, weights: np.ndarray) -> Loss:
        """The distillation loss of each chain (B,) times its weight, and the gradient of the sum.
        Tempered losses are multiplied by the temperature squared, as is the custom.
        """
        terms = []
        if knowledge.moments is not None:
            total = sum(w for name, w in self.objective.items() if name in SEQUENCE_OBJECTIVES)
            tempered = student.tempered(self.temperature)
            scale = self.temperature**2 * total
            losses, gradient = cross_entropy(tempered, knowledge.moments, weights * scale)
            terms.append((losses, gradient.tempered(self.temperature)))  # d(scores / T) / d(scores)
        for name, unary in knowledge.unary.items():
            token_loss = TOKEN_OBJECTIVES[name][1]
            weighted = weights * self.objective[name]
            terms.append(token_loss(student, unary, weighted, self.temperature))
        return add_losses(terms)


def supervised_loss(student: Potentials, gold: Gold, weights: np.ndarray) -> Loss:
    """Negative log-likelihood (B,) of gold. A chain that is annotated in part is as likely as all
    the sequences together that agree with what is known.
    """
    complete = per_chain(np.logical_and, gold.tags != MISSING, student.lengths)
    partial = per_chain(np.logical_or, gold.annotated, student.lengths) & ~complete
    # Where a chain counts for nothing its tags still have to be legal: 0 is "O", or any tag at all.
    tags = np.where(np.repeat(complete, student.lengths), gold.tags, 0)
    terms = [nll(student, tags, np.where(complete, weights, 0.0))]
    if (partial & (weights > 0)).any():
        terms.append(gold.partial_nll(student, np.where(partial, weights, 0.0)))
    return add_losses(terms)


def training_loss(
    student: Potentials,
    gold: Gold,
    knowledge: Optional[Knowledge] = None,
    distillation: Optional[Distillation] = None,
    kd_weight: float = 0.0,
) -> Loss:
    """lambda * KD + (1 - lambda) * NLL of each chain (Wang et al. 2020, eq. 14).

    student (Potentials): B chains, N tokens, L tags, constrained.
    gold (Gold): What is known of their tags.
    kd_weight (float): lambda. It is 1 for a chain without gold and 0 for one without teachers.
    RETURNS: Losses (B,) and the gradient of their sum.
    """
    if knowledge is None or distillation is None or not knowledge.taught.any():
        return supervised_loss(student, gold, np.ones(len(student.lengths)))
    annotated = per_chain(np.logical_or, gold.annotated, student.lengths)
    kd = np.where(knowledge.taught > 0, np.where(annotated, kd_weight, 1.0), 0.0)
    return add_losses(
        [distillation.loss(student, knowledge, kd), supervised_loss(student, gold, 1.0 - kd)]
    )


def per_chain(operation: np.ufunc, values: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Reduce (N,) token values to one a chain (B,); an empty one gets the operation's identity."""
    reduced = np.full(len(lengths), operation.identity, dtype=values.dtype)
    starts = np.cumsum(lengths) - lengths
    filled = lengths > 0
    if filled.any():
        reduced[filled] = operation.reduceat(values, starts[filled])
    return reduced


def add_losses(terms: List[Loss]) -> Loss:
    losses, gradients = zip(*terms)
    names = ("unary", "transitions", "start", "end")
    unary, *chain = (sum(getattr(gradient, name) for gradient in gradients) for name in names)
    return sum(losses), Potentials(unary, gradients[0].lengths, *chain)


@registry.misc("spacy-skd.Distillation.v1")
def make_distillation(
    objective: Union[str, Dict[str, float]] = "structural",
    k: int = 10,
    temperature: float = 1.0,
    teacher_temperature: float = 1.0,
    kd_weight: Union[float, Schedule, Iterator[float]] = 1.0,
) -> Distillation:
    """How a CRF component learns from the soft targets of its teachers.

    objective (Union[str, Dict[str, float]]): "structural", "posterior", "top_wk", "top_k" or
        "emission"; or a weighted sum of several, "top_wk+0.5*posterior" or, the same in a config,
        {"top_wk": 1.0, "posterior": 0.5}.
    k (int): Sequences for "top_k" and "top_wk", at most 1000.
    temperature (float): Divides the scores of teacher and student; the loss is multiplied by its
        square. For "posterior" and "emission" it divides log probabilities instead, as the authors
        do.
    teacher_temperature (float): Divides the scores of the teacher alone: softer targets. Teachers
        are nearly certain of sentences that they were trained on; above 1 they tell what else was
        likely.
    kd_weight (Union[float, Schedule, Iterator[float]]): lambda, a constant or any schedule: weight
        of the distillation loss, where 1 - lambda is that of the negative log-likelihood of gold.
    Raises `SkdError` for anything out of range.
    """
    weights = objective_weights(objective)
    check_number("k of spacy-skd.Distillation.v1", k, 1, MAX_K, whole=True)
    for name, value in (
        ("temperature", temperature),
        ("teacher_temperature", teacher_temperature),
    ):
        check_number(f"{name} of spacy-skd.Distillation.v1", value, *TEMPERATURES)
    return Distillation(weights, k, temperature, teacher_temperature, make_weight(kd_weight))


def objective_weights(objective: Union[str, Dict[str, float]]) -> Dict[str, float]:
    """The weight of each objective by its name. Raises `SkdError`."""
    weights: Dict[str, Any]
    if isinstance(objective, dict) and objective:
        weights = dict(objective)
    else:
        weights = dict(map(read_term, str(objective).split("+")))
    for name, weight in weights.items():
        if name not in OBJECTIVES:
            raise SkdError(Errors.SKD021.format(name=name, names=", ".join(OBJECTIVES)))
        check_number(f"The weight of objective '{name}'", weight, *OBJECTIVE_WEIGHTS)
    return weights


def read_term(term: str) -> Tuple[str, Union[float, str]]:
    """Name and weight of "posterior" or "0.5*posterior"."""
    weight, times, name = term.rpartition("*")
    try:
        return name.strip(), float(weight) if times else 1.0
    except ValueError:  # the check of its number says what is wrong
        return name.strip(), weight
