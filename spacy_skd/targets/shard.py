"""One file of a store: an Arrow stream of one record batch, a row a document.

    fingerprint (uint64), text_fingerprint (uint64), n_tokens (int32), emissions (list of n * L)

`datasets.Dataset.from_file` opens it. The columns that find a document are read at once and kept,
its scores when they are asked for.
"""

import mmap
import os
from collections import OrderedDict
from io import FileIO
from pathlib import Path
from typing import Any, List, NamedTuple, Tuple

import numpy as np
from spacy.tokens import Doc

from ..corpora.stored import words_and_spaces
from ..errors import Errors, SkdError
from ..records import CHUNK, Damaged, open_plain
from .fingerprints import fingerprints
from .meta import ShardEntry

FLOAT16_MAX = float(np.finfo(np.float16).max)


class Row(NamedTuple):
    """A document, and by what it will be found."""

    doc: Doc
    fingerprint: int
    text_fingerprint: int

    @classmethod
    def of(cls, doc: Doc) -> "Row":
        return cls(doc, *fingerprints(*words_and_spaces(doc)))


class Buffer:
    """The rows of a shard before it is written."""

    def __init__(self) -> None:
        self.fingerprints: List[int] = []
        self.text_fingerprints: List[int] = []
        self.n_tokens: List[int] = []
        self.emissions: List[np.ndarray] = []

    def __len__(self) -> int:
        return len(self.emissions)

    def add(self, row: Row, emissions: np.ndarray) -> None:
        self.fingerprints.append(row.fingerprint)
        self.text_fingerprints.append(row.text_fingerprint)
        self.n_tokens.append(len(row.doc))
        self.emissions.append(np.asarray(emissions, dtype=np.float32).ravel())

    def write(self, folder: Path, name: str, dtype: str) -> ShardEntry:
        """Write the rows as the file `name`, which is there as a whole or not at all."""
        pa, _ = import_libraries()
        values = np.concatenate(self.emissions)
        offsets = np.cumsum([0, *map(len, self.emissions)], dtype=np.int32)
        scores = values.astype(wide_enough(values, np.dtype(dtype)))
        columns = {
            "fingerprint": pa.array(self.fingerprints, pa.uint64()),
            "text_fingerprint": pa.array(self.text_fingerprints, pa.uint64()),
            "n_tokens": pa.array(self.n_tokens, pa.int32()),
            "emissions": pa.ListArray.from_arrays(pa.array(offsets), pa.array(scores)),
        }
        batch = pa.record_batch(columns)
        unfinished = (folder / name).with_suffix(".tmp")
        # Python's file and not Arrow's: what it raises on a full disk is one line.
        with unfinished.open("wb") as out, pa.ipc.new_stream(out, batch.schema) as stream:
            stream.write_batch(batch)
        with open_plain(unfinished) as file:
            checksum = file_xxh3(file)
        entry = ShardEntry(
            file=name,
            sentences=len(self),
            tokens=sum(self.n_tokens),
            dtype=str(scores.dtype),
            bytes=unfinished.stat().st_size,
            checksum=checksum,
        )
        os.replace(unfinished, folder / name)
        return entry


def wide_enough(values: np.ndarray, dtype: np.dtype) -> np.dtype:
    """`dtype`, or float32 where a score is too large for float16: clipped, it would be another."""
    largest = np.abs(values[np.isfinite(values)]).max(initial=0.0)
    return np.dtype(np.float32) if largest > FLOAT16_MAX else dtype


