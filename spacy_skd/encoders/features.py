"""Features of sentences, computed once and kept: a frozen encoder says the same in every epoch."""

import hashlib
import os
import sqlite3
import weakref
import zlib
from pathlib import Path
from typing import List, Optional, Sequence

import numpy as np

from ..errors import Errors, SkdError

Words = Sequence[str]

# Seconds to wait for another process that writes.
PATIENCE = 60
PAGE = 8192


class Features:
    """A map from the words of a sentence to its features, (n, width) float16, in an SQLite file.

    path (Optional[Path]): The file, which several processes may use at a time and later ones find
        again; None: a temporary one, of this process alone, that the system removes.
    width (int): Of the features. A file is for one encoder and one way to ask it.
    limit (int): Bytes. A file that has grown so large, or a disk that is full, takes no more.
    Raises `SkdError` if the file cannot be opened.
    """

    def __init__(self, path: Optional[Path], width: int, limit: int) -> None:
        self.width = width
        self.is_full = False
        # A connection does not survive a fork.
        self._process = os.getpid()
        try:
            if path is not None:
                path.parent.mkdir(parents=True, exist_ok=True)
            self._file = sqlite3.connect(
                path or "", timeout=PATIENCE, isolation_level=None, check_same_thread=False
            )
            # Python 3.13 warns of those that are left to be closed by themselves.
            weakref.finalize(self, self._file.close)
            self._file.execute(f"PRAGMA page_size = {PAGE}")
            self._file.execute("PRAGMA journal_mode = WAL")
            self._file.execute("PRAGMA synchronous = NORMAL")
            self._file.execute(f"PRAGMA max_page_count = {max(limit // PAGE, 1)}")
            self._file.execute(
                "CREATE TABLE IF NOT EXISTS features (key INTEGER PRIMARY KEY, rows BLOB)"
            )
        except (OSError, sqlite3.Error) as error:
            raise SkdError(Errors.SKD156.format(path=path, reason=error)) from error

    def find(self, sentences: Sequence[Words]) -> List[Optional[np.ndarray]]:
        """The features of each sentence, None for one that is not there or is damaged."""
        if self._process != os.getpid():
            return [None] * len(sentences)
        return [self._find(words) for words in sentences]

    def _find(self, words: Words) -> Optional[np.ndarray]:
        try:
            query = "SELECT rows FROM features WHERE key = ?"
            found = self._file.execute(query, (key_of(words),)).fetchone()
        except sqlite3.Error:
            return None
        return None if found is None else unpack(found[0], len(words), self.width)

    def add(self, sentences: Sequence[Words], features: Sequence[np.ndarray]) -> None:
        """Keep the features of some sentences, as far as there is room."""
        if self.is_full or self._process != os.getpid():
            return
        rows = [(key_of(words), pack(array)) for words, array in zip(sentences, features)]
        try:
            self._file.execute("BEGIN IMMEDIATE")
            self._file.executemany("INSERT OR REPLACE INTO features VALUES (?, ?)", rows)
            self._file.execute("COMMIT")
        except sqlite3.Error:  # full, damaged, or locked for very long: it is only a shorter way
            self.is_full = True
            if self._file.in_transaction:
                self._file.execute("ROLLBACK")


def key_of(words: Words) -> int:
    """64 bits of the words, signed as SQLite's integers are."""
    digest = hashlib.blake2b("\0".join(words).encode("utf8"), digest_size=8).digest()
    return int.from_bytes(digest, "little", signed=True)


def pack(features: np.ndarray) -> bytes:
    data = np.ascontiguousarray(features, dtype="<f2").tobytes()
    return zlib.crc32(data).to_bytes(4, "little") + data


def unpack(packed: bytes, n: int, width: int) -> Optional[np.ndarray]:
    checksum, data = packed[:4], packed[4:]
    if len(data) != 2 * n * width or zlib.crc32(data).to_bytes(4, "little") != checksum:
        return None
    return np.frombuffer(data, dtype="<f2").reshape(n, width)
