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


cdef struct Memory:
    float *floats
    size_t size

# Memory is kept from one call for the next: what goes back to the system is cleared by it before it
# comes again, which takes a fifth of the time of the layers. It is taken and given back under the
# interpreter's lock; of two calls at the same time one gets memory of its own.
cdef Memory spare
# Floats that are kept at most.
cdef size_t MOST = 1 << 22


cdef Memory take(size_t size) except *:
    cdef Memory memory = spare
    spare.floats, spare.size = NULL, 0
    if memory.size < size:
        free(memory.floats)
        memory.floats, memory.size = <float *>malloc(size * sizeof(float)), size
        if memory.floats is NULL:
            raise MemoryError()
    return memory


cdef void give_back(Memory memory) noexcept:
    global spare
    if spare.size < memory.size <= MOST:
        spare, memory = memory, spare
    free(memory.floats)


cdef class Layer:
    """A maxout layer and what is around it.

    window (int): How many rows to each side are joined to one, zeros beyond the first and the last.
    weights (ndarray): (n_out, n_pieces, width * (2 * window + 1)). bias (ndarray): (n_out, n_pieces).
    gain, shift (Optional[ndarray]): (n_out,); None: what comes out is not normalized.
    residual (bool): Whether what comes in is added to what comes out.
    Raises `ValueError` for arrays without values.
    """

    cdef MaxoutLayer arrays
    cdef Py_ssize_t window
    cdef bint residual
    # What the pointers to the arrays point to.
    cdef object kept

    def __init__(
        self,
        Py_ssize_t window,
        const float[:, :, ::1] weights,
        const float[:, ::1] bias,
        const float[::1] gain,
        const float[::1] shift,
        bint residual,
    ):
        if not weights.size or not bias.size:
            raise ValueError("a layer without weights")
        self.window, self.residual = window, residual
        self.arrays.n_out, self.arrays.n_pieces = weights.shape[0], weights.shape[1]
        self.arrays.n_in = weights.shape[2]
        self.arrays.weights, self.arrays.bias = &weights[0, 0, 0], &bias[0, 0]
        if gain is not None:
            self.arrays.gain, self.arrays.shift = &gain[0], &shift[0]
        self.kept = (weights, bias, gain, shift)


def maxout_layers(const float[:, ::1] X, list layers):
    """What maxout layers, one after the other, make of the rows of X.

    X (ndarray): (n, width). layers (List[Layer]): At least one.
    RETURNS: (n, n_out of the last), float32. After one layer a row depends on its window alone; in a
        long text rounding depends on where it lies, too, as four windows are multiplied together (see
        maxout_windows.h).
    Raises `ValueError` for layers that do not fit, `MemoryError` where there is none.
    """
    cdef Py_ssize_t n = X.shape[0], width = X.shape[1], edge
    cdef size_t of_rows = 0, scratch = 0
    cdef Layer layer
    for layer in layers:
        check(layer, width)
        of_rows = max(of_rows, (n + 2 * layer.window) * width)
        scratch = max(scratch, maxout_scratch(&layer.arrays, n, width))
        width = layer.arrays.n_out
    results = np.empty((n, width), dtype=np.float32)
    if not n:
        return results
    cdef float[:, ::1] out = results
    cdef Memory memory = take(2 * of_rows + scratch)
    # Rows are read from one half of it and written to the other, with room for zeros around them.
    cdef float *source = memory.floats
    cdef float *target = source + of_rows
    cdef float *rest = target + of_rows
    cdef float *written
    width, layer = X.shape[1], layers[0]
    memcpy(source + layer.window * width, &X[0, 0], n * width * sizeof(float))
    for i in range(len(layers)):
        layer = layers[i]
        edge = layer.window * width
        memset(source, 0, edge * sizeof(float))
        memset(source + edge + n * width, 0, edge * sizeof(float))
        written = &out[0, 0]
        if i + 1 < len(layers):
            written = target + (<Layer>layers[i + 1]).window * layer.arrays.n_out
        with nogil:
            kernel(
                written, source, n, width, &layer.arrays, source + edge if layer.residual else NULL, rest
            )
        width = layer.arrays.n_out
        source, target = target, source
    give_back(memory)
    return results


cdef int check(Layer layer, Py_ssize_t width) except -1:
    cdef Py_ssize_t n_in = width * (2 * layer.window + 1)
    if layer.arrays.n_in != n_in or (layer.residual and layer.arrays.n_out != width):
        raise ValueError(
            f"{layer.arrays.n_in} weights for {width} values and {layer.window} to each side"
        )
    return 0
