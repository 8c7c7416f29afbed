"""The oracle: every label sequence of every chain, written out, in float64 and log space."""

from dataclasses import dataclass
from functools import cache
from typing import List

import numpy as np

from spacy_skd.crf import Potentials


@dataclass
class Chain:
    """One chain, potentials in float64: unary (n, L)."""

    unary: np.ndarray
    transitions: np.ndarray
    start: np.ndarray
    end: np.ndarray
    first: int

    def __post_init__(self) -> None:
        n, n_labels = self.unary.shape
        self.tokens = slice(self.first, self.first + n)
        self.paths = all_paths(n, n_labels)
        self.scores = self.score()
        self.log_z = log_sum_exp(self.scores)

    def score(self) -> np.ndarray:
        """(L ** n,) added up from the left, as the kernels do."""
        scores = np.zeros(len(self.paths))
        if len(self.unary):
            scores = self.start[self.paths[:, 0]] + self.unary[0, self.paths[:, 0]]
            for t in range(1, len(self.unary)):
                scores = scores + self.transitions[self.paths[:, t - 1], self.paths[:, t]]
                scores = scores + self.unary[t, self.paths[:, t]]
            scores = scores + self.end[self.paths[:, -1]]
        return scores

    @property
    def probabilities(self) -> np.ndarray:
        return np.exp(self.scores - self.log_z)

    def best(self, k: int) -> np.ndarray:
        """Indices of the k best legal paths; `all_paths` has equals in the order promised."""
        order = np.argsort(-self.scores, kind="stable")
        return order[self.scores[order] > -np.inf][:k]

    def counts(self, weights: np.ndarray) -> List[np.ndarray]:
        """Weighted sums over paths (L ** n,) of labels (n, L) and pairs (L, L)."""
        n, n_labels = self.unary.shape
        labels, pairs = np.zeros((n, n_labels)), np.zeros((n_labels, n_labels))
        for t in range(n):
            np.add.at(labels[t], self.paths[:, t], weights)
            if t:
                np.add.at(pairs, (self.paths[:, t - 1], self.paths[:, t]), weights)
        return [labels, pairs]

    def log_marginals(self) -> np.ndarray:
        """(n, L)"""
        n, n_labels = self.unary.shape
        result = np.empty((n, n_labels))
        for t in range(n):
            for label in range(n_labels):
                result[t, label] = log_sum_exp(self.scores[self.paths[:, t] == label])
        return result - self.log_z


def chains_of(p: Potentials) -> List[Chain]:
    unary, transitions, start, end = (
        np.asarray(values, dtype=np.float64) for values in (p.unary, p.transitions, p.start, p.end)
    )
    firsts = np.cumsum(p.lengths) - p.lengths
    return [
        Chain(unary[first : first + n], transitions, start, end, int(first))
        for first, n in zip(firsts, p.lengths)
    ]


@cache
def all_paths(n: int, n_labels: int) -> np.ndarray:
    """(L ** n, n), those with lower labels first, where the last label counts most."""
    digits = np.indices((n_labels,) * n).reshape(n, n_labels**n)
    return np.ascontiguousarray(digits[::-1].T).reshape(n_labels**n, n)


def log_sum_exp(scores: np.ndarray) -> float:
    largest = scores.max(initial=-np.inf)
    if largest == -np.inf:
        return -np.inf
    return largest + np.log(np.exp(scores - largest).sum())
