/* What maxout.h declares for vectors of VECTOR_LANES floats; included by it, once for each
 * instruction set. VECTOR_NAME(x) is the name of x in this set, VECTOR_TARGET the set. */

#define V VECTOR_LANES
#define F(name) VECTOR_NAME(name)
#define INLINE VECTOR_TARGET ALWAYS_INLINE

#if V == 16
typedef __m512 F(vec);
#define LOAD(p) _mm512_loadu_ps(p)
#define STORE(p, x) _mm512_storeu_ps(p, x)
#define SPLAT(x) _mm512_set1_ps(x)
#define ADD(x, y) _mm512_add_ps(x, y)
#define SUBTRACT(x, y) _mm512_sub_ps(x, y)
#define MULTIPLY(x, y) _mm512_mul_ps(x, y)
#define DIVIDE(x, y) _mm512_div_ps(x, y)
#define ROOT(x) _mm512_sqrt_ps(x)
/* y where one of them is no number. */
#define MAX(x, y) _mm512_max_ps(x, y)
#define FUSED(x, y, z) _mm512_fmadd_ps(x, y, z)
/* Columns of a tile: with four rows as many sums as leave registers for what is added to them. */
#define COLUMNS 6
#else
typedef __m256 F(vec);
#define LOAD(p) _mm256_loadu_ps(p)
#define STORE(p, x) _mm256_storeu_ps(p, x)
#define SPLAT(x) _mm256_set1_ps(x)
#define ADD(x, y) _mm256_add_ps(x, y)
#define SUBTRACT(x, y) _mm256_sub_ps(x, y)
#define MULTIPLY(x, y) _mm256_mul_ps(x, y)
#define DIVIDE(x, y) _mm256_div_ps(x, y)
#define ROOT(x) _mm256_sqrt_ps(x)
#define MAX(x, y) _mm256_max_ps(x, y)
#define FUSED(x, y, z) _mm256_fmadd_ps(x, y, z)
#define COLUMNS 3
#endif
#define vec F(vec)

/* The first n < V floats at p, and zeros. */
INLINE vec F(load_part)(const float *p, ptrdiff_t n) {
#if V == 16
    return _mm512_maskz_loadu_ps((__mmask16)((1 << n) - 1), p);
#else
    const __m256i lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return _mm256_maskload_ps(p, _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), lanes));
#endif
}

INLINE vec F(load_up_to)(const float *p, ptrdiff_t n) {
    return n >= V ? LOAD(p) : n > 0 ? F(load_part)(p, n) : SPLAT(0);
}

/* The sums of the lanes of four vectors. */
INLINE __m128 F(four_sums)(vec a, vec b, vec c, vec d) {
#if V == 16
    const vec ab = ADD(_mm512_unpacklo_ps(a, b), _mm512_unpackhi_ps(a, b));
    const vec cd = ADD(_mm512_unpacklo_ps(c, d), _mm512_unpackhi_ps(c, d));
    const vec low = _mm512_castpd_ps(
        _mm512_unpacklo_pd(_mm512_castps_pd(ab), _mm512_castps_pd(cd)));
    const vec high = _mm512_castpd_ps(
        _mm512_unpackhi_pd(_mm512_castps_pd(ab), _mm512_castps_pd(cd)));
    const vec quarters = ADD(low, high);
    const __m256 halves = _mm256_add_ps(
        _mm512_castps512_ps256(quarters),
        _mm256_castpd_ps(_mm512_extractf64x4_pd(_mm512_castps_pd(quarters), 1)));
#else
    const vec ab = ADD(_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b));
    const vec cd = ADD(_mm256_unpacklo_ps(c, d), _mm256_unpackhi_ps(c, d));
    const vec low = _mm256_castpd_ps(
        _mm256_unpacklo_pd(_mm256_castps_pd(ab), _mm256_castps_pd(cd)));
    const vec high = _mm256_castpd_ps(
        _mm256_unpackhi_pd(_mm256_castps_pd(ab), _mm256_castps_pd(cd)));
    const __m256 halves = ADD(low, high);
#endif
    return _mm_add_ps(_mm256_castps256_ps128(halves), _mm256_extractf128_ps(halves, 1));
}

