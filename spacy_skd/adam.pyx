# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""A step of Adam in one pass."""

cdef extern from "adam.h" nogil:
    ctypedef struct AdamStep:
        float clip
        float beta1
        float beta2
        float epsilon
        float rate
        float decay
        float towards

    ctypedef void (*Adam)(
        float *weights, float *gradient, float *mom1, float *mom2, float *averages, Py_ssize_t n,
        const AdamStep *step
    ) noexcept nogil

    Adam adam_init()


cdef Adam kernel = adam_init()


def adam_step(
    float[::1] weights,
    float[::1] gradient,
    float[::1] mom1,
    float[::1] mom2,
    float[::1] averages,
    *,
    float clip,
    float beta1,
    float beta2,
    float epsilon,
    float rate,
    float decay,
    float towards,
):
    """Write into weights, moments and averages what they are after a step, and zeros into the
    gradient. All (n,); averages may be None.

    clip (float): What gradients are multiplied by first.
    beta1, beta2, epsilon (float): Adam's.
    rate (float): Learning rate, corrected for moments that began with 0.
    decay (float): The part of the weights that is taken off.
    towards (float): The part of the way to the weights that averages go.
    Raises `ValueError` for arrays that differ in length.
    """
    cdef Py_ssize_t n = weights.shape[0]
    cdef AdamStep step = AdamStep(clip, beta1, beta2, epsilon, rate, decay, towards)
    cdef float *of_averages = NULL
    if not (gradient.shape[0] == mom1.shape[0] == mom2.shape[0] == n):
        raise ValueError("arrays of different lengths")
    if averages is not None and averages.shape[0] != n:
        raise ValueError("arrays of different lengths")
    if not n:
        return
    if averages is not None:
        of_averages = &averages[0]
    with nogil:
        kernel(&weights[0], &gradient[0], &mom1[0], &mom2[0], of_averages, n, &step)
