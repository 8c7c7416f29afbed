/* Products of windows of three rows, the convolution of an encoder, with half the multiplications;
 * included by maxout_loops.h, for whose vectors it is.
 *
 * The outputs of four neighbouring windows are read off six products where twelve had been: Winograd's
 * minimal filtering F(4, 3) at the points 0, 1, -1, 2, -2 and infinity, whose matrices are those of
 * Lavin & Gray (2016), arXiv:1509.09308, section 4.3. Rounding is some three times what it is without.
 *
 * A lane is four windows, and a block BLOCK of these. */

#define LESS_FOUR(x, y) FUSED(SPLAT(-4), y, x)

/* Rows of weights at a time: as many sums as leave registers for what is added to them. */
#if V == 16
#define PANEL 24
#else
#define PANEL 6
#endif

/* The weights (n_rows, 3 * width) at each point, (panels, POINTS, chunks, PANEL, CHUNK): an inner loop
 * finds them at distances that the compiler knows. Beyond the last row and column zeros. */
VECTOR_TARGET static void F(weights_at_points)(float *out, const MaxoutLayer *layer) {
    const ptrdiff_t width = layer->n_in / 3, n_rows = layer->n_out * layer->n_pieces;
    const ptrdiff_t point = PANEL * whole(width, CHUNK);
    for (ptrdiff_t j = 0; j < whole(n_rows, PANEL); ++j) {
        float *row = out + j / PANEL * POINTS * point + j % PANEL * CHUNK;
        const float *before = layer->weights + j * layer->n_in;
        const float *at = before + width, *behind = at + width;
        for (ptrdiff_t k = 0; k < width; k += CHUNK, row += PANEL * CHUNK) {
            const ptrdiff_t size = j >= n_rows ? 0 : k + CHUNK <= width ? CHUNK : width - k;
            for (ptrdiff_t i = 0; i < CHUNK; i += V) {
                const vec a = F(load_up_to)(before + k + i, size - i);
                const vec b = F(load_up_to)(at + k + i, size - i);
                const vec c = F(load_up_to)(behind + k + i, size - i);
                const vec ends = ADD(a, c), far = FUSED(SPLAT(4), c, a), twice = ADD(b, b);
                STORE(row + i, MULTIPLY(a, SPLAT(1.0f / 4)));
                STORE(row + i + point, MULTIPLY(ADD(ends, b), SPLAT(-1.0f / 6)));
                STORE(row + i + 2 * point, MULTIPLY(SUBTRACT(ends, b), SPLAT(-1.0f / 6)));
                STORE(row + i + 3 * point, MULTIPLY(ADD(far, twice), SPLAT(1.0f / 24)));
                STORE(row + i + 4 * point, MULTIPLY(SUBTRACT(far, twice), SPLAT(1.0f / 24)));
                STORE(row + i + 5 * point, c);
            }
        }
    }
}

/* The inputs of `n` windows at each point, (POINTS, whole chunks, BLOCK), zeros beyond the width. rows:
 * (POINTS, 4, whole chunks). Where there are fewer windows than lanes, the last row stands for those
 * that are not there. */
VECTOR_TARGET static void F(inputs_at_points)(float *out, const float *x, ptrdiff_t n,
                                              ptrdiff_t width, float *rows) {
    const ptrdiff_t whole_width = whole(width, CHUNK), point = 4 * whole_width;
    for (ptrdiff_t lane = 0; lane < BLOCK; ++lane) {
        const float *d[POINTS];
        float *row = rows + lane % 4 * whole_width;
        for (ptrdiff_t i = 0; i < POINTS; ++i)
            d[i] = x + (4 * lane + i < n + 2 ? 4 * lane + i : n + 1) * width;
        for (ptrdiff_t k = 0; k < whole_width; k += V, row += V) {
            vec at[POINTS];
#pragma GCC unroll 6
            for (int i = 0; i < POINTS; ++i)
                at[i] = F(load_up_to)(d[i] + k, width - k);
            const vec odd = LESS_FOUR(at[3], at[1]), even = LESS_FOUR(at[4], at[2]);
            const vec odd_2 = MULTIPLY(SPLAT(2), SUBTRACT(at[3], at[1]));
            const vec even_2 = SUBTRACT(at[4], at[2]);
            STORE(row, SUBTRACT(even, LESS_FOUR(at[2], at[0])));
            STORE(row + point, ADD(even, odd));
            STORE(row + 2 * point, SUBTRACT(even, odd));
            STORE(row + 3 * point, ADD(even_2, odd_2));
            STORE(row + 4 * point, SUBTRACT(even_2, odd_2));
            STORE(row + 5 * point, SUBTRACT(LESS_FOUR(at[5], at[3]), odd));
        }
        if (lane % 4 < 3)
            continue;
        for (ptrdiff_t p = 0; p < POINTS; ++p) {
            float *columns = out + p * whole_width * BLOCK + lane - 3;
            const float *of_point = rows + p * point;
            for (ptrdiff_t k = 0; k < whole_width; k += 4)
                F(transpose)(columns + k * BLOCK, BLOCK, of_point + k, whole_width, NULL);
        }
    }
}