/* Four inputs times `columns` rows of weights: what belongs to a row of weights lies side by side,
 * BLOCK floats from that of the next. */
INLINE void F(tile)(float *out, const float *const *x, const float *weights, ptrdiff_t n_in,
                    const int columns) {
    vec sums[4][COLUMNS], of_weights[COLUMNS];
    ptrdiff_t k = 0;
#pragma GCC unroll 4
    for (int r = 0; r < 4; ++r)
#pragma GCC unroll 6
        for (int c = 0; c < columns; ++c)
            sums[r][c] = SPLAT(0);
    for (; k + V <= n_in; k += V) {
#pragma GCC unroll 6
        for (int c = 0; c < columns; ++c)
            of_weights[c] = LOAD(weights + c * n_in + k);
#pragma GCC unroll 4
        for (int r = 0; r < 4; ++r) {
            const vec input = LOAD(x[r] + k);
#pragma GCC unroll 6
            for (int c = 0; c < columns; ++c)
                sums[r][c] = FUSED(input, of_weights[c], sums[r][c]);
        }
    }
    if (k < n_in) {
#pragma GCC unroll 4
        for (int r = 0; r < 4; ++r) {
            const vec input = F(load_part)(x[r] + k, n_in - k);
#pragma GCC unroll 6
            for (int c = 0; c < columns; ++c)
                sums[r][c] = FUSED(input, F(load_part)(weights + c * n_in + k, n_in - k),
                                   sums[r][c]);
        }
    }
#pragma GCC unroll 6
    for (int c = 0; c < columns; ++c)
        _mm_storeu_ps(out + c * BLOCK,
                      F(four_sums)(sums[0][c], sums[1][c], sums[2][c], sums[3][c]));
}

/* products[j][i] = the sum of x[i][k] * weights[j][k], for n <= BLOCK inputs. */
VECTOR_TARGET static void F(multiply)(float *products, const float *x, ptrdiff_t n,
                                      ptrdiff_t stride, const MaxoutLayer *layer) {
    const ptrdiff_t n_in = layer->n_in, rows = layer->n_out * layer->n_pieces;
    const float *inputs[BLOCK];
    ptrdiff_t i, j = 0;
    /* A tile that is not full does its last input again. */
    for (i = 0; i < BLOCK; ++i)
        inputs[i] = x + (i < n ? i : n - 1) * stride;
    for (; j + COLUMNS <= rows; j += COLUMNS)
        for (i = 0; i < n; i += 4)
            F(tile)(products + j * BLOCK + i, inputs + i, layer->weights + j * n_in, n_in, COLUMNS);
    for (; j < rows; ++j)
        for (i = 0; i < n; i += 4)
            F(tile)(products + j * BLOCK + i, inputs + i, layer->weights + j * n_in, n_in, 1);
}

/* Four rows of four floats, `apart` from each other, as columns, with what is `added` beside them. */
INLINE void F(transpose)(float *out, ptrdiff_t out_apart, const float *rows, ptrdiff_t apart,
                         const float *added) {
    __m128 columns[4];
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i)
        columns[i] = _mm_loadu_ps(rows + i * apart);
    _MM_TRANSPOSE4_PS(columns[0], columns[1], columns[2], columns[3]);
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) {
        if (added)
            columns[i] = _mm_add_ps(columns[i], _mm_loadu_ps(added + i * out_apart));
        _mm_storeu_ps(out + i * out_apart, columns[i]);
    }
}

#include "maxout_windows.h"

/* best[j] = the largest of the pieces of output j with their bias. As thinc's, it keeps a first
 * piece that is no number. */
VECTOR_TARGET static void F(keep_largest)(float *best, const float *products,
                                          const MaxoutLayer *layer) {
    const float *bias = layer->bias;
    for (ptrdiff_t j = 0; j < layer->n_out; ++j, best += BLOCK)
        for (ptrdiff_t p = 0; p < layer->n_pieces; ++p, products += BLOCK, ++bias)
            for (ptrdiff_t i = 0; i < BLOCK; i += V) {
                const vec piece = ADD(LOAD(products + i), SPLAT(*bias));
                STORE(best + i, p ? MAX(piece, LOAD(best + i)) : piece);
            }
}

