"""`python -m spacy skd train`"""

from pathlib import Path
from typing import Optional

import typer
from wasabi import msg

from ..errors import Errors, SkdError
from ._app import app, check_gpu, given_overrides


@app.command("train", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def train_cli(
    ctx: typer.Context,  # holds the config overrides
    config: Path = typer.Argument(..., help="Training config, as for `spacy train`"),
    output: Path = typer.Option(..., "--output", "-o", help="Folder for model-best and model-last"),
    baseline: Optional[Path] = typer.Option(None, "--baseline", "-b", help="Train the same without teachers too, for comparison, and write it to this folder"),
    jobs: int = typer.Option(1, "--jobs", "-j", help="With --baseline: 2 trains both at the same time, each on one core", min=1),
    code: Optional[Path] = typer.Option(None, "--code", "-c", help="Python file with registered functions, imported before training"),
    gpu_id: int = typer.Option(-1, "--gpu-id", "-g", help="GPU ID or -1 for CPU"),
    verbose: bool = typer.Option(False, "--verbose", "-V", help="Show all that the training prints, not its table alone"),
) -> None:  # fmt: skip
    """
    Train one pipeline as `spacy train` does, once; with --baseline the same without teachers, too.

    The folder records what it was made from and what it consists of. While neither has changed, the
    training is skipped. Otherwise it runs beside the folder, and takes its place when it is
    complete: a pipeline of another task or a part of one never mixes with it. Nothing is removed
    that this command has not made. An interrupted training goes on from its last evaluation, and
    ends with the parameters of an uninterrupted one. Settings of the config are overridden as in
    `spacy train`: --training.max_steps 100; one without value, --training.max_steps=, is as the
    config says.

    Example: python -m spacy skd train configs/ner_student.cfg --output training/student
    --baseline training/baseline --jobs 2 --paths.corpus corpus --paths.targets targets
    """
    check_gpu(gpu_id)
    from ..training.baseline import baseline_of
    from ..training.execution import carry_out
    from ..training.runs import Run

    run = Run(output.name, output, config, given_overrides(ctx.args), code)
    runs = [run] if baseline is None else [run, baseline_of(run, baseline)]
    reports = carry_out(runs, jobs=jobs, gpu_id=gpu_id, verbose=verbose)
    failed = [
        Errors.SKD134.format(output=run.folder, reason=report.error)
        for run, report in zip(runs, reports)
        if report.error is not None
    ]
    if failed:
        raise SkdError(" ".join(failed))
    written = [run.folder for run, report in zip(runs, reports) if report.status == "trained"]
    for folder in written:
        msg.good(f"Pipeline written to {folder}")
    if not written:
        msg.good("Nothing changed")
