/* The inner loops of the kernels, on rows of doubles.
 *
 * A matrix row is padded to `width`, a multiple of `unit`. The loops are compiled for the baseline
 * of the machine and, on x86-64, once more each for AVX2 and for AVX-512, by all compilers alike, which
 * takes down to a quarter of the time (benchmarks/builds.py); `vectors_init` chooses. Results differ in
 * their last bits at most, those that compare sums not at all.
 */
#ifndef SPACY_SKD_VECTORS_H
#define SPACY_SKD_VECTORS_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "../processor.h"

typedef struct {
    ptrdiff_t unit;
    /* The largest of x[0..n), -inf if n is 0. */
    double (*largest)(const double *x, ptrdiff_t n);
    /* y = exp(x - shift) for n values that are at most `shift`, 0 for -inf, and zeros up to
     * `width`. lowest[j] is lowered to x[j] - shift, unless that is -inf. */
    void (*exponentials)(double *y, const double *x, ptrdiff_t n, ptrdiff_t width, double shift,
                         double *lowest);
    /* The index of the first of the largest of x[j] + y[j], or of x[j] where y is NULL, n values,
     * at least one; and how large it is. */
    ptrdiff_t (*first_of_largest)(const double *x, const double *y, ptrdiff_t n, double *largest);
    /* As first_of_largest with y; and how large the largest of all others is. */
    ptrdiff_t (*two_largest)(const double *x, const double *y, ptrdiff_t n, double *largest,
                             double *second);
    /* Writes the indices of all x[j] + y[j] above `floor`, n values, and returns how many. */
    ptrdiff_t (*above)(const double *x, const double *y, ptrdiff_t n, double floor,
                       int32_t *indices);
    /* How many of x[0..n) are below `limit`. */
    ptrdiff_t (*count_below)(const double *x, ptrdiff_t n, double limit);
    /* out = log(x * y) for n products from DBL_MIN to 1, -inf for those of 0. */
    void (*log_products)(double *out, const double *x, const double *y, ptrdiff_t n);
    /* left = g / x and g = g / y, 0 where g is 0. Adds the sum of g, as it came, to total. Returns
     * the smallest x * y where g is not 0, at most 1. */
    double (*quotients)(double *g, double *left, const double *x, const double *y, ptrdiff_t width,
                        double *total);
    /* out += x * y, n values each. */
    void (*add_products)(double *out, const double *x, const double *y, ptrdiff_t n);
    /* x = factors * (x + y), 0 where `reached` is 0, whatever the others are. */
    void (*extended)(double *x, const double *y, const double *factors, const double *reached,
                     ptrdiff_t width);
    /* out[j] = sum_i weights[i] * matrix[i][j], matrix of `rows` rows. */
    void (*weighted_sum)(double *out, const double *weights, const double *matrix, ptrdiff_t rows,
                         ptrdiff_t width);
    /* out[j] = max_i (scores[i] + matrix[i][j]), matrix of `rows` rows. */
    void (*best_sum)(double *out, const double *scores, const double *matrix, ptrdiff_t rows,
                     ptrdiff_t width);
    /* x *= y, then x divided by its sum, which is returned; smallest[j] is lowered to x[j] unless
     * that is 0. Where the sum is 0, x is left all 0. */
    double (*normalized_product)(double *x, const double *y, double *smallest, ptrdiff_t width);
    /* matrix[i][j] += factor * sum_t a[t][i] * b[t][j], of `rows` rows, all `width` wide. */
    void (*add_outer_products)(double *matrix, const double *a, const double *b, ptrdiff_t rows,
                               ptrdiff_t width, double factor);
    /* Subtracts weight * mass from gradient and returns sum_i scores[i] * mass[i], n values each.
     * No mass on a score of -inf counts for 0, not NaN. */
    double (*subtract_mass)(double *gradient, const double *scores, const double *mass, ptrdiff_t n,
                            double weight);
} VectorOps;

/* So many doubles are a cache line. */
#define ALIGNMENT 8

/* Where the next cache line begins, at most ALIGNMENT - 1 doubles on: a vector that lies in two of
 * them takes twice as long to load. */
static inline double *aligned(double *p) {
    return (double *)(((uintptr_t)p + 8 * ALIGNMENT - 1) / (8 * ALIGNMENT) * (8 * ALIGNMENT));
}

/* NO_VECTOR_TYPES: to test and to time what other compilers get on processors without intrinsics. */
#if defined(X86) || (defined(__GNUC__) && !defined(NO_VECTOR_TYPES))
#define VECTOR_LANES 2
#else
#define VECTOR_LANES 1
#endif
#define VECTOR_TARGET
#define VECTOR_NAME(name) name##_baseline
#include "vectors_loops.h"
#undef VECTOR_LANES
#undef VECTOR_TARGET
#undef VECTOR_NAME

#ifdef X86
#define VECTOR_LANES 4
#define VECTOR_TARGET AVX2
#define VECTOR_NAME(name) name##_avx2
#include "vectors_loops.h"
#undef VECTOR_LANES
#undef VECTOR_TARGET
#undef VECTOR_NAME

#define VECTOR_LANES 8
#define VECTOR_TARGET AVX512
#define VECTOR_NAME(name) name##_avx512
#include "vectors_loops.h"
#undef VECTOR_LANES
#undef VECTOR_TARGET
#undef VECTOR_NAME
#endif

static VectorOps vectors_init(void) {
#ifdef X86
    switch (processor()) {
    case HAS_AVX512: return ops_avx512();
    case HAS_AVX2: return ops_avx2();
    }
#endif
    return ops_baseline();
}

#endif
