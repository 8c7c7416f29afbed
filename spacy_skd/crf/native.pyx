# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The sum-product kernels: the functions of `reference.py`, in double arithmetic, without padding.

A chain is first done in probability space. With y_t = exp(unary_t) and E = exp(transitions), each
divided by its largest entry, the messages at token t are

    a_t = y_t * (a_{t-1} E) / c_t,  c_t such that they sum to 1        (forward)
    b_{t-1} = E r_t,  r_t = y_t * b_t / c_t                             (backward)

so that a_t * b_t are the label probabilities, E * (a_{t-1} r_t^T) those of label pairs, and log Z
the sum of log c_t and of what was divided out: one rescaling a token, and no exp or log of a pair.

That is exact unless a number underflows. None can as long as all factors that are not 0 are above
e^-138 (1e-60) and all entries of a_t that are not 0 above 1e-120. `forward` checks this, one
comparison for each sentence, and the rare chain that fails (potentials of +-1e4, say) is done in
log space.

Of a long chain the messages of one piece are kept at a time, and those at the borders of pieces.
From right to left, all pieces but the last are then done forward a second time. That costs a third
more at most, and messages stay in the cache: memory that comes anew from the system for each call,
page by page, may cost nearly as much as all of the rest.
"""

from libc.math cimport INFINITY, NAN, exp, log
from libc.stdint cimport int64_t
from libc.string cimport memcpy, memset

import numpy as np

from . import best_paths, decoding
from .moments import Moments
from .potentials import Potentials
from .transitions import SparseTransitions

cdef extern from "vectors.h":
    ctypedef struct VectorOps:
        Py_ssize_t unit
        double (*largest)(const double*, Py_ssize_t) noexcept nogil
        void (*exponentials)(
            double*, const double*, Py_ssize_t, Py_ssize_t, double, double*
        ) noexcept nogil
        void (*log_products)(double*, const double*, const double*, Py_ssize_t) noexcept nogil
        double (*quotients)(
            double*, double*, const double*, const double*, Py_ssize_t, double*
        ) noexcept nogil
        void (*add_products)(
            double*, const double*, const double*, Py_ssize_t
        ) noexcept nogil
        void (*extended)(
            double*, const double*, const double*, const double*, Py_ssize_t
        ) noexcept nogil
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
    const Py_ssize_t ALIGNMENT
    double* aligned(double*) noexcept
    VectorOps vectors_init()

cdef VectorOps ops = vectors_init()

cdef double SMALLEST_FACTOR = -138.0
cdef double SMALLEST_MESSAGE = 1e-120
cdef double SMALLEST_TARGETED = 1e-100
# Bounds what labels that no legal prefix reaches get from the right. It meets a factor 0 in the
# end, which infinity would make NaN; for all other labels the checks above keep r_t below 1e180.
cdef double LARGEST = 1e200
# So many numbers (2 MB) are a buffer of messages at most, where a chain may come in pieces.
cdef Py_ssize_t PIECE = 1 << 18


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
            expected = chains.subtract_labels(weights[chain], &of_labels[0, 0], gradient)
            if sparse:
                expected += result[chain]
            else:
                expected += chains.subtract_pairs(
                    weights[chain], &of_pairs[chain, 0, 0], gradient
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


def posterior_cross_entropy(p, target, const double[::1] weights, double temperature):
    """T^2 times the cross-entropy of tempered targets (N, L) and label marginals tempered by T, and
    its gradient, both times the weights (B,)."""
    cdef Chains chains = Chains(p, n_buffers=6)
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


cdef class Chains:
    """A batch of B chains with N tokens and L labels, its exponentials, and room for the messages
    of one chain at a time, the one that was selected last.

    Matrices for the inner loops (`vectors.h`) have rows of `width`, L rounded up to a multiple of
    what a vector holds, with zeros at the end. A buffer of messages has a row a token: (piece,
    width), where a piece is the longest chain unless there are but two buffers.
    """

    cdef readonly Py_ssize_t n_chains, n_tokens, n_labels, width
    cdef Py_ssize_t n_buffers, longest, piece
    # The potentials as they came.
    cdef const double[:, ::1] unary, transitions
    cdef const double[::1] start, end
    cdef const int64_t[::1] lengths
    cdef const int64_t[::1] firsts
    # exp(transitions - shift), [from][to] and [to][from], and those of start and end.
    cdef double *factors
    cdef double *factors_transposed
    cdef double *start_factors
    cdef double *end_factors
    cdef double shift, start_shift, end_shift
    cdef bint bounded
    # The chain that is selected: its first token, its length, its unary scores (length, L).
    cdef Py_ssize_t first, length
    cdef const double *scores
    # Messages, named as at the top of this file; of a chain in log space, log a and log b. c
    # (piece,) and `total`, the sum of a_n and end factors; g and h are for `add_posterior` alone.
    # Before the first row of a there is one more; `borders`, a row a piece, has a_t of the token
    # before the piece.
    cdef double *y
    cdef double *a
    cdef double *b
    cdef double *r
    cdef double *g
    cdef double *h
    cdef double *c
    cdef double *borders
    cdef double total
    # (width,) each: the smallest log y_t and the smallest a_t, but for zeros, and something to use.
    cdef double *lowest
    cdef double *smallest
    cdef double *spare
    # (width, width): sums of a_{t-1} r_t^T that wait for `flush_pairs`.
    cdef double *pair_sums
    cdef object matrices, buffers

    def __init__(self, p, Py_ssize_t n_buffers=2):
        self.unary, self.transitions, self.start, self.end = p.unary, p.transitions, p.start, p.end
        self.lengths, self.firsts = p.lengths, np.cumsum(p.lengths) - p.lengths
        self.n_chains, self.n_tokens = self.lengths.shape[0], self.unary.shape[0]
        self.n_labels = self.unary.shape[1]
        self.width = (self.n_labels + ops.unit - 1) // ops.unit * ops.unit
        self.n_buffers, self.longest = n_buffers, p.lengths.max(initial=1)
        self.allocate_matrices()
        self.allocate_buffers(
            min(self.longest, PIECE // self.width + 1) if n_buffers == 2 else self.longest
        )
        self.exponentiate()

    cdef allocate_matrices(self):
        cdef Py_ssize_t square = self.width * self.width
        cdef double[::1] memory = np.empty(3 * square + 5 * self.width + ALIGNMENT)
        self.matrices = memory
        cdef double *free = aligned(&memory[0])
        self.factors, self.factors_transposed = free, free + square
        self.pair_sums = free + 2 * square
        memset(self.factors_transposed, 0, 2 * square * sizeof(double))
        free += 3 * square
        self.start_factors, self.end_factors = free, free + self.width
        self.lowest, self.smallest = free + 2 * self.width, free + 3 * self.width
        self.spare = free + 4 * self.width

    cdef allocate_buffers(self, Py_ssize_t piece):
        self.piece = piece
        cdef Py_ssize_t buffer = piece * self.width
        cdef Py_ssize_t n_borders = self.n_pieces(self.longest)
        cdef double[::1] memory = np.empty(
            self.n_buffers * buffer + (1 + n_borders) * self.width + piece + ALIGNMENT
        )
        self.buffers = memory
        cdef double *free = aligned(&memory[0]) + self.width
        self.a, self.y = free, free + buffer
        # With two of them there is b in log space alone, which has no y.
        self.b = free + 2 * buffer if self.n_buffers > 2 else self.y
        self.r, self.g, self.h = free + 3 * buffer, free + 4 * buffer, free + 5 * buffer
        self.borders = free + self.n_buffers * buffer
        self.c = self.borders + n_borders * self.width

    cdef Py_ssize_t n_pieces(self, Py_ssize_t length) noexcept nogil:
        return (length + self.piece - 1) // self.piece

    cdef void exponentiate(self) noexcept:
        cdef Py_ssize_t i, j, n = self.n_labels, width = self.width
        self.forget_underflow()
        self.shift = finite(ops.largest(&self.transitions[0, 0], n * n))
        self.start_shift = finite(ops.largest(&self.start[0], n))
        self.end_shift = finite(ops.largest(&self.end[0], n))
        ops.exponentials(
            self.start_factors, &self.start[0], n, width, self.start_shift, self.lowest
        )
        ops.exponentials(self.end_factors, &self.end[0], n, width, self.end_shift, self.lowest)
        for i in range(n):
            ops.exponentials(
                self.factors + i * width, &self.transitions[i, 0], n, width, self.shift, self.lowest
            )
            for j in range(n):
                self.factors_transposed[j * width + i] = self.factors[i * width + j]
        self.bounded = not self.underflow()

    cdef void forget_underflow(self) noexcept nogil:
        cdef Py_ssize_t j
        for j in range(self.width):
            self.lowest[j] = 0.0
            self.smallest[j] = 1.0

    cdef bint underflow(self) noexcept nogil:
        """Whether a factor or a message was so small that another might have become 0."""
        cdef Py_ssize_t j
        for j in range(self.width):
            if self.lowest[j] < SMALLEST_FACTOR or self.smallest[j] < SMALLEST_MESSAGE:
                return True
        return False

    cdef void select(self, Py_ssize_t chain) noexcept nogil:
        self.first, self.length = self.firsts[chain], self.lengths[chain]
        self.scores = self.rows_of_const(self.unary)

    cdef double* rows_of(self, double[:, ::1] of_tokens) noexcept nogil:
        """The rows of the selected chain in an array (N, L)."""
        return &of_tokens[0, 0] + self.first * self.n_labels

    cdef const double* rows_of_const(self, const double[:, ::1] of_tokens) noexcept nogil:
        return &of_tokens[0, 0] + self.first * self.n_labels

    cdef double log_partition(self) except? -1.0 nogil:
        """log Z of the selected chain."""
        if self.length == 0:
            return 0.0
        cdef double log_z = self.forward()
        return log_z if log_z == log_z else self.forward_in_log_space()

    cdef double add_moments(self, double weight, double *labels, double *pairs) except? -1.0 nogil:
        """Add weight * the probabilities of labels (length, L) and the expected label pairs: to
        pairs (L, L), or to what `flush_pairs` adds there. Returns log Z; nothing is added if it is
        -inf."""
        if self.length == 0:
            return 0.0
        cdef double log_z = self.forward()
        if log_z != log_z:
            return self.add_moments_in_log_space(weight, labels, pairs)
        self.add_pieces(weight, labels)
        return log_z

    cdef double log_messages(self, double *alpha, double *beta) except? -1.0 nogil:
        """Write the logarithms of the messages (length, L) of the selected chain, without the scales
        of probability space: a_t b_t Z is what alpha_t and beta_t multiply to. Returns log Z."""
        if self.length == 0:
            return 0.0
        cdef Py_ssize_t t, j, n = self.n_labels, width = self.width
        cdef double scale = self.start_shift, log_z = self.forward()
        cdef bint scaled = log_z == log_z
        if scaled:
            self.backward()
        else:
            log_z = self.forward_in_log_space()
            self.backward_in_log_space()
        for t in range(self.length):
            if scaled:
                scale += finite(ops.largest(self.scores + t * n, n)) + log(self.c[t])
                scale += self.shift if t else 0.0
            for j in range(n):
                alpha[t * n + j], beta[t * n + j] = self.a[t * width + j], self.b[t * width + j]
                if scaled:
                    alpha[t * n + j] = log(alpha[t * n + j]) + scale
                    beta[t * n + j] = log(beta[t * n + j]) + log_z - scale
        return log_z

    cdef void flush_pairs(self, double *pairs) noexcept nogil:
        """Add factors * pair_sums to pairs (L, L), and start anew."""
        cdef Py_ssize_t i, j, n = self.n_labels, width = self.width
        for i in range(n):
            for j in range(n):
                pairs[i * n + j] += self.factors[i * width + j] * self.pair_sums[i * width + j]
        memset(self.pair_sums, 0, width * width * sizeof(double))

    cdef double subtract_labels(
        self, double weight, const double *labels, Gradient gradient
    ) noexcept nogil:
        """Subtract weight * the target's labels (N, L) from the gradient. Returns their expected
        score, with that of start and end."""
        cdef Py_ssize_t j, n = self.n_labels
        cdef const double *first = labels + self.first * n
        cdef const double *last = first + (self.length - 1) * n
        cdef double expected
        if self.length == 0:
            return 0.0
        expected = ops.subtract_mass(
            self.rows_of(gradient.unary), self.scores, first, self.length * n, weight
        )
        for j in range(n):
            expected += product(self.start[j], first[j]) + product(self.end[j], last[j])
        return expected

    cdef double subtract_pairs(
        self, double weight, const double *pairs, Gradient gradient
    ) noexcept nogil:
        """As `subtract_labels`, with the target's pairs (L, L)."""
        if self.length == 0:
            return 0.0
        return ops.subtract_mass(
            gradient.pairs(), &self.transitions[0, 0], pairs, self.n_labels * self.n_labels, weight
        )

    cdef double subtract_sequence(
        self, double weight, const int64_t[::1] tags, Gradient gradient
    ) noexcept nogil:
        """Subtract weight * the counts of the chain's labels in tags (N,). Returns their score."""
        cdef Py_ssize_t t, tag, previous
        cdef double score
        if self.length == 0:
            return 0.0
        score = self.start[tags[self.first]] + self.end[tags[self.first + self.length - 1]]
        for t in range(self.first, self.first + self.length):
            tag = tags[t]
            score += self.unary[t, tag]
            gradient.unary[t, tag] -= weight
            if t > self.first:
                previous = tags[t - 1]
                score += self.transitions[previous, tag]
                gradient.transitions[previous, tag] -= weight
        return score

    # In probability space.

    cdef double forward(self) noexcept nogil:
        """y, a and c of the last piece of the selected chain, which has a token; its borders and
        total. Returns log Z, or NaN where a number may have underflowed or nothing is legal."""
        cdef Py_ssize_t i, j, width = self.width
        cdef double log_z = self.start_shift + self.end_shift + (self.length - 1) * self.shift
        cdef double *a = self.a + (self.length - 1) % self.piece * width
        if not self.bounded:
            return NAN
        self.forget_underflow()
        for i in range(self.n_pieces(self.length)):
            if i:
                memcpy(
                    self.borders + i * width,
                    self.a + (self.piece - 1) * width,
                    width * sizeof(double),
                )
            log_z += self.forward_piece(i * self.piece)
            if log_z != log_z:
                return NAN
        self.total = 0.0
        for j in range(self.n_labels):
            self.total += a[j] * self.end_factors[j]
        if not self.total > 0.0 or self.underflow():
            return NAN
        return log_z + log(self.total)

    cdef double forward_piece(self, Py_ssize_t first) noexcept nogil:
        """y, a and c of the piece whose first token is `first`, from its border. Returns the sum of
        log c_t and of what y_t were divided by, NaN if there is no legal prefix."""
        cdef Py_ssize_t t, j, n = self.n_labels, width = self.width
        cdef double largest, scale = 1.0, log_scale = 0.0
        cdef double *a = self.a - width
        cdef const double *scores = self.scores + first * n
        memcpy(a, self.borders + first // self.piece * width, width * sizeof(double))
        for t in range(min(self.piece, self.length - first)):
            largest = finite(ops.largest(scores + t * n, n))
            ops.exponentials(self.y + t * width, scores + t * n, n, width, largest, self.lowest)
            a += width
            if first + t == 0:
                for j in range(width):
                    a[j] = self.start_factors[j]
            else:
                ops.weighted_sum(a, a - width, self.factors, n, width)
            self.c[t] = ops.normalized_product(a, self.y + t * width, self.smallest, width)
            if not self.c[t] > 0.0:
                return NAN
            log_scale += largest
            # One logarithm for as many factors as a number holds.
            scale *= self.c[t]
            if not 1e-100 < scale < 1e100:
                log_scale += log(scale)
                scale = 1.0
        return log_scale + log(scale)

    cdef void backward(self) noexcept nogil:
        """b and r of the selected chain, after `forward`, and y divided by c; r of the first token
        is of no use and left out."""
        cdef Py_ssize_t t, j, width = self.width
        cdef double *b = self.b + (self.length - 1) * width
        cdef double *y
        cdef double *r
        cdef double inverse
        for j in range(width):
            b[j] = self.end_factors[j] / self.total
        for t in range(self.length - 1, 0, -1):
            y, r, inverse = self.y + t * width, self.r + t * width, 1.0 / self.c[t]
            for j in range(width):
                y[j] *= inverse
                r[j] = y[j] * b[j] if y[j] * b[j] < LARGEST else LARGEST
            b -= width
            ops.weighted_sum(b, r, self.factors_transposed, self.n_labels, width)

    cdef void add_pieces(self, double weight, double *labels) noexcept nogil:
        """As `backward`, piece by piece, with r in place of y and b of one token at a time. Adds
        weight * the probabilities of labels, (length, L), and the pairs to their sums."""
        cdef Py_ssize_t j, width = self.width
        cdef Py_ssize_t first = (self.length - 1) // self.piece * self.piece
        cdef Py_ssize_t n_tokens = self.length - first, n_first
        for j in range(width):
            self.spare[j] = self.end_factors[j] / self.total
        while True:
            self.add_labels(first, n_tokens, weight, labels)
            # The first token of the chain has no pair.
            n_first = 1 if first == 0 else 0
            ops.add_outer_products(
                self.pair_sums,
                self.a + (n_first - 1) * width,
                self.y + n_first * width,
                n_tokens - n_first,
                width,
                weight,
            )
            if first == 0:
                break
            first, n_tokens = first - self.piece, self.piece
            self.forward_piece(first)

    cdef void add_labels(
        self, Py_ssize_t first, Py_ssize_t n_tokens, double weight, double *labels
    ) noexcept nogil:
        """Of the piece that begins with the token `first`, from b of its last token in `spare`,
        which becomes that of the token before the piece."""
        cdef Py_ssize_t t, j, n = self.n_labels, width = self.width
        cdef double *a
        cdef double *b = self.spare
        cdef double *r
        cdef double inverse
        labels += first * n
        for t in range(n_tokens - 1, -1, -1):
            a, r, inverse = self.a + t * width, self.y + t * width, 1.0 / self.c[t]
            for j in range(n):
                labels[t * n + j] += weight * (a[j] * b[j])
            if first + t == 0:
                break
            for j in range(width):
                r[j] *= inverse
                r[j] = r[j] * b[j] if r[j] * b[j] < LARGEST else LARGEST
            ops.weighted_sum(b, r, self.factors_transposed, n, width)

    # In log space.

    cdef double forward_in_log_space(self) except? -1.0 nogil:
        """a of the selected chain as logarithms, unscaled, in one piece. Returns log Z."""
        cdef Py_ssize_t t, i, j, n = self.n_labels, width = self.width
        cdef double *a
        if self.length > self.piece:
            with gil:
                self.allocate_buffers(self.longest)
        a = self.a
        for j in range(n):
            a[j] = self.start[j] + self.scores[j]
        for t in range(1, self.length):
            for j in range(n):
                for i in range(n):
                    self.spare[i] = a[i] + self.transitions[i, j]
                a[width + j] = log_sum_exp(self.spare, n) + self.scores[t * n + j]
            a += width
        for j in range(n):
            self.spare[j] = a[j] + self.end[j]
        return log_sum_exp(self.spare, n)

    cdef void backward_in_log_space(self) noexcept nogil:
        """b of the selected chain as logarithms, unscaled."""
        cdef Py_ssize_t t, i, j, n = self.n_labels, width = self.width
        cdef double *b = self.b + (self.length - 1) * width
        for j in range(n):
            b[j] = self.end[j]
        for t in range(self.length - 1, 0, -1):
            for i in range(n):
                for j in range(n):
                    self.spare[j] = self.transitions[i, j] + self.scores[t * n + j] + b[j]
                b[i - width] = log_sum_exp(self.spare, n)
            b -= width

    cdef double add_moments_in_log_space(
        self, double weight, double *labels, double *pairs
    ) except? -1.0 nogil:
        cdef Py_ssize_t t, i, j, n = self.n_labels, width = self.width
        cdef double log_z = self.forward_in_log_space()
        cdef double *a = self.a
        cdef double *b = self.b
        cdef double of_next
        if log_z == -INFINITY:
            return log_z
        self.backward_in_log_space()
        for t in range(self.length):
            for j in range(n):
                labels[t * n + j] += weight * exp(a[j] + b[j] - log_z)
                if t > 0:
                    of_next = self.scores[t * n + j] + b[j] - log_z
                    for i in range(n):
                        pairs[i * n + j] += weight * exp(
                            a[i - width] + self.transitions[i, j] + of_next
                        )
            a += width
            b += width
        return log_z

    # The posterior cross-entropy. With g_t = dLoss / dlog marginals at token t, all tokens together
    # give
    #
    #     p_t = g_t / b_t + y_t / c_t * (p_{t-1} E)
    #     h_t = y_t / c_t * (g_t / a_t + q_t),  q_{t-1} = E h_t
    #     dLoss / dunary_t = p_t b_t + a_t q_t - F a_t b_t,  F the sum of all g
    #     dLoss / dtransitions = E * sum_t ((p_{t-1} - F a_{t-1}) r_t^T + a_{t-1} h_t^T)
    #
    # Divided by b_t, p_t would be what tokens up to t say of token t; q_t is the same from the
    # right.

    cdef double add_posterior(
        self,
        double weight,
        const double *target,
        double temperature,
        double *labels,
        double *pairs,
    ) except? -1.0 nogil:
        """Add the gradient of the weighted posterior cross-entropy with a target (length, L) to
        labels (length, L) and pairs (L, L) or their sums. Returns the weighted loss, -inf if log Z
        is, +inf if the target has mass where the marginals have none."""
        cdef double log_z, loss, total = 0.0
        if self.length == 0:
            return 0.0
        log_z = self.forward()
        if log_z == log_z:
            self.backward()
            loss = self.loss_of_marginals(weight, target, temperature, &total)
            if loss == loss:
                self.add_from_right(labels)
                self.add_from_left(total, labels)
                return loss
        return self.add_posterior_in_log_space(weight, target, temperature, labels, pairs)

    cdef double loss_of_marginals(
        self, double weight, const double *target, double temperature, double *total
    ) noexcept nogil:
        """g / a of the selected chain in h, and g / b in g; the sum of g is added to the total.
        Returns the weighted loss, or NaN where g meets marginals that are too small to divide by.
        """
        cdef Py_ssize_t t, n = self.n_labels, width = self.width
        cdef double *a
        cdef double *b
        cdef double *g
        cdef double loss = 0.0
        memset(self.g, 0, self.length * width * sizeof(double))
        for t in range(self.length):
            a, b, g = self.a + t * width, self.b + t * width, self.g + t * width
            ops.log_products(self.spare, a, b, n)
            loss += token_loss(g, self.spare, target + t * n, n, weight, temperature)
            if ops.quotients(g, self.h + t * width, a, b, width, total) < SMALLEST_TARGETED:
                return NAN
        return loss

    cdef void add_from_right(self, double *labels) noexcept nogil:
        """h of the selected chain, where g / a was, and a_t * q_t added to labels."""
        cdef Py_ssize_t t, j, n = self.n_labels, width = self.width
        cdef double *q = self.spare
        cdef double *a
        cdef double *h
        for j in range(width):
            q[j] = 0.0
        for t in range(self.length - 1, 0, -1):
            a, h = self.a + t * width, self.h + t * width
            ops.add_products(labels + t * n, a, q, n)
            # Labels that no legal prefix reaches could grow without bound: 0 where a is.
            ops.extended(h, q, self.y + t * width, a, width)
            ops.weighted_sum(q, h, self.factors_transposed, n, width)
        ops.add_products(labels, self.a, q, n)
        ops.add_outer_products(
            self.pair_sums, self.a, self.h + width, self.length - 1, width, 1.0
        )

    cdef void add_from_left(self, double total, double *labels) noexcept nogil:
        """p_t - F a_t of the selected chain, F being the total, in place of g / b (as a_t follows
        the recursion of p_t, it is enough to begin with the difference), and its product with b_t
        added to labels."""
        cdef Py_ssize_t t, j, n = self.n_labels, width = self.width
        cdef double *p = self.g
        cdef double *b = self.b
        cdef double *y = self.y
        for t in range(self.length):
            if t == 0:
                for j in range(n):
                    p[j] -= total * self.a[j]
            else:
                ops.weighted_sum(self.spare, p - width, self.factors, n, width)
                ops.add_products(p, y, self.spare, n)
            ops.add_products(labels + t * n, p, b, n)
            p, b, y = p + width, b + width, y + width
        ops.add_outer_products(
            self.pair_sums, self.g, self.r + width, self.length - 1, width, 1.0
        )

    cdef double add_posterior_in_log_space(
        self,
        double weight,
        const double *target,
        double temperature,
        double *labels,
        double *pairs,
    ) except? -1.0 nogil:
        """As `reference.posterior_cross_entropy`, what it calls left in h and right in r."""
        cdef Py_ssize_t t, i, j, n = self.n_labels, width = self.width, now, before
        cdef double log_z = self.forward_in_log_space()
        cdef double loss = 0.0, total = 0.0, score, of_next, of_previous, marginal
        cdef double *a = self.a
        cdef double *b = self.b
        cdef double *g = self.g
        cdef double *left = self.h
        cdef double *right = self.r
        if log_z == -INFINITY:
            return log_z
        self.backward_in_log_space()
        for t in range(self.length):
            now = t * width
            for j in range(n):
                self.spare[j] = a[now + j] + b[now + j] - log_z
                g[now + j] = 0.0
            loss += token_loss(g + now, self.spare, target + t * n, n, weight, temperature)
            for j in range(n):
                left[now + j] = right[now + j] = 0.0
                total += g[now + j]
        if loss == INFINITY:
            return loss
        for t in range(1, self.length):
            now, before = t * width, (t - 1) * width
            for i in range(n):
                for j in range(n):
                    score = self.transitions[i, j] + self.scores[t * n + j]
                    of_next = exp(score + b[now + j] - finite(b[before + i]))
                    left[now + j] += (left[before + i] + g[before + i]) * of_next
                    pairs[i * n + j] += (left[before + i] + g[before + i]) * of_next
                    marginal = exp(a[before + i] + score + b[now + j] - log_z)
                    pairs[i * n + j] -= total * marginal
        for t in range(self.length - 1, 0, -1):
            now, before = t * width, (t - 1) * width
            for i in range(n):
                for j in range(n):
                    score = self.transitions[i, j] + self.scores[t * n + j]
                    of_previous = exp(a[before + i] + score - finite(a[now + j]))
                    right[before + i] += (right[now + j] + g[now + j]) * of_previous
                    pairs[i * n + j] += (right[now + j] + g[now + j]) * of_previous
        for t in range(self.length):
            now = t * width
            for j in range(n):
                marginal = exp(a[now + j] + b[now + j] - log_z)
                labels[t * n + j] += left[now + j] + g[now + j] + right[now + j] - total * marginal
        return loss


cdef double token_loss(
    double *g,
    const double *log_marginals,
    const double *target,
    Py_ssize_t n,
    double weight,
    double temperature,
) noexcept nogil:
    """The weighted loss of one token, n labels: see `emission.tempered_cross_entropy`. Writes
    dLoss / dlog marginals to g, which has to be 0; terms proportional to the marginals, which change
    nothing, may be missing."""
    cdef Py_ssize_t j
    cdef double loss = 0.0, mass = 0.0, total = 0.0, largest, log_total
    if temperature == 1.0:
        return -weight * ops.subtract_mass(g, log_marginals, target, n, weight)
    largest = finite(ops.largest(log_marginals, n))
    for j in range(n):
        g[j] = exp((log_marginals[j] - largest) / temperature)
        total += g[j]
        mass += target[j]
    log_total = log(total)
    for j in range(n):
        loss -= product((log_marginals[j] - largest) / temperature - log_total, target[j])
        g[j] = weight * temperature * (g[j] / total * mass - target[j])
    return weight * temperature * temperature * loss


cdef inline double weighted_excess(double weight, double log_z, double expected) noexcept nogil:
    """weight * (log Z - expected score), -inf if log Z is, whatever else is."""
    return log_z if log_z == -INFINITY else weight * (log_z - expected)


cdef inline double product(double score, double mass) noexcept nogil:
    """score * mass, where no mass on a forbidden score (-inf) is 0."""
    return score * mass if mass != 0.0 else 0.0


cdef inline double finite(double score) noexcept nogil:
    """0 for -inf: to subtract where a difference of two -inf has to stay -inf, not NaN."""
    return 0.0 if score == -INFINITY else score


cdef double log_sum_exp(const double *scores, Py_ssize_t n) noexcept nogil:
    """log sum exp of n scores, -inf where all are."""
    cdef Py_ssize_t j
    cdef double largest = ops.largest(scores, n), total = 0.0
    if largest == -INFINITY:
        return largest
    for j in range(n):
        total += exp(scores[j] - largest)
    return largest + log(total)
