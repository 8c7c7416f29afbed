"""A component's files: `cfg` and `model` as spaCy names them, which show whether they are as they
were written, and must fit the component that loads them.

`cfg` is sealed JSON: the labels, the settings on which the meaning of the scores depends, the
checksum of the model's bytes, and the temperature of a component that was calibrated.
"""

import hashlib
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, Iterator, Union

from spacy import util
from spacy.pipeline import TrainablePipe

from ..crf.potentials import check_temperature
from ..errors import Errors, SkdError
from ..models import CHAIN_PARAMS
from ..records import Damaged, sealed, unsealed

CFG, MODEL, LABELS, TEMPERATURE = "cfg", "model", "labels", "temperature"
Source = Union[str, Path]


class StoredPipe(TrainablePipe):
    """A component with `labels`, `tags`, settings in `cfg`, and a CRF as its model.

    temperature (float): What its scores are divided by before they become probabilities.
    """

    temperature: float = 1.0

    def to_bytes(self, *, exclude: Iterable[str] = ()) -> bytes:
        """The component as bytes; `exclude` may name "cfg", "model" and "vocab"."""
        getters: Dict[str, Callable[[], bytes]] = {
            name: partial(bytes, content) for name, content in self._pack().items()
        }
        getters["vocab"] = lambda: self.vocab.to_bytes(exclude=exclude)
        return util.to_bytes(getters, exclude)

    def to_disk(self, path: Source, *, exclude: Iterable[str] = ()) -> None:
        """Write the component's files into a folder."""
        writers: Dict[str, Callable[[Path], None]] = {
            name: partial(write_bytes, content) for name, content in self._pack().items()
        }
        writers["vocab"] = lambda p: self.vocab.to_disk(p, exclude=exclude)
        util.to_disk(path, writers, exclude)

    def from_bytes(self, bytes_data: bytes, *, exclude: Iterable[str] = ()) -> "StoredPipe":
        """Load what `to_bytes` gave.

        Raises `SkdError` for what is damaged or comes from a component with other settings.
        """
        files: Dict[str, bytes] = {}
        setters: Dict[str, Callable[[bytes], Any]] = {
            name: partial(files.__setitem__, name) for name in (CFG, MODEL)
        }
        setters["vocab"] = lambda b: self.vocab.from_bytes(b, exclude=exclude)
        with one_line(self, "bytes"):
            util.from_bytes(bytes_data, setters, exclude)
        self._unpack(files, "bytes")
        return self

    def from_disk(self, path: Source, *, exclude: Iterable[str] = ()) -> "StoredPipe":
        """Load what `to_disk` wrote. Raises `SkdError` as `from_bytes` does."""
        files: Dict[str, bytes] = {}
        readers: Dict[str, Callable[[Path], Any]] = {
            name: partial(read_bytes, files, name) for name in (CFG, MODEL)
        }
        readers["vocab"] = lambda p: self.vocab.from_disk(p, exclude=exclude)
        with one_line(self, path):
            util.from_disk(path, readers, exclude)
        self._unpack(files, path)
        return self

    def _pack(self) -> Dict[str, bytes]:
        """The contents of the files."""
        model = self.model.to_bytes()
        cfg = {**self.cfg, MODEL: checksum(model)}
        if self.temperature != 1:
            cfg[TEMPERATURE] = self.temperature
        return {CFG: sealed(cfg).encode("ascii"), MODEL: model}

    def _unpack(self, files: Dict[str, bytes], source: Source) -> None:
        """Take over what `_pack` gave, or one of the two."""
        expected = None
        if CFG in files:
            with one_line(self, source):
                cfg = unsealed(files[CFG])
                expected = cfg.pop(MODEL)
                temperature = float(cfg.pop(TEMPERATURE, 1.0))
                check_temperature(temperature)
            self._require_settings(cfg, source)
            self.cfg[LABELS] = cfg[LABELS]
            self.temperature = temperature
        if MODEL in files:
            with one_line(self, source):
                if expected not in (None, checksum(files[MODEL])):
                    raise Damaged("the checksum of its model is not the one in its cfg")
                self.model.from_bytes(files[MODEL])
            self._require_match()

    def _require_settings(self, saved: Dict[str, Any], source: Source) -> None:
        """Raises `SkdError` where the files are those of other settings, the labels apart."""
        for key, given in self.cfg.items():
            if key != LABELS and saved.get(key) != given:
                values = {"saved": saved.get(key), "given": given}
                raise SkdError(Errors.SKD050.format(name=self.name, key=key, path=source, **values))

    def _require_match(self) -> None:
        """Raises `SkdError` for a model that has not one score for each tag."""
        model = self.model
        sizes = {model.maybe_get_dim("nO"), model.layers[1].maybe_get_dim("nO")}
        for name in CHAIN_PARAMS:
            if model.has_param(name):
                sizes.update(model.get_param(name).shape)
        wrong = sizes - {None, len(self.tags)}
        if wrong and (self.labels or model.has_param(CHAIN_PARAMS[0])):
            counts = {"labels": len(self.labels), "tags": len(self.tags), "size": min(wrong)}
            raise SkdError(Errors.SKD051.format(name=self.name, **counts))


@contextmanager
def one_line(pipe: StoredPipe, source: Source) -> Iterator[None]:
    """Whatever the bytes of a broken file lead to is one `SkdError`."""
    try:
        yield
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise SkdError(Errors.SKD052.format(name=pipe.name, path=source, reason=reason)) from error


def checksum(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def write_bytes(content: bytes, path: Path) -> None:
    path.write_bytes(content)


def read_bytes(files: Dict[str, bytes], name: str, path: Path) -> None:
    files[name] = path.read_bytes()
