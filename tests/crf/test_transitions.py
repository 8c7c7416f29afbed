"""Sparse transitions do what the dense ones that they stand for do."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_skd.crf import transitions
from spacy_skd.crf.transitions import SparseTransitions, add, compact, rename, scale

close = dict(rtol=1e-12, atol=1e-200)


@st.composite
def batches(draw):
    """Transitions of up to 4 chains, some of them several times, and in no order."""
    n_chains, n_labels = draw(st.integers(0, 4)), draw(st.integers(1, 4))
    entry = st.tuples(
        st.integers(0, max(n_chains - 1, 0)),
        st.integers(0, n_labels * n_labels - 1),
        st.floats(0, 4, allow_subnormal=False),
    )
    entries = draw(st.lists(entry, max_size=12 if n_chains else 0))
    columns = np.array(entries).reshape(-1, 3).T
    return SparseTransitions((n_chains, n_labels, n_labels), *columns)


def dense(sparse: SparseTransitions) -> np.ndarray:
    array = np.zeros(sparse.shape)
    for chain, pair, count in zip(sparse.chains, sparse.pairs, sparse.counts):
        array[(chain, *divmod(pair, sparse.shape[1]))] += count
    return array


@settings(deadline=None)
@given(sparse=batches(), seed=st.integers(0, 1000))
def test_as_dense(sparse, seed):
    rng, array = np.random.default_rng(seed), dense(sparse)
    n_chains, n_labels, _ = sparse.shape
    np.testing.assert_allclose(np.asarray(sparse), array, **close)
    for weight in (np.asarray(0.5), rng.random(n_chains)):
        of_chain = weight[:, None, None] if weight.ndim else weight
        np.testing.assert_allclose(np.asarray(scale(sparse, weight)), of_chain * array, **close)
        np.testing.assert_allclose(scale(array, weight), of_chain * array, **close)
    labels = rng.integers(0, 3, n_labels)
    renamed = np.zeros((n_chains, 3, 3))
    np.add.at(renamed, (slice(None), labels[:, None], labels), array)
    np.testing.assert_allclose(np.asarray(rename(sparse, labels, 3)), renamed, **close)
    np.testing.assert_allclose(rename(array, labels, 3), renamed, **close)


@settings(deadline=None)
@given(total=batches(), seed=st.integers(0, 1000))
def test_sums(total, seed):
    """Of all chains, and of some of them in another order, each dense or sparse."""
    rng = np.random.default_rng(seed)
    n_chains = total.shape[0]
    some = rng.permutation(n_chains)[: rng.integers(0, n_chains + 1)]
    for chains in (None, some):
        shape = (n_chains if chains is None else len(chains), *total.shape[1:])
        array = rng.random(shape) * (rng.random(shape) < 0.3)
        used = np.nonzero(array)
        part = SparseTransitions(shape, used[0], used[1] * shape[1] + used[2], array[used])
        expected = dense(total)
        expected[slice(None) if chains is None else chains] += array
        for second in (part, array):
            for first in (total, dense(total)):
                np.testing.assert_allclose(
                    np.asarray(add(first, second, chains)), expected, **close
                )
        assert isinstance(add(total, part, chains), SparseTransitions)


@pytest.mark.parametrize("used, sparse", [(0, True), (2, True), (5, False)])
def test_sparse_where_few_are_used(used, sparse):
    array = np.zeros((2, 4, 4))
    array.ravel()[7 : 7 + used] = 0.5
    found = compact(array)
    assert isinstance(found, SparseTransitions) == sparse
    np.testing.assert_array_equal(np.asarray(found), array)
    assert transitions.SPARSE * array.size == pytest.approx(3.2)
