"""A task on a machine of a cluster: what that machine does."""

import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path
from queue import Empty, Queue
from typing import Any, Iterator, Mapping, Optional

from ..errors import SkdError
from ..locks import locked
from .messages import INTERVAL, Done, File, Lacking, Line, Refused, difference
from .parcels import Departures, Parcel, Workplace, unpacked
from .processes import LocalProcesses
from .tasks import Task


def fetch(reference: Any) -> bytes:
    import ray

    return ray.get(reference)


def work(
    task: Task,
    parcel: Parcel,
    contents: Optional[Mapping[Path, Any]],
    theirs: Mapping[str, str],
    threads: int,
) -> Iterator[Any]:
    """On a machine of the cluster: carry out a task, and say what happens as it happens."""
    reason = difference(theirs)
    if reason is not None:
        yield Refused(reason)
        return
    with unpacked(parcel, contents, fetch) as workplace:
        if workplace is None:
            yield Lacking()
            return
        with ExitStack() as stack:
            try:
                # A machine that was given up may still be writing to a folder that is shared.
                if task.writes is not None:
                    stack.enter_context(locked(workplace.folder / workplace.place(task.writes)))
            except SkdError as error:
                yield Line(str(error))
                yield Done(-1, [])
                return
            yield from carried_out(task, workplace, threads)


def carried_out(task: Task, workplace: Workplace, threads: int) -> Iterator[Any]:
    yield Line(f"Carried out on {socket.gethostname()}")
    departures = None
    if workplace.root is not None and task.writes is not None:
        departures = Departures(workplace, task.writes)
    lines: Queue[Optional[str]] = Queue()
    processes = LocalProcesses(threads)
    command = task.command(workplace.place)
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(processes.run, command, lines.put, workplace.folder)
        running.add_done_callback(lambda _: lines.put(None))
        try:
            while True:
                try:
                    line = lines.get(timeout=INTERVAL)
                except Empty:
                    yield from state_of(task, departures)
                    continue
                if line is None:
                    break
                yield Line(line)
        finally:
            processes.stop()
    if departures is not None:
        yield from (File(*made) for made in departures.changed(last=task.state))
    made = [] if task.writes is None else [name for name, _ in workplace.made(task.writes)]
    yield Done(running.result(), made)


def state_of(task: Task, departures: Optional[Departures]) -> Iterator[File]:
    """What lies in the task's folder, if it can be gone on with."""
    if departures is not None and task.state is not None and departures.has_changed(task.state):
        with suppress(FileNotFoundError):  # the task is just replacing it; the next time
            yield from (File(*made) for made in departures.changed(last=task.state))
