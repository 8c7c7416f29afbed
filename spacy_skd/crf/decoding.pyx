# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The max-product kernels: Viterbi, and the best scores of all prefixes, on which k-best rests.

Scores are added up in the same order as in `reference.py`, token by token from the left, so that
ties are the same ones.
"""

from libc.math cimport INFINITY
from libc.stdint cimport int32_t

import numpy as np

cdef extern from "vectors.h":
    ctypedef struct VectorOps:
        Py_ssize_t unit
        Py_ssize_t (*first_of_largest)(
            const double*, const double*, Py_ssize_t, double*
        ) noexcept nogil
        Py_ssize_t (*two_largest)(
            const double*, const double*, Py_ssize_t, double*, double*
        ) noexcept nogil
        void (*best_sum)(
            double*, const double*, const double*, Py_ssize_t, Py_ssize_t
        ) noexcept nogil
    const Py_ssize_t ALIGNMENT
    double* aligned(double*) noexcept
    VectorOps vectors_init()

cdef VectorOps ops = vectors_init()


def viterbi(p):
    """The best labels (N,) and their scores (B,), -inf where nothing is legal."""
    cdef Decoder decoder = Decoder(p)
    tags = np.empty(len(p.unary), dtype=np.int32)
    scores = np.empty(len(p.lengths))
    cdef int32_t[::1] labels = tags
    cdef double[::1] best = scores
    cdef Py_ssize_t chain, first = 0
    with nogil:
        for chain in range(best.shape[0]):
            decoder.select(first, decoder.lengths[chain])
            best[chain] = decoder.decode(&labels[0] + first)
            first += decoder.length
    return tags, scores


cdef class Decoder:
    """The best scores of all prefixes of one chain at a time, the one that was selected last.

    best[t][j] is the score of the best prefix that ends in label j at token t. Which label came
    before is found again where a path is followed back, by the very sums that were compared.
    """

    def __init__(self, p):
        self.unary, self.transitions, self.start, self.end = p.unary, p.transitions, p.start, p.end
        self.lengths = p.lengths
        self.n_labels = self.unary.shape[1]
        self.width = (self.n_labels + ops.unit - 1) // ops.unit * ops.unit
        cdef Py_ssize_t longest = p.lengths.max(initial=0)
        cdef Py_ssize_t n = self.n_labels, width = self.width, i, j
        cdef double[::1] memory = np.empty(n * width + longest * width + n * n + ALIGNMENT)
        self.memory = memory
        self.padded = aligned(&memory[0])
        self.best = self.padded + n * width
        self.transposed = self.best + longest * width
        for i in range(n):
            for j in range(width):
                self.padded[i * width + j] = self.transitions[i, j] if j < n else -INFINITY
            for j in range(n):
                self.transposed[j * n + i] = self.transitions[i, j]

    cdef void select(self, Py_ssize_t first, Py_ssize_t length) noexcept nogil:
        """Fill `best` for the chain of this length whose first token is `first`."""
        cdef Py_ssize_t t, j
        cdef double *best = self.best
        self.first, self.length = first, length
        for t in range(length):
            if t == 0:
                for j in range(self.n_labels):
                    best[j] = self.start[j] + self.unary[first, j]
            else:
                best += self.width
                ops.best_sum(best, best - self.width, self.padded, self.n_labels, self.width)
                for j in range(self.n_labels):
                    best[j] += self.unary[first + t, j]

    cdef double decode(self, int32_t *path) noexcept nogil:
        """Write the best path (length,). Returns its score; if that is -inf, there is no path."""
        cdef Py_ssize_t t
        cdef double score
        if self.length == 0:
            return 0.0
        path[self.length - 1] = self.previous(self.length, 0)
        score = self.score
        for t in range(self.length - 1, 0, -1):
            path[t - 1] = self.previous(t, path[t])
        return score

    cdef void extend_best(self, Py_ssize_t t, Py_ssize_t label, double *scores) noexcept nogil:
        """The scores (L,) of the best prefixes up to t - 1, by their last labels, when they are
        extended to `label` at t, its own score not included; or to the end, if t is the length of
        the chain."""
        cdef const double *best = self.best + (t - 1) * self.width
        cdef const double *transitions = self.to_label(t, label)
        cdef Py_ssize_t i
        for i in range(self.n_labels):
            scores[i] = best[i] + transitions[i]

    cdef const double* to_label(self, Py_ssize_t t, Py_ssize_t label) noexcept nogil:
        """The scores (L,) of transitions to a label at t; of ends, if t is the chain's length."""
        return &self.end[0] if t == self.length else self.transposed + label * self.n_labels

    cdef int32_t previous(self, Py_ssize_t t, Py_ssize_t label) noexcept nogil:
        """The label at t - 1 of the best prefix that is extended to `label` at t, or to the end: the
        lowest of equals."""
        return ops.first_of_largest(
            self.best + (t - 1) * self.width, self.to_label(t, label), self.n_labels, &self.score
        )

    cdef int32_t compare(self, Py_ssize_t t, Py_ssize_t label) noexcept nogil:
        """As `previous`, and `second`, the score of the best prefix that ends in another label."""
        return ops.two_largest(
            self.best + (t - 1) * self.width,
            self.to_label(t, label),
            self.n_labels,
            &self.score,
            &self.second,
        )
