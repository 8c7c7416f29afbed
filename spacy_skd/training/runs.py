"""A run: a config with overrides, and all that it reads, in; a folder with a manifest out.

Teachers and students are runs. A run is finished if its folder holds exactly what its manifest says
and was made from exactly what the run would be made from now. Where it is carried out is another
matter (`processes.py`).
"""

import hashlib
import shutil
import time
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional

from thinc.api import Config

from ..errors import Errors, SkdError
from ..records import (
    Damaged,
    canonical,
    file_names,
    first_difference,
    make_manifest,
    read_record,
    write_record,
)
from .configs import describe_inputs, read_config

BEST, LAST = "model-best", "model-last"
CONFIG = "config.cfg"
MANIFEST = "run.json"
FORMAT = "spacy-skd run"
VERSION = 1
OWN = {BEST, LAST, CONFIG, MANIFEST}


@dataclass(frozen=True)
class RunReport:
    """What there is to say about one run.

    status (str): "trained", "skipped" (finished before) or "failed".
    score (Optional[float]): The best score on dev, between 0 and 1, and the metric it is of.
    error (Optional[str]): Why it failed, in one line.
    """

    name: str
    status: str
    sentences: int = 0
    steps: Optional[int] = None
    seconds: float = 0.0
    metric: Optional[str] = None
    score: Optional[float] = None
    error: Optional[str] = None


@dataclass(frozen=True)
class Run:
    """A training, by what it is made from and where it ends up.

    name (str): What it is called in what is printed, such as the language of a teacher.
    folder (Path): Where it ends up: model-best, model-last, the config it was trained with, and
        the manifest. Until it is complete it lies beside it, in `.<name of the folder>.unfinished`.
    source (Path): The config.
    overrides (Dict[str, Any]): Settings that replace those of the config, by dotted names. A part
        of the corpus, its languages or a seed are settings as any other.
    code (Optional[Path]): A Python file with registered functions.
    """

    name: str
    folder: Path
    source: Path
    overrides: Mapping[str, Any] = field(default_factory=dict)
    code: Optional[Path] = None

    @cached_property
    def config(self) -> Config:
        """The config with its overrides, as it is read the first time: it is what the run is
        trained with, whatever becomes of the file. Raises `SkdError` if it is none.
        """
        return read_config(self.source, dict(self.overrides))

    @cached_property
    def place(self) -> Path:
        """The folder itself, where `folder` is a link to it."""
        return self.folder.resolve()

    @property
    def unfinished(self) -> Path:
        return self.place.with_name(f".{self.place.name}.unfinished")

    @property
    def replaced(self) -> Path:
        return self.place.with_name(f".{self.place.name}.replaced")

    def fingerprint(self) -> str:
        """Changes with all that the run is made from, as it is now."""
        inputs = describe_inputs(self.config, self.code)
        return hashlib.sha256(canonical(inputs).encode("ascii")).hexdigest()

    def finished(self) -> Optional[RunReport]:
        """The report of an earlier run that made the same, if it is undamaged."""
        manifest = read_manifest(self.folder)
        if (
            manifest is None
            or difference(self.folder, manifest) is not None
            or manifest["fingerprint"] != self.fingerprint()
        ):
            return None
        return RunReport(**{**manifest["report"], "name": self.name, "status": "skipped"})

    def check_place(self) -> None:
        """Raises `SkdError` if something is at the run's place that no run made."""
        if self.folder.is_symlink() and not self.folder.exists():
            raise SkdError(Errors.SKD132.format(path=self.folder, what="a link to nowhere"))
        if self.folder.exists() and not self.folder.is_dir():
            raise SkdError(Errors.SKD132.format(path=self.folder, what="a file"))
        if foreign := foreign_names(self.folder):
            raise SkdError(Errors.SKD133.format(path=self.folder, name=foreign[0]))

    def clear(self) -> None:
        """Put right what a killed run left beside the folder."""
        if self.replaced.exists() and not self.place.exists():
            self.replaced.rename(self.place)
        for leftover in (self.unfinished, self.replaced):
            remove(leftover)

    def begin(self) -> List[str]:
        """Make the unfinished folder; returns the arguments of the `spacy train` that fills it."""
        self.unfinished.mkdir(parents=True)
        path = self.unfinished / CONFIG
        self.config.to_disk(path, interpolate=False)
        code = [] if self.code is None else ["--code", str(self.code)]
        return ["spacy", "train", str(path), "--output", str(self.unfinished), *code]

    def publish(self, fingerprint: str, report: RunReport) -> None:
        """Seal what was trained and rename it to its place; what was there goes once it is in."""
        files = [self.unfinished / name for name in file_names(self.unfinished)]
        content = {
            "format": FORMAT,
            "version": VERSION,
            "fingerprint": fingerprint,
            "report": asdict(report),
            "files": make_manifest(self.unfinished, files),
        }
        write_record(self.unfinished / MANIFEST, content)
        self.check_place()  # hours have passed
        if self.place.exists():
            self.place.rename(self.replaced)
        self.unfinished.rename(self.place)
        remove(self.replaced)


def read_manifest(folder: Path) -> Optional[Dict[str, Any]]:
    """What a finished run says of itself; None if that is damaged, missing, or of another version."""
    try:
        manifest = read_record(folder / MANIFEST)
    except (OSError, Damaged):
        return None
    known = manifest.get("format") == FORMAT and manifest.get("version") == VERSION
    return manifest if known else None


def difference(folder: Path, manifest: Mapping[str, Any]) -> Optional[str]:
    """How the folder of a run differs from its manifest, in words; None if it does not."""
    extra = set(file_names(folder)) - set(manifest["files"]) - {MANIFEST}
    if extra:
        return f"{min(extra)} was not made by the run"
    return first_difference(folder, manifest["files"])


def foreign_names(folder: Path) -> List[str]:
    """What is in the folder of a run that no run made. A damaged manifest leaves only the names at
    the top to judge by; without a manifest nothing is a run's.
    """
    names = file_names(folder)
    manifest = read_manifest(folder)
    if manifest is not None:
        return [name for name in names if name not in manifest["files"] and name != MANIFEST]
    if MANIFEST in names:
        return [name for name in names if name.split("/")[0] not in OWN]
    return names


def remove(folder: Path) -> None:
    """Remove a folder that a run made; a process that is just ending may still write to it."""
    for patience in (0.1, 0.5, 2.0):
        try:
            shutil.rmtree(folder)
            return
        except FileNotFoundError:
            return
        except OSError:
            time.sleep(patience)
    shutil.rmtree(folder)
