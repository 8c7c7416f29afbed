"""The one front door to inference and its losses: checks what comes in, then calls the kernels.

Arrays are numpy's. Results are float64, labels int32. Lengths may be 0: an empty chain has one
label sequence, of log probability 0.

Every loss takes a weight a chain, (B,), default 1, which multiplies its loss and gradient; a chain
of weight 0 has loss 0 and no gradient, whatever its target says. It gives the losses (B,) and their
gradient as Potentials, those of transitions, start and end summed over the batch.

All raise `SkdError` for arrays of the wrong shape, potentials that are NaN or +inf, a chain without
a legal label sequence (but for `has_sequence`), and a target that has mass on what the potentials
forbid.
"""

from typing import Optional, Tuple

import numpy as np

from ..errors import Errors, SkdError
from . import emission
from .backend import kernels
from .moments import KBest, Moments, as_tags
from .potentials import Potentials, as_floats, check_shape, check_temperature
from .transitions import SparseTransitions

# What 32 bits count, more than memory holds.
MANY = 2**31 - 1
Loss = Tuple[np.ndarray, Potentials]


def log_partition(p: Potentials) -> np.ndarray:
    """log Z of each chain, (B,), by the forward algorithm (Wang et al. 2020, eq. 1)."""
    p = p.checked()
    return require_legal(kernels.log_partition(p), p)


def has_sequence(p: Potentials) -> np.ndarray:
    """Whether each chain has a legal label sequence, (B,) bool."""
    return kernels.log_partition(p.checked()) > -np.inf


def marginals(p: Potentials) -> Moments:
    """By forward-backward (Wang et al. 2020, eq. 10-12): the probability of each label at each
    token (N, L), the expected number of each transition in each chain (B, L, L), log Z (B,)."""
    p = p.checked()
    moments = kernels.marginals(p)
    require_legal(moments.log_partition, p)
    return moments


