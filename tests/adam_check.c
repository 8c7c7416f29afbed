/* Every kernel of adam.h beside one number at a time, each operation rounded: not a bit differs. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adam.h"

#define MOST 100
#define ARRAYS 5

static float any(void) { return (float)rand() / (float)RAND_MAX * 2 - 1; }

static void one_at_a_time(float *w, float *g, float *m1, float *m2, float *a, const AdamStep *s) {
    volatile float x = *g * s->clip, rest1 = 1 - s->beta1, rest2 = 1 - s->beta2, y, z;
    y = *m1 * s->beta1;
    z = x * rest1;
    *m1 = y + z;
    y = *m2 * s->beta2;
    z = x * x;
    z = rest2 * z;
    *m2 = y + z;
    y = sqrtf(*m2);
    y = y + s->epsilon;
    y = *m1 / y;
    y = y * -s->rate;
    *w = *w + y;
    y = s->decay * *w;
    *w = *w - y;
    *g = 0;
    if (a) {
        y = *a - *w;
        y = s->towards * y;
        *a = *a - y;
    }
}

static int differs(Adam kernel, const char *name) {
    const AdamStep step = {0.37f, 0.9f, 0.999f, 1e-8f, 0.01f, 1e-4f, 0.2f};
    for (ptrdiff_t n = 0; n <= MOST; ++n)
        for (int with_averages = 0; with_averages < 2; ++with_averages) {
            float found[ARRAYS][MOST], expected[ARRAYS][MOST];
            for (int k = 0; k < ARRAYS; ++k)
                for (ptrdiff_t i = 0; i < MOST; ++i)
                    found[k][i] = k == 3 ? any() * any() + 1 : any();
            memcpy(expected, found, sizeof(found));
            kernel(found[0], found[1], found[2], found[3], with_averages ? found[4] : NULL, n,
                   &step);
            for (ptrdiff_t i = 0; i < n; ++i)
                one_at_a_time(&expected[0][i], &expected[1][i], &expected[2][i], &expected[3][i],
                              with_averages ? &expected[4][i] : NULL, &step);
            if (memcmp(expected, found, sizeof(found))) {
                printf("%s differs for %d numbers\n", name, (int)n);
                return 1;
            }
        }
    return 0;
}

int main(void) {
    int wrong = differs(adam_baseline, "baseline") + differs(adam_init(), "of this processor");
#ifdef X86
    if (processor() >= HAS_AVX2)
        wrong += differs(adam_avx2, "avx2");
#endif
    return wrong;
}
