"""A Ray cluster that this process is connected to.

Ray finds a machine with room for a task (`remote_tasks.py`) or an actor (`pool.py`) and says when
one has died. All else is as on one machine: there, too, a task is a process of its own, which ends
with whoever started it. Ray is imported where it is used.
"""

import logging
import os
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple, TypeVar

from ..errors import Errors, SkdError
from .messages import show
from .parcels import Look, Parcel

# Seconds to connect.
PATIENCE = 5.0

T = TypeVar("T")
S = TypeVar("S")


@dataclass(frozen=True)
class Cluster:
    """A cluster that this process is connected to; see `connected`.

    cpus, gpus (float): What each task takes of the machine that it is carried out on.
    """

    cpus: float = 1.0
    gpus: float = 0.0
    sent: "Sent" = field(default_factory=lambda: Sent())
    _stopped: Event = field(default_factory=Event)

    @property
    def gpu_id(self) -> int:
        """As in `spacy train`: Ray shows a task its own GPUs alone."""
        return 0 if self.gpus else -1

    @property
    def threads(self) -> int:
        return max(1, int(self.cpus))

    def room(self) -> int:
        """How many tasks the machines that are there now have room for, were there no others."""
        return sum(map(self._room_on, machines()))

    def _room_on(self, resources: Mapping[str, float]) -> int:
        asked = {"CPU": self.cpus, "GPU": self.gpus}
        return min(int(resources.get(name, 0) / n) for name, n in asked.items() if n)

    def check_room(self) -> None:
        """Raises `SkdError` if no machine of the cluster has what a task is to take: it would be
        waited for.
        """
        if not self.room():
            found = [f"{m.get('CPU', 0):g} and {m.get('GPU', 0):g}" for m in machines()]
            raise SkdError(
                Errors.SKD272.format(cpus=self.cpus, gpus=self.gpus, found=", ".join(found))
            )

    def options(self) -> Dict[str, Any]:
        return {"num_cpus": self.cpus, "num_gpus": self.gpus}

    def map(self, function: Callable[[S], T], items: Sequence[S]) -> List[T]:
        """The results for all items, of threads of this process, of which each may wait for an
        actor of its own. The first error ends it.
        """
        pool = ThreadPoolExecutor(max(1, min(len(items), self.room())))
        try:
            return list(pool.map(function, items))
        finally:
            self._stopped.set()
            pool.shutdown(cancel_futures=True)
            self._stopped.clear()

    def check_going(self) -> None:
        """For threads of `map`: raises `KeyboardInterrupt` when another one has ended it."""
        if self._stopped.is_set():
            raise KeyboardInterrupt


@contextmanager
def connected(address: str, cpus: float = 1.0, gpus: float = 0.0) -> Iterator[Cluster]:
    """Connect this process to a cluster, unless it is already, as within a program that uses Ray.

    address (str): HOST:PORT of its head; "auto": that which this machine belongs to; "local": one
        of this machine alone, which ends with this process.
    Raises `SkdError` if Ray is not installed, if no cluster is there, or if it has no machine with
        so many CPUs and GPUs.
    """
    try:
        import ray
    except ImportError as error:
        raise SkdError(Errors.SKD270) from error
    ours = not ray.is_initialized()
    if ours:
        connect(ray, address)
    try:
        cluster = Cluster(cpus, gpus)
        cluster.check_room()
        with watched(cluster):
            yield cluster
    finally:
        if ours:
            disconnect()


@contextmanager
def watched(cluster: Cluster, interval: float = 15.0) -> Iterator[None]:
    """Say when the last machine with room for a task has gone: Ray waits for another silently."""
    ended = Event()

    def watch() -> None:
        has_room = True
        while not ended.wait(interval):
            try:
                had_room, has_room = has_room, bool(cluster.room())
            except Exception:  # of Ray, whose connection is gone: whoever waits for a task says so
                return
            if had_room and not has_room:
                need = f"{cluster.cpus:g} CPUs and {cluster.gpus:g} GPUs"
                show("cluster", f"no machine with {need} is left; waiting for one (Ctrl-C ends it)")
            elif has_room and not had_room:
                show("cluster", "there is a machine again")

    thread = Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def connect(ray: Any, address: str) -> None:
    quiet = {"log_to_driver": False, "logging_level": logging.ERROR}
    try:
        if address == "local":
            os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
            ray.init(address=address, include_dashboard=False, **quiet)
        else:
            check_address(address)
            ray.init(address=address, **quiet)
    except (Exception, SystemExit) as error:  # Ray exits where the head is none, or another version
        reason = " ".join(str(error).split()) or type(error).__name__
        raise SkdError(Errors.SKD271.format(address=address, reason=reason)) from error


def check_address(address: str) -> None:
    """Raises `OSError` or `ValueError` where there is no server that speaks as Ray does: Ray itself
    tries for minutes.
    """
    if address == "auto":
        return
    host, colon, port = address.rpartition(":")
    if not colon or "/" in host or not port.isdecimal():
        raise ValueError("it is not HOST:PORT, auto or local")
    hello = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
    with socket.create_connection((host, int(port)), PATIENCE) as connection:
        connection.sendall(hello)
        answer = connection.recv(9)
    if len(answer) < 4 or answer[3] != 4:  # the settings of HTTP/2, which gRPC begins with
        raise ValueError("what answers there is no Ray cluster")


def disconnect() -> None:
    import ray

    ray.shutdown()


def machines() -> List[Dict[str, float]]:
    """What each living machine of the cluster has, by Ray's names."""
    import ray

    return [node["Resources"] for node in ray.nodes() if node["Alive"]]


def at_a_time(tasks: int, jobs: Optional[int], cluster: Optional[Cluster]) -> int:
    """How many tasks are handed over at a time: Ray itself lets those wait that lack room."""
    return jobs or (1 if cluster is None else max(1, tasks))


class Sent:
    """What has been put into the cluster's object store, because not all machines see our files."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._known: Dict[Tuple[Path, Look], Any] = {}

    def __bool__(self) -> bool:
        return bool(self._known)

    def contents(self, parcel: Parcel) -> Dict[Path, Any]:
        """By path, what gets the content of each file."""
        import ray

        with self._lock:
            for item in parcel.files.items():
                if item not in self._known:
                    self._known[item] = ray.put(item[0].read_bytes())
            return {item[0]: self._known[item] for item in parcel.files.items()}
