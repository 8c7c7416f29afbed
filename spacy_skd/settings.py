"""Checks of what a config or a caller sets, before any work begins.

spaCy compares settings with the annotations of the function that takes them, but lets through what
merely could be converted, such as "3" for a number, and knows no range.
"""

import sys
from numbers import Integral, Real
from typing import Any

from .errors import Errors, SkdError


def check_number(
    name: str,
    value: Any,
    low: float,
    high: float = sys.float_info.max,
    *,
    whole: bool = False,
) -> None:
    """Raise `SkdError` unless a setting is a number from `low` to `high`, and whole where it must
    be. Neither a bool nor text nor NaN is a number.
    """
    if is_number(value, whole) and low <= value <= high:
        return
    limits = f"from {low:g}" + (" up" if high == sys.float_info.max else f" to {high:g}")
    expected = f"a {'whole ' if whole else ''}number {limits}"
    raise SkdError(Errors.SKD029.format(name=name, value=shown(value), expected=expected))


def is_number(value: object, whole: bool) -> bool:
    return isinstance(value, Integral if whole else Real) and not isinstance(value, bool)


def shown(value: object) -> str:
    try:
        return repr(value)
    except ValueError:  # Python writes no whole number of more than 4300 digits
        return "a number of thousands of digits"
