# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""What maxout layers do after their matrix product, row by row: a row stays in the nearest cache."""

from libc.math cimport sqrt

import numpy as np

cdef enum:
    # Sums of so many columns side by side, which a compiler can make one of vectors of.
    ABREAST = 8

# What thinc adds to a variance.
cdef float SMALLEST = 1e-8


def maxout_rows(
    const float[:, ::1] products,
    const float[::1] bias,
    Py_ssize_t n_pieces,
    const float[::1] gain,
    const float[::1] shift,
    const float[:, ::1] residual,
):
    """The largest of each `n_pieces` neighbours with their bias; normalized to a mean of 0 and a
    variance of 1 in each row, scaled and shifted, where `gain` and `shift` are not None; and added
    to `residual`, where that is not None.

    products (ndarray): (n, width * n_pieces). bias (ndarray): (width * n_pieces,). gain, shift
        (ndarray): (width,). residual (ndarray): (n, width).
    RETURNS: (n, width), float32.
    """
    cdef Py_ssize_t n = products.shape[0], width = products.shape[1] // n_pieces, i
    results = np.empty((n, width), dtype=np.float32)
    cdef float[:, ::1] out = results
    cdef bint normalized = gain is not None, added = residual is not None
    if n == 0 or width == 0:
        return results
    with nogil:
        for i in range(n):
            largest(&out[i, 0], &products[i, 0], &bias[0], width, n_pieces)
            if normalized:
                normalize(&out[i, 0], &gain[0], &shift[0], width)
            if added:
                add(&out[i, 0], &residual[i, 0], width)
    return results


cdef inline void largest(
    float *out, const float *products, const float *bias, Py_ssize_t width, Py_ssize_t n_pieces
) noexcept nogil:
    # Like thinc's, it keeps a first piece that is no number.
    cdef Py_ssize_t j, k
    cdef float best, other
    if n_pieces == 3:
        for j in range(width):
            best = products[3 * j] + bias[3 * j]
            other = products[3 * j + 1] + bias[3 * j + 1]
            best = other if other > best else best
            other = products[3 * j + 2] + bias[3 * j + 2]
            out[j] = other if other > best else best
        return
    for j in range(width):
        best = products[j * n_pieces] + bias[j * n_pieces]
        for k in range(j * n_pieces + 1, (j + 1) * n_pieces):
            other = products[k] + bias[k]
            best = other if other > best else best
        out[j] = best


cdef inline void normalize(
    float *out, const float *gain, const float *shift, Py_ssize_t width
) noexcept nogil:
    cdef Py_ssize_t j
    cdef float mean = total(out, width, False) / width, scale
    for j in range(width):
        out[j] = out[j] - mean
    scale = 1.0 / sqrt(total(out, width, True) / width + SMALLEST)
    for j in range(width):
        out[j] = out[j] * scale * gain[j] + shift[j]


cdef inline void add(float *out, const float *x, Py_ssize_t width) noexcept nogil:
    cdef Py_ssize_t j
    for j in range(width):
        out[j] = x[j] + out[j]


cdef inline float total(const float *x, Py_ssize_t width, bint of_squares) noexcept nogil:
    cdef float sums[ABREAST]
    cdef Py_ssize_t i, k, n_whole = width // ABREAST
    for k in range(ABREAST):
        sums[k] = 0
    for i in range(n_whole):
        for k in range(ABREAST):
            sums[k] += term(x[i * ABREAST + k], of_squares)
    for k in range(width - n_whole * ABREAST):
        sums[k] += term(x[n_whole * ABREAST + k], of_squares)
    return ((sums[0] + sums[4]) + (sums[1] + sums[5])) + ((sums[2] + sums[6]) + (sums[3] + sums[7]))


cdef inline float term(float x, bint of_squares) noexcept nogil:
    return x * x if of_squares else x
