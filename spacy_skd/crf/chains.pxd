from libc.math cimport INFINITY
from libc.stdint cimport int64_t


cdef class Chains:
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
    # Messages, named as at the top of chains.pyx; of a chain in log space, log a and log b. c
    # (piece,) and `total`, the sum of a_n and end factors; g and h are for posterior.pyx alone.
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

    cdef allocate_matrices(self)
    cdef allocate_buffers(self, Py_ssize_t piece)
    cdef Py_ssize_t n_pieces(self, Py_ssize_t length) noexcept nogil
    cdef void exponentiate(self) noexcept
    cdef void forget_underflow(self) noexcept nogil
    cdef bint underflow(self) noexcept nogil
    cdef void select(self, Py_ssize_t chain) noexcept nogil
    cdef double* rows_of(self, double[:, ::1] of_tokens) noexcept nogil
    cdef const double* rows_of_const(self, const double[:, ::1] of_tokens) noexcept nogil
    cdef double log_partition(self) except? -1.0 nogil
    cdef double add_moments(self, double weight, double *labels, double *pairs) except? -1.0 nogil
    cdef double log_messages(self, double *alpha, double *beta) except? -1.0 nogil
    cdef void flush_pairs(self, double *pairs) noexcept nogil
    cdef double forward(self) noexcept nogil
    cdef double forward_piece(self, Py_ssize_t first) noexcept nogil
    cdef void backward(self) noexcept nogil
    cdef void add_pieces(self, double weight, double *labels) noexcept nogil
    cdef void add_labels(
        self, Py_ssize_t first, Py_ssize_t n_tokens, double weight, double *labels
    ) noexcept nogil
    cdef double forward_in_log_space(self) except? -1.0 nogil
    cdef void backward_in_log_space(self) noexcept nogil
    cdef double add_moments_in_log_space(
        self, double weight, double *labels, double *pairs
    ) except? -1.0 nogil


cdef inline double product(double score, double mass) noexcept nogil:
    """score * mass, where no mass on a forbidden score (-inf) is 0."""
    return score * mass if mass != 0.0 else 0.0


cdef inline double finite(double score) noexcept nogil:
    """0 for -inf: to subtract where a difference of two -inf has to stay -inf, not NaN."""
    return 0.0 if score == -INFINITY else score
