"""The chain's recursions in plain numpy, in log space: exact at any scale of the potentials.

Used where the extension (`native.pyx`) was not built, and to test it against. Both have the same
functions. They take potentials that `Potentials.checked` has passed, and leave a log Z of -inf
where a chain has no legal sequence: `inference.py` makes an error of that.

All chains advance together: `steps` gives the rows (tokens) of step 0, 1, ... of those chains that
still have one, so that a message of a step follows from the rows before, without padding.
"""

from typing import List, Optional, Tuple

import numpy as np

from .emission import (
    finite,
    log_sum_exp,
    of_weight,
    per_chain,
    product,
    tempered_cross_entropy,
    weighted,
)
from .moments import KBest, Moments, gold_moments
from .potentials import Potentials


def log_partition(p: Potentials) -> np.ndarray:
    """log Z of each chain, (B,)."""
    return finish(p, forward(p))


def marginals(p: Potentials) -> Moments:
    """Expected labels (N, L) and transitions (B, L, L) of each chain, and log Z (B,)."""
    alpha, beta = forward(p), backward(p)
    log_z = finish(p, alpha)
    normalizer = finite(log_z)
    of_token = np.repeat(normalizer, p.lengths)[:, None]
    transitions = np.zeros((len(p.lengths), p.n_labels, p.n_labels))
    for chains, rows in steps(p.lengths)[1:]:
        scores = alpha[rows - 1][:, :, None] + p.transitions + (p.unary + beta)[rows][:, None, :]
        transitions[chains] += np.exp(scores - normalizer[chains, None, None])
    return Moments(np.exp(alpha + beta - of_token), transitions, log_z)


def messages(p: Potentials) -> Tuple[np.ndarray, np.ndarray, np.ndarray]:
    """alpha and beta (N, L), as `forward` and `backward` have them, and log Z (B,)."""
    alpha = forward(p)
    return alpha, backward(p), finish(p, alpha)


def viterbi(p: Potentials) -> Tuple[np.ndarray, np.ndarray]:
    """The best labels (N,) and their scores (B,). Of equal scores the sequence comes first that has
    the lower label where they differ last."""
    best, origin = np.empty_like(p.unary), np.zeros(p.unary.shape, dtype=np.int32)
    for step, (_, rows) in enumerate(steps(p.lengths)):
        if step == 0:
            best[rows] = p.start + p.unary[rows]
        else:
            scores = best[rows - 1][:, :, None] + p.transitions
            origin[rows] = scores.argmax(axis=1)
            best[rows] = scores.max(axis=1) + p.unary[rows]
    filled, last = last_rows(p.lengths)
    tags, scores = np.zeros(len(p.unary), dtype=np.int32), np.zeros(len(p.lengths))
    scores[filled] = (best[last] + p.end).max(axis=1)
    tags[last] = (best[last] + p.end).argmax(axis=1)
    for _, rows in steps(p.lengths)[:0:-1]:
        tags[rows - 1] = origin[rows, tags[rows]]
    return tags, scores


def kbest(p: Potentials, k: int) -> Tuple[KBest, np.ndarray]:
    """The best k label sequences of each chain, or all legal ones if they are fewer, and log Z of
    each chain, (B,). Ties: as for `viterbi`."""
    labels, log_probs, log_z = [np.zeros(0, dtype=np.int32)], [np.zeros(0)], log_partition(p)
    firsts = np.cumsum(p.lengths) - p.lengths
    for first, length, normalizer in zip(firsts, p.lengths, log_z):
        paths, scores = kbest_of_chain(p, p.unary[first : first + length], k)
        labels.append(paths.ravel())
        log_probs.append(scores - normalizer)
    counts = np.array([len(scores) for scores in log_probs[1:]], dtype=np.int64)
    return KBest(np.concatenate(labels), np.concatenate(log_probs), counts, p.lengths), log_z


