# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Whatever finds the k best paths of a chain from the best scores of all prefixes."""

from libc.math cimport INFINITY
from libc.stdint cimport int32_t

from .decoding cimport Decoder


cdef class PathFinder(Decoder):
    """Finds the k best paths of one chain at a time, n_paths: fewer if fewer are legal."""

    def __init__(self, p, Py_ssize_t k):
        super().__init__(p)
        self.k = k

    cpdef bint search(self, Py_ssize_t first, Py_ssize_t length) noexcept:
        """Find the paths of the chain of this length whose first token is `first`. False if it
        fails."""
        with nogil:
            self.select(first, length)
            self.n_paths = 1
            if length == 0:
                return True
            self.previous(length, 0)
            if self.score == -INFINITY:
                self.n_paths = 0
                return True
            return self.find()

    cdef bint find(self) noexcept nogil:
        """The same for the selected chain, which has a token and a legal path, of the score that
        `previous` has found."""
        return False

    cdef void write(self, int32_t *paths, double *log_probs, double log_z) noexcept nogil:
        """Write the paths found (n_paths, length), best first, and their log probabilities."""
        cdef Py_ssize_t rank
        if self.length == 0:
            log_probs[0] = 0.0
        elif self.n_paths > 0:
            self.write_found(paths, log_probs)
            for rank in range(self.n_paths):
                log_probs[rank] -= log_z

    cdef void write_found(self, int32_t *paths, double *scores) noexcept nogil:
        """The same with scores, where there is a token and a legal path."""
