from .chains cimport Chains


cdef class PosteriorChains(Chains):
    cdef double add_posterior(
        self,
        double weight,
        const double *target,
        double temperature,
        double *labels,
        double *pairs,
    ) except? -1.0 nogil
    cdef double loss_of_marginals(
        self, double weight, const double *target, double temperature, double *total
    ) noexcept nogil
    cdef void add_from_right(self, double *labels) noexcept nogil
    cdef void add_from_left(self, double total, double *labels) noexcept nogil
    cdef double add_posterior_in_log_space(
        self,
        double weight,
        const double *target,
        double temperature,
        double *labels,
        double *pairs,
    ) except? -1.0 nogil
