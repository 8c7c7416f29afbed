"""Reading soft targets: opened without their scores, matched to documents by content."""

import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Collection, Dict, List, Optional, Set, Tuple

import numpy as np
from spacy.tokens import Doc

from ..ensembles import Fold
from ..errors import Errors, SkdError
from ..records import first_difference
from ..transfer import Teacher
from .fingerprints import sentence_fingerprint, text_fingerprint
from .folders import find_stores
from .meta import META, Origin, read_meta
from .shard import OpenFiles, Shard

# What is found wrong while stores are being replaced is looked at again, so often.
ATTEMPTS = 10
PAUSE = 0.2


def open_targets(path: Path, languages: Optional[Collection[str]] = None) -> "SoftTargets":
    """Open all soft-target stores below a folder, at any depth, as they were at one moment.

    languages (Optional[Collection[str]]): Those that are asked for; None: all. `label` leaves a
        store alone whose language has left the corpus, while one teacher of all is trained again.
    Raises `SkdError` if there is none, for a damaged or unfinished store, and for one of these
    languages whose teacher has been retrained since (where the teacher is still at the place that
    the store recorded).
    """
    path = Path(path)
    for _ in range(ATTEMPTS):
        before = _state(path)
        try:
            targets = SoftTargets(path, languages)
            if _state(path) == before:
                return targets
        except SkdError:
            time.sleep(PAUSE)
            if _state(path) == before:
                raise
    raise SkdError(Errors.SKD184.format(path=path))


def _state(path: Path) -> List[Tuple]:
    """Changes when a store is put in its place, replaced or removed."""
    found = []
    for folder, _, files in os.walk(path):
        if META in files:
            with suppress(OSError):
                status = os.stat(os.path.join(folder, META))
                found.append((folder, status.st_ino, status.st_mtime_ns))
    return sorted(found)


class SoftTargets:
    """The soft targets of some languages, by one or more teachers each: the stores below `path`."""

    def __init__(self, path: Path, languages: Optional[Collection[str]] = None) -> None:
        self.path = path
        self.stores: Dict[str, List[Store]] = {}
        files = OpenFiles()
        try:
            folders = find_stores(path)
        except (FileNotFoundError, NotADirectoryError):
            folders = []
        except OSError as error:
            raise SkdError(Errors.SKD065.format(path=path, reason=error.strerror)) from error
        if not folders:
            raise SkdError(Errors.SKD060.format(path=path))
        for store in [Store(folder, files) for folder in folders]:
            if languages is None or store.lang in languages:
                store.check_teacher()
            self.stores.setdefault(store.lang, []).append(store)

    @property
    def languages(self) -> Tuple[str, ...]:
        """The languages that have a store."""
        return tuple(sorted(self.stores))

    def find(self, doc: Doc, lang: str) -> List["SoftTarget"]:
        """What each teacher of the language says of a document; [] if the language has no store.
        Teachers of folds say nothing of sentences that they were trained on.

        Raises `SkdError` if a store of the language lacks the document that should have it.
        """
        stores = self.stores.get(lang, [])
        if not stores:
            return []
        fingerprint = sentence_fingerprint(doc)
        found = [store.find(fingerprint) for store in stores]
        if None in found:
            having = {store.held_out for store, target in zip(stores, found) if target is not None}
            for store, target in zip(stores, found):
                if target is None and not is_excused(store.held_out, having):
                    raise SkdError(store.why_absent(doc))
        return [target for target in found if target is not None]


class SoftTarget:
    """What one teacher says of one document. Holds no scores until it is asked for them."""

    __slots__ = ("_row", "_shard", "teacher")

    def __init__(self, teacher: Teacher, shard: Shard, row: int) -> None:
        self.teacher = teacher
        self._shard = shard
        self._row = row

    def emissions(self) -> np.ndarray:
        """Emission scores (n, L), float16 or float32, read from the store's file; read-only.

        Raises `SkdError` if the store has been replaced and the file is no longer open.
        """
        return self._shard.emissions(self._row)


