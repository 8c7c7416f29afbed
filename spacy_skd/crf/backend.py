"""Which kernels do the work: the extension, or where it was not built the numpy reference."""

import warnings
from multiprocessing import current_process

from ..errors import Warnings

# Measured by benchmarks/crf.py.
SLOWDOWN = "20 to 85"

try:
    from . import native as kernels  # type: ignore[attr-defined]

    NATIVE = True
except ImportError:
    from . import reference as kernels

    NATIVE = False
    # Processes of `nlp.pipe(n_process=...)` that are not forked would all say it again. They have
    # their names, and not yet a `parent_process`, when they import this.
    if current_process().name == "MainProcess":
        warnings.warn(Warnings.W001.format(factor=SLOWDOWN), stacklevel=2)

__all__ = ["NATIVE", "kernels"]
