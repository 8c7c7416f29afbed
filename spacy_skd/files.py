"""Files that are replaced as a whole or not at all."""

import os
from contextlib import suppress
from pathlib import Path

from .errors import Errors, SkdError


def write_text(path: Path, text: str) -> None:
    """Write beside the target, in UTF-8, and rename when it is complete.

    Raises `OSError` where that fails, and leaves nothing then.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    try:
        partial.write_text(text, encoding="utf-8")
        os.replace(partial, path)
    except OSError:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        raise


def check_writable(path: Path) -> None:
    """Raises `SkdError` or `OSError` if a file cannot be written, without writing anything: to be
    asked before the work whose result it is for.
    """
    if path.is_symlink() and not path.exists():
        raise SkdError(Errors.SKD140.format(path=path, reason="it is a link to nowhere"))
    if path.is_dir():
        raise SkdError(Errors.SKD140.format(path=path, reason="it is a folder"))
    parent = path.resolve().parent
    while not parent.exists():
        parent = parent.parent
    if not parent.is_dir():
        raise SkdError(Errors.SKD140.format(path=path, reason=f"'{parent}' is a file"))
    if not os.access(parent, os.W_OK):
        raise SkdError(Errors.SKD140.format(path=path, reason=f"'{parent}' is read-only"))
