"""Tasks on the machines of a Ray cluster. Nothing else knows Ray, which is imported when used.

Ray finds a machine with room for a task and says when one has died. All else is as on one machine:
there, too, a task is a process of its own, which ends with whoever started it.
"""

import logging
import os
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from queue import Empty, Queue
from threading import Event, Lock
from typing import (
    Any,
    Callable,
    Dict,
    Iterable,
    Iterator,
    List,
    Mapping,
    Optional,
    Sequence,
    Tuple,
    TypeVar,
)

from tqdm import tqdm

from ..errors import Errors, SkdError
from ..locks import locked
from ..records import file_names
from .parcels import Arrivals, Departures, Look, Parcel, Workplace, marked, missing, unpacked
from .processes import LocalProcesses
from .tasks import Place, Task

ATTEMPTS = 4
# Seconds: between two looks at a task, to connect, for files in a shared folder to be seen.
INTERVAL, PATIENCE, LATEST = 1.0, 5.0, 60.0
# Calls that wait at one actor, so that it need not wait for the next.
CALLS = 2
# They decide what the same data and config lead to.
PACKAGES = ("spacy-skd", "spacy", "thinc", "numpy")

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

    def tasks(self) -> "RayTasks":
        return RayTasks(self)

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
        yield cluster
    finally:
        if ours:
            disconnect()


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


# What a task says while it is carried out.


@dataclass(frozen=True)
class Lacking:
    """Nothing was done: the machine does not see the files."""


@dataclass(frozen=True)
class Refused:
    """Nothing was done, and cannot be done there."""

    reason: str


@dataclass(frozen=True)
class Line:
    text: str


@dataclass(frozen=True)
class File:
    """A file that it made, of a folder that it fills."""

    name: str
    content: bytes


@dataclass(frozen=True)
class Done:
    """It has ended.

    names (Sequence[str]): The files that it leaves.
    """

    code: int
    names: Sequence[str]


def versions() -> Dict[str, str]:
    return {package: version(package) for package in PACKAGES}


def difference(theirs: Mapping[str, str]) -> Optional[str]:
    """How the packages of this machine differ from those of the one that gives the work."""
    for package, found in versions().items():
        if found != theirs[package]:
            return f"it has {package} {found}, and {theirs[package]} is asked for"
    return None


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


def show(name: str, text: str) -> None:
    """Above the progress bar."""
    tqdm.write(f"[{name}] {text}")


def wait_for(target: Path, names: Iterable[str]) -> None:
    """Wait until files that another machine wrote to a shared folder can be seen here."""
    end = time.monotonic() + LATEST
    while missing(target, list(names)) and time.monotonic() < end:
        time.sleep(INTERVAL)


class Holder:
    """On a machine of the cluster: an actor that holds something and is asked it."""

    def __init__(
        self,
        make: Callable[[Place], Any],
        parcel: Parcel,
        contents: Optional[Mapping[Path, Any]],
        theirs: Mapping[str, str],
    ) -> None:
        self._make = make
        self._given = (parcel, contents)
        self._theirs = theirs
        self._stack = ExitStack()

    def start(self) -> Optional[Any]:
        """Make what is held; returns why that cannot be, if so."""
        reason = difference(self._theirs)
        if reason is not None:
            return Refused(reason)
        workplace = self._stack.enter_context(unpacked(*self._given, fetch))
        if workplace is None:
            return Lacking()
        try:
            self._held = self._make(workplace.place)
        except SkdError as error:
            return Refused(str(error))
        return None

    def ask(self, method: str, arguments: Sequence[Any]) -> Any:
        return getattr(self._held, method)(*arguments)


@dataclass
class Member:
    """An actor of a pool, as the pool sees it."""

    actor: Any
    started: Any
    ready: bool = False
    calls: List[Any] = field(default_factory=list)


