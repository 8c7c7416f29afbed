"""Which kernels do the work: the extension, or where it was not built the numpy reference."""

import warnings

from ..errors import Warnings

# Measured by benchmarks/crf.py.
SLOWDOWN = "20 to 85"

try:
    from . import native as kernels  # type: ignore[attr-defined]

    NATIVE = True
except ImportError:
    from . import reference as kernels

    NATIVE = False
    warnings.warn(Warnings.W001.format(factor=SLOWDOWN), stacklevel=2)

__all__ = ["NATIVE", "kernels"]