/* products[c][lane] = the sum of x[k][lane] * weights[c][k], for PANEL rows of weights. */
INLINE void F(panel)(float *products, const float *x, const float *weights, ptrdiff_t width) {
    vec sums[PANEL][BLOCK / V];
#pragma GCC unroll 24
    for (int c = 0; c < PANEL; ++c)
#pragma GCC unroll 2
        for (int i = 0; i < BLOCK / V; ++i)
            sums[c][i] = SPLAT(0);
    for (ptrdiff_t k = 0; k < width; k += CHUNK, weights += PANEL * CHUNK)
        for (ptrdiff_t of_chunk = 0; of_chunk < CHUNK; ++of_chunk, x += BLOCK) {
            vec inputs[BLOCK / V];
#pragma GCC unroll 2
            for (int i = 0; i < BLOCK / V; ++i)
                inputs[i] = LOAD(x + i * V);
#pragma GCC unroll 24
            for (int c = 0; c < PANEL; ++c) {
                const vec weight = SPLAT(weights[c * CHUNK + of_chunk]);
#pragma GCC unroll 2
                for (int i = 0; i < BLOCK / V; ++i)
                    sums[c][i] = FUSED(weight, inputs[i], sums[c][i]);
            }
        }
#pragma GCC unroll 24
    for (int c = 0; c < PANEL; ++c)
#pragma GCC unroll 2
        for (int i = 0; i < BLOCK / V; ++i)
            STORE(products + c * BLOCK + i * V, sums[c][i]);
}

/* What `count` rows of weights give the four windows of each lane, from the products at the points:
 * (4, n_rows, BLOCK) from (POINTS, PANEL, BLOCK). */
VECTOR_TARGET static void F(read_off)(float *out, const float *at, ptrdiff_t n_rows,
                                      ptrdiff_t count) {
    const ptrdiff_t size = PANEL * BLOCK, window = n_rows * BLOCK;
    for (ptrdiff_t i = 0; i < count * BLOCK; i += V, at += V, out += V) {
        const vec one = LOAD(at + size), minus_one = LOAD(at + 2 * size);
        const vec two = LOAD(at + 3 * size), minus_two = LOAD(at + 4 * size);
        const vec even = ADD(one, minus_one), odd = SUBTRACT(one, minus_one);
        const vec even_2 = ADD(two, minus_two), odd_2 = SUBTRACT(two, minus_two);
        STORE(out, ADD(ADD(LOAD(at), even), even_2));
        STORE(out + window, FUSED(SPLAT(2), odd_2, odd));
        STORE(out + 2 * window, FUSED(SPLAT(4), even_2, even));
        STORE(out + 3 * window, ADD(FUSED(SPLAT(8), odd_2, odd), LOAD(at + 5 * size)));
    }
}

/* products[w][j][lane] = what multiply() has for window 4 * lane + w of `n` <= 4 * BLOCK, which begin
 * a third of their length from each other. at_points: what weights_at_points() gave. */
VECTOR_TARGET static void F(multiply_windows)(float *products, const float *x, ptrdiff_t n,
                                              const MaxoutLayer *layer, const float *at_points,
                                              float *scratch) {
    const ptrdiff_t width = layer->n_in / 3, n_rows = layer->n_out * layer->n_pieces;
    const ptrdiff_t whole_width = whole(width, CHUNK);
    float *inputs = scratch, *of_panel = inputs + POINTS * whole_width * BLOCK;
    F(inputs_at_points)(inputs, x, n, width, of_panel);
    for (ptrdiff_t j = 0; j < n_rows; j += PANEL) {
        for (ptrdiff_t p = 0; p < POINTS; ++p, at_points += PANEL * whole_width)
            F(panel)(of_panel + p * PANEL * BLOCK, inputs + p * whole_width * BLOCK, at_points, width);
        F(read_off)(products + j * BLOCK, of_panel, n_rows,
                    j + PANEL <= n_rows ? PANEL : n_rows - j);
    }
}

#undef PANEL
#undef LESS_FOUR