class Store:
    """One teacher's scores for the sentences of one language: one folder.

    path (Path): The folder.
    lang (str): The language.
    teacher (Teacher): Of L tags; the same object for all its soft targets.
    meta (Meta): What the store says of itself.
    held_out (Optional[Fold]): The fold that the teacher was not trained on; None: there was none.
    """

    def __init__(self, path: Path, files: OpenFiles) -> None:
        self.path = path
        self.meta = read_meta(path / META)
        self.lang = self.meta.plan.lang
        held_out = self.meta.plan.held_out
        self.held_out = None if held_out is None else Fold.parse(held_out)
        self.teacher = self.meta.teacher.to_teacher()
        n_tags = len(self.teacher.tags)
        self.shards = [Shard(path, entry, n_tags, files) for entry in self.meta.shards]
        self._build_index()

    def _build_index(self) -> None:
        """Sort the fingerprints, (sentences,) uint64; shard and row follow in the same order."""
        columns = [shard.fingerprints for shard in self.shards]
        sizes = [len(column) for column in columns]
        fingerprints = np.concatenate([np.zeros(0, dtype=np.uint64), *columns])
        order = np.argsort(fingerprints, kind="stable")
        self._fingerprints = fingerprints[order]
        self._shard_of = np.repeat(np.arange(len(sizes), dtype=np.int32), sizes)[order]
        rows = [np.arange(size, dtype=np.int32) for size in sizes]
        self._row_of = np.concatenate([np.zeros(0, dtype=np.int32), *rows])[order]
        for shard in self.shards:
            del shard.fingerprints  # they are in the index now

    def __len__(self) -> int:
        return len(self._fingerprints)

    def find(self, fingerprint: int) -> Optional[SoftTarget]:
        """The soft target of the document with a fingerprint; None if there is none."""
        key = np.uint64(fingerprint)
        i = self._fingerprints.searchsorted(key)
        if i == len(self._fingerprints) or self._fingerprints[i] != key:
            return None
        return SoftTarget(self.teacher, self.shards[self._shard_of[i]], int(self._row_of[i]))

    def why_absent(self, doc: Doc) -> str:
        """The message for a document that should be here."""
        text = np.uint64(text_fingerprint(doc))
        known = any((shard.text_fingerprints() == text).any() for shard in self.shards)
        message = Errors.SKD062 if known else Errors.SKD061
        return message.format(path=self.path, lang=self.lang, sentence=excerpt(doc))

    def check_teacher(self) -> None:
        """Raise `SkdError` if the teacher is where it was, but is no longer the same.

        Only files that the teacher had when it made the store are looked at, and those are opened
        that still have their size: the path in meta.json leads nowhere else.
        """
        origin = self.meta.plan.teacher
        folder = teacher_folder(self.path, origin)
        if folder is None or not any((folder / name).is_file() for name in origin.files):
            return
        files = {name: entry.model_dump() for name, entry in origin.files.items()}
        if first_difference(folder, files):
            raise SkdError(Errors.SKD063.format(teacher=folder, path=self.path))


def is_excused(fold: Optional[Fold], having: Set[Optional[Fold]]) -> bool:
    """Whether the teachers of a fold need not know a sentence that those of `having` do: it is in
    one other fold of as many.
    """
    if fold is None:
        return False
    return len({other for other in having if other and other.total == fold.total} - {fold}) == 1


def teacher_folder(store: Path, origin: Origin) -> Optional[Path]:
    """Where the teacher of a store was when it was made, seen from where the store is now."""
    if origin.path is None:
        return None
    # Not `resolve`: the path was made by names alone, so that symbolic links must not be followed.
    return Path(os.path.abspath(store / origin.path))


def excerpt(doc: Doc) -> str:
    """The beginning of a document, on one line, for a message."""
    text = " ".join(doc.text.split())
    return text if len(text) <= 60 else f"{text[:60]}..."
