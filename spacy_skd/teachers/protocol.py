"""What whoever asks a teacher knows of it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Callable, List, Optional, Protocol, Sequence

import numpy as np
from spacy.tokens import Doc

from ..ensembles import Fold
from ..transfer import Teacher
from ..work.tasks import Place


class Scorer(Protocol):
    """A teacher at work."""

    @property
    def teacher(self) -> Teacher:
        """What it gives once for all sentences: L tags, scheme, and the scores of the chain."""

    def score(self, docs: Sequence[Doc]) -> List[np.ndarray]:
        """Emission scores (n, L) of each document, of which it sees words and spaces alone."""


@dataclass(frozen=True)
class Source:
    """Where a teacher is. Whether it has changed can be seen before it is put to work.

    name (str): What its targets are called: the language, or one of its several teachers.
    open (Callable[[], Scorer]): Raises `SkdError` if it cannot work.
    open_at (Callable[[Place], Scorer]): The same on another machine, given where files are there.
    files (Optional[Path]): The folder that it is opened from; None if it is known by a name.
    folder (Optional[Path]): What it is made of; None if that is no folder of this project.
    fingerprint (str): Without a folder: of all that its scores depend on.
    held_out (Optional[Fold]): The training sentences that it has not seen; None: it has seen all,
        or it is not known which.
    """

    name: str
    open: Callable[[], Scorer]
    open_at: Callable[[Place], Scorer]
    files: Optional[Path] = None
    folder: Optional[Path] = None
    fingerprint: str = ""
    held_out: Optional[Fold] = None


# From a language to its teachers. Raises `SkdError` if there is none.
FindTeachers = Callable[[str], List[Source]]
