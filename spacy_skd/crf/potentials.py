"""A batch of linear chains: what a CRF knows of its sentences, before any inference."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import Errors, SkdError


@dataclass
class Potentials:
    """Log potentials of B chains with N tokens in all and L labels; also the gradient of a loss
    with respect to them. The score of a label sequence y_1 ... y_n of a chain is

        start[y_1] + sum_t unary[t, y_t] + sum_t transitions[y_{t-1}, y_t] + end[y_n]

    and its probability is exp(score) / Z (Wang et al. 2020, eq. 1). -inf forbids a label or a
    transition.

    unary (ndarray): (N, L), the tokens of all chains, one chain after the other, without padding.
    lengths (ndarray): (B,) tokens of each chain, may be 0; their sum is N.
    transitions (ndarray): (L, L), [from, to].
    start (ndarray): (L,), added at the first token of a chain.
    end (ndarray): (L,), added at the last token of a chain.
    """

    unary: np.ndarray
    lengths: np.ndarray
    transitions: np.ndarray
    start: np.ndarray
    end: np.ndarray

    @property
    def n_labels(self) -> int:
        return self.unary.shape[1]

    def tempered(self, temperature: float) -> "Potentials":
        """All potentials divided by a temperature above 0, else `SkdError`."""
        check_temperature(temperature)
        return Potentials(
            self.unary / temperature,
            self.lengths,
            self.transitions / temperature,
            self.start / temperature,
            self.end / temperature,
        )

    def checked(self) -> "Potentials":
        """The same in float64 (lengths: int64), C-contiguous: what the kernels take.

        Raises `SkdError` where shapes disagree and where a potential is NaN or +inf.
        """
        unary = as_scores("unary", self.unary, (None, None))
        n_labels = unary.shape[1]
        if n_labels == 0:
            raise SkdError(Errors.SKD011)
        lengths = as_lengths(self.lengths, len(unary))
        return Potentials(
            unary,
            lengths,
            as_scores("transitions", self.transitions, (n_labels, n_labels)),
            as_scores("start", self.start, (n_labels,)),
            as_scores("end", self.end, (n_labels,)),
        )


def as_lengths(lengths: np.ndarray, n_tokens: int) -> np.ndarray:
    """The lengths of chains as int64; `SkdError` unless they are counts that sum to n_tokens."""
    lengths = np.asarray(lengths)
    counts = np.ascontiguousarray(lengths, dtype=np.int64)
    whole = lengths.dtype.kind in "iu" or not lengths.size
    if not whole or counts.ndim != 1 or counts.min(initial=0) < 0 or counts.sum() != n_tokens:
        raise SkdError(Errors.SKD002.format(n=n_tokens))
    return counts


def as_scores(name: str, values: np.ndarray, shape: tuple) -> np.ndarray:
    """Log scores as float64; `SkdError` for another shape (None: any size), NaN and +inf."""
    values = as_floats(name, values, shape)
    # A maximum is NaN where any value is, and the comparison then fails.
    if not values.max(initial=-np.inf) < np.inf:
        where = tuple(int(i) for i in np.argwhere(~(values < np.inf))[0])
        raise SkdError(Errors.SKD003.format(name=name, value=values[where], where=where))
    return values


def as_floats(name: str, values: np.ndarray, shape: tuple) -> np.ndarray:
    """C-contiguous float64; `SkdError` for another shape (None: any size)."""
    values = np.ascontiguousarray(values, dtype=np.float64)
    check_shape(name, values, shape)
    return values


def check_shape(name: str, values: Any, shape: tuple) -> None:
    if values.shape == shape:
        return
    if len(values.shape) != len(shape) or any(
        expected is not None and size != expected for size, expected in zip(values.shape, shape)
    ):
        expected = ", ".join("any" if size is None else str(size) for size in shape)
        raise SkdError(Errors.SKD001.format(name=name, shape=values.shape, expected=expected))


def check_temperature(temperature: float) -> None:
    if not (np.isfinite(temperature) and temperature > 0):
        raise SkdError(Errors.SKD007.format(value=temperature))
