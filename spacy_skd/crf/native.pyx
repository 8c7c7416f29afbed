# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The sum-product kernels: the functions of `reference.py`, in double arithmetic, without padding.

A chain is first done in probability space. With y_t = exp(unary_t) and E = exp(transitions), each divided
by its largest entry, the messages at token t are

    a_t = y_t * (a_{t-1} E) / c_t,  c_t such that they sum to 1        (forward)
    b_{t-1} = E r_t,  r_t = y_t * b_t / c_t                             (backward)

so that a_t * b_t are the label probabilities, E * (a_{t-1} r_t^T) those of label pairs, and log Z the sum
of log c_t and of what was divided out: one rescaling a token, and no exp or log of a pair.

That is exact unless a number underflows. None can as long as all factors that are not 0 are above e^-138
(1e-60) and all entries of a_t that are not 0 above 1e-120. `forward` checks this, one comparison for each
sentence, and the rare chain that fails (potentials of +-1e4, say) is done in log space.
"""

from libc.math cimport INFINITY, NAN, exp, log
from libc.stdint cimport int32_t, int64_t
from libc.string cimport memset

import numpy as np

from . import decoding
from .moments import Moments
from .potentials import Potentials

cdef extern from "vectors.h":
    ctypedef struct VectorOps:
        double (*largest)(const double*, Py_ssize_t) noexcept nogil
        void (*exponentials)(
            double*, const double*, Py_ssize_t, Py_ssize_t, double, double*
        ) noexcept nogil
        void (*logarithms)(double*, const double*, Py_ssize_t) noexcept nogil
        void (*weighted_sum)(
            double*, const double*, const double*, Py_ssize_t, Py_ssize_t
        ) noexcept nogil
        double (*normalized_product)(double*, const double*, double*, Py_ssize_t) noexcept nogil
        void (*add_outer_products)(
            double*, const double*, const double*, Py_ssize_t, Py_ssize_t, double
        ) noexcept nogil
        double (*subtract_mass)(
            double*, const double*, const double*, Py_ssize_t, double
        ) noexcept nogil
    VectorOps vectors_init()

cdef VectorOps ops = vectors_init()

cdef double SMALLEST_FACTOR = -138.0
cdef double SMALLEST_MESSAGE = 1e-120
cdef double SMALLEST_TARGETED = 1e-100
# Bounds what labels that no legal prefix reaches get from the right. It meets a factor 0 in the end, which
# infinity would make NaN; for all other labels the checks above keep r_t below 1e180.
cdef double LARGEST = 1e200


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


def viterbi(p):
    """The best labels (N,) and their scores (B,)."""
    return decoding.viterbi(p)


def kbest(p, k):
    """The k best label sequences and their log probabilities, for each chain; and log Z (B,)."""
    log_z = log_partition(p)
    return decoding.kbest(p, k, log_z), log_z


def cross_entropy(p, target, const double[::1] weights):
    """log Z - <target, potentials> of each chain (B,), and its gradient, both times the weights (B,)."""
    cdef Chains chains = Chains(p)
    cdef Gradient gradient = Gradient(p)
    cdef const double[:, ::1] of_labels = target.unary
    cdef const double[:, :, ::1] of_pairs = target.transitions
    losses = np.zeros(chains.n_chains)
    cdef double[::1] result = losses
    cdef Py_ssize_t chain
    cdef double log_z, expected
    with nogil:
        for chain in range(chains.n_chains):
            if weights[chain] == 0.0:
                continue
            chains.select(chain)
            log_z = chains.add_moments(
                weights[chain], chains.rows_of(gradient.unary), gradient.pairs()
            )
            expected = chains.subtract_target(
                weights[chain], &of_labels[0, 0], &of_pairs[chain, 0, 0], gradient
            )
            result[chain] = weighted_excess(weights[chain], log_z, expected)
            gradient.add_edges(chains.first, chains.length)
        chains.flush_pairs(gradient.pairs())
    return losses, gradient.potentials


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
            score = chains.subtract_sequence(weights[chain], tags, gradient)
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
