/* What compilers call the same things, and what the processor can do that the program runs on.
 *
 * A function may be compiled for an instruction set that not every processor has: TARGET(set) goes in
 * front of it. MSVC takes any instruction anywhere.
 */
#ifndef SPACY_SKD_PROCESSOR_H
#define SPACY_SKD_PROCESSOR_H

#include <stdint.h>
#ifdef _MSC_VER
#include <intrin.h>
#endif

#if defined(__GNUC__) || defined(__clang__)
#define TARGET(set) __attribute__((target(set)))
#define ALWAYS_INLINE static inline __attribute__((always_inline))
#elif defined(_MSC_VER)
#define TARGET(set)
#define ALWAYS_INLINE static __forceinline
#else
#define ALWAYS_INLINE static inline
#endif

/* NO_INTRINSICS and BASELINE_ONLY: to test and to time what other processors get. */
#if (defined(__x86_64__) || defined(_M_X64)) && defined(TARGET) && !defined(NO_INTRINSICS)
#define X86
#include <immintrin.h>
#endif

/* The place of the lowest bit of x, which has one, and how many it has. */
#if defined(__GNUC__) || defined(__clang__)
static inline int first_bit(uint64_t x) { return __builtin_ctzll(x); }
static inline int count_bits(uint64_t x) { return __builtin_popcountll(x); }
#elif defined(X86)
static inline int first_bit(uint64_t x) {
    unsigned long place;
    _BitScanForward64(&place, x);
    return (int)place;
}
static inline int count_bits(uint64_t x) { return (int)__popcnt64(x); }
#endif

#ifdef X86
#define AVX2 TARGET("avx2,fma")
#define AVX512 TARGET("avx512f,avx512dq")

enum { BASELINE, HAS_AVX2, HAS_AVX512 };

#if defined(BASELINE_ONLY)
static int processor(void) { return BASELINE; }
#elif defined(_MSC_VER)
/* CPUID has these bits for the instructions, and XGETBV for the registers that the operating system
 * keeps whole. */
TARGET("xsave") static int processor(void) {
    const int fma_and_saved = 1 << 12 | 1 << 27, avx2 = 1 << 5, avx512 = 1 << 16 | 1 << 17;
    int leaf[4], extended[4];
    __cpuid(leaf, 0);
    if (leaf[0] < 7)
        return BASELINE;
    __cpuid(leaf, 1);
    __cpuidex(extended, 7, 0);
    if ((leaf[2] & fma_and_saved) != fma_and_saved || !(extended[1] & avx2))
        return BASELINE;
    const uint64_t saved = _xgetbv(0);
    if ((saved & 0x6) != 0x6)
        return BASELINE;
    return (extended[1] & avx512) == avx512 && (saved & 0xe6) == 0xe6 ? HAS_AVX512 : HAS_AVX2;
}
#else
static int processor(void) {
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma"))
        return BASELINE;
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") ? HAS_AVX512
                                                                                  : HAS_AVX2;
}
#endif
#endif

#endif
