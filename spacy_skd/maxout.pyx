# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""A maxout layer with its matrix product, for processors that maxout.h has kernels for."""

from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset

import numpy as np


cdef extern from "maxout.h" nogil:
    ctypedef struct MaxoutLayer:
        Py_ssize_t n_in
        Py_ssize_t n_out
        Py_ssize_t n_pieces
        const float *weights
        const float *bias
        const float *gain
        const float *shift

    ctypedef void (*Maxout)(
        float *out, const float *x, Py_ssize_t n, Py_ssize_t stride, const MaxoutLayer *layer,
        const float *residual, float *scratch
    ) noexcept nogil

    Py_ssize_t maxout_scratch(const MaxoutLayer *layer, Py_ssize_t n, Py_ssize_t stride)
    Maxout maxout_init()


cdef Maxout kernel = maxout_init()

# Whether this processor is one of them.
SUPPORTED = kernel is not NULL


def maxout_layer(
    const float[:, ::1] X,
    Py_ssize_t window,
    const float[:, :, ::1] weights,
    const float[:, ::1] bias,
    const float[::1] gain,
    const float[::1] shift,
    bint residual,
):
    """The outputs of a maxout layer for each row of X, joined to `window` rows to each side, zeros
    beyond the first and the last; normalized, scaled and shifted, where `gain` and `shift` are not
    None; and added to X, where `residual` says so.

    X (ndarray): (n, width). weights (ndarray): (n_out, n_pieces, width * (2 * window + 1)).
        bias (ndarray): (n_out, n_pieces). gain, shift (ndarray): (n_out,).
    RETURNS: (n, n_out), float32. A row depends on its window alone; in a long text rounding depends on
        where it lies, too, as four windows are multiplied together (see maxout_windows.h).
    Raises `ValueError` for shapes that do not fit, `MemoryError` where there is none.
    """
    cdef Py_ssize_t n = X.shape[0], width = X.shape[1], edge = window * width
    cdef MaxoutLayer layer
    layer.n_out, layer.n_pieces, layer.n_in = weights.shape[0], weights.shape[1], weights.shape[2]
    if layer.n_in != width + 2 * edge or (residual and layer.n_out != width):
        raise ValueError(f"{layer.n_in} weights for {width} values and {window} to each side")
    results = np.empty((n, layer.n_out), dtype=np.float32)
    if 0 in (n, layer.n_out, layer.n_pieces, layer.n_in):
        return results
    layer.weights, layer.bias = &weights[0, 0, 0], &bias[0, 0]
    layer.gain = layer.shift = NULL
    if gain is not None:
        layer.gain, layer.shift = &gain[0], &shift[0]
    cdef float[:, ::1] out = results
    cdef const float *x = &X[0, 0]
    cdef float *padded = NULL
    cdef float *scratch = <float *>malloc(maxout_scratch(&layer, n, width) * sizeof(float))
    if edge:
        padded = <float *>malloc((n * width + 2 * edge) * sizeof(float))
    try:
        if scratch is NULL or (edge and padded is NULL):
            raise MemoryError()
        with nogil:
            if edge:
                memset(padded, 0, edge * sizeof(float))
                memcpy(padded + edge, x, n * width * sizeof(float))
                memset(padded + edge + n * width, 0, edge * sizeof(float))
            kernel(
                &out[0, 0], padded if edge else x, n, width, &layer, x if residual else NULL, scratch
            )
    finally:
        free(scratch)
        free(padded)
    return results