def messages(p: Potentials) -> Tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The logarithms of forward and backward messages, alpha and beta (N, L), and log Z (B,).

    alpha sums over all label sequences up to a token that end in a label there, beta over all that
    may follow, so that alpha + beta - log Z is the log probability of the label.
    """
    p = p.checked()
    alpha, beta, log_z = kernels.messages(p)
    return alpha, beta, require_legal(log_z, p)


def viterbi(p: Potentials) -> Tuple[np.ndarray, np.ndarray]:
    """The best label sequence of each chain, labels (N,) and scores (B,).

    Of sequences with equal scores that one is first which has the lower label at the last token
    where they differ.
    """
    p = p.checked()
    tags, scores = kernels.viterbi(p)
    require_legal(scores, p)
    return tags, scores


def kbest(p: Potentials, k: int) -> KBest:
    """The k best label sequences of each chain, best first, ties as for `viterbi`: by the gaps
    between them (Soong and Huang 1991), or, where these leave a doubt or k is large, by lazy k-best
    parsing (Huang and Chiang 2005, algorithm 3).

    k (int): At least 1, else `SkdError`.
    RETURNS: A sequence with the paths (k_i, n_i) and their log probabilities (k_i,) of each chain,
        where k_i is k, or the number of legal sequences if there are fewer.
    """
    if k < 1:
        raise SkdError(Errors.SKD006.format(value=k))
    p = p.checked()
    best, log_z = kernels.kbest(p, min(int(k), MANY))
    require_legal(log_z, p)
    return best


def cross_entropy(p: Potentials, target: Moments, weights: Optional[np.ndarray] = None) -> Loss:
    """H(target, p) = log Z - <moments of the target, potentials>, whatever the target distribution:
    gold, k-best lists, a whole teacher or any mixture (Wang et al. 2020, eq. 6-9; 2021, eq. 4).

    target (Moments): unary (N, L), transitions (B, L, L).
    """
    p, weights = checked(p, weights)
    transitions = target.transitions
    if not isinstance(transitions, SparseTransitions):
        transitions = np.ascontiguousarray(transitions, dtype=np.float64)
    check_shape("target.transitions", transitions, (len(weights), p.n_labels, p.n_labels))
    target = Moments(as_floats("target.unary", target.unary, p.unary.shape), transitions)
    return require_finite(kernels.cross_entropy(p, target, weights), p)


def nll(p: Potentials, tags: np.ndarray, weights: Optional[np.ndarray] = None) -> Loss:
    """Negative log-likelihood of one label sequence a chain.

    tags (ndarray): (N,) label indices; `SkdError` for one out of range.
    """
    p, weights = checked(p, weights)
    return require_finite(kernels.nll(p, as_tags(tags, len(p.unary), p.n_labels), weights), p)


def partial_nll(p: Potentials, allowed: np.ndarray, weights: Optional[np.ndarray] = None) -> Loss:
    """Negative log-likelihood of a partial annotation: of all label sequences together that agree
    with it, log Z - log Z of these (Tsuboi et al. 2008).

    allowed (ndarray): (N, L) bool, the labels that a token may have.
    """
    p, weights = checked(p, weights)
    allowed = np.ascontiguousarray(allowed, dtype=bool)
    check_shape("allowed", allowed, p.unary.shape)
    return require_finite(kernels.partial_nll(p, allowed, weights), p)


def posterior_cross_entropy(
    p: Potentials,
    target_unary: np.ndarray,
    weights: Optional[np.ndarray] = None,
    temperature: float = 1.0,
) -> Loss:
    """The cross-entropy of target and own label probabilities, both marginals by forward-backward,
    summed over tokens (Wang et al. 2020, eq. 13). The gradient is a product with the Hessian of
    log Z, in closed form.

    target_unary (ndarray): (N, L) probabilities q. Rows may sum to less than 1.
    temperature (float): T above 0. The loss is T^2 times the cross-entropy of q_T ~ q^(1/T) and
        p_T = softmax(log p / T).
    """
    p, weights = checked(p, weights)
    check_temperature(temperature)
    target = as_floats("target_unary", target_unary, p.unary.shape)
    target = emission.tempered(target, temperature)
    return require_finite(kernels.posterior_cross_entropy(p, target, weights, temperature), p)


def emission_cross_entropy(
    p: Potentials,
    target_unary: np.ndarray,
    weights: Optional[np.ndarray] = None,
    temperature: float = 1.0,
) -> Loss:
    """The cross-entropy of target probabilities and the softmax of the emission scores, summed over
    tokens; transitions are ignored (Wang et al. 2020, eq. 4 and 5).

    target_unary, temperature: As for `posterior_cross_entropy`.
    """
    p, weights = checked(p, weights)
    check_temperature(temperature)
    target = as_floats("target_unary", target_unary, p.unary.shape)
    target = emission.tempered(target, temperature)
    return require_finite(emission.emission_cross_entropy(p, target, weights, temperature), p)


def checked(p: Potentials, weights: Optional[np.ndarray]) -> Tuple[Potentials, np.ndarray]:
    p = p.checked()
    if weights is None:
        return p, np.ones(len(p.lengths))
    weights = as_floats("weights", weights, p.lengths.shape)
    if not (weights >= 0).all():
        raise SkdError(Errors.SKD009.format(value=weights.min()))
    return p, weights


def require_legal(log_z: np.ndarray, p: Potentials) -> np.ndarray:
    """Log partitions or best scores (B,), none of which may be -inf."""
    if len(log_z) and not log_z.min() > -np.inf:
        chain = int(np.argmin(log_z))
        raise SkdError(Errors.SKD004.format(chain=chain, length=p.lengths[chain]))
    return log_z


def require_finite(loss: Loss, p: Potentials) -> Loss:
    """A loss of -inf stands for a chain without legal sequence, +inf for a target that is
    forbidden; NaN can only come from the target, as potentials are checked."""
    losses, gradient = loss
    if not np.isfinite(losses).all():
        chain = int(np.flatnonzero(~np.isfinite(losses))[0])
        error = {-np.inf: Errors.SKD004, np.inf: Errors.SKD010}.get(losses[chain], Errors.SKD012)
        raise SkdError(error.format(chain=chain, length=p.lengths[chain]))
    return losses, gradient
