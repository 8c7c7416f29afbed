"""From what a user names to what teaches."""

from pathlib import Path
from typing import Union

from ..errors import Errors, SkdError
from .labels import ClassifierSettings
from .pipelines import find_pipelines
from .protocol import FindTeachers
from .token_classifiers import find_token_classifier

HUGGING_FACE = "hf:"


def find_teachers(
    where: Union[str, Path], corpus: Path, settings: ClassifierSettings = ClassifierSettings()
) -> FindTeachers:
    """The teachers of each language.

    where (Union[str, Path]): A folder of pipelines or a single one (see `find_pipelines`), or
        "hf:" and the folder or the Hub's name of a token classifier.
    corpus (Path): Which the teachers are to label. The labels of a classifier must be its labels.
    settings (ClassifierSettings): How the classifier is asked.
    Raises `SkdError` for a classifier that cannot be used or lacks its "hf:", and for settings
        without one.
    """
    where = str(where)
    if where.startswith(HUGGING_FACE):
        return find_token_classifier(where.removeprefix(HUGGING_FACE), settings, corpus)
    check_prefix(Path(where))
    if settings != ClassifierSettings():
        raise SkdError(Errors.SKD160.format(path=where))
    return find_pipelines(Path(where))


def check_prefix(path: Path) -> None:
    """Raises `SkdError` if a folder is of Hugging Face's and was named as one of spaCy's."""
    if (path / "config.json").is_file() and not (path / "config.cfg").is_file():
        raise SkdError(Errors.SKD169.format(path=path))
