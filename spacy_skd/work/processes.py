"""Tasks in processes of this machine."""

import os
import signal
import subprocess
import sys
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock, Thread, current_thread, main_thread
from typing import Callable, Iterator, Optional, Sequence, Set

from .tasks import Task

# What says how many threads the libraries take that multiply matrices.
THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "RAYON_NUM_THREADS",
)
# spaCy saves sets, such as the sentencizer's characters, in the order of their hashes.
ONE_ORDER = {"PYTHONHASHSEED": "0"}
# numpy's products alone are not worth a second core, and the last bits of what they give would
# depend on how many there are.
ONE_FOR_NUMPY = {"OPENBLAS_NUM_THREADS": "1"}


class LocalProcesses:
    """Carries out commands in processes of their own, any number at a time from as many threads.

    None of them outlives this process: `stop` ends them, and if it is not called because this
    process was killed, they notice (see `lifeline.py`).

    threads (Optional[int]): How many each takes for its matrix products, numpy's apart; None: every
        core. What runs side by side would be slower that way.
    """

    def __init__(self, threads: Optional[int] = None) -> None:
        of_all = {} if threads is None else dict.fromkeys(THREADS, str(threads))
        self._variables = {**of_all, **ONE_FOR_NUMPY, **ONE_ORDER}
        self._running: Set[subprocess.Popen[str]] = set()
        self._stopped = False
        self._lock = Lock()

    def carry_out(self, task: Task, on_line: Callable[[str], None]) -> int:
        """See `Processes`."""
        return self.run(task.command(), on_line)

    def run(
        self,
        arguments: Sequence[str],
        on_line: Callable[[str], None],
        folder: Optional[Path] = None,
    ) -> int:
        """Run `python -m <arguments>` and pass on its output, errors included, line by line.

        folder (Optional[Path]): Where; None: where this process is.
        RETURNS (int): Its exit code; negative for a signal.
        """
        process = self._start(arguments, folder)
        watch = Thread(target=end_orphans, args=[process], daemon=True)
        watch.start()
        try:
            assert process.stdout is not None
            for line in process.stdout:
                on_line(line.rstrip())
            return process.wait()
        finally:
            self._end(process)
            watch.join()

    def stop(self) -> None:
        with self._lock:
            self._stopped = True
            for process in self._running:
                kill(process)

    def _start(self, arguments: Sequence[str], folder: Optional[Path]) -> subprocess.Popen[str]:
        with self._lock:
            if self._stopped:
                raise KeyboardInterrupt
            process = subprocess.Popen(
                [sys.executable, "-m", "spacy_skd.lifeline", *arguments],
                cwd=folder,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                encoding="utf-8",
                errors="replace",
                env={
                    **self._variables,
                    **os.environ,
                    "PYTHONUNBUFFERED": "1",
                    "PYTHONIOENCODING": "utf-8",
                    "ANSI_COLORS_DISABLED": "1",
                },
                # Ctrl-C reaches this process alone, which then ends the others without tracebacks.
                start_new_session=True,
            )
            self._running.add(process)
            return process

    def _end(self, process: subprocess.Popen[str]) -> None:
        kill(process)
        with self._lock:
            self._running.discard(process)
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()


def kill(process: subprocess.Popen[str]) -> None:
    """End a process with all that it has started, if it has not ended yet, and wait for that."""
    if process.poll() is None:
        if os.name == "posix":
            kill_group(process)
        else:
            process.kill()
        process.wait()


def end_orphans(process: subprocess.Popen[str]) -> None:
    """Wait for a process, and if it was killed, end what it has started: that holds on to its
    output, which has no end before, and may work on beside whoever carries the task out again.
    """
    if process.wait() < 0:  # never on Windows, which has no signals
        kill_group(process)


def kill_group(process: subprocess.Popen[str]) -> None:
    # What macOS says where all in it have ended is that it is not permitted.
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


@contextmanager
def kill_as_interrupt() -> Iterator[None]:
    """Let `kill` and a closed terminal end this process as Ctrl-C does: after its children."""
    # Python lets the main thread alone set handlers.
    names = ("SIGTERM", "SIGHUP") if current_thread() is main_thread() else ()
    known = [signal.Signals[name] for name in names if hasattr(signal, name)]
    # Not those that someone, such as nohup, has set to something else.
    numbers = [number for number in known if is_default(number)]
    for number in numbers:
        signal.signal(number, signal.default_int_handler)
    try:
        yield
    finally:
        for number in numbers:
            signal.signal(number, signal.SIG_DFL)


def is_default(number: signal.Signals) -> bool:
    return signal.getsignal(number) == signal.SIG_DFL
