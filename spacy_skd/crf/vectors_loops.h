/* The functions of `VectorOps` for vectors of VECTOR_LANES doubles; included by vectors.h, once for
 * each instruction set. VECTOR_NAME(x) is the name of x in this set, VECTOR_TARGET the set. */

#include "vectors_lanes.h"

VECTOR_TARGET static double F(largest)(const double *x, ptrdiff_t n) {
    vec most = SPLAT(-INFINITY);
    ptrdiff_t j = 0;
    for (; j + V <= n; j += V)
        most = MAX(most, LOAD(x + j));
    return F(largest_lane)(MAX(most, F(load_part)(x + j, n - j, -INFINITY)));
}

/* The index of the first of the largest of x + y, or of x where `with` is 0, a constant, so that the
 * loops are compiled for each; how large it is; and, unless `second` is NULL, how large the largest
 * of the others is. */
INLINE ptrdiff_t F(first_of)(const int with, const double *x, const double *y, ptrdiff_t n,
                             double *largest, double *second) {
#define AT(j) (with ? ADD(LOAD(x + (j)), LOAD(y + (j))) : LOAD(x + (j)))
#if V == 1
    ptrdiff_t first = 0;
    double most = AT(0), next = -INFINITY;
    for (ptrdiff_t j = 1; j < n; j++) {
        const double value = AT(j);
        next = MAX(next, MIN(most, value));
        first = value > most ? j : first;
        most = MAX(most, value);
    }
    *largest = most;
    if (second)
        *second = next;
    return first;
#else
    vec most = SPLAT(-INFINITY), next = most;
    ptrdiff_t j = 0;
    for (; j + V <= n; j += V) {
        const vec value = AT(j);
        next = MAX(next, MIN(most, value));
        most = MAX(most, value);
    }
    vec rest = F(load_part)(x + j, n - j, -INFINITY);
    rest = with ? ADD(rest, F(load_part)(y + j, n - j, 0.0)) : rest;
    next = MAX(next, MIN(most, rest));
    most = MAX(most, rest);
    *largest = F(largest_lane)(most);
    const vec value = SPLAT(*largest);
    if (second) {
        const uint64_t lanes = EQUAL(most, value);
        *second = lanes & (lanes - 1) ? *largest
                                      : F(largest_lane)(IF_EQUAL(most, value, next, most));
    }
    /* All of 64 are compared before the first is looked for: where it is cannot be predicted. */
    uint64_t found = 0;
    for (j = 0; j + V <= n; j += V) {
        found |= EQUAL(AT(j), value) << j % 64;
        if ((j + V) % 64 == 0 && found)
            return j / 64 * 64 + first_bit(found);
    }
    found |= EQUAL(rest, value) << j % 64;
    return j / 64 * 64 + first_bit(found);
#endif
#undef AT
}

VECTOR_TARGET static ptrdiff_t F(first_of_largest)(const double *x, const double *y, ptrdiff_t n,
                                                   double *largest) {
    return y ? F(first_of)(1, x, y, n, largest, NULL) : F(first_of)(0, x, x, n, largest, NULL);
}

VECTOR_TARGET static ptrdiff_t F(two_largest)(const double *x, const double *y, ptrdiff_t n,
                                              double *largest, double *second) {
    return F(first_of)(1, x, y, n, largest, second);
}

VECTOR_TARGET static ptrdiff_t F(above)(const double *x, const double *y, ptrdiff_t n,
                                        double floor, int32_t *indices) {
    ptrdiff_t count = 0;
#if V == 1
    for (ptrdiff_t j = 0; j < n; j++) {
        indices[count] = (int32_t)j;
        count += x[j] + y[j] > floor;
    }
#else
    /* Of 64 at a time, as it cannot be predicted which they are. */
    for (ptrdiff_t first = 0; first < n; first += 64) {
        const ptrdiff_t end = n - first < 64 ? n : first + 64;
        uint64_t found = 0;
        ptrdiff_t j = first;
        for (; j + V <= end; j += V)
            found |= ABOVE(ADD(LOAD(x + j), LOAD(y + j)), SPLAT(floor)) << j % 64;
        if (j < end) {
            const vec rest = F(load_part)(x + j, end - j, -INFINITY);
            const vec others = F(load_part)(y + j, end - j, 0.0);
            found |= ABOVE(ADD(rest, others), SPLAT(floor)) << j % 64;
        }
        for (; found; found &= found - 1)
            indices[count++] = (int32_t)(first + first_bit(found));
    }
#endif
    return count;
}

