"""How often each chain is expected to make each transition: a dense array, or where few are made a
sparse one.

A student pays for its target by the numbers that it reads. A whole distribution has one for every
transition. A list of the k best has few, which tells where there are many labels.
"""

from dataclasses import dataclass, replace
from typing import Any, Optional, Tuple, Union

import numpy as np

from ..errors import Errors, SkdError

# Up to this share of numbers that are not 0 a sparse target costs less (see benchmarks/crf.py).
SPARSE = 0.1


@dataclass(frozen=True, eq=False)
class SparseTransitions:
    """Expected numbers of the transitions of B chains, nearly all 0. `np.asarray` makes them dense.

    shape (Tuple[int, int, int]): (B, L, L), [chain, from, to].
    chains (ndarray): (M,) the chain of each entry.
    pairs (ndarray): (M,) its transition, from * L + to.
    counts (ndarray): (M,) its number. Entries of the same chain and transition add up.
    Raises `SkdError` for arrays of different sizes, and for a chain or transition out of range.
    """

    shape: Tuple[int, int, int]
    chains: np.ndarray
    pairs: np.ndarray
    counts: np.ndarray

    def __post_init__(self) -> None:
        for name, dtype in (("chains", np.int64), ("pairs", np.int64), ("counts", np.float64)):
            # The extension reads them unchecked.
            object.__setattr__(self, name, np.ascontiguousarray(getattr(self, name), dtype=dtype))
        n_chains, n_labels, _ = self.shape
        limits = ((self.chains, n_chains), (self.pairs, n_labels * n_labels))
        if any(
            indices.shape != (self.counts.size,) or not ((indices >= 0) & (indices < limit)).all()
            for indices, limit in limits
        ):
            raise SkdError(Errors.SKD013.format(shape=self.shape))

    def __array__(self, dtype: Any = None, copy: Optional[bool] = None) -> np.ndarray:
        n_chains, n_labels, _ = self.shape
        indices = self.chains * n_labels * n_labels + self.pairs
        dense = weighted_counts(indices, self.counts, n_chains * n_labels * n_labels)
        return dense.reshape(self.shape).astype(dtype or np.float64, copy=False)


Transitions = Union[np.ndarray, SparseTransitions]


def no_transitions(n_chains: int, n_labels: int) -> SparseTransitions:
    nothing = np.zeros(0)
    return SparseTransitions((n_chains, n_labels, n_labels), nothing, nothing, nothing)


def compact(transitions: np.ndarray) -> Transitions:
    """Dense transitions (B, L, L), as sparse ones where these cost less."""
    used = np.flatnonzero(transitions)
    if len(used) > SPARSE * transitions.size:
        return transitions
    _, n_labels, _ = transitions.shape
    chains, pairs = np.divmod(used, max(n_labels * n_labels, 1))
    return SparseTransitions(transitions.shape, chains, pairs, transitions.ravel()[used])


def scale(transitions: Transitions, weight: np.ndarray) -> Transitions:
    """Transitions times one weight, (), or one a chain, (B,)."""
    if isinstance(transitions, SparseTransitions):
        of_entry = weight[transitions.chains] if weight.ndim else weight
        return replace(transitions, counts=of_entry * transitions.counts)
    return (weight[:, None, None] if weight.ndim else weight) * transitions


def add(total: Transitions, part: Transitions, chains: Optional[np.ndarray] = None) -> Transitions:
    """The sum of the transitions of B chains and of some of them. A dense total changes in place.

    chains (Optional[ndarray]): The indices of the part's chains among the B; None: all, in order.
    """
    if isinstance(total, SparseTransitions) and isinstance(part, SparseTransitions):
        of_part = part.chains if chains is None else chains[part.chains]
        return SparseTransitions(
            total.shape,
            np.concatenate([total.chains, of_part]),
            np.concatenate([total.pairs, part.pairs]),
            np.concatenate([total.counts, part.counts]),
        )
    total = np.asarray(total)
    total[slice(None) if chains is None else chains] += np.asarray(part)
    return total


def rename(transitions: Transitions, labels: np.ndarray, n_labels: int) -> Transitions:
    """Transitions between other labels; what falls together adds up.

    labels (ndarray): (L,) the new label of each old one, below n_labels.
    """
    if isinstance(transitions, SparseTransitions):
        shape = (transitions.shape[0], n_labels, n_labels)
        first, second = np.divmod(transitions.pairs, len(labels))
        pairs = labels[first] * n_labels + labels[second]
        return replace(transitions, shape=shape, pairs=pairs)
    new = np.eye(n_labels)[labels]
    return new.T @ transitions @ new


def weighted_counts(indices: np.ndarray, weights: np.ndarray, size: int) -> np.ndarray:
    """Sum of the weights of each index, (size,)."""
    if not len(indices):
        return np.zeros(size)  # of nothing, bincount gives integers
    return np.bincount(indices, weights, minlength=size)