def kbest_of_chain(p: Potentials, unary: np.ndarray, k: int) -> Tuple[np.ndarray, np.ndarray]:
    """Paths (k_i, n) and scores (k_i,) of one chain, unary (n, L)."""
    if not len(unary):
        return np.zeros((1, 0), dtype=np.int32), np.zeros(1)
    scores, origins = (p.start + unary[0])[:, None], []
    for emission in unary[1:]:
        # (to, from, rank of the prefix): a stable sort keeps ties in the order of the label before.
        extended = scores[None] + p.transitions.T[:, :, None]
        scores, origin = best_of(extended.reshape(p.n_labels, -1), k)
        scores += emission[:, None]
        origins.append((origin // extended.shape[2], origin % extended.shape[2]))
    final, origin = best_of((scores + p.end[:, None]).reshape(1, -1), k)
    legal = final[0] > -np.inf
    label, rank = origin[0, legal] // scores.shape[1], origin[0, legal] % scores.shape[1]
    path = [label]
    for labels, ranks in reversed(origins):
        label, rank = labels[label, rank], ranks[label, rank]
        path.append(label)
    return np.stack(path[::-1], axis=1).astype(np.int32), final[0, legal]


def best_of(scores: np.ndarray, k: int) -> Tuple[np.ndarray, np.ndarray]:
    """The k best of each row and their columns; fewer columns if no row has k that are legal."""
    k = min(k, int((scores > -np.inf).sum(axis=1).max()))
    order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(scores, order, axis=1), order


def cross_entropy(
    p: Potentials, target: Moments, weights: np.ndarray
) -> Tuple[np.ndarray, Potentials]:
    """log Z - <target, potentials> of each chain (B,), and its gradient, both times the weights
    (B,)."""
    student = marginals(p)
    pairs = np.asarray(target.transitions)
    filled, last = last_rows(p.lengths)
    first = last - p.lengths[filled] + 1
    expected = per_chain(product(p.unary, target.unary).sum(axis=1), p.lengths)
    expected += product(p.transitions, pairs).sum(axis=(1, 2))
    expected[filled] += product(p.start, target.unary[first]).sum(axis=1)
    expected[filled] += product(p.end, target.unary[last]).sum(axis=1)
    gradient = weighted_difference(student, target, p.lengths, weights)
    return excess(student, expected, weights), gradient


def nll(p: Potentials, tags: np.ndarray, weights: np.ndarray) -> Tuple[np.ndarray, Potentials]:
    """`cross_entropy` against one label sequence a chain, tags (N,)."""
    return cross_entropy(p, gold_moments(tags, p.lengths, p.n_labels), weights)


def partial_nll(
    p: Potentials, allowed: np.ndarray, weights: np.ndarray
) -> Tuple[np.ndarray, Potentials]:
    """log Z - log Z of the sequences whose labels are all allowed (N, L), as `cross_entropy`."""
    student = marginals(p)
    restricted = marginals(restrict(p, allowed))
    gradient = weighted_difference(student, restricted, p.lengths, weights)
    return excess(student, restricted.log_partition, weights), gradient


def posterior_cross_entropy(
    p: Potentials, target: np.ndarray, weights: np.ndarray, temperature: float
) -> Tuple[np.ndarray, Potentials]:
    """Cross-entropy of targets (N, L) and label marginals, both tempered: see `inference.py`.

    With g = dLoss / dlog marginals, the gradient with respect to the score of a label c at a token
    s is sum_t sum_y g_t[y] (P(y_s = c | y_t = y) - P(y_s = c)). What tokens t before s, and after
    it, add to the first term follows from one pass each over the chain's conditional distributions.
    """
    alpha, beta = forward(p), backward(p)
    log_z = finish(p, alpha)
    normalizer = finite(log_z)
    log_marginals = alpha + beta - np.repeat(normalizer, p.lengths)[:, None]
    losses, g = tempered_cross_entropy(log_marginals, target, temperature)
    losses = np.where(log_z == -np.inf, -np.inf, per_chain(losses, p.lengths))
    g = of_weight(g, weights, p.lengths)
    # Sums over the tokens before and after each; the sum of all g.
    left, right, transitions = np.zeros_like(g), np.zeros_like(g), np.zeros_like(p.transitions)
    total = per_chain(g.sum(axis=1), p.lengths)
    after = steps(p.lengths)[1:]
    for chains, rows in after:
        scores = p.transitions + (p.unary + beta)[rows][:, None, :]
        of_next = np.exp(scores - finite(beta[rows - 1])[:, :, None])
        left[rows] = np.einsum("bi,bij->bj", (left + g)[rows - 1], of_next)
        transitions += np.einsum("bi,bij->ij", (left + g)[rows - 1], of_next)
        of_pair = np.exp(scores + (alpha[rows - 1] - normalizer[chains, None])[:, :, None])
        transitions -= np.einsum("b,bij->ij", total[chains], of_pair)
    for _, rows in reversed(after):
        scores = alpha[rows - 1][:, :, None] + p.transitions + p.unary[rows][:, None, :]
        of_previous = np.exp(scores - finite(alpha[rows])[:, None, :])
        right[rows - 1] = np.einsum("bij,bj->bi", of_previous, (right + g)[rows])
        transitions += np.einsum("bij,bj->ij", of_previous, (right + g)[rows])
    unary = left + g + right - np.repeat(total, p.lengths)[:, None] * np.exp(log_marginals)
    return weighted(losses, weights), gradient_of(unary, transitions, p.lengths)


def steps(lengths: np.ndarray) -> List[Tuple[np.ndarray, np.ndarray]]:
    """For t = 0, 1, ...: the chains that have a token t, longest first, and the rows of these
    tokens. Those of a later step are the first ones of every earlier step."""
    order = np.argsort(-lengths, kind="stable")
    first = (np.cumsum(lengths) - lengths)[order]
    active = [int((lengths > t).sum()) for t in range(lengths.max(initial=0))]
    return [(order[:n], first[:n] + t) for t, n in enumerate(active)]


def last_rows(lengths: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
    """Which chains have tokens, (B,) bool, and the row of the last one of each of these."""
    filled = lengths > 0
    return filled, np.cumsum(lengths)[filled] - 1


def forward(p: Potentials) -> np.ndarray:
    """alpha (N, L): log sum of exp(score) of all prefixes that end in this label at this token."""
    alpha = np.empty_like(p.unary)
    for step, (_, rows) in enumerate(steps(p.lengths)):
        if step == 0:
            alpha[rows] = p.start + p.unary[rows]
        else:
            extended = alpha[rows - 1][:, :, None] + p.transitions
            alpha[rows] = log_sum_exp(extended, axis=1) + p.unary[rows]
    return alpha


def backward(p: Potentials) -> np.ndarray:
    """beta (N, L): log sum of exp(score) of all suffixes that follow this label at this token."""
    beta = np.empty_like(p.unary)
    beta[last_rows(p.lengths)[1]] = p.end
    for _, rows in steps(p.lengths)[:0:-1]:
        extended = p.transitions + (p.unary[rows] + beta[rows])[:, None, :]
        beta[rows - 1] = log_sum_exp(extended, axis=2)
    return beta


def finish(p: Potentials, alpha: np.ndarray) -> np.ndarray:
    """log Z (B,) of all chains: 0 for an empty one, -inf where nothing is legal."""
    log_z = np.zeros(len(p.lengths))
    filled, last = last_rows(p.lengths)
    log_z[filled] = log_sum_exp(alpha[last] + p.end, axis=1)
    return log_z


def restrict(p: Potentials, allowed: np.ndarray) -> Potentials:
    unary = np.where(allowed, p.unary, -np.inf)
    return Potentials(unary, p.lengths, p.transitions, p.start, p.end)


def excess(student: Moments, expected: Optional[np.ndarray], weights: np.ndarray) -> np.ndarray:
    """weights * (log Z - expected), (B,); -inf where log Z is, whatever else is."""
    log_z = student.log_partition
    assert log_z is not None and expected is not None, "moments of a CRF"
    return weighted(np.subtract(log_z, expected, where=log_z > -np.inf, out=log_z.copy()), weights)


def weighted_difference(
    student: Moments, target: Moments, lengths: np.ndarray, weights: np.ndarray
) -> Potentials:
    """The gradient of a weighted sequence-level cross-entropy."""
    unary = student.unary - target.unary
    pairs = np.asarray(student.transitions) - np.asarray(target.transitions)
    # A weight of 0 also silences a target of NaN.
    of_pair = np.broadcast_to(weights[:, None, None], pairs.shape)
    unary = of_weight(unary, weights, lengths)
    return gradient_of(unary, product(pairs, of_pair).sum(axis=0), lengths)


def gradient_of(unary: np.ndarray, transitions: np.ndarray, lengths: np.ndarray) -> Potentials:
    """The start scores of a chain act as its first token's do, the end scores as its last one's."""
    filled, last = last_rows(lengths)
    first = last - lengths[filled] + 1
    return Potentials(
        unary, lengths, transitions, unary[first].sum(axis=0), unary[last].sum(axis=0)
    )
