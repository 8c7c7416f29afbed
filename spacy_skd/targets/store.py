"""Reading soft targets: memory-mapped, matched to documents by content."""

import json
import mmap
import os
from pathlib import Path
from typing import Dict, List, Sequence, Set, Tuple

import numpy as np
from spacy.tokens import Doc

from ..errors import Errors, SkdError
from ..records import file_checksum
from ..transfer import Teacher
from .fingerprints import sentence_fingerprint, teacher_fingerprint, text_fingerprint

META = "meta.json"
FORMAT = "spacy-skd soft targets"
VERSION = 1
# Folders that are being written or about to be removed end so; they are no stores.
PARTIAL = ".partial"
STALE = ".stale"

# How much of the mapped files may be resident before it is given back to the system's page cache,
# and what one access may make resident: Linux maps the cached pages around it, up to a huge page.
RESIDENT_BYTES = 64 << 20
ACCESS_BYTES = 2 << 20


def open_targets(path: Path) -> "SoftTargets":
    """Open all soft-target stores below a folder, at any depth.

    Raises `SkdError` if there is none, for a damaged store, and for one whose teacher has been
    retrained since (where the teacher is still at the place that the store recorded).
    """
    path = Path(path)
    found = sorted(meta.parent for meta in path.rglob(META))
    folders = [folder for folder in found if not _is_unfinished(folder.relative_to(path))]
    if not folders:
        raise SkdError(Errors.SKD060.format(path=path))
    pages = Pages()
    stores = [Store(folder, pages) for folder in folders]
    for store in stores:
        store.check_teacher()
    return SoftTargets(path, stores)


def _is_unfinished(folder: Path) -> bool:
    return any(part.endswith((PARTIAL, STALE)) for part in folder.parts)


class SoftTargets:
    """The soft targets of some languages, by one or more teachers each."""

    def __init__(self, path: Path, stores: Sequence["Store"]) -> None:
        self.path = path
        self.stores: Dict[str, List[Store]] = {}
        for store in stores:
            self.stores.setdefault(store.lang, []).append(store)

    @property
    def languages(self) -> Tuple[str, ...]:
        """The languages that have a store."""
        return tuple(sorted(self.stores))

    def find(self, doc: Doc, lang: str) -> List["SoftTarget"]:
        """What each teacher of the language says of a document; [] if the language has no store.

        Raises `SkdError` if a store of the language lacks the document.
        """
        stores = self.stores.get(lang, [])
        if not stores:
            return []
        fingerprint = sentence_fingerprint(doc)
        return [store.find(doc, fingerprint) for store in stores]


class SoftTarget:
    """What one teacher says of one document. Holds no scores until it is asked for them."""

    __slots__ = ("teacher", "_shard", "_row")

    def __init__(self, teacher: Teacher, shard: "Shard", row: int) -> None:
        self.teacher = teacher
        self._shard = shard
        self._row = row

    def emissions(self) -> np.ndarray:
        """Emission scores (n, L), float16 or float32: a read-only view of the memory map."""
        return self._shard.emissions(self._row)


class Store:
    """One teacher's scores for the sentences of one language: one folder.

    path (Path): The folder.
    lang (str): The language.
    teacher (Teacher): Of L tags; the same object for all its soft targets.
    plan (Dict): From what, and with which settings, the store was made.
    """

    def __init__(self, path: Path, pages: "Pages") -> None:
        meta = read_meta(path / META)
        self.path = path
        self.lang: str = meta["plan"]["lang"]
        self.plan: Dict = meta["plan"]
        self.teacher = teacher_from_json(meta["teacher"])
        self.shards = [
            Shard(path, entry, len(self.teacher.tags), pages) for entry in meta["shards"]
        ]
        self._build_index()
        pages.release()

    def _build_index(self) -> None:
        """Sort the fingerprints, (sentences,) uint64; shard and row follow in the same order."""
        columns = [shard.column("fingerprint") for shard in self.shards]
        sizes = [len(column) for column in columns]
        fingerprints = np.concatenate([np.zeros(0, dtype=np.uint64), *columns])
        order = np.argsort(fingerprints, kind="stable")
        self._fingerprints = fingerprints[order]
        self._shard_of = np.repeat(np.arange(len(sizes), dtype=np.int32), sizes)[order]
        rows = [np.arange(size, dtype=np.int32) for size in sizes]
        self._row_of = np.concatenate([np.zeros(0, dtype=np.int32), *rows])[order]

    def __len__(self) -> int:
        return len(self._fingerprints)

    def find(self, doc: Doc, fingerprint: int) -> SoftTarget:
        """The soft target of the document with a fingerprint. Raises `SkdError` if it is absent."""
        key = np.uint64(fingerprint)
        i = self._fingerprints.searchsorted(key)
        if i == len(self._fingerprints) or self._fingerprints[i] != key:
            raise SkdError(self._why_absent(doc))
        return SoftTarget(self.teacher, self.shards[self._shard_of[i]], int(self._row_of[i]))

    def _why_absent(self, doc: Doc) -> str:
        text = np.uint64(text_fingerprint(doc))
        known = any((shard.column("text_fingerprint") == text).any() for shard in self.shards)
        message = Errors.SKD062 if known else Errors.SKD061
        return message.format(path=self.path, lang=self.lang, sentence=excerpt(doc))

    def check_teacher(self) -> None:
        """Raise `SkdError` if the teacher is where it was, but is no longer the same."""
        teacher = teacher_path(self.path, self.plan)
        if not teacher.is_dir():
            return
        if teacher_fingerprint(teacher) != self.plan["teacher"]["fingerprint"]:
            raise SkdError(Errors.SKD063.format(teacher=teacher, path=self.path))


