/* A maxout layer with its matrix product, for rows of floats.
 *
 * An input is multiplied with the weights as they are: nothing is put in another order first, which
 * for a short text would take longer than the product, and inputs may overlap, as the windows of a
 * convolution do; many windows of three rows share what they have in common (maxout_windows.h).
 * Sixteen lanes at a time go through all that a layer does, each with one input, or with four windows.
 * What they say is kept with a lane for each, so that no sum goes across lanes but those of the product.
 *
 * There is this for processors with AVX2 and with AVX-512. On others a BLAS has better products.
 */
#ifndef SPACY_SKD_MAXOUT_H
#define SPACY_SKD_MAXOUT_H

#include <stddef.h>
#include <stdint.h>

#include "processor.h"

typedef struct {
    ptrdiff_t n_in, n_out, n_pieces;
    /* (n_out * n_pieces, n_in) and (n_out * n_pieces). */
    const float *weights, *bias;
    /* (n_out) each; NULL: not normalized. */
    const float *gain, *shift;
} MaxoutLayer;

/* out (n, n_out) of n inputs, which begin `stride` floats from each other, with `residual`
 * (n, n_out) added unless it is NULL. scratch: maxout_scratch(layer, n, stride) floats. */
typedef void (*Maxout)(float *out, const float *x, ptrdiff_t n, ptrdiff_t stride,
                       const MaxoutLayer *layer, const float *residual, float *scratch);

/* Lanes at a time. */
#define BLOCK 16
/* What thinc adds to a variance. */
#define SMALLEST_VARIANCE 1e-8f

/* Of maxout_windows.h: points at which windows and weights are multiplied; rows of weights at a time,
 * at most; columns of them that lie side by side. */
#define POINTS 6
#define WIDEST_PANEL 24
#define CHUNK 16
/* Windows from which it pays, as the weights have to be brought to the points first. */
#define MANY 64

static inline ptrdiff_t whole(ptrdiff_t n, ptrdiff_t part) {
    return (n + part - 1) / part * part;
}

/* Whether inputs are windows of three rows, each a row behind the one before, and enough of them. */
static inline int maxout_by_fours(const MaxoutLayer *layer, ptrdiff_t n, ptrdiff_t stride) {
    return layer->n_in == 3 * stride && n >= MANY;
}

static inline ptrdiff_t weights_at_points_size(const MaxoutLayer *layer) {
    const ptrdiff_t n_rows = layer->n_out * layer->n_pieces;
    return POINTS * whole(n_rows, WIDEST_PANEL) * whole(layer->n_in / 3, CHUNK);
}

/* So many floats are a cache line. */
#define CACHE_LINE 16

/* Where the next one begins, less than one on: a vector that lies on two takes twice as long. */
static inline float *at_line(float *p) {
    const uintptr_t size = CACHE_LINE * sizeof(float);
    return (float *)(((uintptr_t)p + size - 1) / size * size);
}

static inline ptrdiff_t maxout_scratch(const MaxoutLayer *layer, ptrdiff_t n, ptrdiff_t stride) {
    const ptrdiff_t size = CACHE_LINE + BLOCK * layer->n_out * (1 + 4 * layer->n_pieces);
    const ptrdiff_t rows = 4 * whole(stride, CHUNK), panel = BLOCK * WIDEST_PANEL;
    if (!maxout_by_fours(layer, n, stride))
        return size;
    return size + weights_at_points_size(layer) +
           POINTS * (whole(stride, CHUNK) * BLOCK + (rows > panel ? rows : panel));
}

/* gcc and clang are told to unroll the loops over the sums of a tile, which otherwise are no registers. */
#if defined(X86) && (defined(__GNUC__) || defined(__clang__))
#define MAXOUT_X86

#define VECTOR_LANES 8
#define VECTOR_TARGET AVX2
#define VECTOR_NAME(name) name##_avx2
#include "maxout_loops.h"
#undef VECTOR_LANES
#undef VECTOR_TARGET
#undef VECTOR_NAME

#define VECTOR_LANES 16
#define VECTOR_TARGET AVX512
#define VECTOR_NAME(name) name##_avx512
#include "maxout_loops.h"
#undef VECTOR_LANES
#undef VECTOR_TARGET
#undef VECTOR_NAME
#endif

/* The one for this processor, NULL where there is none. */
static Maxout maxout_init(void) {
#ifdef MAXOUT_X86
    switch (processor()) {
    case HAS_AVX512: return maxout_avx512;
    case HAS_AVX2: return maxout_avx2;
    }
#endif
    return NULL;
}

#endif
