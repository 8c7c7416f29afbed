"""Principal axes, and what small types cost."""

import numpy as np

from spacy_skd.vectors.table import principal_axes, quantize

RANDOM = np.random.default_rng(0)
EMBEDDINGS = (RANDOM.normal(size=(200, 10)) @ RANDOM.normal(size=(10, 10)) + 5).astype("f")
ALL = list(range(200))


def test_the_axes_are_uncorrelated_centred_and_of_unit_variance():
    table, variance = principal_axes(EMBEDDINGS, ALL, ALL, 4)
    assert table.shape == (200, 4) and table.dtype == np.float32 and 0 < variance < 1
    np.testing.assert_allclose(table.mean(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(table.T @ table / 200, np.eye(4), atol=1e-3)


def test_the_variance_is_that_of_the_best_approximation():
    _, variance = principal_axes(EMBEDDINGS, ALL, ALL, 3)
    centred = EMBEDDINGS - EMBEDDINGS.mean(axis=0)
    singular = np.linalg.svd(centred, compute_uv=False)
    np.testing.assert_allclose(variance, (singular[:3] ** 2).sum() / (singular**2).sum(), rtol=1e-4)
    assert principal_axes(EMBEDDINGS, ALL, ALL, 10)[1] > 0.9999


def test_rows_that_are_not_kept_still_say_where_the_axes_are():
    table, _ = principal_axes(EMBEDDINGS, ALL, [3, 150], 4)
    whole, _ = principal_axes(EMBEDDINGS, ALL, ALL, 4)
    np.testing.assert_allclose(table, whole[[3, 150]], rtol=1e-4)


def test_rows_that_are_not_usable_say_nothing():
    spoiled = EMBEDDINGS.copy()
    spoiled[7] = 1e6
    usable = [i for i in ALL if i != 7]
    table, _ = principal_axes(spoiled, usable, usable, 4)
    expected, _ = principal_axes(EMBEDDINGS, usable, usable, 4)
    np.testing.assert_allclose(table, expected, rtol=1e-4)


def test_the_direction_of_the_axes_does_not_depend_on_the_solver(monkeypatch):
    eigh = np.linalg.eigh
    expected, _ = principal_axes(EMBEDDINGS, ALL, ALL, 4)

    def turned(matrix):
        values, axes = eigh(matrix)
        return values, -axes

    monkeypatch.setattr(np.linalg, "eigh", turned)
    np.testing.assert_allclose(principal_axes(EMBEDDINGS, ALL, ALL, 4)[0], expected, rtol=1e-4)


def test_dimensions_that_nothing_fills_are_0():
    flat = np.hstack([EMBEDDINGS[:, :3], np.zeros((200, 4), "f")])
    table, variance = principal_axes(flat, ALL, ALL, 5)
    assert np.isfinite(table).all() and not table[:, 3:].any() and variance > 0.9999


def test_small_types_are_close():
    table, _ = principal_axes(EMBEDDINGS, ALL, ALL, 6)
    half, scale = quantize(table, "float16")
    assert half.dtype == np.float16 and scale is None
    np.testing.assert_allclose(half, table, rtol=1e-3, atol=1e-4)
    small, scale = quantize(table, "int8")
    assert small.dtype == np.int8 and scale is not None
    np.testing.assert_allclose(scale, table.std(axis=0) / 8, rtol=1e-4)
    assert (np.abs(small * scale - table) <= scale * 0.51).all()


def test_int8_holds_the_largest_value():
    table = np.array([[100.0], [0.0], [0.0]] + [[0.1]] * 1000, dtype="f")
    small, scale = quantize(table, "int8")
    np.testing.assert_allclose((small * scale).max(), 100, rtol=1e-6)


def test_a_dimension_of_zeros_has_no_scale_of_0():
    small, scale = quantize(np.zeros((3, 2), "f"), "int8")
    assert scale is not None and np.isfinite(scale).all() and not (small * scale).any()
