from libc.stdint cimport int32_t

from .decoding cimport Decoder


cdef class PathFinder(Decoder):
    cdef Py_ssize_t k, n_paths

    cpdef bint search(self, Py_ssize_t first, Py_ssize_t length) noexcept
    cdef bint find(self) noexcept nogil
    cdef void write(self, int32_t *paths, double *log_probs, double log_z) noexcept nogil
    cdef void write_found(self, int32_t *paths, double *scores) noexcept nogil
