"""Writing soft targets: beside the target folder, shard by shard, so that a killed run resumes."""

import json
import shutil
from pathlib import Path
from typing import Dict, List, Optional

import numpy as np
from spacy.tokens import Doc

from ..errors import Errors, SkdError
from ..records import file_checksum
from ..transfer import Teacher
from .fingerprints import sentence_fingerprint, text_fingerprint
from .store import FORMAT, META, PARTIAL, STALE, VERSION, excerpt, import_pyarrow, teacher_path

PLAN = "plan.json"
FLOAT16_MAX = float(np.finfo(np.float16).max)


class TargetWriter:
    """Writes one store. Until it is complete it lies in `<path>.partial`, whose finished shards the
    next writer with the same plan keeps.

    path (Path): The store's folder; an earlier store there is replaced at the end.
    plan (Dict): From what and how the store is made, of JSON's types:
        lang (str), teacher ({"path" relative to the store, "fingerprint"}), corpus (str, a
        fingerprint), splits (List[str]), dtype ("float16" or "float32"), shard_size (int).
    teacher (Teacher): Of L tags.
    Raises `SkdError` if the teacher's scores of transitions are not finite.
    """

    def __init__(self, path: Path, plan: Dict, teacher: Teacher) -> None:
        self.path = path
        self.partial = path.with_name(path.name + PARTIAL)
        self.stale = path.with_name(path.name + STALE)
        self.plan = plan
        self.teacher = teacher
        if not all(np.isfinite(scores).all() for scores in chain_of(teacher).values()):
            self._raise_not_finite("its tag transitions")
        self._buffer = Buffer()
        self._prepare()
        self.shards = self._finished_shards()

    def _prepare(self) -> None:
        shutil.rmtree(self.stale, ignore_errors=True)
        if read_plan(self.partial / PLAN) != self.plan:
            shutil.rmtree(self.partial, ignore_errors=True)
            self.partial.mkdir(parents=True)
            write_json(self.partial / PLAN, self.plan)

    def _finished_shards(self) -> List[Dict]:
        shards: List[Dict] = []
        while (path := self.partial / shard_name(len(shards))).is_file():
            shards.append(describe_shard(path))
        return shards

    @property
    def n_sentences(self) -> int:
        """Sentences in finished shards: those that need not be added again."""
        return sum(shard["sentences"] for shard in self.shards)

    def add(self, doc: Doc, emissions: np.ndarray) -> None:
        """Add a document and its emission scores (n, L).

        Raises `SkdError` for scores that are NaN or +inf; -inf forbids a tag.
        """
        if np.isnan(emissions).any() or (emissions == np.inf).any():
            self._raise_not_finite(f'"{excerpt(doc)}" ({self.plan["lang"]})')
        self._buffer.add(doc, emissions)
        if len(self._buffer) == self.plan["shard_size"]:
            self._write_shard()

    def finish(self) -> None:
        """Write what is left and put the store in its place."""
        if len(self._buffer):
            self._write_shard()
        write_json(self.partial / META, self._meta())
        if self.path.exists():
            self.path.rename(self.stale)
        self.partial.rename(self.path)
        (self.path / PLAN).unlink()
        shutil.rmtree(self.stale, ignore_errors=True)

    def _write_shard(self) -> None:
        path = self.partial / shard_name(len(self.shards))
        unfinished = path.with_suffix(".tmp")
        self._buffer.write(unfinished, np.dtype(self.plan["dtype"]))
        unfinished.rename(path)
        self.shards.append(describe_shard(path))
        self._buffer = Buffer()

    def _meta(self) -> Dict:
        chain = {name: scores.tolist() for name, scores in chain_of(self.teacher).items()}
        teacher = {"tags": list(self.teacher.tags), "scheme": self.teacher.scheme, **chain}
        return {
            "format": FORMAT,
            "version": VERSION,
            "plan": self.plan,
            "teacher": teacher,
            "shards": self.shards,
        }

    def _raise_not_finite(self, what: str) -> None:
        teacher = teacher_path(self.path, self.plan)
        raise SkdError(Errors.SKD071.format(teacher=teacher, what=what))


class Buffer:
    """The rows of a shard before it is written."""

    def __init__(self) -> None:
        self.fingerprints: List[int] = []
        self.text_fingerprints: List[int] = []
        self.n_tokens: List[int] = []
        self.emissions: List[np.ndarray] = []

    def __len__(self) -> int:
        return len(self.emissions)

    def add(self, doc: Doc, emissions: np.ndarray) -> None:
        self.fingerprints.append(sentence_fingerprint(doc))
        self.text_fingerprints.append(text_fingerprint(doc))
        self.n_tokens.append(len(doc))
        self.emissions.append(np.asarray(emissions, dtype=np.float32).ravel())

    def write(self, path: Path, dtype: np.dtype) -> None:
        """Write an Arrow stream file of one record batch."""
        pa = import_pyarrow()
        values = np.concatenate(self.emissions)
        offsets = np.cumsum([0, *map(len, self.emissions)], dtype=np.int32)
        scores = values.astype(wide_enough(values, dtype))
        columns = {
            "fingerprint": pa.array(self.fingerprints, pa.uint64()),
            "text_fingerprint": pa.array(self.text_fingerprints, pa.uint64()),
            "n_tokens": pa.array(self.n_tokens, pa.int32()),
            "emissions": pa.ListArray.from_arrays(pa.array(offsets), pa.array(scores)),
        }
        batch = pa.record_batch(columns)
        with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, batch.schema) as stream:
            stream.write_batch(batch)


def wide_enough(values: np.ndarray, dtype: np.dtype) -> np.dtype:
    """`dtype`, or float32 where a score is too large for float16: clipped, it would be another."""
    largest = np.abs(values[np.isfinite(values)]).max(initial=0.0)
    return np.dtype(np.float32) if largest > FLOAT16_MAX else dtype


def shard_name(index: int) -> str:
    return f"shard-{index:05d}.arrow"


def describe_shard(path: Path) -> Dict:
    """What meta.json says of a shard."""
    pa = import_pyarrow()
    with pa.memory_map(str(path)) as file:
        batch = pa.ipc.open_stream(file).read_next_batch()
        lengths = batch.column("n_tokens").to_numpy()
        scores = batch.schema.field("emissions").type.value_type
        return {
            "file": path.name,
            "sentences": len(lengths),
            "tokens": int(lengths.sum()),
            "dtype": str(scores.to_pandas_dtype()(0).dtype),
            "bytes": path.stat().st_size,
            "checksum": file_checksum(path),
        }


def chain_of(teacher: Teacher) -> Dict[str, np.ndarray]:
    names = ("transitions", "start", "end")
    return {name: np.asarray(getattr(teacher, name), dtype=np.float32) for name in names}


def read_plan(path: Path) -> Optional[Dict]:
    """The plan of an interrupted run; None if there is none that can be read."""
    try:
        return json.loads(path.read_text(encoding="utf8"))
    except (OSError, ValueError):
        return None


def write_json(path: Path, data: Dict) -> None:
    path.write_text(json.dumps(data, allow_nan=False), encoding="utf8")
