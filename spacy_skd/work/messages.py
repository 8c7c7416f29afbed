"""What a machine of a cluster says to the one that gives it work."""

from dataclasses import dataclass
from importlib.metadata import version
from typing import Dict, Mapping, Optional, Sequence

from tqdm import tqdm

# Seconds between two looks at a task or an actor.
INTERVAL = 1.0
# Of a task, and of each actor on average.
ATTEMPTS = 4
# They decide what the same data and config lead to.
PACKAGES = ("spacy-skd", "spacy", "thinc", "numpy")


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


def show(name: str, text: str) -> None:
    """Above the progress bar."""
    tqdm.write(f"[{name}] {text}")
