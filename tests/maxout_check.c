/* Compare the maxout layer, for each instruction set that this machine has, with a plain one. What
 * comes before inputs and weights is NaN, and what comes behind them cannot be read: whoever does ends
 * the program, though the result may not show it. */

#define _DEFAULT_SOURCE
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "maxout.h"

#define WIDEST 70
#define MOST 150

static float bias[WIDEST * 4], gain[WIDEST], shift[WIDEST], residual[MOST * WIDEST];
static float out[MOST * WIDEST + 64];

/* So many floats at least, behind which nothing can be read. */
typedef struct {
    float *start, *end;
} Room;

static Room room_for(size_t n) {
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    const size_t size = (n * sizeof(float) + page - 1) / page * page;
    char *start = mmap(NULL, size + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (start == MAP_FAILED || mprotect(start + size, page, PROT_NONE) != 0) {
        perror("no memory");
        exit(2);
    }
    return (Room){(float *)start, (float *)(start + size)};
}

static float *filled(Room room, int n) {
    for (float *p = room.start; p < room.end; p++)
        *p = NAN;
    for (float *p = room.end - n; p < room.end; p++)
        *p = (float)(rand() / (RAND_MAX + 1.0) - 0.5);
    return room.end - n;
}

static double largest_piece(const MaxoutLayer *layer, const float *x, int j) {
    double best = -INFINITY;
    for (int p = 0; p < layer->n_pieces; p++) {
        const ptrdiff_t row = j * layer->n_pieces + p;
        double sum = layer->bias[row];
        for (int k = 0; k < layer->n_in; k++)
            sum += (double)x[k] * layer->weights[row * layer->n_in + k];
        best = sum > best ? sum : best;
    }
    return best;
}

static void check_row(const MaxoutLayer *layer, const float *x, const float *found,
                      const float *added) {
    double best[WIDEST], mean = 0, variance = 0;
    const int n_out = (int)layer->n_out;
    for (int j = 0; j < n_out; j++)
        mean += (best[j] = largest_piece(layer, x, j)) / n_out;
    for (int j = 0; j < n_out; j++)
        variance += (best[j] - mean) * (best[j] - mean) / n_out;
    const double deviation = sqrt(variance + SMALLEST_VARIANCE);
    for (int j = 0; j < n_out; j++) {
        double expected = best[j], tolerance = 1e-4;
        if (layer->gain) {
            expected = (expected - mean) / deviation * layer->gain[j] + layer->shift[j];
            tolerance += 1e-5 / deviation;
        }
        expected += added ? added[j] : 0;
        if (!(fabs(found[j] - expected) <= tolerance)) {
            printf("%d x %d pieces of %d: %g, expected %g\n", n_out, (int)layer->n_pieces,
                   (int)layer->n_in, found[j], expected);
            exit(1);
        }
    }
}

static void check(Maxout maxout) {
    const Room inputs = room_for(MOST * WIDEST), weights = room_for(WIDEST * WIDEST * 4);
    const MaxoutLayer widest = {WIDEST / 3 * 3, WIDEST, 4};
    const Room memory = room_for((size_t)maxout_scratch(&widest, MOST, WIDEST / 3));
    int by_fours = 0;
    for (int round = 0; round < 400; round++) {
        MaxoutLayer layer = {1 + rand() % WIDEST, 1 + rand() % WIDEST, 1 + rand() % 4};
        const int n = 1 + rand() % MOST, of_three = rand() % 2;
        const int stride = 1 + rand() % (of_three ? WIDEST / 3 : (int)layer.n_in);
        layer.n_in = of_three ? 3 * stride : layer.n_in;
        const int size = n * WIDEST, n_rows = (int)(layer.n_out * layer.n_pieces);
        const float *x = filled(inputs, (n - 1) * stride + (int)layer.n_in);
        layer.weights = filled(weights, n_rows * (int)layer.n_in);
        for (int i = 0; i < WIDEST * 4; i++)
            bias[i] = (float)(rand() / (RAND_MAX + 1.0));
        for (int i = 0; i < WIDEST; i++)
            gain[i] = bias[i] + 1, shift[i] = -bias[i];
        for (int i = 0; i < size; i++)
            residual[i] = (float)(i % 7);
        layer.bias = bias;
        layer.gain = rand() % 2 ? gain : NULL;
        layer.shift = layer.gain ? shift : NULL;
        const float *added = rand() % 2 ? residual : NULL;
        const int end = n * (int)layer.n_out;
        out[end] = 77;
        float *scratch = filled(memory, (int)maxout_scratch(&layer, n, stride));
        for (float *p = scratch; p < memory.end; p++)
            *p = NAN;
        by_fours += maxout_by_fours(&layer, n, stride);
        maxout(out, x, n, stride, &layer, added, scratch);
        if (out[end] != 77) {
            printf("written beyond the end\n");
            exit(1);
        }
        for (int i = 0; i < n; i++)
            check_row(&layer, x + i * stride, out + i * layer.n_out,
                      added ? added + i * layer.n_out : NULL);
    }
    if (!by_fours) {
        printf("never windows of three, many at a time\n");
        exit(1);
    }
}

int main(void) {
#ifdef MAXOUT_X86
    if (processor() >= HAS_AVX2)
        check(maxout_avx2);
#endif
    Maxout chosen = maxout_init();
    if (chosen)
        check(chosen);
    return 0;
}
