"""Actors on the machines of a cluster that hold the same, such as a teacher, and are asked it."""

from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, List, Mapping, Optional, Sequence, Tuple

from ..errors import Errors, SkdError
from .cluster import Cluster
from .messages import ATTEMPTS, INTERVAL, Lacking, Refused, difference, show, versions
from .parcels import Parcel, unpacked
from .remote import fetch
from .tasks import Place

# Calls that wait at one actor, so that it need not wait for the next.
CALLS = 2


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
