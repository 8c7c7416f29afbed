/* The functions of `VectorOps` for vectors of VECTOR_LANES doubles; included by vectors.h, once for each
 * instruction set. VECTOR_NAME(x) is the name of x in this set, VECTOR_TARGET the set. */

#define V VECTOR_LANES
#define vec VECTOR_NAME(vec)
#define ivec VECTOR_NAME(ivec)
#define unaligned VECTOR_NAME(unaligned)
#define INLINE VECTOR_TARGET static inline
#define LOAD(p) (*(const unaligned *)(p))
#define STORE(p, v) (*(unaligned *)(p) = (v))

#if V == 1
typedef double vec;
typedef double unaligned;
#define SPLAT(x) (x)
#define MAX(x, y) ((x) > (y) ? (x) : (y))
#define MIN(x, y) ((x) < (y) ? (x) : (y))
#define ZERO_WHERE_EQUAL(v, x, y) ((x) == (y) ? 0.0 : (v))
#else
typedef double vec __attribute__((vector_size(8 * V)));
typedef long long ivec __attribute__((vector_size(8 * V)));
typedef double unaligned __attribute__((vector_size(8 * V), aligned(8), may_alias));
#define SPLAT(x) ((x) - (vec){0})
#define SELECT(mask, x, y) ((vec)(((mask) & (ivec)(x)) | (~(mask) & (ivec)(y))))
#define ZERO_WHERE_EQUAL(v, x, y) ((vec)((ivec)(v) & ((x) != (y))))
#if defined(__SSE2__) && V == 2
#include <immintrin.h>
#define MAX(x, y) ((vec)_mm_max_pd((__m128d)(x), (__m128d)(y)))
#define MIN(x, y) ((vec)_mm_min_pd((__m128d)(x), (__m128d)(y)))
#elif V == 4
#define MAX(x, y) ((vec)_mm256_max_pd((__m256d)(x), (__m256d)(y)))
#define MIN(x, y) ((vec)_mm256_min_pd((__m256d)(x), (__m256d)(y)))
#else
#define MAX(x, y) SELECT((x) > (y), x, y)
#define MIN(x, y) SELECT((x) < (y), x, y)
#endif
#endif

