# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The k best paths of each chain."""

from libc.stdint cimport int32_t, int64_t

from .path_finder cimport PathFinder

import numpy as np

from .gap_finder import FEW, GapFinder
from .lazy_finder import LazyFinder
from .moments import KBest


def kbest(p, Py_ssize_t k, const double[::1] log_z):
    """The k best paths of each chain and their log probabilities, `KBest`."""
    cdef PathFinder finder, quick = GapFinder(p, k) if k <= FEW else None, lazy = None
    cdef Py_ssize_t chain, first = 0, n_labels = 0, n_paths = 0, length
    labels = np.empty(len(p.unary) * min(k, 16), dtype=np.int32)
    log_probs = np.empty(len(log_z) * min(k, 16))
    counts = np.empty(len(log_z), dtype=np.int64)
    cdef int32_t[::1] all_labels = labels
    cdef double[::1] all_log_probs = log_probs
    cdef int64_t[::1] of_chain = counts
    for chain in range(log_z.shape[0]):
        finder, length = quick, p.lengths[chain]
        if quick is None or not quick.search(first, length):
            finder = lazy = LazyFinder(p, k) if lazy is None else lazy
            if not lazy.search(first, length):
                raise MemoryError()
        of_chain[chain] = finder.n_paths
        if n_labels + finder.n_paths * length > all_labels.shape[0]:
            all_labels = labels = grown(labels, n_labels + finder.n_paths * length)
        if n_paths + finder.n_paths > all_log_probs.shape[0]:
            all_log_probs = log_probs = grown(log_probs, n_paths + finder.n_paths)
        finder.write(&all_labels[0] + n_labels, &all_log_probs[0] + n_paths, log_z[chain])
        first += length
        n_labels += finder.n_paths * length
        n_paths += finder.n_paths
    return KBest(labels[:n_labels], log_probs[:n_paths], counts, p.lengths)


def grown(values, Py_ssize_t size):
    """A copy with room for at least `size` values, and for twice as many as before."""
    result = np.empty(max(size, 2 * len(values)), dtype=values.dtype)
    result[: len(values)] = values
    return result