VECTOR_TARGET static ptrdiff_t F(count_below)(const double *x, ptrdiff_t n, double limit) {
    ptrdiff_t count = 0, j = 0;
#if V > 1
    for (; j + V <= n; j += V)
        count += count_bits(ABOVE(SPLAT(limit), LOAD(x + j)));
    count += count_bits(ABOVE(SPLAT(limit), F(load_part)(x + j, n - j, INFINITY)));
#else
    for (; j < n; j++)
        count += x[j] < limit;
#endif
    return count;
}

/* exp(x) of x <= 0, 0 only for -inf, else at least exp(-700): a power of 2 times a polynomial in
 * the rest. Relative error below 1e-15. */
#if V == 1
INLINE vec F(exponential)(vec x) { return x > -INFINITY ? exp(MAX(x, -700.0)) : 0.0; }
#else
INLINE vec F(exponential)(vec x) {
    /* Added to a small number, 1.5 * 2^52 leaves its nearest integer in the low bits. */
    const double rounder = 6755399441055744.0;
    vec bounded = MAX(x, SPLAT(-700.0));
    vec rounded = FUSED(bounded, SPLAT(1.44269504088896340736), SPLAT(rounder));
    vec exponent = SUBTRACT(rounded, SPLAT(rounder));
    vec rest = FUSED(exponent, SPLAT(-6.93147180369123816490e-01), bounded);
    rest = FUSED(exponent, SPLAT(-1.90821492927058770002e-10), rest);
    /* The even and the odd terms of the exponential series, x^12 / 12! the last. */
    vec square = MULTIPLY(rest, rest);
    vec even = SPLAT(1.0 / 479001600), odd = SPLAT(1.0 / 39916800);
    const double of_even[] = {1.0 / 3628800, 1.0 / 40320, 1.0 / 720, 1.0 / 24, 0.5, 1.0};
    const double of_odd[] = {1.0 / 362880, 1.0 / 5040, 1.0 / 120, 1.0 / 6, 1.0};
    for (int i = 0; i < 6; i++)
        even = FUSED(even, square, SPLAT(of_even[i]));
    for (int i = 0; i < 5; i++)
        odd = FUSED(odd, square, SPLAT(of_odd[i]));
    vec power = SHIFT_LEFT(ADD(rounded, SPLAT(1023.0)), 52);
    return IF_EQUAL(x, SPLAT(-INFINITY), SPLAT(0.0), MULTIPLY(FUSED(odd, rest, even), power));
}
#endif

INLINE void F(exponentials_at)(double *y, vec shifted, double *lowest) {
    vec legal = IF_EQUAL(shifted, SPLAT(-INFINITY), SPLAT(0.0), shifted);
    STORE(lowest, MIN(LOAD(lowest), legal));
    STORE(y, F(exponential)(shifted));
}

VECTOR_TARGET static void F(exponentials)(double *y, const double *x, ptrdiff_t n,
                                          ptrdiff_t width, double shift, double *lowest) {
    ptrdiff_t j = 0;
    for (; j + V <= n; j += V)
        F(exponentials_at)(y + j, SUBTRACT(LOAD(x + j), SPLAT(shift)), lowest + j);
    for (; j < width; j += V)
        F(exponentials_at)(y + j, SUBTRACT(F(load_part)(x + j, n - j, -INFINITY), SPLAT(shift)),
                           lowest + j);
}

/* log(x) of x = 2^e * m, m from sqrt(1/2) to sqrt(2), with log(m) = 2 artanh((m - 1) / (m + 1)) as
 * a series. Relative error below 1e-15. */
