"""What a store says of itself: `meta.json`, sealed, and checked field by field when it is read."""

import os
from pathlib import Path
from typing import Annotated, Dict, List, Optional

import numpy as np
from pydantic import Field, StringConstraints
from pydantic import model_validator as validator

from ..errors import Errors, SkdError
from ..records import (
    Checksum,
    Count,
    Damaged,
    FileEntry,
    Part,
    checksum_of,
    parse_object,
    parse_part,
    read_plain,
    stays_inside,
    unsealed,
    write_record,
)
from ..schemes import SCHEMES
from ..transfer import Teacher

META = "meta.json"
FORMAT = "spacy-skd soft targets"
VERSION = 2
SHARD = r"shard-\d{5,9}\.arrow"

DType = Annotated[str, StringConstraints(pattern=r"^float(16|32)$")]


class Origin(Part):
    """By what a store's teacher is recognised.

    path (Optional[str]): Its folder, relative to the store; None if there is none to look at.
    fingerprint (str): Of all that its scores depend on.
    files (Dict[str, FileEntry]): The manifest of its folder.
    """

    path: Optional[str]
    fingerprint: str
    files: Dict[str, FileEntry]

    @validator(mode="after")
    def _leads_nowhere_else(self) -> "Origin":
        if self.path is not None and (os.path.isabs(self.path) or "\0" in self.path):
            raise ValueError("a relative path is expected")
        if not all(map(stays_inside, self.files)):
            raise ValueError("names of files in the teacher's folder are expected")
        return self


class Plan(Part):
    """From what and how a store is made: two stores of one plan are the same.

    lang (str): The language.
    teacher (Origin): The teacher.
    corpus (str): Fingerprint of the files of documents.
    splits (List[str]): Their names without suffix.
    held_out (Optional[str]): The fold of the training sentences that the teacher has not seen, such
        as "2/4": of those the store has this fold's alone. None: it has them all.
    dtype (str): Of the scores; a shard with a score beyond float16 is float32 all the same.
    shard_size (int): Documents in a shard, at most.
    """

    lang: str
    teacher: Origin
    corpus: str
    splits: List[str]
    held_out: Annotated[Optional[str], StringConstraints(pattern=r"^[1-9]\d*/[1-9]\d*$")] = None
    dtype: DType
    shard_size: Annotated[Count, Field(ge=1)]

    def fingerprint(self) -> str:
        """SHA-256 of it and of the format, so that each shard can say what it is a part of. Where
        the teacher is does not count: store and teacher may be moved apart.
        """
        return checksum_of({"version": VERSION, **self.model_dump(exclude={"teacher": {"path"}})})


class Chain(Part):
    """The part of the teacher that all sentences share, as a `Teacher` of L tags."""

    tags: Annotated[List[str], Field(min_length=1)]
    scheme: str
    transitions: List[List[float]]
    start: List[float]
    end: List[float]

    @validator(mode="after")
    def _has_the_shapes(self) -> "Chain":
        if self.scheme not in SCHEMES:
            raise ValueError("the tag scheme is unknown")
        size = len(self.tags)
        sizes = {len(self.transitions), *map(len, self.transitions), len(self.start), len(self.end)}
        if len(set(self.tags)) != size or sizes != {size}:
            raise ValueError(f"{size} tags, all different, need as many scores")
        if not all(np.isfinite(scores).all() for scores in self.arrays()):
            raise ValueError("a score is too large")
        return self

    def arrays(self) -> List[np.ndarray]:
        """Transition (L, L), start (L,) and end (L,) scores, float32."""
        with np.errstate(over="ignore"):
            return [np.array(s, dtype=np.float32) for s in (self.transitions, self.start, self.end)]

    def to_teacher(self) -> Teacher:
        return Teacher(tuple(self.tags), self.scheme, *self.arrays())

    @classmethod
    def of(cls, teacher: Teacher) -> "Chain":
        """Raises `ValueError` for scores that are not finite."""
        names = ("transitions", "start", "end")
        scores = {
            name: np.asarray(getattr(teacher, name), dtype=np.float32).tolist() for name in names
        }
        return cls(tags=list(teacher.tags), scheme=teacher.scheme, **scores)


class ShardEntry(Part):
    """One file of a store. `checksum` is its XXH3 of 128 bits: gigabytes are read within a second,
    so that every opening can check them all.
    """

    file: Annotated[str, StringConstraints(pattern=f"^{SHARD}$")]
    sentences: Annotated[Count, Field(ge=1)]
    tokens: Annotated[Count, Field(ge=1)]
    dtype: DType
    bytes: Count
    checksum: Checksum


class Meta(Part):
    format: str = FORMAT
    version: int = VERSION
    plan: Plan
    teacher: Chain
    shards: List[ShardEntry]

    @validator(mode="after")
    def _names_each_shard_once(self) -> "Meta":
        if len({shard.file for shard in self.shards}) != len(self.shards):
            raise ValueError("a shard is named twice")
        return self


def read_meta(path: Path) -> Meta:
    """The description of a store. Raises `SkdError` if it is damaged, of another version, or of
    something else.
    """
    try:
        text = read_plain(path)
        content = parse_object(text)
        if content.get("format") != FORMAT:
            raise SkdError(Errors.SKD066.format(path=path.parent, found=path.name))
        version = content.get("version")
        if version != VERSION:
            known = type(version) is int and 0 <= version < 1000
            version = version if known else "unknown"
            raise SkdError(Errors.SKD067.format(path=path.parent, version=version, known=VERSION))
        return parse_part(Meta, unsealed(text))
    except Damaged as error:
        raise SkdError(Errors.SKD065.format(path=path, reason=error)) from error
    except OSError as error:
        raise SkdError(Errors.SKD065.format(path=path, reason=error.strerror)) from error


def write_meta(path: Path, meta: Meta) -> None:
    write_record(path, meta.model_dump())
