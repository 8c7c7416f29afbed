"""One teacher per language from one config: a run for each."""

from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence

from ..corpora.layout import find_languages
from ..errors import Errors, SkdError
from .execution import carry_out
from .runs import Run, RunReport


def train_teachers(
    corpus: Path,
    config: Path,
    output: Path,
    *,
    languages: Optional[Sequence[str]] = None,
    jobs: int = 1,
    overrides: Optional[Dict[str, Any]] = None,
    gpu_id: int = -1,
    verbose: bool = False,
) -> List[RunReport]:
    """Train a pipeline for every language of `corpus`; one report a language, in their order.

    A teacher is `output/<lang>/model-best`. Those made from the same config, overrides and data are
    kept while they are undamaged; all others are trained anew and replace what was there when they
    are done. A language whose training fails leaves the others, and its own earlier teacher, alone.

    corpus (Path): Corpus folder; each language needs train.spacy and dev.spacy.
    config (Path): spaCy training config that reads `paths.corpus` and `paths.languages`.
    languages (Optional[Sequence[str]]): Only these; None means all in the folder.
    overrides (Optional[Dict[str, Any]]): Settings that replace those of the config.
    jobs, gpu_id, verbose: See `carry_out`.
    Raises `SkdError` if the config, the folder or a split is missing, and as `carry_out` does.
    """
    if not config.is_file():
        raise SkdError(Errors.SKD124.format(path=config))
    runs = [
        Run(
            name=language,
            folder=output / language,
            source=config,
            overrides={
                **(overrides or {}),
                "paths.corpus": str(corpus),
                "paths.languages": [language],
            },
        )
        for language in find_languages(corpus, ["train", "dev"], languages)
    ]
    return carry_out(runs, jobs=jobs, gpu_id=gpu_id, verbose=verbose)