#if V == 1
INLINE vec F(logarithm)(vec x) { return log(x); }
#else
INLINE vec F(logarithm)(vec x) {
    /* Of a number of 2^52 and more the low bits are those of an integer. */
    const vec two_52 = SPLAT(4503599627370496.0), one = SPLAT(1.0);
    const vec large = SPLAT(1.41421356237309504880);
    vec exponent = SUBTRACT(SUBTRACT(OR(SHIFT_RIGHT(x, 52), two_52), two_52), SPLAT(1023.0));
    /* All bits of what is just below 2 are those of a mantissa and of 1. */
    vec m = AND(OR(x, one), SPLAT(1.99999999999999977796));
    exponent = IF_ABOVE(m, large, ADD(exponent, one), exponent);
    m = IF_ABOVE(m, large, MULTIPLY(m, SPLAT(0.5)), m);
    vec f = DIVIDE(SUBTRACT(m, one), ADD(m, one)), square = MULTIPLY(f, f);
    vec series = SPLAT(1.0 / 21);
    for (int i = 19; i > 0; i -= 2)
        series = FUSED(series, square, SPLAT(1.0 / i));
    return FUSED(exponent, SPLAT(0.693147180559945309417),
                 MULTIPLY(MULTIPLY(SPLAT(2.0), f), series));
}
#endif

INLINE vec F(log_product)(vec x, vec y) {
    const vec product = MULTIPLY(x, y);
    return IF_EQUAL(product, SPLAT(0.0), SPLAT(-INFINITY), F(logarithm)(product));
}

VECTOR_TARGET static void F(log_products)(double *out, const double *x, const double *y,
                                          ptrdiff_t n) {
    ptrdiff_t j = 0;
    for (; j + V <= n; j += V)
        STORE(out + j, F(log_product)(LOAD(x + j), LOAD(y + j)));
    const ptrdiff_t rest = n - j;
    F(store_part)(
        out + j,
        F(log_product)(F(load_part)(x + j, rest, 1.0), F(load_part)(y + j, rest, 1.0)),
        rest);
}

VECTOR_TARGET static double F(quotients)(double *g, double *left, const double *x, const double *y,
                                         ptrdiff_t width, double *total) {
    vec sums = SPLAT(0.0), least = SPLAT(1.0);
    for (ptrdiff_t j = 0; j < width; j += V) {
        const vec value = LOAD(g + j), by_x = LOAD(x + j), by_y = LOAD(y + j);
        sums = ADD(sums, value);
        const vec product = IF_EQUAL(value, SPLAT(0.0), SPLAT(1.0), MULTIPLY(by_x, by_y));
        least = MIN(least, product);
        /* One division, which takes as long as many products. */
        const vec by_both = DIVIDE(value, product);
        STORE(left + j, IF_EQUAL(value, SPLAT(0.0), SPLAT(0.0), MULTIPLY(by_both, by_y)));
        STORE(g + j, IF_EQUAL(value, SPLAT(0.0), SPLAT(0.0), MULTIPLY(by_both, by_x)));
    }
    *total += F(sum_lanes)(sums);
    return -F(largest_lane)(SUBTRACT(SPLAT(0.0), least));
}

VECTOR_TARGET static void F(add_products)(double *out, const double *x, const double *y,
                                          ptrdiff_t n) {
    ptrdiff_t j = 0;
    for (; j + V <= n; j += V)
        STORE(out + j, FUSED(LOAD(x + j), LOAD(y + j), LOAD(out + j)));
    const ptrdiff_t rest = n - j;
    const vec of_x = F(load_part)(x + j, rest, 0.0), of_y = F(load_part)(y + j, rest, 0.0);
    F(store_part)(out + j, FUSED(of_x, of_y, F(load_part)(out + j, rest, 0.0)), rest);
}

VECTOR_TARGET static void F(extended)(double *x, const double *y, const double *factors,
                                      const double *reached, ptrdiff_t width) {
    for (ptrdiff_t j = 0; j < width; j += V) {
        const vec sum = MULTIPLY(LOAD(factors + j), ADD(LOAD(x + j), LOAD(y + j)));
        STORE(x + j, IF_EQUAL(LOAD(reached + j), SPLAT(0.0), SPLAT(0.0), sum));
    }
}

