"""Several arrays in one, row after row, taken apart again."""

from itertools import accumulate
from typing import Any, Iterator, List, Sequence

from thinc.api import Ops


class Rows(Sequence[Any]):
    """Arrays that lie one after the other in one: a list of them for whoever asks for each, and at
    no cost for whoever wants them together.

    array (ndarray): The rows (N, ...) of all. lengths (Sequence[int]): How many each part has.
    """

    def __init__(self, array: Any, lengths: Sequence[int]) -> None:
        self.array, self.lengths = array, lengths

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, i: Any) -> Any:
        return split_rows(self.array, self.lengths)[i]

    def __iter__(self) -> Iterator[Any]:
        return iter(split_rows(self.array, self.lengths))


def flattened(ops: Ops, arrays: Sequence[Any]) -> Any:
    """The rows of several arrays in one."""
    return arrays.array if isinstance(arrays, Rows) else ops.flatten(arrays)


def split_rows(array: Any, lengths: Sequence[int], pad: int = 0) -> List[Any]:
    """Views of the rows (N, ...) of each part, in a fifth of the time that `numpy.split` takes.

    lengths (Sequence[int]): How many rows each part has.
    pad (int): Rows before, between and behind the parts that belong to none, as thinc's `flatten`
        leaves them, but for empty parts.
    """
    ends = accumulate(length + pad if length else 0 for length in lengths)
    return [array[end - length : end] for end, length in zip(ends, lengths)]
