"""What distillation gains is told by the same student without teachers."""

from dataclasses import replace
from pathlib import Path
from typing import Any, Dict, Mapping

from ..errors import Errors, SkdError
from .configs import own_log
from .runs import Run

# Settings that teachers alone give a meaning: a baseline is not trained again for another one.
OF_TEACHERS = ("distillation.", "corpora.train.unlabelled_ratio")


def without_teachers(settings: Mapping[str, Any]) -> Dict[str, Any]:
    """Settings by dotted names, without those that mean nothing where no teacher is."""
    return {name: value for name, value in settings.items() if not name.startswith(OF_TEACHERS)}


def baseline_of(run: Run, folder: Path) -> Run:
    """The same training from gold alone: no soft targets, and so no text without labels.

    folder (Path): Where it ends up. Raises `SkdError` if that is where the run does, or around it.
    """
    ends = (folder.resolve(), run.folder.resolve())
    if ends[0].is_relative_to(ends[1]) or ends[1].is_relative_to(ends[0]):
        raise SkdError(Errors.SKD146.format(baseline=folder, output=run.folder))
    name = str(folder) if folder.name == run.name else folder.name
    log = own_log(run.config, folder.name)
    overrides = {**without_teachers(run.overrides), **log, "paths.targets": None}
    return replace(run, name=name, folder=folder, overrides=overrides)
