/* Compare the inner loops, for each instruction set that this machine has, with plain ones. Rows
 * begin at any address and are surrounded by NaN, so that nothing from beyond their ends can go
 * unnoticed. */

#include <stdio.h>
#include <stdlib.h>

#include "vectors.h"

#define MOST 80

static double room[8][MOST * MOST + 16];

static double *row(int which, int n) {
    double *start = room[which] + 8 + rand() % 8;
    for (int i = 0; i < MOST * MOST + 16; i++)
        room[which][i] = NAN;
    for (int i = 0; i < n; i++)
        start[i] = rand() / (RAND_MAX + 1.0);
    return start;
}

static void expect(const char *what, int n, double value, double expected) {
    if (value == expected || fabs(value - expected) <= 1e-13 * fabs(expected))
        return;
    printf("%s of %d: %.17g, expected %.17g\n", what, n, value, expected);
    exit(1);
}

static void check_search(VectorOps ops, int n) {
    double *x = row(0, n), *y = row(2, n), largest;
    for (int with = 0; with < 2; with++)
        for (int round = 0; round < 4; round++) {
            /* Few values, so that several are the largest; in the last round all are -inf. */
            int first = 0;
            for (int i = 0; i < n; i++) {
                x[i] = round < 3 ? rand() % 4 : -INFINITY;
                y[i] = rand() % 4;
                const double best = x[first] + (with ? y[first] : 0.0);
                first = x[i] + (with ? y[i] : 0.0) > best ? i : first;
            }
            expect("first_of_largest", n, ops.first_of_largest(x, with ? y : NULL, n, &largest),
                   first);
            expect("largest of it", n, largest, x[first] + (with ? y[first] : 0.0));
            if (!with)
                continue;
            double most, second, others;
            expect("two_largest", n, ops.two_largest(x, y, n, &most, &second), first);
            expect("the largest of two", n, most, largest);
            x[first] = -INFINITY;
            ops.first_of_largest(x, y, n, &others);
            expect("the second", n, second, others);
        }
}

static void check_quotients(VectorOps ops, int n, int width) {
    double *x = row(0, n), *y = row(2, n), *out = row(3, n);
    for (int i = 0; i < n; i++) {
        x[i] = rand() % 9 ? exp(-350.0 * x[i] * x[i] * x[i]) : 1.0;
        y[i] = rand() % 5 ? exp(-350.0 * y[i] * y[i] * y[i]) : 0.0;
    }
    ops.log_products(out, x, y, n);
    for (int i = 0; i < n; i++)
        expect("log_products", n, out[i], y[i] > 0.0 ? log(x[i] * y[i]) : -INFINITY);

    double *g = row(0, width), *left = row(2, width), *a = row(3, width), *b = row(4, width);
    double *before = row(5, width), total = 0.5, sum = 0.5, least = 1.0;
    for (int j = 0; j < width; j++) {
        a[j] = rand() % 4 ? a[j] + 0.1 : 0.0;
        g[j] = a[j] > 0.0 && rand() % 4 ? -g[j] : 0.0;
        before[j] = g[j];
        sum += g[j];
        least = g[j] != 0.0 ? fmin(least, a[j] * b[j]) : least;
    }
    expect("quotients", n, ops.quotients(g, left, a, b, width, &total), least);
    expect("total", n, total, sum);
    for (int j = 0; j < width; j++) {
        expect("g / b", n, g[j], before[j] != 0.0 ? before[j] / b[j] : 0.0);
        expect("g / a", n, left[j], before[j] != 0.0 ? before[j] / a[j] : 0.0);
        before[j] = a[j] > 0.0 ? b[j] * (left[j] + g[j]) : 0.0;
        left[j] = a[j] > 0.0 ? left[j] : INFINITY;
    }
    ops.extended(left, g, b, a, width);
    for (int j = 0; j < width; j++)
        expect("extended", n, left[j], before[j]);
}

static void check_products(VectorOps ops, int n) {
    double *x = row(0, n), *y = row(2, n), *out = row(3, n), *expected = row(4, n);
    for (int i = 0; i < n; i++)
        expected[i] = out[i] + x[i] * y[i];
    ops.add_products(out, x, y, n);
    for (int i = 0; i < n; i++)
        expect("add_products", n, out[i], expected[i]);
    expect("beyond add_products", n, isnan(out[n]), 1);
}

