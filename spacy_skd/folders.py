"""Folders that a command makes as a whole: beside their place, renamed, with a manifest in them.

Only what a manifest names is ever removed.
"""

import shutil
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Dict, FrozenSet, List, Mapping, Optional, Sequence

from .errors import Errors, SkdError
from .records import (
    Damaged,
    file_names,
    first_difference,
    make_manifest,
    read_record,
    write_record,
)


@dataclass(frozen=True)
class Kind:
    """A kind of such folders: the name of its manifest, what that says of itself, and the names at
    the top of such a folder, which is all there is to judge by where the manifest is damaged.
    """

    manifest: str
    format: str
    version: int
    names: FrozenSet[str]


RUN = Kind(
    "run.json",
    "spacy-skd run",
    1,
    frozenset({"run.json", "run.cfg", "model-best", "model-last"}),
)


@dataclass(frozen=True)
class MadeFolder:
    """A folder at `path`, there or yet to be made."""

    path: Path
    kind: Kind

    @cached_property
    def place(self) -> Path:
        """The folder itself, where `path` is a link to it."""
        return self.path.resolve()

    @property
    def unfinished(self) -> Path:
        """Where it is made."""
        return self.place.with_name(f".{self.place.name}.unfinished")

    @property
    def replaced(self) -> Path:
        """Where an earlier one is while the new one is renamed."""
        return self.place.with_name(f".{self.place.name}.replaced")

    def manifest(self) -> Optional[Dict[str, Any]]:
        """What the folder says of itself; None if it is damaged, missing or of another version."""
        try:
            manifest = read_record(self.place / self.kind.manifest)
        except (OSError, Damaged):
            return None
        known = (manifest.get("format"), manifest.get("version"))
        return manifest if known == (self.kind.format, self.kind.version) else None

    def difference(self, manifest: Mapping[str, Any]) -> Optional[str]:
        """How the folder differs from its manifest, in words; None if it does not."""
        extra = set(file_names(self.place)) - set(manifest["files"]) - {self.kind.manifest}
        if extra:
            return f"{min(extra)} was added"
        return first_difference(self.place, manifest["files"])

    def check_place(self) -> None:
        """Raises `SkdError` if something is there that would be lost."""
        if self.path.is_symlink() and not self.path.exists():
            raise SkdError(Errors.SKD132.format(path=self.path, what="a link to nowhere"))
        if self.path.exists() and not self.path.is_dir():
            raise SkdError(Errors.SKD132.format(path=self.path, what="a file"))
        if foreign := self.foreign_names():
            raise SkdError(Errors.SKD133.format(path=self.path, name=foreign[0]))

    def foreign_names(self) -> List[str]:
        """What is in the folder that was not made with it; all of it where there is no manifest."""
        names = file_names(self.place)
        manifest = self.manifest()
        if manifest is not None:
            own = {*manifest["files"], self.kind.manifest}
            return [name for name in names if name not in own]
        if self.kind.manifest in names:
            return [name for name in names if name.split("/")[0] not in self.kind.names]
        return names

    def clear(self, *, keep: bool = False) -> None:
        """Put right what a killed process left beside the folder.

        keep (bool): Whether the unfinished one stays: it can be gone on with.
        """
        if self.replaced.exists() and not self.place.exists():
            self.replaced.rename(self.place)
        remove(self.replaced)
        if not keep:
            remove(self.unfinished)

    def publish(self, content: Mapping[str, Any], state: Sequence[Path] = ()) -> None:
        """Seal what was made, with `content`, and rename it to its place; what was there goes once
        the new one is in.

        state (Sequence[Path]): Files that its making can be gone on with where this fails. They are
            removed when nothing is left that could.
        """
        manifest = self.unfinished / self.kind.manifest
        # The manifest may be left of an attempt that failed.
        no_part = {manifest, manifest.with_name(f"{manifest.name}.tmp"), *state}
        files = [self.unfinished / name for name in file_names(self.unfinished)]
        record = {
            "format": self.kind.format,
            "version": self.kind.version,
            **content,
            "files": make_manifest(self.unfinished, [f for f in files if f not in no_part]),
        }
        write_record(manifest, record)
        self.check_place()  # hours may have passed
        for path in state:
            path.unlink()
        if self.place.exists():
            self.place.rename(self.replaced)
        self.unfinished.rename(self.place)
        remove(self.replaced)


def remove(folder: Path) -> None:
    """Remove a folder that a command made; a process that is just ending may still write to it."""
    for patience in (0.1, 0.5, 2.0):
        try:
            shutil.rmtree(folder)
            return
        except FileNotFoundError:
            return
        except OSError:
            time.sleep(patience)
    shutil.rmtree(folder)


def check_pipeline(path: Path, also: Sequence[str] = ()) -> None:
    """Raises `SkdError` if a pipeline is one that a run made and is not as the run left it. What
    has been added to it is not read, and does not count.

    also (Sequence[str]): Further files of the run that are read.
    """
    run = MadeFolder(path.parent, RUN)
    if path.name not in RUN.names or not (run.place / RUN.manifest).exists():
        return
    manifest = run.manifest()
    if manifest is None:
        reason: Optional[str] = f"{RUN.manifest} is damaged"
    else:
        below = f"{path.name}/"
        entries = manifest["files"].items()
        files = {n: entry for n, entry in entries if n.startswith(below) or n in also}
        reason = first_difference(run.place, files)
    if reason is not None:
        raise SkdError(Errors.SKD139.format(path=path, reason=reason))
