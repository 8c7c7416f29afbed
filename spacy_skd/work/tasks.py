"""What is carried out in a process of its own, on this machine or on another."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, List, Mapping, Optional, Protocol, Sequence, Union

# From a path to where that is on the machine that does the work.
Place = Callable[[Path], Path]


@dataclass(frozen=True)
class Task:
    """A command, and all that another machine needs to carry it out.

    name (str): What it is called in what is printed.
    arguments (Sequence[Union[str, Path]]): Of `python -m`. Files and folders are paths, which may
        be elsewhere on another machine.
    settings (Mapping[str, Path]): Settings of the config among the arguments that are absolute
        paths. Where a path is elsewhere, `--<setting> <path>` follows the arguments.
    reads (Sequence[Path]): The files that it reads.
    writes (Optional[Path]): The file that it makes, or the folder that it fills; what is in that
        before is the beginning of what it makes.
    state (Optional[str]): A file in the folder that it fills. Whenever that is renewed, what is in
        the folder can be gone on with.
    """

    name: str
    arguments: Sequence[Union[str, Path]]
    settings: Mapping[str, Path] = field(default_factory=dict)
    reads: Sequence[Path] = ()
    writes: Optional[Path] = None
    state: Optional[str] = None

    def command(self, place: Place = lambda path: path) -> List[str]:
        """The arguments of `python -m` on a machine."""
        words = [place(word) if isinstance(word, Path) else word for word in self.arguments]
        for name, path in self.settings.items():
            if place(path) != path:
                words += [f"--{name}", place(path)]
        return [str(word) for word in words]


class Processes(Protocol):
    """Carries out tasks, any number at a time from as many threads."""

    def carry_out(self, task: Task, on_line: Callable[[str], None]) -> int:
        """Carry out a task and pass on its output, errors included, line by line.

        RETURNS (int): Its exit code; negative for a signal.
        """

    def stop(self) -> None:
        """End all that is running, and start no more."""
