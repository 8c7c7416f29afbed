import numpy as np
import pytest
from thinc.api import NumpyOps

from spacy_skd.ragged import Rows, flattened, split_rows


@pytest.mark.parametrize("pad", [0, 1, 4])
@pytest.mark.parametrize("lengths", [[], [0], [3], [2, 0, 5, 1, 0]])
def test_what_flatten_joined(lengths, pad):
    """And views of it: what is written to a part is written to the whole."""
    ops = NumpyOps()
    arrays = [ops.xp.full((n, 2), i, dtype="f") for i, n in enumerate(lengths)]
    whole = ops.flatten(arrays, pad=pad) if arrays else ops.alloc2f(0, 2)
    parts = split_rows(whole, lengths, pad)
    assert [part.tolist() for part in parts] == [array.tolist() for array in arrays]
    for part in parts:
        part += 1
    assert whole.sum() == sum((i + 1) * 2 * n for i, n in enumerate(lengths))


def test_one_dimension():
    parts = split_rows(np.arange(5), [2, 3])
    assert [part.tolist() for part in parts] == [[0, 1], [2, 3, 4]]


def test_rows_are_a_list_of_parts_and_one_array():
    array = np.arange(10).reshape(5, 2)
    rows = Rows(array, [2, 0, 3])
    parts = [array[:2], array[2:2], array[2:]]
    assert len(rows) == 3
    assert [part.tolist() for part in rows] == [part.tolist() for part in parts]
    assert [rows[i].tolist() for i in (0, -1)] == [parts[0].tolist(), parts[2].tolist()]
    ops = NumpyOps()
    assert flattened(ops, rows) is array
    assert flattened(ops, parts).tolist() == array.tolist()
