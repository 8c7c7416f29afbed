"""Processes that end when the one that started them has ended, however that ended.

`python -m spacy_skd.lifeline MODULE ARGUMENTS` runs a module as `python -m` does, until its end or
until its standard input is closed: the system closes a pipe when the process that holds the other
end is gone, also after `kill -9`, on every platform.
"""

import os
import runpy
import signal
import sys
import time
from threading import Thread
from typing import Callable

INTERVAL = 0.2


def end_with_input() -> None:
    """End this process, and what it has started, when standard input is closed."""
    pipe = os.dup(0)
    # What runs here must not read from the pipe, nor wait for it.
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)

    def wait() -> None:
        while os.read(pipe, 1):
            pass

    _watch(wait)


def end_with_parent() -> None:
    """End this process when the one that started it, without a pipe to hold on to, has ended."""
    if sys.platform == "win32":
        import psutil

        parent = psutil.Process(os.getppid())
        if sys.prefix != sys.base_prefix:
            # The python.exe of a virtual environment only starts the real one.
            parent = parent.parent() or parent
        _watch(parent.wait)
    else:
        parent_id = os.getppid()
        if is_adopted(parent_id):
            end()

        def wait() -> None:
            while os.getppid() == parent_id:
                time.sleep(INTERVAL)

        _watch(wait)


def is_adopted(parent_id: int) -> bool:
    """Whether who started this process had ended before it came this far. Orphans go to a process
    of another session, such as init.
    """
    try:
        return os.getsid(parent_id) != os.getsid(0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False


def _watch(wait: Callable[[], object]) -> None:
    def run() -> None:
        wait()
        end()

    Thread(target=run, daemon=True).start()


def end() -> None:
    """End at once. The leader of a process group, which `end_with_input` is started as, takes what
    it has started along.
    """
    if os.name == "posix" and os.getpgrp() == os.getpid():
        os.killpg(os.getpgrp(), signal.SIGKILL)
    os._exit(1)


if __name__ == "__main__":
    end_with_input()
    module, *arguments = sys.argv[1:]
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
