"""A maxout layer with its product is that layer, for any shape, window and instruction set."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import spacy_skd

from .kernels import check, for_all_machines

HERE = Path(__file__).parent
SIZES, WIDTHS = st.integers(0, 40), st.integers(1, 20)
maxout = pytest.importorskip("spacy_skd.maxout", reason="the extension was not built")
needs_kernel = pytest.mark.skipif(not maxout.SUPPORTED, reason="this processor has no kernel")


@for_all_machines
def test_every_kernel(tmp_path, more_flags):
    check(HERE / "maxout_check.c", Path(spacy_skd.__file__).parent, tmp_path, more_flags)


def maxout_layer(X, *layer):
    return maxout.maxout_layers(X, [maxout.Layer(*layer)])


def windows_of(X, window):
    zeros = np.zeros((window, X.shape[1]))
    padded = np.concatenate([zeros, X, zeros])
    return np.hstack([padded[i : i + len(X)] for i in range(2 * window + 1)])


@st.composite
def layers(draw, sizes=SIZES, widths=WIDTHS):
    n, width, window = draw(sizes), draw(widths), draw(st.integers(0, 2))
    residual = draw(st.booleans())
    n_out = width if residual else draw(st.integers(1, 20))
    n_pieces = draw(st.integers(1, 4))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    X = rng.normal(size=(n, width)).astype("f")
    weights = rng.normal(size=(n_out, n_pieces, width * (2 * window + 1))).astype("f")
    bias = rng.normal(size=(n_out, n_pieces)).astype("f")
    gain = shift = None
    if draw(st.booleans()):
        gain, shift = rng.normal(size=(2, n_out)).astype("f")
    return X, window, weights, bias, gain, shift, residual


@needs_kernel
@settings(deadline=None, max_examples=150)
@given(layers())
def test_it_is_the_largest_piece_normalized_and_added(layer):
    X, window, weights, bias, gain, shift, residual = layer
    products = np.einsum("nk,opk->nop", windows_of(X, window), weights.astype("d"))
    expected = (products + bias).max(axis=-1)
    tolerance = np.full((len(X), 1), 1e-4)
    if gain is not None:
        # What rounding of the values makes of a row grows as their differences become small.
        deviation = np.sqrt(expected.var(axis=1, keepdims=True) + 1e-8)
        tolerance = tolerance + 1e-4 / deviation
        expected = (expected - expected.mean(axis=1, keepdims=True)) / deviation * gain + shift
    if residual:
        expected = expected + X
    found = maxout_layer(*layer)
    assert found.shape == expected.shape and found.dtype == np.float32
    assert (np.abs(found - expected) <= tolerance).all()


@needs_kernel
@settings(deadline=None, max_examples=50)
@given(layers(), st.integers(0, 40), st.integers(1, 40))
def test_a_row_depends_on_its_window_alone_to_the_last_bit(layer, start, length):
    X, window, *rest = layer
    whole = maxout_layer(X, window, *rest)
    some = slice(max(start - window, 0), start + length + window)
    part = maxout_layer(np.ascontiguousarray(X[some]), window, *rest)
    part = part[start - some.start :][:length] if start < len(X) else part[:0]
    np.testing.assert_array_equal(part, whole[start : start + length])


@needs_kernel
@settings(deadline=None, max_examples=50)
@given(st.data(), st.integers(1, 5), st.integers(0, 150))
def test_layers_together_are_one_after_the_other(data, n_layers, n):
    layer = data.draw(layers(st.just(n)))
    X, together = layer[0], [layer[1:]]
    for _ in range(1, n_layers):
        width = st.just(len(together[-1][1]))
        together.append(data.draw(layers(st.just(n), width))[1:])
    expected = X
    for layer in together:
        expected = maxout_layer(expected, *layer)
    found = maxout.maxout_layers(X, [maxout.Layer(*layer) for layer in together])
    np.testing.assert_array_equal(found, expected)


@needs_kernel
def test_calls_at_the_same_time_do_not_share_memory():
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(2, 96, 3, 288)).astype("f")
    bias = np.zeros((96, 3), dtype="f")
    together = [maxout.Layer(1, W, bias, None, None, True) for W in weights]
    texts = [rng.normal(size=(n, 96)).astype("f") for n in (300, 40, 700, 300, 64, 5)] * 3
    expected = [maxout.maxout_layers(X, together) for X in texts]
    with ThreadPoolExecutor(6) as pool:
        for _ in range(5):
            found = list(pool.map(lambda X: maxout.maxout_layers(X, together), texts))
            for a, b in zip(found, expected):
                np.testing.assert_array_equal(a, b)


@needs_kernel
@pytest.mark.parametrize("n_pieces", [2, 3, 4])
def test_infinity_and_a_first_piece_that_is_no_number_are_as_thinc_has_them(n_pieces):
    values = [np.array([np.nan, np.inf, -np.inf, 0, 1], dtype="f")]
    values += [values[0][1:]] * (n_pieces - 1)
    bias = np.stack(np.meshgrid(*values), axis=-1).reshape(-1, n_pieces)
    expected = bias[:, 0]
    for piece in bias.T[1:]:
        expected = np.where(piece > expected, piece, expected)
    zeros = np.zeros((*bias.shape, 1), dtype="f")
    found = maxout_layer(np.ones((1, 1), dtype="f"), 0, zeros, bias, None, None, False)
    assert np.isnan(expected).sum() == 4 ** (n_pieces - 1)
    np.testing.assert_array_equal(found[0], expected)


@needs_kernel
def test_shapes_that_do_not_fit():
    X, bias = np.ones((4, 3), dtype="f"), np.ones((5, 2), dtype="f")
    for n_in, window, residual in ((4, 0, False), (3, 1, False), (3, 0, True)):
        weights = np.ones((5, 2, n_in), dtype="f")
        with pytest.raises(ValueError, match="weights for 3 values"):
            maxout_layer(X, window, weights, bias, None, None, residual)
    with pytest.raises(ValueError, match="without weights"):
        maxout.Layer(0, np.ones((5, 0, 3), dtype="f"), bias, None, None, False)
