"""Losses that look at one token at a time: between tempered distributions over its labels."""

from typing import Tuple

import numpy as np

from .potentials import Potentials


def emission_cross_entropy(
    p: Potentials, target: np.ndarray, weights: np.ndarray, temperature: float
) -> Tuple[np.ndarray, Potentials]:
    """Cross-entropy of targets and softmaxed emissions, transitions ignored: see `inference.py`."""
    log_probs = p.unary - finite(log_sum_exp(p.unary, axis=1))[:, None]
    losses, g = tempered_cross_entropy(log_probs, target, temperature)
    g -= np.exp(log_probs) * g.sum(axis=1, keepdims=True)
    g = of_weight(g, weights, p.lengths)
    nothing = np.zeros(p.n_labels)
    gradient = Potentials(g, p.lengths, np.zeros_like(p.transitions), nothing, nothing.copy())
    return weighted(per_chain(losses, p.lengths), weights), gradient


def tempered(target: np.ndarray, temperature: float) -> np.ndarray:
    """q_T ~ q^(1/T) of targets q (N, L), with the sums of q: rows may have less than 1."""
    if temperature == 1.0:
        return target
    mass = target.sum(axis=1, keepdims=True)
    # Of a low temperature all powers may be 0 but that of the largest, which is 1 here.
    largest = target.max(axis=1, keepdims=True)
    target = (target / np.where(largest > 0, largest, 1.0)) ** (1.0 / temperature)
    return target * (mass / np.where(mass > 0, target.sum(axis=1, keepdims=True), 1.0))


def tempered_cross_entropy(
    log_probs: np.ndarray, target: np.ndarray, temperature: float
) -> Tuple[np.ndarray, np.ndarray]:
    """T^2 times the cross-entropy (N,) of q_T and p_T = softmax(log p / T), as the code of Wang et
    al. (2020) has it, and its derivative (N, L) with respect to log p.

    log_probs (ndarray): (N, L) log p, -inf for what is forbidden.
    target (ndarray): (N, L) q_T.
    """
    if temperature != 1.0:
        log_probs = log_probs / temperature
        log_probs = log_probs - finite(log_sum_exp(log_probs, axis=1))[:, None]
    losses = -product(log_probs, target).sum(axis=1) * temperature**2
    g = np.exp(log_probs) * target.sum(axis=1, keepdims=True) - target
    return losses, g * temperature


def log_sum_exp(scores: np.ndarray, axis: int) -> np.ndarray:
    """log sum exp, -inf where all is -inf."""
    largest = finite(scores.max(axis=axis, keepdims=True))
    with np.errstate(divide="ignore"):
        return np.log(np.exp(scores - largest).sum(axis=axis)) + largest.squeeze(axis)


def finite(scores: np.ndarray) -> np.ndarray:
    """0 for -inf: to subtract where a difference of two -inf has to stay -inf, not NaN."""
    return np.where(scores == -np.inf, 0.0, scores)


def product(scores: np.ndarray, mass: np.ndarray) -> np.ndarray:
    """scores * mass, where no mass on a forbidden score (-inf) is 0."""
    return np.multiply(scores, mass, where=mass != 0, out=np.zeros(mass.shape))


def per_chain(of_token: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Sums (B,) of values a token (N,)."""
    chains = np.repeat(np.arange(len(lengths)), lengths)
    return np.bincount(chains, of_token, len(lengths)).astype(
        float
    )  # of no tokens it gives integers


def weighted(losses: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """losses * weights (B,), where a chain of weight 0 has loss 0 even if it is infinite."""
    return product(losses, weights)


def of_weight(g: np.ndarray, weights: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """g (N, any width) times the weight of its chain, 0 where that is 0 even if g is NaN."""
    return product(g, np.broadcast_to(np.repeat(weights, lengths)[:, None], g.shape))
