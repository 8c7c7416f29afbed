/* Vectors of VECTOR_LANES doubles; included by vectors_loops.h, once for each instruction set.
 *
 * On x86-64 all is done by intrinsics, which every compiler has. On other processors gcc and clang have
 * vector types, with which operators work; without these a vector is one double. */

#define V VECTOR_LANES
#define F(name) VECTOR_NAME(name)
#define vec F(vec)
#define INLINE VECTOR_TARGET ALWAYS_INLINE

/* FUSED: x * y + z, in one rounding where there is an instruction for it. MAX, MIN: y where one of
 * them is no number. ABOVE, EQUAL: a bit for each lane, the first lane lowest. SHIFT_LEFT, SHIFT_RIGHT:
 * of the bits of each number. */
#if V == 8
typedef __m512d vec;
#define LOAD(p) _mm512_loadu_pd(p)
#define STORE(p, x) _mm512_storeu_pd(p, x)
#define SPLAT(x) _mm512_set1_pd(x)
#define ADD(x, y) _mm512_add_pd(x, y)
#define SUBTRACT(x, y) _mm512_sub_pd(x, y)
#define MULTIPLY(x, y) _mm512_mul_pd(x, y)
#define DIVIDE(x, y) _mm512_div_pd(x, y)
#define FUSED(x, y, z) _mm512_fmadd_pd(x, y, z)
#define MAX(x, y) _mm512_max_pd(x, y)
#define MIN(x, y) _mm512_min_pd(x, y)
#define AND(x, y) _mm512_and_pd(x, y)
#define OR(x, y) _mm512_or_pd(x, y)
#define SHIFT_LEFT(x, n) _mm512_castsi512_pd(_mm512_slli_epi64(_mm512_castpd_si512(x), n))
#define SHIFT_RIGHT(x, n) _mm512_castsi512_pd(_mm512_srli_epi64(_mm512_castpd_si512(x), n))
#define ABOVE(x, y) ((uint64_t)_mm512_cmp_pd_mask(x, y, _CMP_GT_OQ))
#define EQUAL(x, y) ((uint64_t)_mm512_cmp_pd_mask(x, y, _CMP_EQ_OQ))
#define IF_ABOVE(x, y, then, otherwise)                                                            \
    _mm512_mask_blend_pd(_mm512_cmp_pd_mask(x, y, _CMP_GT_OQ), otherwise, then)
#define IF_EQUAL(x, y, then, otherwise)                                                            \
    _mm512_mask_blend_pd(_mm512_cmp_pd_mask(x, y, _CMP_EQ_OQ), otherwise, then)
#elif V == 4
typedef __m256d vec;
#define LOAD(p) _mm256_loadu_pd(p)
#define STORE(p, x) _mm256_storeu_pd(p, x)
#define SPLAT(x) _mm256_set1_pd(x)
#define ADD(x, y) _mm256_add_pd(x, y)
#define SUBTRACT(x, y) _mm256_sub_pd(x, y)
#define MULTIPLY(x, y) _mm256_mul_pd(x, y)
#define DIVIDE(x, y) _mm256_div_pd(x, y)
#define FUSED(x, y, z) _mm256_fmadd_pd(x, y, z)
#define MAX(x, y) _mm256_max_pd(x, y)
#define MIN(x, y) _mm256_min_pd(x, y)
#define AND(x, y) _mm256_and_pd(x, y)
#define OR(x, y) _mm256_or_pd(x, y)
#define SHIFT_LEFT(x, n) _mm256_castsi256_pd(_mm256_slli_epi64(_mm256_castpd_si256(x), n))
#define SHIFT_RIGHT(x, n) _mm256_castsi256_pd(_mm256_srli_epi64(_mm256_castpd_si256(x), n))
#define ABOVE(x, y) ((uint64_t)_mm256_movemask_pd(_mm256_cmp_pd(x, y, _CMP_GT_OQ)))
#define EQUAL(x, y) ((uint64_t)_mm256_movemask_pd(_mm256_cmp_pd(x, y, _CMP_EQ_OQ)))
#define IF_ABOVE(x, y, then, otherwise)                                                            \
    _mm256_blendv_pd(otherwise, then, _mm256_cmp_pd(x, y, _CMP_GT_OQ))
#define IF_EQUAL(x, y, then, otherwise)                                                            \
    _mm256_blendv_pd(otherwise, then, _mm256_cmp_pd(x, y, _CMP_EQ_OQ))
#elif V == 2 && defined(X86)
typedef __m128d vec;
#define LOAD(p) _mm_loadu_pd(p)
#define STORE(p, x) _mm_storeu_pd(p, x)
#define SPLAT(x) _mm_set1_pd(x)
#define ADD(x, y) _mm_add_pd(x, y)
#define SUBTRACT(x, y) _mm_sub_pd(x, y)
#define MULTIPLY(x, y) _mm_mul_pd(x, y)
#define DIVIDE(x, y) _mm_div_pd(x, y)
#define FUSED(x, y, z) _mm_add_pd(_mm_mul_pd(x, y), z)
#define MAX(x, y) _mm_max_pd(x, y)
#define MIN(x, y) _mm_min_pd(x, y)
#define AND(x, y) _mm_and_pd(x, y)
#define OR(x, y) _mm_or_pd(x, y)
#define SHIFT_LEFT(x, n) _mm_castsi128_pd(_mm_slli_epi64(_mm_castpd_si128(x), n))
#define SHIFT_RIGHT(x, n) _mm_castsi128_pd(_mm_srli_epi64(_mm_castpd_si128(x), n))
#define ABOVE(x, y) ((uint64_t)_mm_movemask_pd(_mm_cmpgt_pd(x, y)))
#define EQUAL(x, y) ((uint64_t)_mm_movemask_pd(_mm_cmpeq_pd(x, y)))
#define IF_ABOVE(x, y, then, otherwise) F(select)(_mm_cmpgt_pd(x, y), then, otherwise)
#define IF_EQUAL(x, y, then, otherwise) F(select)(_mm_cmpeq_pd(x, y), then, otherwise)

