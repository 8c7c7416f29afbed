/* A maxout layer with its matrix product, for rows of floats.
 *
 * An input is multiplied with the weights as they are: nothing is put in another order first, which
 * for a short text would take longer than the product, and inputs may overlap, as the windows of a
 * convolution do. Sixteen inputs at a time go through all that a layer does. What they say is kept
 * with a lane for each, so that no sum goes across lanes but those of the product.
 *
 * There is this for processors with AVX2 and with AVX-512. On others a BLAS has better products.
 */
#ifndef SPACY_SKD_MAXOUT_H
#define SPACY_SKD_MAXOUT_H

#include <stddef.h>

typedef struct {
    ptrdiff_t n_in, n_out, n_pieces;
    /* (n_out * n_pieces, n_in) and (n_out * n_pieces). */
    const float *weights, *bias;
    /* (n_out) each; NULL: not normalized. */
    const float *gain, *shift;
} MaxoutLayer;

/* out (n, n_out) of n inputs, which begin `stride` floats from each other, with `residual`
 * (n, n_out) added unless it is NULL. scratch: maxout_scratch(layer) floats. */
typedef void (*Maxout)(float *out, const float *x, ptrdiff_t n, ptrdiff_t stride,
                       const MaxoutLayer *layer, const float *residual, float *scratch);

/* Inputs at a time: one lane each. */
#define BLOCK 16
/* What thinc adds to a variance. */
#define SMALLEST_VARIANCE 1e-8f

static inline ptrdiff_t maxout_scratch(const MaxoutLayer *layer) {
    return BLOCK * layer->n_out * (1 + layer->n_pieces);
}

#if defined(__GNUC__) && defined(__x86_64__) && !defined(BASELINE_ONLY) &&                     \
    !defined(NO_VECTOR_TYPES)
#define MAXOUT_X86
#include <immintrin.h>

#define VECTOR_LANES 8
#define VECTOR_TARGET __attribute__((target("avx2,fma")))
#define VECTOR_NAME(name) name##_avx2
#include "maxout_loops.h"
#undef VECTOR_LANES
#undef VECTOR_TARGET
#undef VECTOR_NAME

#define VECTOR_LANES 16
#define VECTOR_TARGET __attribute__((target("avx512f,avx512dq")))
#define VECTOR_NAME(name) name##_avx512
#include "maxout_loops.h"
#undef VECTOR_LANES
#undef VECTOR_TARGET
#undef VECTOR_NAME
#endif

/* The one for this processor, NULL where there is none. As in crf/vectors.h, BASELINE_ONLY and
 * NO_VECTOR_TYPES say what other machines get. */
static Maxout maxout_init(void) {
#ifdef MAXOUT_X86
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq"))
        return maxout_avx512;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return maxout_avx2;
#endif
    return NULL;
}

#endif
