"""A run: a config with overrides, and all that it reads, in; a folder with a manifest out.

Teachers and students are runs. A run is finished if its folder holds exactly what its manifest says
and was made from exactly what the run would be made from now. Where it is carried out is another
matter (`work/`).
"""

import hashlib
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Union

from thinc.api import Config

from ..folders import RUN, MadeFolder
from ..records import canonical
from ..work.tasks import Task
from .checkpoints import RECORD, Checkpoint, last_step, undamaged
from .configs import absolute_paths, describe_inputs, input_files, read_config

BEST, LAST = "model-best", "model-last"
# What a training leaves for its report.
MEMORY = "memory.txt"
# Another name than a pipeline's config: the folder of a run is no pipeline, those in it are.
CONFIG = "run.cfg"
MANIFEST = RUN.manifest
LOOP = "spacy_skd.training.loop"


@dataclass(frozen=True)
class RunReport:
    """What there is to say about one run.

    status (str): "trained", "skipped" (finished before) or "failed".
    score (Optional[float]): The best score on dev, between 0 and 1, and the metric it is of.
    error (Optional[str]): Why it failed, in one line.
    curve (List[List[float]]): [step, score on dev] of each evaluation that our logger showed.
    peak_memory (Optional[int]): Bytes that the training's process had at most.
    """

    name: str
    status: str
    sentences: int = 0
    steps: Optional[int] = None
    seconds: float = 0.0
    metric: Optional[str] = None
    score: Optional[float] = None
    error: Optional[str] = None
    curve: List[List[float]] = field(default_factory=list)
    peak_memory: Optional[int] = None


@dataclass(frozen=True)
class Run:
    """A training, by what it is made from and where it ends up.

    name (str): What it is called in what is printed, such as the language of a teacher.
    folder (Path): Where it ends up: model-best, model-last, the config it was trained with, and the
        manifest. Until it is complete it lies beside it, in `.<name of the folder>.unfinished`.
    source (Path): The config.
    overrides (Mapping[str, Any]): Settings that replace those of the config, by dotted names. A
        part of the corpus, its languages or a seed are settings as any other.
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
    def made(self) -> MadeFolder:
        """The folder with its manifest."""
        return MadeFolder(self.folder, RUN)

    def inputs(self) -> Dict[str, str]:
        """All that the run is made from, as it is now: see `describe_inputs`."""
        return describe_inputs(self.config, self.code)

    def fingerprint(self) -> str:
        """Changes with all that the run is made from."""
        return fingerprint_of(self.inputs())

    def finished(self) -> Optional[RunReport]:
        """The report of an earlier run that made the same, if it is undamaged."""
        manifest = self.made.manifest()
        if (
            manifest is None
            or self.made.difference(manifest) is not None
            or manifest["fingerprint"] != self.fingerprint()
        ):
            return None
        return RunReport(**{**manifest["report"], "name": self.name, "status": "skipped"})

    def clear(self) -> None:
        """Put right what a killed process left, but for a training that can be gone on with. One
        that was made from something else stays, too: the file that it lacks may come back.
        """
        self.made.clear(keep=undamaged(self.made.unfinished) is not None)

    def step_of_another(self, fingerprint: str) -> Optional[int]:
        """The last step of a training that lies where this one is to be carried out, and cannot be
        gone on with as this one; None if there is none.
        """
        record = undamaged(self.made.unfinished)
        if record is None or Checkpoint(self.made.unfinished, fingerprint).found() is not None:
            return None
        return last_step(next(iter(record["files"])))

    def begin(self, fingerprint: str, gpu_id: int) -> Task:
        """Make the unfinished folder, unless there is one to go on with; returns the training that
        fills it, see `loop.py`.
        """
        folder = self.made.unfinished
        folder.mkdir(parents=True, exist_ok=True)
        self.config.to_disk(folder / CONFIG, interpolate=False)
        arguments: List[Union[str, Path]] = [LOOP, folder / CONFIG, folder, fingerprint]
        arguments += ["--gpu-id", str(gpu_id)]
        code = [] if self.code is None else [self.code]
        reads = [path for _, _, path in input_files(self.config)]
        return Task(
            self.name,
            arguments if self.code is None else [*arguments, "--code", self.code],
            settings=absolute_paths(self.config, reads),
            reads=[*reads, *code],
            writes=folder,
            state=RECORD,
        )

    def publish(self, fingerprint: str, report: RunReport) -> None:
        """Put the unfinished folder in its place, as what was made from `fingerprint`."""
        state = Checkpoint(self.made.unfinished, fingerprint).files()
        self.made.publish({"fingerprint": fingerprint, "report": asdict(report)}, state)


def fingerprint_of(inputs: Mapping[str, str]) -> str:
    return hashlib.sha256(canonical(inputs).encode("ascii")).hexdigest()
