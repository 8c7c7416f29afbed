"""One writer at a time: what a process writes to is held against other processes."""

import os
import socket
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Iterator

from filelock import FileLock, Timeout

from .errors import Errors, SkdError

# Long enough for the children of a killed process to notice, and for the process to be gone.
PATIENCE = 5.0


@contextmanager
def locked(target: Path) -> Iterator[None]:
    """Hold a file or folder that is going to be written, whether it exists or not.

    The lock is the operating system's and ends with its holder, however that ends. It lies beside
    the target under hidden names, `.<name>.lock` and `.<name>.holder`, and is removed afterwards.
    Raises `SkdError` if another process holds the target, and `OSError` if nothing can be written
    beside it.
    """
    target = target.resolve()
    path, holder = (target.with_name(f".{target.name}.{kind}") for kind in ("lock", "holder"))
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path)
    try:
        lock.acquire(timeout=PATIENCE)
    except Timeout:
        raise SkdError(Errors.SKD130.format(path=target, holder=read_holder(holder))) from None
    try:
        holder.write_text(f"process {os.getpid()} on {socket.gethostname()}", encoding="utf-8")
        yield
    finally:
        holder.unlink(missing_ok=True)
        # Under the lock: who waits for this very file sees that it is gone, and makes a new one.
        # Windows removes no open file, so there it is done afterwards, if nobody has it open.
        with suppress(OSError):
            path.unlink(missing_ok=True)
        lock.release()
        if os.name == "nt":
            with suppress(OSError):
                path.unlink(missing_ok=True)


def read_holder(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return "which did not say its name"
