"""thinc's Adam with all that goes with it, in one pass over a parameter instead of a dozen.

An embedding has millions of parameters, and a step of training touches each. What takes time is
their way through memory: for the norm, for clipping, twice for Adam, twice for zeros in the
gradient, and several times each for the decay of the weights and for their averages.
"""

from typing import Any, Tuple

import numpy as np
from thinc.api import Optimizer
from thinc.types import FloatsXd

try:
    from .adam import adam_step
except ImportError:  # no compiler
    adam_step = None

# thinc's, of `update_averages`.
LAST_DECAY = 0.9999


def update(
    sgd: Any, key: Tuple[int, str], weights: FloatsXd, gradient: FloatsXd, lr_scale: float
) -> FloatsXd:
    """`sgd(key, weights, gradient, lr_scale=lr_scale)`: the weights that it gives, to the last bit.

    sgd (Callable): thinc's Optimizer; other settings than Adam's, other callables and arrays that
        are not on a CPU go their own way.
    """
    if not is_adam(sgd) or not all(is_plain(array) for array in (weights, gradient)):
        return sgd(key, weights, gradient, lr_scale=lr_scale)[0]
    if len(gradient) < 1:
        return weights
    sgd.nr_update[key] += 1
    step = sgd.nr_update[key]
    for moments in (sgd.mom1, sgd.mom2):
        if key not in moments:
            moments[key] = np.zeros(weights.size, dtype=np.float32)
    if sgd.averages is not None and key not in sgd.averages:
        sgd.averages[key] = np.zeros(weights.shape, dtype=np.float32)
    averages = None if sgd.averages is None else sgd.averages[key].reshape(-1)
    rate = sgd.learn_rate * (1.0 - sgd.b2**step) ** 0.5 / (1.0 - sgd.b1**step)
    adam_step(
        weights.reshape(-1),
        gradient.reshape(-1),
        sgd.mom1[key],
        sgd.mom2[key],
        averages,
        clip=clip_factor(gradient, sgd.grad_clip),
        beta1=sgd.b1,
        beta2=sgd.b2,
        epsilon=sgd.eps,
        rate=rate * lr_scale,
        decay=lr_scale * sgd.learn_rate * sgd.L2,
        towards=1 - min((1.0 + step) / (10.0 + step), LAST_DECAY),
    )
    return weights


def is_adam(sgd: Any) -> bool:
    return (
        adam_step is not None
        and type(sgd) is Optimizer
        and not sgd.use_radam
        and sgd.b1 > 0.0
        and sgd.b2 > 0.0
        and (sgd.L2 == 0 or sgd.L2_is_weight_decay)
    )


def is_plain(array: Any) -> bool:
    return isinstance(array, np.ndarray) and array.dtype == np.float32 and array.flags.c_contiguous


def clip_factor(gradient: FloatsXd, limit: float) -> float:
    norm = np.linalg.norm(gradient) if limit else 0.0
    return float(limit / norm) if limit and norm >= limit else 1.0