static void check_bounds(VectorOps ops, int n) {
    double *x = row(0, n), *y = row(2, n);
    int32_t indices[MOST];
    int above = 0, below = 0;
    x[n / 2] = -INFINITY;
    const ptrdiff_t count = ops.above(x, y, n, 1.0, indices);
    for (int i = 0; i < n; i++) {
        below += x[i] < 0.25;
        if (x[i] + y[i] > 1.0)
            expect("above", n, above < count ? indices[above] : -1, i), above++;
    }
    expect("number above", n, count, above);
    expect("count_below", n, ops.count_below(x, n, 0.25), below);
    expect("none below", n, ops.count_below(x, n, -INFINITY), 0);
}

static void check(VectorOps ops, int n) {
    const int width = (n + ops.unit - 1) / ops.unit * ops.unit;
    double *x = row(0, n), *matrix = row(1, n * width), *out = row(2, width), *sums = row(3, width);
    double largest = x[0];
    for (int i = 0; i < n; i++)
        largest = x[i] > largest ? x[i] : largest;
    expect("largest", n, ops.largest(x, n), largest);

    double *low = row(4, width);
    for (int i = 0; i < width; i++)
        low[i] = -0.5;
    for (int i = 0; i < n; i++)
        x[i] = rand() % 5 ? -700.0 * x[i] * x[i] : -INFINITY;
    ops.exponentials(out, x, n, width, 0.25, low);
    for (int i = 0; i < width; i++) {
        const int legal = i < n && x[i] > -INFINITY;
        expect("exponentials", n, out[i], legal ? exp(fmax(x[i] - 0.25, -700.0)) : 0.0);
        expect("lowest", n, low[i], legal ? fmin(-0.5, x[i] - 0.25) : -0.5);
    }
    expect("beyond exponentials", n, isnan(out[width]), 1);

    check_search(ops, n);
    check_bounds(ops, n);
    check_products(ops, n);
    check_quotients(ops, n, width);

    x = row(0, n);
    ops.weighted_sum(sums, x, matrix, n, width);
    ops.best_sum(out, x, matrix, n, width);
    for (int j = 0; j < width; j++) {
        double sum = 0.0, best = -INFINITY;
        for (int i = 0; i < n; i++) {
            sum += x[i] * matrix[i * width + j];
            best = fmax(best, x[i] + matrix[i * width + j]);
        }
        expect("weighted_sum", n, sums[j], sum);
        expect("best_sum", n, out[j], best);
    }

    double *factors = row(5, width), total = 0.0;
    factors[0] = n > 1 ? 0.0 : factors[0];
    for (int j = 0; j < width; j++) {
        out[j] = sums[j] * factors[j];
        total += out[j];
        low[j] = 1.0;
    }
    expect("normalized_product", n, ops.normalized_product(sums, factors, low, width), total);
    for (int j = 0; j < width; j++) {
        expect("normalized_product", n, sums[j], out[j] / total);
        expect("smallest", n, low[j], out[j] > 0.0 ? out[j] / total : 1.0);
    }

    double *a = row(6, n * width), *b = row(7, n * width);
    matrix = row(1, width * width);
    double before = matrix[width * width - 1], sum = 0.0;
    ops.add_outer_products(matrix, a, b, n, width, 0.5);
    for (int t = 0; t < n; t++)
        sum += a[t * width + width - 1] * b[t * width + width - 1];
    expect("add_outer_products", n, matrix[width * width - 1], before + 0.5 * sum);

    double *mass = row(0, n), *gradient = row(2, n);
    mass[n / 2] = 0.0;
    a[n / 2] = -INFINITY;
    sum = 0.0;
    for (int i = 0; i < n; i++) {
        sum += i == n / 2 ? 0.0 : mass[i] * a[i];
        b[i] = gradient[i] - 0.3 * mass[i];
    }
    expect("subtract_mass", n, ops.subtract_mass(gradient, a, mass, n, 0.3), sum);
    for (int i = 0; i < n; i++)
        expect("subtract_mass", n, gradient[i], b[i]);
}

int main(void) {
    for (int n = 1; n <= MOST - 8; n++)
        for (int round = 0; round < 8; round++) {
            check(ops_baseline(), n);
#ifdef X86
            if (processor() >= HAS_AVX2)
                check(ops_avx2(), n);
#endif
            check(vectors_init(), n);
        }
    return 0;
}