class Pool:
    """Actors that hold the same, as many as there is work and room for. One that dies costs the
    calls that waited at it, which others answer.

    make (Callable[[Place], Any]): Makes what is held, on the machine of the actor.
    reads (Sequence[Path]): The files that it reads for that.
    name (str): What it is called in what is printed.
    """

    def __init__(
        self, cluster: Cluster, make: Callable[[Place], Any], reads: Sequence[Path], name: str
    ) -> None:
        self.cluster = cluster
        self.name = name
        self.size = max(1, cluster.room())
        self._make = make
        self._parcel = Parcel.of(reads)
        self._members: List[Member] = []
        self._died = 0

    @property
    def ahead(self) -> int:
        """How many calls are worth handing over before the first one is answered."""
        return CALLS * self.size

    def submit(self, method: str, *arguments: Any) -> "Call":
        """Ask an actor, of those that are free or else of new ones. Waits while all are busy.

        Raises `SkdError` if what they hold cannot be made on their machines, or if too many died.
        """
        return Call(self, method, arguments)

    def close(self) -> None:
        import ray

        for member in self._members:
            ray.kill(member.actor)
        self._members = []

    def hand_over(self, method: str, arguments: Sequence[Any]) -> Tuple[Member, Any]:
        """Who is asked, and a reference to the answer."""
        import ray

        while True:
            self.cluster.check_going()
            member = self._free()
            if member is not None:
                reference = member.actor.ask.remote(method, arguments)
                member.calls.append(reference)
                return member, reference
            waited = [call for m in self._members for call in m.calls if m.ready]
            waited += [m.started for m in self._members if not m.ready]
            ray.wait(waited, timeout=INTERVAL)

    def _free(self) -> Optional[Member]:
        """The actor with least to do, if it may be asked; a new one is started if all are busy."""
        import ray

        for member in list(self._members):
            if not member.ready and ray.wait([member.started], timeout=0)[0]:
                self._start_ended(member)
            if member.calls:
                _, member.calls = ray.wait(member.calls, num_returns=len(member.calls), timeout=0)
        ready = [member for member in self._members if member.ready]
        least = min(ready, key=lambda member: len(member.calls), default=None)
        if (least is None or least.calls) and len(self._members) < self.size:
            self._members.append(self._new())
        return least if least is not None and len(least.calls) < CALLS else None

    def _new(self) -> Member:
        import ray

        sent = self.cluster.sent
        contents = sent.contents(self._parcel) if sent else None
        actor = ray.remote(**self.cluster.options())(Holder).remote(
            self._make, self._parcel, contents, versions()
        )
        return Member(actor, actor.start.remote())

    def _start_ended(self, member: Member) -> None:
        import ray
        from ray.exceptions import RayError, RayTaskError

        try:
            problem = ray.get(member.started)
        except RayTaskError as error:
            problem = Refused(" ".join(str(error.cause or error).split())[-300:])
        except RayError as error:
            self.drop(member, error)
            return
        if isinstance(problem, Lacking):
            self.cluster.sent.contents(self._parcel)
            ray.kill(member.actor)
            self._members.remove(member)
        elif isinstance(problem, Refused):
            raise SkdError(Errors.SKD273.format(name=self.name, reason=problem.reason))
        else:
            member.ready = True

    def drop(self, member: Member, error: Exception) -> None:
        """An actor has died. Raises `SkdError` if it was one of too many."""
        import ray

        if member in self._members:
            ray.kill(member.actor)  # if it is only out of reach
            self._members.remove(member)
            self._died += 1
            show(self.name, "a machine or process died; others do its part")
        if self._died > ATTEMPTS * self.size:
            reason = " ".join(str(error).split())[:300]
            raise SkdError(Errors.SKD273.format(name=self.name, reason=reason)) from error


class Call:
    """A question to a pool, asked when it is made."""

    def __init__(self, pool: Pool, method: str, arguments: Sequence[Any]) -> None:
        self._pool = pool
        self._asked = (method, arguments)
        self._member, self._reference = pool.hand_over(*self._asked)

    def result(self) -> Any:
        """The answer, waited for. Raises what the actor raised, an `SkdError` as one."""
        import ray
        from ray.exceptions import RayError, RayTaskError

        while True:
            while not ray.wait([self._reference], timeout=INTERVAL)[0]:
                self._pool.cluster.check_going()
            try:
                return ray.get(self._reference)
            except RayTaskError as error:
                if isinstance(error.cause, SkdError):
                    raise SkdError(str(error.cause)) from error
                raise
            except RayError as error:
                self._pool.drop(self._member, error)
                self._member, self._reference = self._pool.hand_over(*self._asked)