/* Each input's outputs to a mean of 0 and a variance of 1, then scaled and shifted. */
VECTOR_TARGET static void F(normalize)(float *best, const MaxoutLayer *layer) {
    const ptrdiff_t n_out = layer->n_out;
    const vec width = SPLAT((float)n_out);
    for (ptrdiff_t i = 0; i < BLOCK; i += V) {
        vec mean = SPLAT(0), variance = SPLAT(0);
        for (ptrdiff_t j = 0; j < n_out; ++j)
            mean = ADD(mean, LOAD(best + j * BLOCK + i));
        mean = DIVIDE(mean, width);
        for (ptrdiff_t j = 0; j < n_out; ++j) {
            const vec off = SUBTRACT(LOAD(best + j * BLOCK + i), mean);
            STORE(best + j * BLOCK + i, off);
            variance = FUSED(off, off, variance);
        }
        variance = ADD(DIVIDE(variance, width), SPLAT(SMALLEST_VARIANCE));
        const vec scale = DIVIDE(SPLAT(1), ROOT(variance));
        for (ptrdiff_t j = 0; j < n_out; ++j) {
            const vec scaled = MULTIPLY(LOAD(best + j * BLOCK + i), scale);
            STORE(best + j * BLOCK + i,
                  FUSED(scaled, SPLAT(layer->gain[j]), SPLAT(layer->shift[j])));
        }
    }
}

/* The outputs of the first n lanes, each a row of n_out, `apart` from that of the lane before, with
 * `residual` unless it is NULL. */
VECTOR_TARGET static void F(write)(float *out, const float *best, const float *residual,
                                   ptrdiff_t n, ptrdiff_t n_out, ptrdiff_t apart) {
    for (ptrdiff_t i = 0; i < n; i += 4, best += 4, out += 4 * apart) {
        ptrdiff_t j = 0;
        if (i + 4 <= n)
            for (; j + 4 <= n_out; j += 4)
                F(transpose)(out + j, apart, best + j * BLOCK, BLOCK, residual ? residual + j : NULL);
        for (; j < n_out; ++j)
            for (ptrdiff_t lane = 0; lane < 4 && i + lane < n; ++lane)
                out[lane * apart + j] =
                    best[j * BLOCK + lane] + (residual ? residual[lane * apart + j] : 0);
        if (residual)
            residual += 4 * apart;
    }
}

VECTOR_TARGET static void F(maxout)(float *out, const float *x, ptrdiff_t n, ptrdiff_t stride,
                                    const MaxoutLayer *layer, const float *residual,
                                    float *scratch) {
    const ptrdiff_t n_out = layer->n_out, n_products = n_out * layer->n_pieces * BLOCK;
    const int by_fours = maxout_by_fours(layer, n, stride);
    float *best = at_line(scratch), *products = best + n_out * BLOCK;
    float *at_points = products + 4 * n_products, *rest = at_points + weights_at_points_size(layer);
    if (by_fours)
        F(weights_at_points)(at_points, layer);
    for (ptrdiff_t start = 0, size; start < n; start += size) {
        /* A last block of four windows a lane takes as long as two of one. */
        const int windows = by_fours && n - start > 2 * BLOCK ? 4 : 1;
        size = n - start < windows * BLOCK ? n - start : windows * BLOCK;
        if (windows == 4)
            F(multiply_windows)(products, x + start * stride, size, layer, at_points, rest);
        else
            F(multiply)(products, x + start * stride, size, stride, layer);
        for (int w = 0; w < windows; ++w) {
            F(keep_largest)(best, products + w * n_products, layer);
            if (layer->gain)
                F(normalize)(best, layer);
            const ptrdiff_t first = (start + w) * n_out;
            F(write)(out + first, best, residual ? residual + first : NULL,
                     (size - w + windows - 1) / windows, n_out, windows * n_out);
        }
    }
}

#undef V
#undef F
#undef INLINE
#undef LOAD
#undef STORE
#undef SPLAT
#undef ADD
#undef SUBTRACT
#undef MULTIPLY
#undef DIVIDE
#undef ROOT
#undef MAX
#undef FUSED
#undef COLUMNS
#undef vec
