"""What distillation gains is told by the same student without teachers."""

from dataclasses import replace
from pathlib import Path

from ..errors import Errors, SkdError
from .runs import Run

# Settings that teachers alone give a meaning: a baseline is not trained again for another one.
OF_TEACHERS = ("distillation.", "corpora.train.unlabelled_ratio")


def baseline_of(run: Run, folder: Path) -> Run:
    """The same training from gold alone: no soft targets, and so no text without labels.

    folder (Path): Where it ends up. Raises `SkdError` if that is where the run does, or around it.
    """
    ends = (folder.resolve(), run.folder.resolve())
    if ends[0].is_relative_to(ends[1]) or ends[1].is_relative_to(ends[0]):
        raise SkdError(Errors.SKD146.format(baseline=folder, output=run.folder))
    name = str(folder) if folder.name == run.name else folder.name
    common = {key: value for key, value in run.overrides.items() if not key.startswith(OF_TEACHERS)}
    return replace(run, name=name, folder=folder, overrides={**common, "paths.targets": None})
