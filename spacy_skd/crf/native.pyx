# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The kernels that do the work of `inference.py`: the functions of `reference.py`, for all chains of a
batch.
"""

from libc.math cimport INFINITY
from libc.stdint cimport int64_t

from .chains cimport Chains, product
from .posterior cimport PosteriorChains

import numpy as np

from . import best_paths, decoding
from .moments import Moments
from .potentials import Potentials
from .transitions import SparseTransitions

cdef extern from "vectors.h":
    ctypedef struct VectorOps:
        double (*subtract_mass)(
            double*, const double*, const double*, Py_ssize_t, double
        ) noexcept nogil
    VectorOps vectors_init()

cdef VectorOps ops = vectors_init()


def log_partition(p):
    """log Z of each chain, (B,)."""
    cdef Chains chains = Chains(p)
    log_z = np.empty(chains.n_chains)
    cdef double[::1] result = log_z
    cdef Py_ssize_t chain
    with nogil:
        for chain in range(chains.n_chains):
            chains.select(chain)
            result[chain] = chains.log_partition()
    return log_z


def marginals(p):
    """Expected labels (N, L) and transitions (B, L, L) of each chain, and log Z (B,)."""
    cdef Chains chains = Chains(p)
    cdef Py_ssize_t n_labels = chains.n_labels, chain
    unary = np.zeros((chains.n_tokens, n_labels))
    transitions = np.zeros((chains.n_chains, n_labels, n_labels))
    log_z = np.empty(chains.n_chains)
    cdef double[:, ::1] of_labels = unary
    cdef double[:, :, ::1] of_pairs = transitions
    cdef double[::1] normalizers = log_z
    with nogil:
        for chain in range(chains.n_chains):
            chains.select(chain)
            normalizers[chain] = chains.add_moments(
                1.0, chains.rows_of(of_labels), &of_pairs[chain, 0, 0]
            )
            chains.flush_pairs(&of_pairs[chain, 0, 0])
    return Moments(unary, transitions, log_z)


def messages(p):
    """log alpha and log beta of each label at each token (N, L), unscaled, and log Z (B,)."""
    cdef Chains chains = Chains(p, n_buffers=4)
    alpha, beta = np.empty((chains.n_tokens, chains.n_labels)), np.empty_like(p.unary)
    log_z = np.empty(chains.n_chains)
    cdef double[:, ::1] prefixes = alpha
    cdef double[:, ::1] suffixes = beta
    cdef double[::1] normalizers = log_z
    cdef Py_ssize_t chain
    with nogil:
        for chain in range(chains.n_chains):
            chains.select(chain)
            normalizers[chain] = chains.log_messages(
                chains.rows_of(prefixes), chains.rows_of(suffixes)
            )
    return alpha, beta, log_z


def viterbi(p):
    """The best labels (N,) and their scores (B,)."""
    return decoding.viterbi(p)


def kbest(p, k):
    """The k best label sequences of each chain, and log Z (B,)."""
    log_z = log_partition(p)
    return best_paths.kbest(p, k, log_z), log_z


def cross_entropy(p, target, const double[::1] weights):
    """log Z - <target, potentials> of each chain (B,), and its gradient, both times the weights
    (B,)."""
    cdef Chains chains = Chains(p)
    cdef Gradient gradient = Gradient(p)
    cdef const double[:, ::1] of_labels = target.unary
    cdef const double[:, :, ::1] of_pairs = None
    losses = np.zeros(chains.n_chains)
    cdef double[::1] result = losses
    cdef Py_ssize_t chain
    cdef double log_z, expected
    cdef bint sparse = isinstance(target.transitions, SparseTransitions)
    if sparse:
        subtract_sparse(target.transitions, chains.transitions, weights, result, gradient)
    else:
        of_pairs = target.transitions
    with nogil:
        for chain in range(chains.n_chains):
            if weights[chain] == 0.0:
                continue
            chains.select(chain)
            log_z = chains.add_moments(
                weights[chain], chains.rows_of(gradient.unary), gradient.pairs()
            )
            expected = gradient.subtract_labels(chains, weights[chain], &of_labels[0, 0])
            if sparse:
                expected += result[chain]
            else:
                expected += gradient.subtract_pairs(
                    chains, weights[chain], &of_pairs[chain, 0, 0]
                )
            result[chain] = weighted_excess(weights[chain], log_z, expected)
            gradient.add_edges(chains.first, chains.length)
        chains.flush_pairs(gradient.pairs())
    return losses, gradient.potentials


cdef void subtract_sparse(
    target,
    const double[:, ::1] transitions,
    const double[::1] weights,
    double[::1] expected,
    Gradient gradient,
):
    """Subtract a weight a chain * the target's transitions from the gradient. Adds their expected
    scores to those of the chains, (B,)."""
    cdef const int64_t[::1] chains = target.chains
    cdef const int64_t[::1] pairs = target.pairs
    cdef const double[::1] counts = target.counts
    cdef const double *scores = &transitions[0, 0]
    cdef double *of_pairs = gradient.pairs()
    cdef Py_ssize_t i
    with nogil:
        for i in range(counts.shape[0]):
            if weights[chains[i]] == 0.0:
                continue
            expected[chains[i]] += product(scores[pairs[i]], counts[i])
            of_pairs[pairs[i]] -= weights[chains[i]] * counts[i]


def nll(p, const int64_t[::1] tags, const double[::1] weights):
    """`cross_entropy` against one label sequence a chain, tags (N,)."""
    cdef Chains chains = Chains(p)
    cdef Gradient gradient = Gradient(p)
    losses = np.zeros(chains.n_chains)
    cdef double[::1] result = losses
    cdef Py_ssize_t chain
    cdef double log_z, score
    with nogil:
        for chain in range(chains.n_chains):
            if weights[chain] == 0.0:
                continue
            chains.select(chain)
            log_z = chains.add_moments(
                weights[chain], chains.rows_of(gradient.unary), gradient.pairs()
            )
            score = gradient.subtract_sequence(chains, weights[chain], tags)
            result[chain] = weighted_excess(weights[chain], log_z, score)
            gradient.add_edges(chains.first, chains.length)
        chains.flush_pairs(gradient.pairs())
    return losses, gradient.potentials


def partial_nll(p, allowed, const double[::1] weights):
    """log Z - log Z of the sequences whose labels are all allowed (N, L), as `cross_entropy`."""
    cdef Chains chains = Chains(p)
    cdef Gradient gradient = Gradient(p)
    cdef const double[:, ::1] restricted = np.where(allowed, p.unary, -np.inf)
    losses = np.zeros(chains.n_chains)
    cdef double[::1] result = losses
    cdef Py_ssize_t chain
    cdef double log_z, log_z_restricted
    with nogil:
        for chain in range(chains.n_chains):
            if weights[chain] == 0.0:
                continue
            chains.select(chain)
            log_z = chains.add_moments(
                weights[chain], chains.rows_of(gradient.unary), gradient.pairs()
            )
            chains.scores = chains.rows_of_const(restricted)
            log_z_restricted = chains.add_moments(
                -weights[chain], chains.rows_of(gradient.unary), gradient.pairs()
            )
            result[chain] = weighted_excess(weights[chain], log_z, log_z_restricted)
            gradient.add_edges(chains.first, chains.length)
        chains.flush_pairs(gradient.pairs())
    return losses, gradient.potentials


def posterior_cross_entropy(p, target, const double[::1] weights, double temperature):
    """T^2 times the cross-entropy of tempered targets (N, L) and label marginals tempered by T, and
    its gradient, both times the weights (B,)."""
    cdef PosteriorChains chains = PosteriorChains(p)
    cdef Gradient gradient = Gradient(p)
    cdef const double[:, ::1] of_labels = target
    losses = np.zeros(chains.n_chains)
    cdef double[::1] result = losses
    cdef Py_ssize_t chain
    with nogil:
        for chain in range(chains.n_chains):
            if weights[chain] == 0.0:
                continue
            chains.select(chain)
            result[chain] = chains.add_posterior(
                weights[chain],
                chains.rows_of_const(of_labels),
                temperature,
                chains.rows_of(gradient.unary),
                gradient.pairs(),
            )
            gradient.add_edges(chains.first, chains.length)
        chains.flush_pairs(gradient.pairs())
    return losses, gradient.potentials


cdef class Gradient:
    """Where a loss adds up its gradient with respect to the potentials."""

    cdef readonly object potentials
    cdef double[:, ::1] unary, transitions
    cdef double[::1] start, end

    def __init__(self, p):
        self.potentials = Potentials(
            np.zeros(p.unary.shape),
            p.lengths,
            np.zeros(p.transitions.shape),
            np.zeros(p.start.shape),
            np.zeros(p.end.shape),
        )
        self.unary = self.potentials.unary
        self.transitions = self.potentials.transitions
        self.start = self.potentials.start
        self.end = self.potentials.end

    cdef double* pairs(self) noexcept nogil:
        return &self.transitions[0, 0]

    cdef void add_edges(self, Py_ssize_t first, Py_ssize_t length) noexcept nogil:
        """Start scores act as scores of the first token do, end scores as those of the last."""
        cdef Py_ssize_t j
        if length:
            for j in range(self.start.shape[0]):
                self.start[j] += self.unary[first, j]
                self.end[j] += self.unary[first + length - 1, j]

    cdef double subtract_labels(
        self, Chains chains, double weight, const double *labels
    ) noexcept nogil:
        """Subtract weight * the target's labels (N, L) of the selected chain. Returns their expected
        score, with that of start and end."""
        cdef Py_ssize_t j, n = chains.n_labels
        cdef const double *first = labels + chains.first * n
        cdef const double *last = first + (chains.length - 1) * n
        cdef double expected
        if chains.length == 0:
            return 0.0
        expected = ops.subtract_mass(
            chains.rows_of(self.unary), chains.scores, first, chains.length * n, weight
        )
        for j in range(n):
            expected += product(chains.start[j], first[j]) + product(chains.end[j], last[j])
        return expected

    cdef double subtract_pairs(
        self, Chains chains, double weight, const double *pairs
    ) noexcept nogil:
        """The same with the target's pairs (L, L)."""
        if chains.length == 0:
            return 0.0
        return ops.subtract_mass(
            self.pairs(), &chains.transitions[0, 0], pairs, chains.n_labels * chains.n_labels, weight
        )

    cdef double subtract_sequence(
        self, Chains chains, double weight, const int64_t[::1] tags
    ) noexcept nogil:
        """The same with the counts of the chain's labels in tags (N,). Returns their score."""
        cdef Py_ssize_t t, tag, previous, first = chains.first, last = first + chains.length - 1
        cdef double score
        if chains.length == 0:
            return 0.0
        score = chains.start[tags[first]] + chains.end[tags[last]]
        for t in range(first, last + 1):
            tag = tags[t]
            score += chains.unary[t, tag]
            self.unary[t, tag] -= weight
            if t > first:
                previous = tags[t - 1]
                score += chains.transitions[previous, tag]
                self.transitions[previous, tag] -= weight
        return score


cdef inline double weighted_excess(double weight, double log_z, double expected) noexcept nogil:
    """weight * (log Z - expected score), -inf if log Z is, whatever else is."""
    return log_z if log_z == -INFINITY else weight * (log_z - expected)
