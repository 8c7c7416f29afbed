"""A task's files on another machine: used where they are if it has them at the same place, as where
folders are shared; otherwise sent along, and what was made sent back.
"""

import os
import secrets
import shutil
import tempfile
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Dict, Iterator, List, Mapping, Optional, Sequence, Set, Tuple

from ..records import file_names, stays_inside

# By which a file is recognised: bytes and time of the last change, in nanoseconds.
Look = Tuple[int, int]
Contents = Mapping[Path, object]
CONFIG = "config.cfg"


def look_of(path: Path) -> Look:
    """Raises `OSError` if there is no such file, or if it may not be read."""
    with path.open("rb") as file:
        status = os.fstat(file.fileno())
    return status.st_size, status.st_mtime_ns


@dataclass(frozen=True)
class Parcel:
    """What must be at the same place for another machine to work in this one's folders.

    folder (Path): The working directory.
    files (Mapping[Path, Look]): Absolute path of each file that is read.
    mark (Optional[Tuple[Path, str]]): A file beside what is written, and what is in it.
    """

    folder: Path
    files: Mapping[Path, Look]
    mark: Optional[Tuple[Path, str]] = None

    @classmethod
    def of(cls, reads: Sequence[Path], mark: Optional[Tuple[Path, str]] = None) -> "Parcel":
        return cls(Path.cwd(), {path.absolute(): look_of(path) for path in reads}, mark)

    def is_here(self) -> bool:
        """Whether this machine has it all."""
        try:
            same = all(look_of(path) == look for path, look in self.files.items())
            marked = self.mark is None or self.mark[0].read_text("ascii") == self.mark[1]
            return same and marked and self.folder.is_dir()
        except (OSError, ValueError):
            return False


@contextmanager
def marked(target: Path) -> Iterator[Tuple[Path, str]]:
    """Mark the place of a file or folder that is written by another machine."""
    target = target.absolute()
    path = target.with_name(f".{target.name}.place")
    path.parent.mkdir(parents=True, exist_ok=True)
    token = secrets.token_hex(16)
    path.write_text(token, encoding="ascii")
    try:
        yield path, token
    finally:
        path.unlink(missing_ok=True)


@dataclass(frozen=True)
class Workplace:
    """Where a task is carried out.

    folder (Path): The working directory.
    root (Optional[Path]): What stands for the root of the other machine's files; None: they are
        where they are there.
    """

    folder: Path
    root: Optional[Path] = None

    def place(self, path: Path) -> Path:
        """Where a path of the other machine is. Relative ones are relative to `folder`."""
        if self.root is None or not path.is_absolute():
            return path
        return self.root.joinpath(*path.parts[1:])

    def made(self, target: Path) -> Iterator[Tuple[str, Path]]:
        """(name below the target, path) of all that is in a folder; of a file ("", path)."""
        where = self.folder / self.place(target)
        if where.is_dir():
            yield from ((name, where / name) for name in file_names(where))
        elif where.is_file():
            yield "", where

    def content(self, path: Path) -> bytes:
        """What goes back of a file. A saved pipeline's config may name the folders of its training:
        it says where they were on the other machine.
        """
        content = path.read_bytes()
        if self.root is not None and path.name == CONFIG:
            content = content.replace(os.fsencode(self.root), b"")
        return content


@contextmanager
def unpacked(
    parcel: Parcel, contents: Optional[Contents], fetch: Callable[[object], bytes]
) -> Iterator[Optional[Workplace]]:
    """The place to work at; None if files would have to be sent, and were not.

    contents (Optional[Contents]): By path what `fetch` gets the content of a file by, of all files.
    """
    if parcel.is_here():
        yield Workplace(parcel.folder)
        return
    if contents is None:
        yield None
        return
    root = Path(tempfile.mkdtemp(prefix="spacy-skd-"))
    try:
        workplace = Workplace(root.joinpath(*parcel.folder.parts[1:]), root)
        workplace.folder.mkdir(parents=True, exist_ok=True)
        for path, key in contents.items():
            here = workplace.place(path)
            here.parent.mkdir(parents=True, exist_ok=True)
            here.write_bytes(fetch(key))
        yield workplace
    finally:
        shutil.rmtree(root, ignore_errors=True)


class Arrivals:
    """What comes back to the machine that asked for it, file by file: each is written beside its
    place and renamed.

    target (Path): The file, or the folder, that the task makes.
    """

    def __init__(self, target: Path) -> None:
        self.target = target
        self._partial = target.with_name(f".{target.name}.arriving")

    def take(self, name: str, content: bytes) -> None:
        assert not name or stays_inside(name)
        path = self.target / name if name else self.target
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._partial.write_bytes(content)
            os.replace(self._partial, path)
        except OSError:
            with suppress(OSError):
                self._partial.unlink(missing_ok=True)
            raise

    def keep_only(self, names: Sequence[str]) -> None:
        """Remove what the task has removed."""
        if self.target.is_dir():
            for name in set(file_names(self.target)) - set(names):
                (self.target / name).unlink()


class Departures:
    """What goes back: each file once, and again when it has changed."""

    def __init__(self, workplace: Workplace, target: Path) -> None:
        self.workplace = workplace
        self.target = target
        self._sent: Dict[str, Look] = {name: look_of(path) for name, path in self._made()}

    def _made(self) -> List[Tuple[str, Path]]:
        return list(self.workplace.made(self.target))

    def names(self) -> List[str]:
        return [name for name, _ in self._made()]

    def changed(self, last: Optional[str] = None) -> Iterator[Tuple[str, bytes]]:
        """(name, content) of each new file; `last` at the end: it vouches for the others."""
        for name, path in sorted(self._made(), key=lambda made: made[0] == last):
            look = look_of(path)
            if self._sent.get(name) != look:
                content = self.workplace.content(path)
                self._sent[name] = look
                yield name, content

    def has_changed(self, name: str) -> bool:
        try:
            path = self.workplace.folder / self.workplace.place(self.target) / name
            return look_of(path) != self._sent.get(name)
        except OSError:
            return False


def missing(target: Path, names: Sequence[str]) -> Set[str]:
    """Those of the files in a folder that cannot be seen: what another machine wrote to a shared
    folder can take a while to come.
    """
    return {name for name in names if not (target / name if name else target).is_file()}
