/* A step of Adam and all that goes with it, in one pass over a parameter.
 *
 * Each number goes through the operations of thinc's Optimizer in their order, each of them rounded, so
 * that not a bit differs from what thinc has in a pass for each. Vectors of any width do that alike.
 */
#ifndef SPACY_SKD_ADAM_H
#define SPACY_SKD_ADAM_H

#include <math.h>
#include <stddef.h>

#include "processor.h"

typedef struct {
    /* By what gradients are clipped; of both moments; the rate as the moments' beginnings correct it; of
     * the weights, what is taken off them; how far averages go towards them. */
    float clip, beta1, beta2, epsilon, rate, decay, towards;
} AdamStep;

/* n weights, their moments, and their averages unless these are NULL; gradients are 0 afterwards. */
typedef void (*Adam)(float *weights, float *gradient, float *mom1, float *mom2, float *averages,
                     ptrdiff_t n, const AdamStep *step);

ALWAYS_INLINE void adam_plain(float *__restrict weights, float *__restrict gradient, float *__restrict mom1,
                            float *__restrict mom2, float *__restrict averages, ptrdiff_t n,
                            const AdamStep *step) {
    const AdamStep s = *step;
    const float rest1 = 1 - s.beta1, rest2 = 1 - s.beta2;
    for (ptrdiff_t i = 0; i < n; ++i) {
        const float g = gradient[i] * s.clip;
        const float m1 = mom1[i] * s.beta1 + g * rest1;
        const float m2 = mom2[i] * s.beta2 + rest2 * (g * g);
        float w = weights[i] + m1 / (sqrtf(m2) + s.epsilon) * -s.rate;
        w = w - s.decay * w;
        mom1[i] = m1;
        mom2[i] = m2;
        weights[i] = w;
        gradient[i] = 0;
        if (averages)
            averages[i] -= s.towards * (averages[i] - w);
    }
}

static void adam_baseline(float *weights, float *gradient, float *mom1, float *mom2, float *averages,
                          ptrdiff_t n, const AdamStep *step) {
    adam_plain(weights, gradient, mom1, mom2, averages, n, step);
}

#ifdef X86
AVX2 static void adam_avx2(float *weights, float *gradient, float *mom1, float *mom2, float *averages,
                           ptrdiff_t n, const AdamStep *step) {
    adam_plain(weights, gradient, mom1, mom2, averages, n, step);
}

AVX512 static void adam_avx512(float *weights, float *gradient, float *mom1, float *mom2,
                               float *averages, ptrdiff_t n, const AdamStep *step) {
    adam_plain(weights, gradient, mom1, mom2, averages, n, step);
}
#endif

/* The one for this processor. */
static Adam adam_init(void) {
#ifdef X86
    switch (processor()) {
    case HAS_AVX512: return adam_avx512;
    case HAS_AVX2: return adam_avx2;
    }
#endif
    return adam_baseline;
}

#endif
