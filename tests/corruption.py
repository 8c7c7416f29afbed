"""Random damage to files, as disks, copies, editors and people do it."""

import shutil
from pathlib import Path
from typing import Callable, Dict, List, Sequence

import numpy as np


def corrupt(rng: np.random.Generator, files: Sequence[Path]) -> str:
    """Damage one of some files, or two. Returns what was done."""
    files = sorted(files)
    path = files[rng.integers(len(files))]
    kinds = sorted(KINDS)
    kind = kinds[rng.integers(len(kinds))]
    KINDS[kind](rng, path, files)
    return f"{kind} {path.name}"


def flip(rng: np.random.Generator, path: Path, files: List[Path]) -> None:
    data = bytearray(path.read_bytes())
    data[rng.integers(len(data))] ^= 1 << int(rng.integers(8))
    path.write_bytes(data)


def truncate(rng: np.random.Generator, path: Path, files: List[Path]) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: rng.integers(len(data))])


def empty(rng: np.random.Generator, path: Path, files: List[Path]) -> None:
    path.write_bytes(b"")


def append(rng: np.random.Generator, path: Path, files: List[Path]) -> None:
    with path.open("ab") as file:
        file.write(rng.bytes(int(rng.integers(1, 50))))


def insert(rng: np.random.Generator, path: Path, files: List[Path]) -> None:
    data = path.read_bytes()
    i = int(rng.integers(len(data)))
    path.write_bytes(data[:i] + rng.bytes(3) + data[i:])


def blank(rng: np.random.Generator, path: Path, files: List[Path]) -> None:
    """A block of zeros, as a crash of the system leaves it."""
    data = bytearray(path.read_bytes())
    i = int(rng.integers(len(data)))
    size = min(512, len(data) - i)
    data[i : i + size] = bytes(size)
    path.write_bytes(data)


def digit(rng: np.random.Generator, path: Path, files: List[Path]) -> None:
    """Another digit, as an editor would write it."""
    data = bytearray(path.read_bytes())
    places = [i for i, byte in enumerate(data) if 48 <= byte <= 57]
    if places:
        i = places[rng.integers(len(places))]
        data[i] = 48 + (data[i] - 48 + int(rng.integers(1, 10))) % 10
        path.write_bytes(data)


def delete(rng: np.random.Generator, path: Path, files: List[Path]) -> None:
    path.unlink()


def swap(rng: np.random.Generator, path: Path, files: List[Path]) -> None:
    """Two files of one kind change places."""
    alike = [other for other in files if other.suffix == path.suffix and other != path]
    if alike:
        other = alike[rng.integers(len(alike))]
        data, others = path.read_bytes(), other.read_bytes()
        path.write_bytes(others)
        other.write_bytes(data)


def overwrite(rng: np.random.Generator, path: Path, files: List[Path]) -> None:
    """A file is written over by another of its kind."""
    alike = [other for other in files if other.suffix == path.suffix and other != path]
    if alike:
        path.write_bytes(alike[rng.integers(len(alike))].read_bytes())


def duplicate(rng: np.random.Generator, path: Path, files: List[Path]) -> None:
    """A copy under a name that another such file might have."""
    number = "".join(filter(str.isdigit, path.stem))
    other = path.stem.replace(number, "00077") if number else path.stem
    name = other if other != path.stem else f"{path.stem}-copy"
    shutil.copy(path, path.with_name(name + path.suffix))


def folder(rng: np.random.Generator, path: Path, files: List[Path]) -> None:
    bare_folder(rng, path, files)
    (path / "thesis.txt").write_text("years of work")


def bare_folder(rng: np.random.Generator, path: Path, files: List[Path]) -> None:
    path.unlink()
    path.mkdir()


def link(rng: np.random.Generator, path: Path, files: List[Path]) -> None:
    """A link to the same content elsewhere, to another file, to nothing, or to itself."""
    elsewhere = path.parent.parent / f"{path.name}.elsewhere"
    kind = int(rng.integers(4))
    if kind == 0:
        path.rename(elsewhere)
    else:
        path.unlink()
    path.symlink_to([elsewhere, Path("/etc/passwd"), elsewhere, path][kind])


KINDS: Dict[str, Callable[[np.random.Generator, Path, List[Path]], None]] = {
    function.__name__: function
    for function in (
        flip, truncate, empty, append, insert, blank, digit, delete, swap, overwrite, duplicate,
        folder, bare_folder, link,
    )
}  # fmt: skip