class Shard:
    """One Arrow file of a store, mapped into memory.

    folder (Path): The store.
    entry (Dict): What the store's meta.json says of the file.
    n_tags (int): L.
    Raises `SkdError` if the file is not as it was written.
    """

    def __init__(self, folder: Path, entry: Dict, n_tags: int, pages: "Pages") -> None:
        path = folder / entry["file"]
        verify_file(path, entry)
        self._map = map_file(path)
        self._batch = read_batch(self._map)
        self._pages = pages
        self._n_tags = n_tags
        scores = self._batch.column("emissions")
        # A copy of 4 bytes a row, so that reading a row touches one place of the file and not two.
        self._offsets = scores.offsets.to_numpy(zero_copy_only=False).copy()
        self._values = scores.values.to_numpy(zero_copy_only=True)

    def column(self, name: str) -> np.ndarray:
        """A column of numbers, (rows,), a view of the memory map."""
        self._pages.touch(self._map, 0)
        return self._batch.column(name).to_numpy(zero_copy_only=True)

    def emissions(self, row: int) -> np.ndarray:
        """Emission scores (n, L) of a row, a view of the memory map."""
        scores = self._values[self._offsets[row] : self._offsets[row + 1]]
        self._pages.touch(self._map, scores.nbytes)
        return scores.reshape(-1, self._n_tags)


class Pages:
    """The pages of mapped files that count as memory of this process, kept from growing with the
    files. They belong to the system's page cache: given back, they stay there, and views of them
    stay valid.
    """

    def __init__(self) -> None:
        self._touched: Set[mmap.mmap] = set()
        self._resident = 0

    def touch(self, mapped: mmap.mmap, n_bytes: int) -> None:
        """Note that some bytes of a mapped file are about to be read."""
        self._touched.add(mapped)
        self._resident += n_bytes + ACCESS_BYTES
        if self._resident > RESIDENT_BYTES:
            self.release()

    def release(self) -> None:
        if hasattr(mmap, "MADV_DONTNEED"):  # not on Windows, where the system decides by itself
            for mapped in self._touched:
                mapped.madvise(mmap.MADV_DONTNEED)
        self._touched.clear()
        self._resident = 0


def map_file(path: Path) -> mmap.mmap:
    with path.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def read_batch(mapped: mmap.mmap):
    """The one record batch of a mapped Arrow stream, without reading its columns."""
    pa = import_pyarrow()
    return pa.ipc.open_stream(pa.py_buffer(mapped)).read_next_batch()


def import_pyarrow():
    """Late, because a pipeline that only predicts needs no Arrow."""
    try:
        import pyarrow
        import pyarrow.ipc
    except ImportError as error:
        raise SkdError(Errors.SKD074) from error
    return pyarrow


def verify_file(path: Path, entry: Dict) -> None:
    """Raise `SkdError` unless a file has the size and checksum of its entry in meta.json."""
    if not path.is_file():
        raise SkdError(Errors.SKD064.format(path=path, reason="it is missing"))
    size = path.stat().st_size
    if size != entry["bytes"]:
        reason = f"it has {size} bytes instead of {entry['bytes']}"
        raise SkdError(Errors.SKD064.format(path=path, reason=reason))
    if file_checksum(path) != entry["checksum"]:
        raise SkdError(Errors.SKD064.format(path=path, reason="its checksum differs"))


def read_meta(path: Path) -> Dict:
    """The description of a store. Raises `SkdError` if it is damaged or of something else."""
    try:
        meta = json.loads(path.read_text(encoding="utf8"))
    except ValueError as error:
        raise SkdError(Errors.SKD065.format(path=path, reason=error)) from error
    if not isinstance(meta, dict) or meta.get("format") != FORMAT:
        raise SkdError(Errors.SKD066.format(path=path.parent))
    if meta.get("version") != VERSION:
        version = meta.get("version")
        raise SkdError(Errors.SKD067.format(path=path.parent, version=version, known=VERSION))
    lacking = {"plan", "teacher", "shards"} - set(meta)
    if lacking:
        reason = f"it lacks {', '.join(sorted(lacking))}"
        raise SkdError(Errors.SKD065.format(path=path, reason=reason))
    return meta


def teacher_path(store: Path, plan: Dict) -> Path:
    """Where the teacher of a store was when it was made, seen from where the store is now."""
    # Not `resolve`: the path was made by names alone, so that symbolic links must not be followed.
    return Path(os.path.abspath(store / plan["teacher"]["path"]))


def teacher_from_json(data: Dict) -> Teacher:
    chain = (np.array(data[name], dtype=np.float32) for name in ("transitions", "start", "end"))
    return Teacher(tuple(data["tags"]), data["scheme"], *chain)


def excerpt(doc: Doc) -> str:
    """The beginning of a document, on one line, for a message."""
    text = " ".join(doc.text.split())
    return text if len(text) <= 60 else f"{text[:60]}..."
