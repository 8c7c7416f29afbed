"""`python -m spacy skd teachers`"""

from enum import Enum
from pathlib import Path
from typing import Optional

import typer
from spacy.cli._util import string_to_list
from wasabi import msg

from ..ensembles import parse_seeds
from ..errors import Errors, SkdError
from ._app import CPUS, GPUS, JOBS, RAY, app, given_cluster, given_overrides


class Kind(str, Enum):
    each = "each"
    multilingual = "multilingual"


@app.command(
    "teachers", context_settings={"allow_extra_args": True, "ignore_unknown_options": True}
)
def teachers_cli(
    ctx: typer.Context,  # holds the config overrides
    corpus: Path = typer.Argument(..., help="Corpus folder, with <lang>/train.spacy and <lang>/dev.spacy"),
    config: Path = typer.Option(..., "--config", "-c", help="Training config of every teacher; reads paths.corpus and paths.languages"),
    output: Path = typer.Option(Path("training/teachers"), "--output", "-o", help="Folder for the teachers: <lang>/model-best, of several <lang>.fold-1-of-4/model-best and so on"),
    jobs: Optional[int] = JOBS,
    languages: str = typer.Option("", "--languages", "-l", help="Comma-separated; default: every language in the corpus folder"),
    kind: Kind = typer.Option(Kind.each, "--kind", help="each: a teacher for each language; multilingual: one for all of them, called multilingual"),
    folds: int = typer.Option(0, "--folds", "-k", help="Train so many teachers a language, each without one of so many parts of its sentences, so that `label` can ask of each sentence one that has not seen it; 0: one teacher that sees all"),
    seeds: str = typer.Option("", "--seeds", "-s", help="Comma-separated: a teacher of each language (and fold) for each seed; default: that of the config"),
    gpu_id: int = typer.Option(-1, "--gpu-id", "-g", help="GPU ID or -1 for CPU"),
    ray: str = RAY,
    cpus: Optional[float] = CPUS,
    gpus: Optional[float] = GPUS,
    verbose: bool = typer.Option(False, "--verbose", "-V", help="Show all that the trainings print, not their tables alone"),
) -> None:  # fmt: skip
    """
    Train one pipeline for each language of a corpus, or one for all, from one config; or one for
    each fold and seed.

    Every teacher is a `spacy train` of its own; its table is printed as it grows. A teacher that
    was made from the same config, overrides and data, and is undamaged, is kept; an interrupted one
    goes on from its last evaluation. Nothing is removed that this command has not made. Settings of the config are overridden as in `spacy train`: --training.max_steps 100

    Example: python -m spacy skd teachers corpus --config configs/ner_teacher.cfg --jobs 2
    Example: python -m spacy skd teachers corpus --config configs/ner_teacher.cfg --ray auto --cpus 1
    """
    from ..evaluation.tables import teacher_table
    from ..training.teachers import train_teachers

    with given_cluster(ray, cpus, gpus, gpu_id) as cluster:
        reports = train_teachers(
            corpus,
            config,
            output,
            languages=string_to_list(languages),
            jobs=jobs,
            overrides=given_overrides(ctx.args),
            multilingual=kind is Kind.multilingual,
            folds=folds,
            seeds=parse_seeds(seeds),
            gpu_id=gpu_id,
            verbose=verbose,
            cluster=cluster,
        )
    print(teacher_table(reports))
    failed = [report.name for report in reports if report.status == "failed"]
    if failed:
        raise SkdError(Errors.SKD129.format(languages=", ".join(failed), output=output))
    if all(report.status == "skipped" for report in reports):
        msg.good("Nothing changed")
    else:
        msg.good(f"Teachers written to {output}")
