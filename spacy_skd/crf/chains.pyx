# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Forward-backward, in double arithmetic, without padding.

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

cdef extern from "vectors.h":
    ctypedef struct VectorOps:
        Py_ssize_t unit
        double (*largest)(const double*, Py_ssize_t) noexcept nogil
        void (*exponentials)(
            double*, const double*, Py_ssize_t, Py_ssize_t, double, double*
        ) noexcept nogil
        void (*weighted_sum)(
            double*, const double*, const double*, Py_ssize_t, Py_ssize_t
        ) noexcept nogil
        double (*normalized_product)(double*, const double*, double*, Py_ssize_t) noexcept nogil
        void (*add_outer_products)(
            double*, const double*, const double*, Py_ssize_t, Py_ssize_t, double
        ) noexcept nogil
    const Py_ssize_t ALIGNMENT
    double* aligned(double*) noexcept
    VectorOps vectors_init()

cdef VectorOps ops = vectors_init()

cdef double SMALLEST_FACTOR = -138.0
cdef double SMALLEST_MESSAGE = 1e-120
# Bounds what labels that no legal prefix reaches get from the right. It meets a factor 0 in the
# end, which infinity would make NaN; for all other labels the checks above keep r_t below 1e180.
cdef double LARGEST = 1e200
# So many numbers (2 MB) are a buffer of messages at most, where a chain may come in pieces.
cdef Py_ssize_t PIECE = 1 << 18


cdef class Chains:
    """A batch of B chains with N tokens and L labels, its exponentials, and room for the messages
    of one chain at a time, the one that was selected last.

    Matrices for the inner loops (`vectors.h`) have rows of `width`, L rounded up to a multiple of
    what a vector holds, with zeros at the end. A buffer of messages has a row a token: (piece,
    width), where a piece is the longest chain unless there are but two buffers.
    """

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


cdef double log_sum_exp(const double *scores, Py_ssize_t n) noexcept nogil:
    """log sum exp of n scores, -inf where all are."""
    cdef Py_ssize_t j
    cdef double largest = ops.largest(scores, n), total = 0.0
    if largest == -INFINITY:
        return largest
    for j in range(n):
        total += exp(scores[j] - largest)
    return largest + log(total)
