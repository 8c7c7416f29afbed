"""One pass over a parameter does what thinc's Optimizer does in a dozen, to the last bit."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from thinc.api import SGD, Adam, RAdam, warmup_linear

import spacy_skd
from spacy_skd import optimizer

from .kernels import check, for_all_machines

HERE = Path(__file__).parent
KEY = (1, "W")
needs_kernel = pytest.mark.skipif(optimizer.adam_step is None, reason="the extension was not built")


@for_all_machines
def test_every_kernel(tmp_path, more_flags):
    check(HERE / "adam_check.c", Path(spacy_skd.__file__).parent, tmp_path, more_flags)


shapes = st.sampled_from([(1,), (7,), (64,), (65,), (16, 3), (5, 2, 13), (301, 7)])
adams = st.fixed_dictionaries(
    {
        "learn_rate": st.sampled_from([0.001, 0.05, 1.0]),
        "L2": st.sampled_from([0.0, 0.01, 0.3]),
        "beta1": st.sampled_from([0.9, 0.5]),
        "beta2": st.sampled_from([0.999, 0.9]),
        "grad_clip": st.sampled_from([0.0, 1.0, 30.0]),
        "L2_is_weight_decay": st.just(True),
        "use_averages": st.booleans(),
    }
)


def state(sgd):
    averages = sgd.averages if sgd.averages is None else dict(sgd.averages)
    return dict(sgd.nr_update), dict(sgd.mom1), dict(sgd.mom2), averages


def assert_same_bytes(one, other):
    if isinstance(one, np.ndarray):
        assert (one.shape, one.tobytes()) == (other.shape, other.tobytes())
    elif isinstance(one, (dict, tuple)):
        assert len(one) == len(other)
        keys = one if isinstance(one, dict) else range(len(one))
        for key in keys:
            assert_same_bytes(one[key], other[key])
    else:
        assert one == other


def take_steps(sgd, other, shape, seed, steps, lr_scale=1.0):
    """A few steps of `sgd` by `update` and of `other` by itself, which both begin the same."""
    rng = np.random.default_rng(seed)
    weights = rng.normal(size=shape).astype("f")
    others = weights.copy()
    for _ in range(steps):
        gradient = rng.normal(size=shape) * 10.0 ** rng.integers(-9, 3)
        # As in tables of words, of which a batch has a few.
        gradient = (gradient * (rng.random(size=shape) < 0.5)).astype("f")
        same = gradient.copy()
        weights = optimizer.update(sgd, KEY, weights, gradient, lr_scale)
        others, same = other(KEY, others, same, lr_scale=lr_scale)
        assert not gradient.any() and not same.any()
        for optimizer_ in (sgd, other):
            optimizer_.step_schedules()
        assert_same_bytes(weights, others)
        assert_same_bytes(state(sgd), state(other))


@needs_kernel
@settings(deadline=None, max_examples=150)
@given(adams, shapes, st.integers(0, 2**32 - 1), st.sampled_from([1.0, 0.3, 100.0]))
def test_it_is_thincs_adam_to_the_last_bit(given_settings, shape, seed, lr_scale):
    sgd, other = Adam(**given_settings), Adam(**given_settings)
    assert optimizer.is_adam(sgd)
    take_steps(sgd, other, shape, seed, 6, lr_scale)


@needs_kernel
def test_the_learning_rate_follows_its_schedule():
    sgd, other = (Adam(warmup_linear(0.01, 3, 12), L2=0.01) for _ in range(2))
    take_steps(sgd, other, (20, 3), 0, 12)


@pytest.mark.parametrize(
    "make",
    [
        lambda: SGD(0.1),
        lambda: RAdam(0.1),
        lambda: Adam(0.1, L2=0.1, L2_is_weight_decay=False),
        lambda: Adam(0.1, L2=0.1),
    ],
    ids=["SGD", "RAdam", "L2 in the gradient", "Adam"],
)
@pytest.mark.parametrize("has_kernel", [True, False])
def test_others_go_their_own_way(monkeypatch, make, has_kernel):
    if not has_kernel:
        monkeypatch.setattr(optimizer, "adam_step", None)
    take_steps(make(), make(), (5, 4), 0, 3)


def test_a_function_in_place_of_an_optimizer():
    def sgd(key, weights, gradient, *, lr_scale):
        return weights - lr_scale * gradient, gradient

    ones = np.ones(3, dtype="f")
    assert optimizer.update(sgd, KEY, ones, ones, 0.25).tolist() == [0.75] * 3


@needs_kernel
def test_arrays_that_do_not_fit():
    rates = dict.fromkeys(("clip", "beta1", "beta2", "epsilon", "rate", "decay", "towards"), 0.5)
    some, fewer = np.ones(4, dtype="f"), np.ones(3, dtype="f")
    for i in range(1, 5):
        arrays = [some] * 5
        arrays[i] = fewer
        with pytest.raises(ValueError, match="different lengths"):
            optimizer.adam_step(*arrays, **rates)
    optimizer.adam_step(*[np.ones(0, dtype="f")] * 5, **rates)