INLINE vec F(select)(vec where, vec then, vec otherwise) {
    return _mm_or_pd(_mm_and_pd(where, then), _mm_andnot_pd(where, otherwise));
}
#else
#define ADD(x, y) ((x) + (y))
#define SUBTRACT(x, y) ((x) - (y))
#define MULTIPLY(x, y) ((x) * (y))
#define DIVIDE(x, y) ((x) / (y))
#define FUSED(x, y, z) ((x) * (y) + (z))
#if V == 2
typedef double vec __attribute__((vector_size(16)));
typedef long long F(ivec) __attribute__((vector_size(16)));
typedef double F(unaligned) __attribute__((vector_size(16), aligned(8), may_alias));
#define LOAD(p) ((vec)(*(const F(unaligned) *)(p)))
#define STORE(p, x) (*(F(unaligned) *)(p) = (x))
#define SPLAT(x) ((vec){(x), (x)})
#define AND(x, y) ((vec)((F(ivec))(x) & (F(ivec))(y)))
#define OR(x, y) ((vec)((F(ivec))(x) | (F(ivec))(y)))
#define SHIFT_LEFT(x, n) ((vec)((F(ivec))(x) << (n)))
#define SHIFT_RIGHT(x, n) ((vec)((F(ivec))(x) >> (n)))
#define ABOVE(x, y) F(bits)((x) > (y))
#define EQUAL(x, y) F(bits)((x) == (y))
#define IF_ABOVE(x, y, then, otherwise) F(select)((x) > (y), then, otherwise)
#define IF_EQUAL(x, y, then, otherwise) F(select)((x) == (y), then, otherwise)
#define MAX(x, y) IF_ABOVE(x, y, x, y)
#define MIN(x, y) IF_ABOVE(y, x, x, y)

INLINE vec F(select)(F(ivec) where, vec then, vec otherwise) {
    return (vec)((where & (F(ivec))then) | (~where & (F(ivec))otherwise));
}

INLINE uint64_t F(bits)(F(ivec) where) { return (where[0] & 1) | (where[1] & 2); }
#else
typedef double vec;
#define LOAD(p) (*(p))
#define STORE(p, x) (*(p) = (x))
#define SPLAT(x) (x)
#define IF_EQUAL(x, y, then, otherwise) ((x) == (y) ? (then) : (otherwise))
#define MAX(x, y) ((x) > (y) ? (x) : (y))
#define MIN(x, y) ((x) < (y) ? (x) : (y))
#endif
#endif

#if V == 8
/* A bit for each of the first n < V lanes, none if n is negative. */
INLINE __mmask8 F(first_lanes)(ptrdiff_t n) { return n > 0 ? (__mmask8)((1 << n) - 1) : 0; }
#elif V == 4
/* All bits of the first n < V lanes. */
INLINE __m256i F(first_lanes)(ptrdiff_t n) {
    return _mm256_cmpgt_epi64(_mm256_set1_epi64x(n), _mm256_setr_epi64x(0, 1, 2, 3));
}
#endif

/* A vector of which only the first n < V lanes are in memory, none if n is negative. */
INLINE vec F(load_part)(const double *p, ptrdiff_t n, double rest) {
#if V == 8
    return _mm512_mask_loadu_pd(SPLAT(rest), F(first_lanes)(n), p);
#elif V == 4
    const __m256i there = F(first_lanes)(n);
    return _mm256_blendv_pd(SPLAT(rest), _mm256_maskload_pd(p, there), _mm256_castsi256_pd(there));
#elif V == 2
    const double lanes[2] = {n > 0 ? p[0] : rest, rest};
    return LOAD(lanes);
#else
    return rest;
#endif
}

INLINE void F(store_part)(double *p, vec x, ptrdiff_t n) {
#if V == 8
    _mm512_mask_storeu_pd(p, F(first_lanes)(n), x);
#elif V == 4
    _mm256_maskstore_pd(p, F(first_lanes)(n), x);
#elif V == 2
    double lanes[2];
    STORE(lanes, x);
    if (n > 0)
        p[0] = lanes[0];
#endif
}

INLINE double F(sum_lanes)(vec x) {
#if V == 8
    return _mm512_reduce_add_pd(x);
#elif V == 4
    __m128d sums = _mm_add_pd(_mm256_castpd256_pd128(x), _mm256_extractf128_pd(x, 1));
    return _mm_cvtsd_f64(_mm_add_sd(sums, _mm_unpackhi_pd(sums, sums)));
#elif V == 2
    double lanes[2];
    STORE(lanes, x);
    return lanes[0] + lanes[1];
#else
    return x;
#endif
}

INLINE double F(largest_lane)(vec x) {
#if V == 8
    return _mm512_reduce_max_pd(x);
#elif V == 4
    __m128d most = _mm_max_pd(_mm256_castpd256_pd128(x), _mm256_extractf128_pd(x, 1));
    return _mm_cvtsd_f64(_mm_max_sd(most, _mm_unpackhi_pd(most, most)));
#elif V == 2
    double lanes[2];
    STORE(lanes, x);
    return lanes[0] > lanes[1] ? lanes[0] : lanes[1];
#else
    return x;
#endif
}
