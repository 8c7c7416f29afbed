"""Whether one pipeline is better than another, or other sentences could have shown the opposite."""

from dataclasses import dataclass
from typing import Dict, Tuple

import numpy as np

from ..errors import Errors, SkdError
from .counts import f_score

Counts = Dict[str, np.ndarray]
# Resamples that are drawn at a time: bounds the memory, not the result.
CHUNK = 500
# Draws that are exactly as far away as the observed difference may fall short of it by rounding. On
# few sentences they are many, and without them p would be too small.
ROUNDING = 1e-9


@dataclass(frozen=True)
class Difference:
    """How much better one pipeline is than another, in scores between 0 and 1.

    low, high (float): The 95 % percentile interval over resampled test sets.
    p (float): How probable a difference at least as large, in either direction, would be if there
        were none.
    """

    mean: float
    low: float
    high: float
    p: float


def paired_bootstrap(
    ours: Counts, theirs: Counts, *, samples: int = 10_000, seed: int = 0
) -> Difference:
    """The difference of two pipelines' scores, averaged over languages and runs, with a paired
    bootstrap over sentences: each resample draws as many sentences of every language as there are,
    the same for both (Efron and Tibshirani 1993, chapter 16; Berg-Kirkpatrick et al. 2012).

    ours, theirs (Dict[str, ndarray]): For each language (runs, sentences, 3) counts of the same
        sentences in the same order (see `sentence_counts`). Numbers of runs may differ.
    samples (int): Resampled test sets.
    Raises `SkdError` if the two were not evaluated on the same sentences.
    """
    check_same_sentences(ours, theirs)
    observed = macro(ours) - macro(theirs)
    rng = np.random.default_rng(seed)
    draws = np.zeros(samples)
    for language in sorted(ours):
        draws += resampled(ours[language], theirs[language], samples, rng) / len(ours)
    low, high = np.quantile(draws, [0.025, 0.975])
    # Under the hypothesis of no difference the draws lie around 0, not around the observed one.
    extreme = np.abs(draws - observed) >= abs(observed) - ROUNDING
    p = (1 + extreme.sum()) / (samples + 1)
    return Difference(float(observed), float(low), float(high), float(p))


def macro(counts: Counts) -> float:
    """The mean over languages of the mean over runs of F1."""
    return float(np.mean([f_score(runs.sum(axis=1)).mean() for runs in counts.values()]))


def resampled(
    ours: np.ndarray, theirs: np.ndarray, samples: int, rng: np.random.Generator
) -> np.ndarray:
    """The differences (samples,) of one language, on resampled sentences."""
    n = ours.shape[1]
    parts = []
    for start in range(0, samples, CHUNK):
        size = min(CHUNK, samples - start)
        weights = rng.multinomial(n, np.full(n, 1 / n), size=size).astype(np.float32)
        scores = [f_score(np.einsum("ws,rsc->wrc", weights, runs)) for runs in (ours, theirs)]
        parts.append(scores[0].mean(axis=1) - scores[1].mean(axis=1))
    return np.concatenate(parts)


def check_same_sentences(ours: Counts, theirs: Counts) -> None:
    sizes: Tuple[Dict[str, int], ...] = tuple(
        {language: runs.shape[1] for language, runs in counts.items()} for counts in (ours, theirs)
    )
    if sizes[0] != sizes[1] or not sizes[0]:
        raise SkdError(Errors.SKD230.format(ours=sizes[0], theirs=sizes[1]))