/* `columns` vectors of `weighted_sum`, a constant so that the sums stay in registers. */
INLINE void F(weighted_sum_of)(const int columns, double *out, const double *weights,
                            const double *matrix, ptrdiff_t rows, ptrdiff_t width) {
    /* A sum waits for the one before it: of few columns, every other row has its own. */
    const int apart = columns < 4 ? 2 : 1;
    vec sum[2][6];
    for (int c = 0; c < columns; c++)
        sum[0][c] = sum[1][c] = SPLAT(0.0);
    ptrdiff_t i = 0;
    for (; i + apart <= rows; i += apart)
        for (int s = 0; s < apart; s++) {
            const vec weight = SPLAT(weights[i + s]);
            for (int c = 0; c < columns; c++)
                sum[s][c] = FUSED(weight, LOAD(matrix + (i + s) * width + c * V), sum[s][c]);
        }
    for (; i < rows; i++)
        for (int c = 0; c < columns; c++)
            sum[0][c] = FUSED(SPLAT(weights[i]), LOAD(matrix + i * width + c * V), sum[0][c]);
    for (int c = 0; c < columns; c++)
        STORE(out + c * V, ADD(sum[0][c], sum[1][c]));
}

INLINE void F(best_sum_of)(const int columns, double *out, const double *scores,
                        const double *matrix, ptrdiff_t rows, ptrdiff_t width) {
    vec best[6];
    for (int c = 0; c < columns; c++)
        best[c] = SPLAT(-INFINITY);
    for (ptrdiff_t i = 0; i < rows; i++) {
        const vec score = SPLAT(scores[i]);
        for (int c = 0; c < columns; c++)
            best[c] = MAX(best[c], ADD(score, LOAD(matrix + i * width + c * V)));
    }
    for (int c = 0; c < columns; c++)
        STORE(out + c * V, best[c]);
}

#define BY_COLUMNS(work, out, x, matrix, rows, width)                                              \
    for (ptrdiff_t j = 0; j < width; j += 6 * V) {                                                 \
        switch ((width - j) / V) {                                                                 \
        case 1: work(1, out + j, x, matrix + j, rows, width); break;                               \
        case 2: work(2, out + j, x, matrix + j, rows, width); break;                               \
        case 3: work(3, out + j, x, matrix + j, rows, width); break;                               \
        case 4: work(4, out + j, x, matrix + j, rows, width); break;                               \
        case 5: work(5, out + j, x, matrix + j, rows, width); break;                               \
        default: work(6, out + j, x, matrix + j, rows, width);                                     \
        }                                                                                          \
    }

VECTOR_TARGET static void F(weighted_sum)(double *out, const double *weights,
                                                    const double *matrix, ptrdiff_t rows,
                                                    ptrdiff_t width) {
    BY_COLUMNS(F(weighted_sum_of), out, weights, matrix, rows, width)
}

VECTOR_TARGET static void F(best_sum)(double *out, const double *scores,
                                                const double *matrix, ptrdiff_t rows,
                                                ptrdiff_t width) {
    BY_COLUMNS(F(best_sum_of), out, scores, matrix, rows, width)
}

VECTOR_TARGET static double F(normalized_product)(double *x, const double *y,
                                                            double *smallest, ptrdiff_t width) {
    vec sums = SPLAT(0.0);
    for (ptrdiff_t j = 0; j < width; j += V) {
        vec product = MULTIPLY(LOAD(x + j), LOAD(y + j));
        sums = ADD(sums, product);
        STORE(x + j, product);
    }
    const double sum = F(sum_lanes)(sums);
    if (!(sum > 0.0))
        return sum;
    const double inverse = 1.0 / sum;
    for (ptrdiff_t j = 0; j < width; j += V) {
        vec share = MULTIPLY(LOAD(x + j), SPLAT(inverse));
        STORE(x + j, share);
        vec positive = IF_EQUAL(share, SPLAT(0.0), SPLAT(1.0), share);
        STORE(smallest + j, MIN(LOAD(smallest + j), positive));
    }
    return sum;
}

