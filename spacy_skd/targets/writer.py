"""Writing soft targets: beside the target folder, shard by shard, so that a killed run resumes."""

from collections import deque
from functools import partial
from itertools import count
from pathlib import Path
from typing import Callable, Collection, Deque, Dict, Iterable, Iterator, List, NoReturn, Optional

import numpy as np
from spacy.tokens import Doc

from ..errors import Errors, SkdError
from ..records import Damaged, parse_part, read_plain, sealed, unsealed
from ..transfer import Teacher
from .folders import PROGRESS, check_ours, partial_of, remove, replace, settle
from .meta import META, Chain, Meta, Plan, ShardEntry, write_meta
from .shard import Buffer, OpenFiles, Row, Shard
from .store import excerpt, teacher_folder

# Of a shard: it is put together in memory, and Arrow counts its scores in 32 bits.
MOST_SCORES = 1 << 26

Score = Callable[[List[Doc]], Iterable[np.ndarray]]


class TargetWriter:
    """Writes one store. Until it is complete it lies in `<path>.partial`. Each finished shard is
    recorded there, with its checksum and what it is a part of, so that the next writer of the same
    store keeps those that are as they were written, and replaces the rest.

    path (Path): The store's folder; an earlier store there is replaced at the end.
    plan (Plan): From what and how the store is made.
    teacher (Teacher): Of L tags.
    Raises `SkdError` if the teacher's scores of transitions are not finite, and for files in the
    way that are not of soft targets.
    """

    def __init__(self, path: Path, plan: Plan, teacher: Teacher) -> None:
        self.path = path
        self.partial = partial_of(path)
        self.plan = plan
        try:
            self.chain = Chain.of(teacher)
        except ValueError:
            self._raise_not_finite("its tag transitions")
        settle(path)
        check_ours(path)
        self.kept = self._kept_shards() if check_ours(self.partial) else {}
        self.shards: List[ShardEntry] = []
        self._clear()

    def _kept_shards(self) -> Dict[str, ShardEntry]:
        """The shards of an interrupted run that are provably good."""
        try:
            lines = read_plain(self.partial / PROGRESS).splitlines()
        except (OSError, Damaged):
            lines = []
        entries = filter(None, map(self._read_line, lines))
        return {entry.file: entry for entry in entries}

    def _read_line(self, line: bytes) -> Optional[ShardEntry]:
        try:
            content = unsealed(line)
            if content.get("plan") != self.plan.fingerprint():
                return None
            entry = parse_part(ShardEntry, content.get("shard"))
            Shard(self.partial, entry, len(self.chain.tags), OpenFiles(0))
            return entry
        except (Damaged, SkdError):
            return None

    def _clear(self) -> None:
        self.partial.mkdir(parents=True, exist_ok=True)
        for file in self.partial.iterdir():
            if file.name not in self.kept:
                file.unlink()
        for entry in self.kept.values():
            self._record(entry)

    def _record(self, entry: ShardEntry) -> None:
        line = sealed({"plan": self.plan.fingerprint(), "shard": entry.model_dump()})
        with (self.partial / PROGRESS).open("a", encoding="ascii") as file:
            file.write(line + "\n")

    def write(
        self, docs: Iterable[Doc], score: Score, left_out: Collection[int] = (), ahead: int = 0
    ) -> None:
        """Write the store: each different sentence among the documents, with its emission scores.

        docs (Iterable[Doc]): In the same order for every writer of the same plan.
        score (Callable): Given the documents of a shard, their emission scores (n, L) in order. Not
            called for shards that are there already.
        left_out (Collection[int]): Fingerprints of sentences that do not belong into the store.
        ahead (int): For so many shards `score` is called before the first one's scores are read:
            where it hands the work to others, these have something to do.
        Raises `SkdError` for scores that are NaN or +inf; -inf forbids a tag. Where that is before
        the first shard is finished, nothing is left.
        """
        try:
            self._write(different_rows(docs, left_out), score, ahead)
        except BaseException:
            # What can be gone on with stays. An empty folder would only be in the reader's way.
            if not (self.partial / PROGRESS).exists():
                remove(self.partial)
            raise

    def _write(self, rows: Iterator[Row], score: Score, ahead: int) -> None:
        begun: Deque[Callable[[], ShardEntry]] = deque()
        for name, part in zip(shard_names(), self._parts(rows)):
            entry = self.kept.get(name)
            if entry is None or entry.sentences != len(part):
                scores = score([row.doc for row in part])
                begun.append(partial(self._write_shard, name, part, scores))
            else:
                begun.append(partial(ShardEntry.model_copy, entry))
            while len(begun) > ahead:
                self.shards.append(begun.popleft()())
        self.shards.extend(finish() for finish in begun)

    def _write_shard(self, name: str, rows: List[Row], scores: Iterable[np.ndarray]) -> ShardEntry:
        buffer = Buffer()
        for row, emissions in zip(rows, scores, strict=True):
            if np.isnan(emissions).any() or (emissions == np.inf).any():
                self._raise_not_finite(f'"{excerpt(row.doc)}" ({self.plan.lang})')
            buffer.add(row, emissions)
        entry = buffer.write(self.partial, name, self.plan.dtype)
        self._record(entry)
        return entry

    def _parts(self, rows: Iterable[Row]) -> Iterator[List[Row]]:
        """The rows of each shard."""
        part: List[Row] = []
        scores = 0
        for row in rows:
            size = len(row.doc) * len(self.chain.tags)
            scores += size
            if len(part) == self.plan.shard_size or (part and scores > MOST_SCORES):
                yield part
                part, scores = [], size
            part.append(row)
        if part:
            yield part

    def finish(self) -> Meta:
        """Put the store in its place. Returns what it says of itself."""
        meta = Meta(plan=self.plan, teacher=self.chain, shards=self.shards)
        write_meta(self.partial / META, meta)
        replace(self.path)
        return meta

    def _raise_not_finite(self, what: str) -> NoReturn:
        teacher = teacher_folder(self.path, self.plan.teacher)
        raise SkdError(Errors.SKD071.format(teacher=teacher, what=what))


def different_rows(docs: Iterable[Doc], left_out: Collection[int]) -> Iterator[Row]:
    """Each different sentence that has tokens, once."""
    seen = set(left_out)
    for doc in docs:
        row = Row.of(doc)
        if len(doc) and row.fingerprint not in seen:
            seen.add(row.fingerprint)
            yield row


def shard_names() -> Iterator[str]:
    return (f"shard-{index:05d}.arrow" for index in count())
