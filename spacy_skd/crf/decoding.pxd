from libc.stdint cimport int32_t, int64_t


cdef class Decoder:
    cdef const double[:, ::1] unary, transitions
    cdef const double[::1] start, end
    cdef const int64_t[::1] lengths
    cdef Py_ssize_t n_labels, width, first, length
    # (L, width) transitions [from][to], -inf at the end of rows; (L, L) transitions [to][from];
    # (longest chain, width).
    cdef double *padded
    cdef double *transposed
    cdef double *best
    # Of the last prefix that `previous` or `compare` found, when it is extended; and of the second
    # one that `compare` found.
    cdef double score, second
    cdef object memory

    cdef void select(self, Py_ssize_t first, Py_ssize_t length) noexcept nogil
    cdef double decode(self, int32_t *path) noexcept nogil
    cdef void extend_best(self, Py_ssize_t t, Py_ssize_t label, double *scores) noexcept nogil
    cdef const double* to_label(self, Py_ssize_t t, Py_ssize_t label) noexcept nogil
    cdef int32_t previous(self, Py_ssize_t t, Py_ssize_t label) noexcept nogil
    cdef int32_t compare(self, Py_ssize_t t, Py_ssize_t label) noexcept nogil