/* A block of 4 rows and `columns` vectors of `add_outer_products`. */
INLINE void F(outer_products_of)(const int columns, double *matrix, const double *a,
                                 const double *b, ptrdiff_t rows, ptrdiff_t width,
                                 double factor) {
    vec sum[4][2];
    for (int i = 0; i < 4; i++)
        for (int c = 0; c < columns; c++)
            sum[i][c] = SPLAT(0.0);
    for (ptrdiff_t t = 0; t < rows; t++)
        for (int i = 0; i < 4; i++) {
            const vec left = SPLAT(a[t * width + i]);
            for (int c = 0; c < columns; c++)
                sum[i][c] = FUSED(left, LOAD(b + t * width + c * V), sum[i][c]);
        }
    for (int i = 0; i < 4; i++)
        for (int c = 0; c < columns; c++) {
            double *cell = matrix + i * width + c * V;
            STORE(cell, ADD(LOAD(cell), MULTIPLY(sum[i][c], SPLAT(factor))));
        }
}

VECTOR_TARGET static void F(add_outer_products)(double *matrix, const double *a,
                                                          const double *b, ptrdiff_t rows,
                                                          ptrdiff_t width, double factor) {
    /* Each block of the matrix reads all of a and b: as much at a time as the first cache holds. */
    const ptrdiff_t many = 1536 / width + 1;
    for (ptrdiff_t t = 0; t < rows; t += many, a += many * width, b += many * width) {
        const ptrdiff_t some = rows - t < many ? rows - t : many;
        for (ptrdiff_t i = 0; i < width; i += 4) {
            double *row = matrix + i * width;
            ptrdiff_t j = 0;
            for (; j + 2 * V <= width; j += 2 * V)
                F(outer_products_of)(2, row + j, a + i, b + j, some, width, factor);
            for (; j < width; j += V)
                F(outer_products_of)(1, row + j, a + i, b + j, some, width, factor);
        }
    }
}

INLINE vec F(take_mass)(double *gradient, const double *scores, const double *mass, double weight) {
    vec m = LOAD(mass);
    STORE(gradient, SUBTRACT(LOAD(gradient), MULTIPLY(m, SPLAT(weight))));
    return IF_EQUAL(m, SPLAT(0.0), SPLAT(0.0), MULTIPLY(m, LOAD(scores)));
}

VECTOR_TARGET static double F(subtract_mass)(double *gradient, const double *scores,
                                             const double *mass, ptrdiff_t n, double weight) {
    /* Four sums, as an addition waits for the one before it. */
    vec sums[4] = {SPLAT(0.0), SPLAT(0.0), SPLAT(0.0), SPLAT(0.0)};
    double rest = 0.0;
    ptrdiff_t j = 0;
    for (; j + 4 * V <= n; j += 4 * V)
        for (int i = 0; i < 4; i++)
            sums[i] = ADD(sums[i], F(take_mass)(gradient + j + i * V, scores + j + i * V,
                                                mass + j + i * V, weight));
    for (; j < n; j++) {
        rest += mass[j] == 0.0 ? 0.0 : mass[j] * scores[j];
        gradient[j] -= mass[j] * weight;
    }
    return F(sum_lanes)(ADD(ADD(sums[0], sums[1]), ADD(sums[2], sums[3]))) + rest;
}

static VectorOps F(ops)(void) {
    VectorOps ops = {V > 4 ? V : 4,
                     F(largest),
                     F(exponentials),
                     F(first_of_largest),
                     F(two_largest),
                     F(above),
                     F(count_below),
                     F(log_products),
                     F(quotients),
                     F(add_products),
                     F(extended),
                     F(weighted_sum),
                     F(best_sum),
                     F(normalized_product),
                     F(add_outer_products),
                     F(subtract_mass)};
    return ops;
}

#undef V
#undef F
#undef vec
#undef INLINE
#undef LOAD
#undef STORE
#undef SPLAT
#undef ADD
#undef SUBTRACT
#undef MULTIPLY
#undef DIVIDE
#undef FUSED
#undef MAX
#undef MIN
#undef AND
#undef OR
#undef SHIFT_LEFT
#undef SHIFT_RIGHT
#undef ABOVE
#undef EQUAL
#undef IF_ABOVE
#undef IF_EQUAL
#undef BY_COLUMNS
