"""Moments: what a sequence-level cross-entropy needs to know of its target, and no more.

The score of a label sequence is linear in the counts of its labels and label pairs. So the expected
score under a target distribution follows from the expected counts, and gold, k-best lists, whole
teachers and all mixtures of them cost a student the same.
"""

from dataclasses import dataclass
from functools import cached_property, reduce
from typing import Any, Optional, Sequence, Tuple, Union

import numpy as np

from ..errors import Errors, SkdError
from .potentials import check_shape
from .transitions import Transitions, add, compact, scale, weighted_counts


@dataclass(eq=False)
class KBest(Sequence[Tuple[np.ndarray, np.ndarray]]):
    """The best label sequences of each of B chains, best first: a sequence of B pairs, paths
    (k_i, n_i) and their log probabilities (k_i,).

    labels (ndarray): Those of all paths, one path after the other, int32.
    log_probs (ndarray): Of all paths.
    counts (ndarray): (B,) how many paths there are of each chain, k_i.
    lengths (ndarray): (B,) of each chain, n_i.
    """

    labels: np.ndarray
    log_probs: np.ndarray
    counts: np.ndarray
    lengths: np.ndarray

    def __len__(self) -> int:
        return len(self.counts)

    def __getitem__(self, chain: Any) -> Any:
        if isinstance(chain, slice):
            return [self[i] for i in range(len(self))[chain]]
        chain = range(len(self))[chain]
        count, length = self.counts[chain], self.lengths[chain]
        label, path = self.firsts[0][chain], self.firsts[1][chain]
        paths = self.labels[label : label + count * length].reshape(count, length)
        return paths, self.log_probs[path : path + count]

    @cached_property
    def firsts(self) -> Tuple[np.ndarray, np.ndarray]:
        """(B,) where the labels and the paths of each chain begin."""
        n_labels = self.counts * self.lengths
        return np.cumsum(n_labels) - n_labels, np.cumsum(self.counts) - self.counts


@dataclass
class Moments:
    """Expected counts under a distribution over the label sequences of each of B chains.

    unary (ndarray): (N, L) probability of each label at each token.
    transitions (Transitions): (B, L, L) expected number of each transition [from, to] in each
        chain, an array or `SparseTransitions`.
    log_partition (Optional[ndarray]): (B,) log Z, where the distribution is that of a CRF.
    """

    unary: np.ndarray
    transitions: Transitions
    log_partition: Optional[np.ndarray] = None


def gold_moments(tags: np.ndarray, lengths: np.ndarray, n_labels: int) -> Moments:
    """The moments of one label sequence a chain: its counts.

    tags (ndarray): (N,) label indices. lengths (ndarray): (B,).
    Raises `SkdError` for a tag that is not an index of a label.
    """
    lengths = np.asarray(lengths, dtype=np.int64)
    tags = as_tags(tags, int(lengths.sum()), n_labels)
    return sequence_moments(tags, np.ones(len(lengths)), np.arange(len(lengths)), lengths, n_labels)


def kbest_moments(kbest: KBest, n_labels: int, weighted: bool) -> Moments:
    """The moments of the k best sequences of each chain, from `inference.kbest`.

    weighted (bool): False: weight 1/k_i each, Top-K (Wang et al. 2020, eq. 8). True: their
        probabilities, renormalised over the k_i, Top-WK (eq. 9).
    """
    chains = np.repeat(np.arange(len(kbest)), kbest.counts)
    weights = np.ones(len(chains))
    if weighted:
        best = kbest.log_probs[kbest.firsts[1]]
        weights = np.exp(kbest.log_probs - best[chains])
    weights /= np.bincount(chains, weights)[chains]
    return sequence_moments(kbest.labels, weights, chains, kbest.lengths, n_labels)


def sequence_moments(
    labels: np.ndarray, weights: np.ndarray, chains: np.ndarray, lengths: np.ndarray, n_labels: int
) -> Moments:
    """The moments of weighted label sequences.

    labels (ndarray): Those of all sequences, one sequence after the other.
    weights (ndarray): (S,) of each sequence. chains (ndarray): (S,) whose sequence it is.
    lengths (ndarray): (B,) of each chain.
    """
    n_chains, n_tokens = len(lengths), int(lengths.sum())
    of_sequence = lengths[chains]
    starts = np.cumsum(of_sequence) - of_sequence
    first_tokens = (np.cumsum(lengths) - lengths)[chains]
    token = np.arange(len(labels)) + np.repeat(first_tokens - starts, of_sequence)
    weight = np.repeat(weights, of_sequence)
    unary = weighted_counts(token * n_labels + labels, weight, n_tokens * n_labels)
    chain = np.repeat(chains, of_sequence)
    pair = (chain[1:] * n_labels + labels[:-1]) * n_labels + labels[1:]
    weight[starts[of_sequence > 0]] = 0.0  # a first label follows none
    transitions = weighted_counts(pair, weight[1:], n_chains * n_labels * n_labels)
    return Moments(
        unary.reshape(n_tokens, n_labels),
        compact(transitions.reshape(n_chains, n_labels, n_labels)),
    )


def mix(
    parts: Sequence[Tuple[Union[float, np.ndarray], Moments]], lengths: Optional[np.ndarray] = None
) -> Moments:
    """The moments of a mixture of distributions over the same chains.

    parts (Sequence[Tuple[Union[float, ndarray], Moments]]): At least one weight and what it weighs.
        The weight is one number, or one a chain, (B,).
    lengths (Optional[ndarray]): (B,), needed where there is a weight a chain.
    Raises `SkdError` for a weight a chain without lengths.
    """
    unary: np.ndarray = np.zeros(())
    transitions = []
    for weight, moments in parts:
        of_token = of_chain = np.asarray(weight, dtype=float)
        if of_chain.ndim:
            if lengths is None:
                raise SkdError(Errors.SKD008)
            of_token = np.repeat(of_chain, lengths)[:, None]
        unary = unary + of_token * moments.unary
        transitions.append(scale(moments.transitions, of_chain))
    return Moments(unary, reduce(add, transitions))


def as_tags(tags: np.ndarray, n_tokens: int, n_labels: int) -> np.ndarray:
    """Label indices (N,) as int64; `SkdError` for a wrong number of them or one out of range."""
    tags = np.ascontiguousarray(tags, dtype=np.int64)
    check_shape("tags", tags, (n_tokens,))
    if n_tokens and (tags.min() < 0 or tags.max() >= n_labels):
        where = int(np.flatnonzero((tags < 0) | (tags >= n_labels))[0])
        raise SkdError(Errors.SKD005.format(tag=int(tags[where]), token=where, n=n_labels))
    return tags