class Shard:
    """A file of a store, verified: it is parsed when its checksum is known to be right.

    folder (Path): The store.
    entry (ShardEntry): What the store's meta.json says of the file.
    n_tags (int): L.
    files (OpenFiles): Those that are open.
    Raises `SkdError` if the file is not as it was written.
    """

    def __init__(self, folder: Path, entry: ShardEntry, n_tags: int, files: "OpenFiles") -> None:
        self.path = folder / entry.file
        self.entry = entry
        self._n_tags = n_tags
        self._files = files
        self._dtype = np.dtype(entry.dtype)
        try:
            file = open_plain(self.path)
            try:
                verify(file, entry)
                self._identity = identity(file)
                self._read_columns(file)
            except BaseException:
                file.close()
                raise
            files.keep(self, file)
        except Damaged as error:
            raise SkdError(Errors.SKD064.format(path=self.path, reason=error)) from error
        except FileNotFoundError as error:
            raise SkdError(Errors.SKD064.format(path=self.path, reason="it is missing")) from error
        except OSError as error:
            reason = f"it cannot be opened: {error.strerror}"
            raise SkdError(Errors.SKD064.format(path=self.path, reason=reason)) from error

    def _read_columns(self, file: FileIO) -> None:
        pa, _ = import_libraries()
        try:
            buffer = pa.py_buffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
            batch = pa.ipc.open_stream(buffer).read_next_batch()
            self._offsets, places = check_batch(batch, self.entry, self._n_tags)
        # OSError and ValueError are the bases of what Arrow raises.
        except (OSError, ValueError, StopIteration) as error:
            raise Damaged("it does not hold what meta.json says") from error
        # A copy: the file does not stay mapped, since one that is truncated would kill the process.
        self.fingerprints = batch.column("fingerprint").to_numpy().copy()
        self._texts_at, self._scores_at = (place - buffer.address for place in places)

    def text_fingerprints(self) -> np.ndarray:
        """Column of numbers, (rows,): only read to say why a document is not there."""
        size = 8 * self.entry.sentences
        return np.frombuffer(self._read(self._texts_at, size), dtype=np.uint64)

    def emissions(self, row: int) -> np.ndarray:
        """Emission scores (n, L) of a row, read-only."""
        start, end = (int(offset) * self._dtype.itemsize for offset in self._offsets[row : row + 2])
        data = self._read(self._scores_at + start, end - start)
        return np.frombuffer(data, dtype=self._dtype).reshape(-1, self._n_tags)

    def _read(self, position: int, size: int) -> bytes:
        file = self._files.get(self)
        file.seek(position)
        data = file.read(size)
        if len(data) != size:
            raise SkdError(Errors.SKD182.format(path=self.path))
        return data

    def reopen(self) -> FileIO:
        """The file, provided that it still is the one that was verified."""
        try:
            file = open_plain(self.path)
            if identity(file) == self._identity:
                return file
            file.close()
        except (OSError, Damaged):
            pass
        raise SkdError(Errors.SKD182.format(path=self.path))


class OpenFiles:
    """The files of shards that are open at a time: a system allows a process only so many. A file
    that is open stays what it was, also when it is replaced.
    """

    def __init__(self, most: int = 200) -> None:
        self._most = most
        self._files: OrderedDict[Path, FileIO] = OrderedDict()

    def __del__(self) -> None:
        for file in self._files.values():
            file.close()

    def get(self, shard: Shard) -> FileIO:
        if shard.path not in self._files:
            self.keep(shard, shard.reopen())
        self._files.move_to_end(shard.path)
        return self._files[shard.path]

    def keep(self, shard: Shard, file: FileIO) -> None:
        self._files[shard.path] = file
        while len(self._files) > self._most:
            self._files.popitem(last=False)[1].close()


def verify(file: FileIO, entry: ShardEntry) -> None:
    """Raise `Damaged` unless an open file has the size and checksum of its entry in meta.json."""
    size = os.fstat(file.fileno()).st_size
    if size != entry.bytes:
        raise Damaged(f"it has {size} bytes instead of {entry.bytes}")
    if file_xxh3(file) != entry.checksum:
        raise Damaged("its checksum differs")


def check_batch(batch: Any, entry: ShardEntry, n_tags: int) -> Tuple[np.ndarray, Tuple[int, int]]:
    """The offsets of the scores, (rows + 1,) int32, and the addresses of the text fingerprints and
    of the scores. Raises `ValueError` for a batch that is not of the rows that its entry describes.
    """
    pa, _ = import_libraries()
    batch.validate()
    scores = pa.float16() if entry.dtype == "float16" else pa.float32()
    types = {
        "fingerprint": pa.uint64(),
        "text_fingerprint": pa.uint64(),
        "n_tokens": pa.int32(),
        "emissions": pa.list_(scores),
    }
    if not batch.schema.equals(pa.schema(types.items())) or batch.num_rows != entry.sentences:
        raise ValueError
    if any(column.null_count for column in batch.columns) or batch.column(3).values.null_count:
        raise ValueError
    emissions = batch.column("emissions")
    n_tokens = batch.column("n_tokens").to_numpy().astype(np.int64)
    offsets = emissions.offsets.to_numpy().copy()
    expected = np.concatenate([[0], np.cumsum(n_tokens * n_tags)])
    if n_tokens.min(initial=1) < 1 or n_tokens.sum() != entry.tokens:
        raise ValueError
    if (offsets != expected).any() or len(emissions.values) != expected[-1]:
        raise ValueError
    texts = batch.column("text_fingerprint")
    return offsets, (texts.buffers()[1].address, emissions.values.buffers()[1].address)


def identity(file: FileIO) -> Tuple[int, int, int, int]:
    """By what an open file is recognised when it is opened again."""
    status = os.fstat(file.fileno())
    return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)


def file_xxh3(file: FileIO) -> str:
    """XXH3, 128 bits, of an open file from its beginning."""
    _, xxhash = import_libraries()
    digest = xxhash.xxh3_128()
    file.seek(0)
    while chunk := file.read(CHUNK):
        digest.update(chunk)
    return digest.hexdigest()


def import_libraries() -> Tuple[Any, Any]:
    """pyarrow and xxhash. Late, because a pipeline that only predicts needs neither."""
    try:
        import pyarrow
        import pyarrow.ipc
        import xxhash
    except ImportError as error:
        raise SkdError(Errors.SKD074) from error
    return pyarrow, xxhash
