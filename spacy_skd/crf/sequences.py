"""What the messages of forward-backward tell beside the moments: how probable parts of a label
sequence are, and sequences drawn at random; and the best of several chains together.
"""

import heapq
from typing import List, Optional, Sequence, Tuple

import numpy as np

from ..errors import Errors, SkdError
from .emission import log_sum_exp
from .inference import messages
from .moments import as_tags
from .potentials import Potentials


def part_log_probs(
    p: Potentials,
    first: np.ndarray,
    lengths: np.ndarray,
    labels: np.ndarray,
    stopping: Optional[np.ndarray] = None,
) -> np.ndarray:
    """The log probability of each of S parts of label sequences: that the tokens from `first` on
    have just these labels. All of them cost one forward-backward, and a sum over each part.

    first (ndarray): (S,) index of the first token, among the N.
    lengths (ndarray): (S,) tokens of each part, at least 1.
    labels (ndarray): (sum of lengths,) label indices, one part after the other.
    stopping (Optional[ndarray]): (L,) bool, the labels that may follow a part where its chain goes
        on; None: any.
    RETURNS: (S,). -inf for a part that is not within one chain.
    Raises `SkdError` for labels out of range, and as all of inference does.
    """
    p = p.checked()
    first, lengths = np.asarray(first, dtype=np.int64), np.asarray(lengths, dtype=np.int64)
    labels = as_tags(labels, int(lengths.sum()), p.n_labels)
    alpha, beta, log_z = messages(p)
    chains, ends = np.repeat(np.arange(len(p.lengths)), p.lengths), np.cumsum(p.lengths)
    last = first + lengths - 1
    within = (first >= 0) & (lengths > 0) & (last < len(chains))
    within[within] = chains[first[within]] == chains[last[within]]
    if not within.all():
        result = np.full(len(first), -np.inf)
        kept = labels[np.repeat(within, lengths)]
        result[within] = part_log_probs(p, first[within], lengths[within], kept, stopping)
        return result
    if not len(first):
        return np.zeros(0)
    offsets = np.cumsum(lengths) - lengths
    tokens = np.arange(len(labels)) + np.repeat(first - offsets, lengths)
    scores = p.unary[tokens, labels]
    scores[1:] += p.transitions[labels[:-1], labels[1:]]
    scores[offsets] = alpha[first, labels[offsets]]
    before = np.add.reduceat(scores, offsets)
    closing = labels[offsets + lengths - 1]
    after = beta[last, closing]
    if stopping is not None:
        goes_on = np.flatnonzero(last + 1 < ends[chains[last]])
        following = p.transitions[closing[goes_on]] + (p.unary + beta)[last[goes_on] + 1]
        after[goes_on] = log_sum_exp(np.where(stopping, following, -np.inf), axis=1)
    return before + after - log_z[chains[first]]


def sample(p: Potentials, n: int, seed: int) -> np.ndarray:
    """Label sequences drawn independently from the distribution of each chain, (n, N): forward
    filtering, backward sampling (Scott 2002, section 2.1).

    n (int): At least 1, else `SkdError`.
    seed (int): From 0 up. The same seed gives the same sequences.
    """
    if n < 1 or seed < 0:
        raise SkdError(Errors.SKD056.format(n=n, seed=seed))
    p = p.checked()
    alpha, _, _ = messages(p)
    rng = np.random.default_rng(seed)
    labels = np.zeros((n, len(alpha)), dtype=np.int32)
    for start, end in zip(np.cumsum(p.lengths) - p.lengths, np.cumsum(p.lengths)):
        following = np.broadcast_to(p.end, (n, p.n_labels))
        for token in range(end - 1, start - 1, -1):
            labels[:, token] = draw(alpha[token] + following, rng)
            following = p.transitions.T[labels[:, token]]
    return labels


def draw(scores: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A column of each row (n, L), in proportion to exp(score)."""
    weights = np.cumsum(np.exp(scores - scores.max(axis=1, keepdims=True)), axis=1)
    points = rng.random(len(scores)) * weights[:, -1]
    return (points[:, None] >= weights).sum(axis=1)


def best_together(log_probs: Sequence[np.ndarray], k: int) -> Tuple[np.ndarray, np.ndarray]:
    """The k best choices of one sequence of each of B chains, best first.

    log_probs (Sequence[ndarray]): (k_i,) of the best sequences of each chain, best first.
    k (int): At least 1.
    RETURNS: (K, B) which sequence of each chain, and (K,) the log probability of all together,
    where
        K is k, or the number of choices if there are fewer.
    """
    best, origins = np.zeros(1), []
    for of_chain in log_probs:
        left, right = best_pairs(best, of_chain, k)
        best = best[left] + of_chain[right]
        origins.append((left, right))
    choices = np.zeros((len(best), len(origins)), dtype=np.int64)
    place = np.arange(len(best))
    for chain in range(len(origins) - 1, -1, -1):
        left, right = origins[chain]
        choices[:, chain], place = right[place], left[place]
    return choices, best


def best_pairs(a: np.ndarray, b: np.ndarray, k: int) -> Tuple[np.ndarray, np.ndarray]:
    """The indices of the k largest sums a[i] + b[j], largest first. Both are sorted, largest first,
    so that a pair is looked at only when the one to its left in either has been taken.
    """
    heap: List[Tuple[float, int, int]] = [(-(a[0] + b[0]), 0, 0)]
    pairs: List[Tuple[int, int]] = []
    while heap and len(pairs) < k:
        _, i, j = heapq.heappop(heap)
        pairs.append((i, j))
        if j + 1 < len(b):
            heapq.heappush(heap, (-(a[i] + b[j + 1]), i, j + 1))
        if j == 0 and i + 1 < len(a):
            heapq.heappush(heap, (-(a[i + 1] + b[0]), i + 1, 0))
    left, right = np.array(pairs, dtype=np.int64).T
    return left, right
