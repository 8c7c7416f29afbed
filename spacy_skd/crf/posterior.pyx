# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The cross-entropy of tempered targets and label marginals, and its gradient.

With messages as in `chains.pyx`, and g_t = dLoss / dlog marginals at token t, all tokens together give

    p_t = g_t / b_t + y_t / c_t * (p_{t-1} E)
    h_t = y_t / c_t * (g_t / a_t + q_t),  q_{t-1} = E h_t
    dLoss / dunary_t = p_t b_t + a_t q_t - F a_t b_t,  F the sum of all g
    dLoss / dtransitions = E * sum_t ((p_{t-1} - F a_{t-1}) r_t^T + a_{t-1} h_t^T)

Divided by b_t, p_t would be what tokens up to t say of token t; q_t is the same from the right.
"""

from libc.math cimport INFINITY, NAN, exp, log
from libc.string cimport memset

from .chains cimport Chains, finite, product

cdef extern from "vectors.h":
    ctypedef struct VectorOps:
        double (*largest)(const double*, Py_ssize_t) noexcept nogil
        void (*log_products)(double*, const double*, const double*, Py_ssize_t) noexcept nogil
        double (*quotients)(
            double*, double*, const double*, const double*, Py_ssize_t, double*
        ) noexcept nogil
        void (*add_products)(
            double*, const double*, const double*, Py_ssize_t
        ) noexcept nogil
        void (*extended)(
            double*, const double*, const double*, const double*, Py_ssize_t
        ) noexcept nogil
        void (*weighted_sum)(
            double*, const double*, const double*, Py_ssize_t, Py_ssize_t
        ) noexcept nogil
        void (*add_outer_products)(
            double*, const double*, const double*, Py_ssize_t, Py_ssize_t, double
        ) noexcept nogil
        double (*subtract_mass)(
            double*, const double*, const double*, Py_ssize_t, double
        ) noexcept nogil
    VectorOps vectors_init()

cdef VectorOps ops = vectors_init()

# Marginals may be divided by where they are above this, or 0.
cdef double SMALLEST_TARGETED = 1e-100


cdef class PosteriorChains(Chains):
    """Chains with messages in one piece, and room for what the gradient of a loss of their marginals
    takes."""

    def __init__(self, p):
        super().__init__(p, n_buffers=6)

    cdef double add_posterior(
        self,
        double weight,
        const double *target,
        double temperature,
        double *labels,
        double *pairs,
    ) except? -1.0 nogil:
        """Add the gradient of the weighted posterior cross-entropy with a target (length, L) to
        labels (length, L) and pairs (L, L) or their sums. Returns the weighted loss, -inf if log Z
        is, +inf if the target has mass where the marginals have none."""
        cdef double log_z, loss, total = 0.0
        if self.length == 0:
            return 0.0
        log_z = self.forward()
        if log_z == log_z:
            self.backward()
            loss = self.loss_of_marginals(weight, target, temperature, &total)
            if loss == loss:
                self.add_from_right(labels)
                self.add_from_left(total, labels)
                return loss
        return self.add_posterior_in_log_space(weight, target, temperature, labels, pairs)

    cdef double loss_of_marginals(
        self, double weight, const double *target, double temperature, double *total
    ) noexcept nogil:
        """g / a of the selected chain in h, and g / b in g; the sum of g is added to the total.
        Returns the weighted loss, or NaN where g meets marginals that are too small to divide by.
        """
        cdef Py_ssize_t t, n = self.n_labels, width = self.width
        cdef double *a
        cdef double *b
        cdef double *g
        cdef double loss = 0.0
        memset(self.g, 0, self.length * width * sizeof(double))
        for t in range(self.length):
            a, b, g = self.a + t * width, self.b + t * width, self.g + t * width
            ops.log_products(self.spare, a, b, n)
            loss += token_loss(g, self.spare, target + t * n, n, weight, temperature)
            if ops.quotients(g, self.h + t * width, a, b, width, total) < SMALLEST_TARGETED:
                return NAN
        return loss

    cdef void add_from_right(self, double *labels) noexcept nogil:
        """h of the selected chain, where g / a was, and a_t * q_t added to labels."""
        cdef Py_ssize_t t, j, n = self.n_labels, width = self.width
        cdef double *q = self.spare
        cdef double *a
        cdef double *h
        for j in range(width):
            q[j] = 0.0
        for t in range(self.length - 1, 0, -1):
            a, h = self.a + t * width, self.h + t * width
            ops.add_products(labels + t * n, a, q, n)
            # Labels that no legal prefix reaches could grow without bound: 0 where a is.
            ops.extended(h, q, self.y + t * width, a, width)
            ops.weighted_sum(q, h, self.factors_transposed, n, width)
        ops.add_products(labels, self.a, q, n)
        ops.add_outer_products(
            self.pair_sums, self.a, self.h + width, self.length - 1, width, 1.0
        )

    cdef void add_from_left(self, double total, double *labels) noexcept nogil:
        """p_t - F a_t of the selected chain, F being the total, in place of g / b (as a_t follows
        the recursion of p_t, it is enough to begin with the difference), and its product with b_t
        added to labels."""
        cdef Py_ssize_t t, j, n = self.n_labels, width = self.width
        cdef double *p = self.g
        cdef double *b = self.b
        cdef double *y = self.y
        for t in range(self.length):
            if t == 0:
                for j in range(n):
                    p[j] -= total * self.a[j]
            else:
                ops.weighted_sum(self.spare, p - width, self.factors, n, width)
                ops.add_products(p, y, self.spare, n)
            ops.add_products(labels + t * n, p, b, n)
            p, b, y = p + width, b + width, y + width
        ops.add_outer_products(
            self.pair_sums, self.g, self.r + width, self.length - 1, width, 1.0
        )

    cdef double add_posterior_in_log_space(
        self,
        double weight,
        const double *target,
        double temperature,
        double *labels,
        double *pairs,
    ) except? -1.0 nogil:
        """As `reference.posterior_cross_entropy`, what it calls left in h and right in r."""
        cdef Py_ssize_t t, i, j, n = self.n_labels, width = self.width, now, before
        cdef double log_z = self.forward_in_log_space()
        cdef double loss = 0.0, total = 0.0, score, of_next, of_previous, marginal
        cdef double *a = self.a
        cdef double *b = self.b
        cdef double *g = self.g
        cdef double *left = self.h
        cdef double *right = self.r
        if log_z == -INFINITY:
            return log_z
        self.backward_in_log_space()
        for t in range(self.length):
            now = t * width
            for j in range(n):
                self.spare[j] = a[now + j] + b[now + j] - log_z
                g[now + j] = 0.0
            loss += token_loss(g + now, self.spare, target + t * n, n, weight, temperature)
            for j in range(n):
                left[now + j] = right[now + j] = 0.0
                total += g[now + j]
        if loss == INFINITY:
            return loss
        for t in range(1, self.length):
            now, before = t * width, (t - 1) * width
            for i in range(n):
                for j in range(n):
                    score = self.transitions[i, j] + self.scores[t * n + j]
                    of_next = exp(score + b[now + j] - finite(b[before + i]))
                    left[now + j] += (left[before + i] + g[before + i]) * of_next
                    pairs[i * n + j] += (left[before + i] + g[before + i]) * of_next
                    marginal = exp(a[before + i] + score + b[now + j] - log_z)
                    pairs[i * n + j] -= total * marginal
        for t in range(self.length - 1, 0, -1):
            now, before = t * width, (t - 1) * width
            for i in range(n):
                for j in range(n):
                    score = self.transitions[i, j] + self.scores[t * n + j]
                    of_previous = exp(a[before + i] + score - finite(a[now + j]))
                    right[before + i] += (right[now + j] + g[now + j]) * of_previous
                    pairs[i * n + j] += (right[now + j] + g[now + j]) * of_previous
        for t in range(self.length):
            now = t * width
            for j in range(n):
                marginal = exp(a[now + j] + b[now + j] - log_z)
                labels[t * n + j] += left[now + j] + g[now + j] + right[now + j] - total * marginal
        return loss


cdef double token_loss(
    double *g,
    const double *log_marginals,
    const double *target,
    Py_ssize_t n,
    double weight,
    double temperature,
) noexcept nogil:
    """The weighted loss of one token, n labels: see `emission.tempered_cross_entropy`. Writes
    dLoss / dlog marginals to g, which has to be 0; terms proportional to the marginals, which change
    nothing, may be missing."""
    cdef Py_ssize_t j
    cdef double loss = 0.0, mass = 0.0, total = 0.0, largest, log_total
    if temperature == 1.0:
        return -weight * ops.subtract_mass(g, log_marginals, target, n, weight)
    largest = finite(ops.largest(log_marginals, n))
    for j in range(n):
        g[j] = exp((log_marginals[j] - largest) / temperature)
        total += g[j]
        mass += target[j]
    log_total = log(total)
    for j in range(n):
        loss -= product((log_marginals[j] - largest) / temperature - log_total, target[j])
        g[j] = weight * temperature * (g[j] / total * mass - target[j])
    return weight * temperature * temperature * loss
