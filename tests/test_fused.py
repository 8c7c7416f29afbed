"""Maxout layers in one pass predict what thinc's layers do, one operation after the other."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from spacy.ml.models import MaxoutWindowEncoder
from thinc.api import LayerNorm as Norm
from thinc.api import (
    Linear,
    Maxout,
    Mish,
    NumpyOps,
    Ragged,
    chain,
    clone,
    expand_window,
    fix_random_seed,
    residual,
    with_array,
)

from spacy_skd import fused
from spacy_skd.fused import predict, steps_of

WIDTH = 6

needs_extension = pytest.mark.skipif(
    fused.maxout_rows is None, reason="the extension was not built"
)


@pytest.fixture(params=[True, False], ids=["in one pass", "behind a BLAS"], autouse=True)
def products(request, monkeypatch):
    """Where the products come from, here and on a processor without a kernel for them."""
    if request.param and not fused.SUPPORTED:
        pytest.skip("this processor has no kernel")
    monkeypatch.setattr(fused, "SUPPORTED", request.param)


def initialized(model, width=WIDTH):
    """With parameters that are none of the values they start with."""
    fix_random_seed(0)
    model.initialize(X=np.zeros((3, width), dtype="f"))
    rng = np.random.default_rng(0)
    for layer in model.walk():
        for name in layer.param_names:
            param = layer.get_param(name)
            layer.set_param(name, (param + rng.normal(size=param.shape)).astype("f"))
    return model


def arrays(*lengths, width=WIDTH):
    rng = np.random.default_rng(1)
    return [rng.normal(size=(n, width)).astype("f") for n in lengths]


def assert_same(found, expected):
    assert len(found) == len(expected)
    for one, other in zip(found, expected):
        assert one.dtype == other.dtype == np.float32
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


@needs_extension
@settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    n=st.integers(0, 9),
    width=st.integers(1, 21),
    n_pieces=st.integers(1, 4),
    normalized=st.booleans(),
    added=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
def test_a_row_is_largest_normalized_and_added(n, width, n_pieces, normalized, added, seed):
    rng = np.random.default_rng(seed)
    products = rng.normal(size=(n, width * n_pieces)).astype("f")
    bias, gain, shift = (
        rng.normal(size=size).astype("f") for size in (width * n_pieces, width, width)
    )
    residual_of = rng.normal(size=(n, width)).astype("f")
    expected = (products + bias).reshape(n, width, n_pieces).max(axis=-1).astype("d")
    # What rounding of the values makes of a row grows as their differences become small.
    tolerance = np.full((n, 1), 1e-6)
    if normalized:
        deviation = np.sqrt(expected.var(axis=1, keepdims=True) + 1e-8)
        expected = (expected - expected.mean(axis=1, keepdims=True)) / deviation
        expected = expected * gain + shift
        tolerance = 1e-5 + 1e-5 / deviation
    if added:
        expected = expected + residual_of
    found = fused.maxout_rows(
        products,
        bias,
        n_pieces,
        gain if normalized else None,
        shift if normalized else None,
        residual_of if added else None,
    )
    assert found.shape == (n, width) and found.dtype == np.float32
    assert (np.abs(found - expected) <= tolerance).all()


@needs_extension
@pytest.mark.parametrize("n_pieces", [2, 3, 4])
def test_infinity_and_a_first_piece_that_is_no_number_are_as_thinc_has_them(n_pieces):
    values = [np.array([np.nan, np.inf, -np.inf, 0, 1], dtype="f")]
    values += [values[0][1:]] * (n_pieces - 1)
    products = np.stack(np.meshgrid(*values), axis=-1).reshape(-1, n_pieces)
    expected, _ = NumpyOps().maxout(products[:, None])
    nothing = np.zeros(n_pieces, dtype="f")
    found = fused.maxout_rows(products, nothing, n_pieces, None, None, None)
    assert np.isnan(expected).sum() == 4 ** (n_pieces - 1)
    np.testing.assert_array_equal(found, expected)


MODELS = {
    "a layer": lambda: Maxout(WIDTH, nP=3, normalize=True, dropout=0.2),
    "not normalized": lambda: Maxout(WIDTH, nP=2),
    "two": lambda: chain(Maxout(4, nP=3), Maxout(5, nP=2, normalize=True)),
    "windows": lambda: chain(expand_window(2), Maxout(WIDTH, nP=3, normalize=True)),
    "residual": lambda: clone(
        residual(chain(expand_window(1), Maxout(WIDTH, nP=3, normalize=True))), 3
    ),
    "residual without a window": lambda: residual(Maxout(WIDTH, WIDTH, nP=3)),
}
OTHERS = {
    "another layer": lambda: chain(Maxout(4, nP=3), Linear(5)),
    "another activation": lambda: Mish(5, normalize=True),
    "a window at the end": lambda: chain(Maxout(4, nP=3), expand_window(1)),
    "two in a residual": lambda: residual(chain(Maxout(4, nP=3), Maxout(WIDTH, 4, nP=3))),
    "a residual in a residual": lambda: residual(residual(Maxout(WIDTH, WIDTH, nP=3))),
    "a norm behind a residual": lambda: chain(residual(Maxout(WIDTH, WIDTH, nP=3)), Norm(nI=WIDTH)),
    "a window before a residual": lambda: chain(
        expand_window(1), residual(Maxout(3 * WIDTH, 3 * WIDTH, nP=2))
    ),
}


@pytest.mark.parametrize("pad", [0, 1, 3])
@pytest.mark.parametrize("name", [*MODELS, *OTHERS])
def test_it_predicts_what_the_layers_predict(name, pad):
    model = initialized(with_array({**MODELS, **OTHERS}[name](), pad=pad))
    assert (steps_of(model.layers[0]) is not None) == (name in MODELS)
    for lengths in ([], [0], [1], [5, 0, 2], [3, 7]):
        X = arrays(*lengths)
        if X:
            assert_same(predict(model, X), model.predict(X))
    [x] = arrays(9)
    ragged = Ragged(x, model.ops.asarray1i([4, 5]))
    assert_same([predict(model, ragged).dataXd], [model.predict(ragged).dataXd])
    assert_same([predict(model, x)], [model.predict(x)])


@needs_extension
def test_spacys_encoder_is_such_a_model(monkeypatch):
    encoder = initialized(MaxoutWindowEncoder(WIDTH, 1, 3, 4))
    X = arrays(4, 1, 8)
    expected = encoder.predict(X)
    monkeypatch.setattr(type(encoder), "predict", None)
    assert_same(predict(encoder, X), expected)


def test_layers_around_them_are_asked_as_they_are():
    model = initialized(
        chain(with_array(Maxout(4, nP=3)), with_array(Linear(5)), with_array(Maxout(3, nP=2)))
    )
    X = arrays(3, 2)
    assert_same(predict(model, X), model.predict(X))


def test_without_the_extension_thinc_does_it(monkeypatch):
    model = initialized(MaxoutWindowEncoder(WIDTH, 1, 3, 2))
    X = arrays(3, 2)
    expected = predict(model, X)
    monkeypatch.setattr(fused, "maxout_rows", None)
    assert_same(predict(model, X), expected)


def test_by_numpys_products_too():
    model = initialized(MaxoutWindowEncoder(WIDTH, 1, 3, 2))
    X = arrays(3, 2)
    expected = model.predict(X)
    for layer in model.walk():
        layer.ops = NumpyOps(use_blis=False)
    assert_same(predict(model, X), expected)


def test_arrays_of_any_order_and_type():
    model = initialized(with_array(residual(Maxout(WIDTH, WIDTH, nP=3))))
    for layer in model.walk():
        layer.ops = NumpyOps(use_blis=False)
    [x] = arrays(5)
    expected = model.predict([x])
    assert_same(predict(model, [np.asfortranarray(x)]), expected)
    ragged = Ragged(np.asfortranarray(x), model.ops.asarray1i([2, 3]))
    assert_same([predict(model, ragged).dataXd], expected)
    [found] = predict(model, [x.astype("d")])
    np.testing.assert_allclose(found, expected[0], rtol=1e-5)


@pytest.mark.parametrize("change", [lambda param: param.astype("d"), np.asfortranarray])
@pytest.mark.parametrize("name", ["W", "b", "G"])
def test_other_numbers_are_left_to_thinc(name, change):
    model = Maxout(4, WIDTH, nP=3, normalize=True)
    assert steps_of(model) is None  # not initialized
    model.initialize()
    assert steps_of(model)
    layer = model.layers[name == "G"]
    changed = change(layer.get_param(name))
    layer.set_param(name, changed)
    for node in model.walk():
        node.ops = NumpyOps(use_blis=False)
    is_taken = changed.dtype == np.float32 and changed.flags.c_contiguous
    assert (steps_of(model) is not None) == is_taken
    [x] = arrays(3)
    encoder = with_array(model)
    np.testing.assert_allclose(predict(encoder, [x])[0], encoder.predict([x])[0], 1e-4, 1e-5)


def test_a_layer_of_arrays_is_trained_as_it_is():
    layer = initialized(Maxout(WIDTH, nP=3, normalize=True))
    [x] = arrays(5)
    found, no_gradient = fused.apply(layer, x, False)
    assert_same([found], [layer.predict(x)])
    with pytest.raises(NotImplementedError):
        no_gradient(found)
    in_training, backprop = fused.apply(layer, x, True)
    assert_same([in_training], [found])
    assert backprop(np.ones_like(x)).shape == x.shape
    for node in layer.walk():
        node.ops = NumpyOps(use_blis=False)
    np.testing.assert_allclose(fused.apply(layer, x.astype("d"), False)[0], found, 1e-4, 1e-5)
    other = initialized(Mish(5, normalize=True))
    assert_same([fused.apply(other, x, False)[0]], [other.predict(x)])
