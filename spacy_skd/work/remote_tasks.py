"""Tasks on the machines of a cluster: what the one that gives the work does."""

import time
from contextlib import ExitStack, suppress
from pathlib import Path
from threading import Lock
from typing import Any, Callable, Dict, Iterable, Iterator, List, Mapping, Optional

from ..errors import Errors, SkdError
from ..locks import locked
from ..records import file_names
from .cluster import Cluster
from .messages import ATTEMPTS, INTERVAL, Done, File, Lacking, Line, Refused, show, versions
from .parcels import Arrivals, Parcel, marked, missing
from .remote import work
from .tasks import Task

# Seconds for files in a shared folder to be seen.
LATEST = 60.0


class RayTasks:
    """Carries out tasks on a cluster, any number at a time from as many threads: Ray lets those
    wait that there is no room for. See `tasks.Processes`.

    A task whose machine or process died is carried out again, from the state that it has left.
    """

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self._streams: Dict[int, Any] = {}
        self._stopped = False
        self._lock = Lock()

    def carry_out(self, task: Task, on_line: Callable[[str], None]) -> int:
        """Raises `SkdError` where a machine cannot do the work at all."""
        code = -1
        for attempt in range(ATTEMPTS):
            if attempt:
                show(task.name, "its machine or process died; it is carried out again")
                wait_for_end(task)
            code = self._attempt(task, on_line)
            if code >= 0:
                break
        return code

    def stop(self) -> None:
        import ray

        with self._lock:
            self._stopped = True
            streams = list(self._streams.values())
        for stream in streams:
            ray.cancel(stream, force=True)

    def _attempt(self, task: Task, on_line: Callable[[str], None]) -> int:
        """Carry a task out once, in folders that are shared or with files that are sent. Returns
        its exit code, a negative one if machine or process died.
        """
        with ExitStack() as stack:
            mark = None if task.writes is None else stack.enter_context(marked(task.writes))
            parcel = Parcel.of([*task.reads, *begun(task)], mark)
            contents = self.cluster.sent.contents(parcel) if self.cluster.sent else None
            code = self._follow(task, parcel, contents, on_line)
            if code is None:
                contents = self.cluster.sent.contents(parcel)
                code = self._follow(task, parcel, contents, on_line)
            assert code is not None
            return code

    def _follow(
        self,
        task: Task,
        parcel: Parcel,
        contents: Optional[Mapping[Path, Any]],
        on_line: Callable[[str], None],
    ) -> Optional[int]:
        """See `_attempt`; None if the machine lacks the files."""
        arrivals = None if task.writes is None else Arrivals(task.writes)
        for message in self._messages(task, parcel, contents):
            if isinstance(message, Line):
                on_line(message.text)
            elif isinstance(message, File) and arrivals is not None:
                arrivals.take(message.name, message.content)
            elif isinstance(message, Refused):
                raise SkdError(Errors.SKD273.format(name=task.name, reason=message.reason))
            elif isinstance(message, Lacking):
                return None
            elif isinstance(message, Done):
                if task.writes is not None and arrivals is not None and message.code >= 0:
                    wait_for(task.writes, message.names)
                    arrivals.keep_only(message.names)
                return message.code
        return -1

    def _messages(
        self, task: Task, parcel: Parcel, contents: Optional[Mapping[Path, Any]]
    ) -> Iterator[Any]:
        """What a task says; it ends without `Done` where machine or process died."""
        import ray
        from ray.exceptions import RayError, RayTaskError

        options = {**self.cluster.options(), "num_returns": "streaming", "max_retries": 0}
        with self._lock:
            if self._stopped:
                raise KeyboardInterrupt
            stream = ray.remote(**options)(work).remote(
                task, parcel, contents, versions(), self.cluster.threads
            )
            self._streams[id(stream)] = stream
        try:
            for reference in stream:
                yield ray.get(reference)
        except RayTaskError as error:  # within our own code, or that cannot be imported there
            reason = " ".join(str(error.cause or error).split())[-300:]
            raise SkdError(Errors.SKD273.format(name=task.name, reason=reason)) from error
        except RayError as error:
            if self._stopped:
                raise KeyboardInterrupt from error
        finally:
            with self._lock:
                del self._streams[id(stream)]


def begun(task: Task) -> List[Path]:
    """What lies already in the folder that a task fills."""
    folder = task.writes
    return [] if folder is None else [folder / name for name in file_names(folder)]


def wait_for_end(task: Task) -> None:
    """Wait until a process whose machine was given up writes no more to a folder that is shared."""
    time.sleep(INTERVAL)
    if task.writes is not None:
        with suppress(SkdError), locked(task.writes):
            pass


def wait_for(target: Path, names: Iterable[str]) -> None:
    """Wait until files that another machine wrote to a shared folder can be seen here."""
    end = time.monotonic() + LATEST
    while missing(target, list(names)) and time.monotonic() < end:
        time.sleep(INTERVAL)
