"""`python -m spacy skd compare`"""

from pathlib import Path
from typing import Optional

import typer
from srsly import json_dumps
from wasabi import msg

from ._app import CPUS, GPUS, JOBS, RAY, app, given_cluster, given_overrides


@app.command("compare", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def compare_cli(
    ctx: typer.Context,  # holds what replaces values of the spec
    spec: Path = typer.Argument(..., help="What is compared: a file such as configs/compare/methods.cfg"),
    output: Path = typer.Argument(..., help="Folder for all that is trained, and for comparison.json and comparison.md"),
    jobs: Optional[int] = JOBS,
    gpu_id: int = typer.Option(-1, "--gpu-id", "-g", help="GPU ID or -1 for CPU"),
    ray: str = RAY,
    cpus: Optional[float] = CPUS,
    gpus: Optional[float] = GPUS,
) -> None:  # fmt: skip
    """
    Train rows that differ by a few settings, with several seeds each, and say which is better.

    All rows have the same data, steps and student. What is finished is kept: an interrupted
    comparison goes on, and a changed one does again what the change concerns. The tables say, for
    each language and on average, mean and spread over the seeds, the difference to the baseline
    with its p-value, and how much of the gap to the teachers is closed.

    Values of the spec are replaced by name: --comparison.seeds "[0]" --settings.training.max_steps 800

    Example: python -m spacy skd compare configs/compare/methods.cfg comparisons/methods --jobs 2
    """
    from ..comparison.compare import compare
    from ..comparison.spec import read_spec
    from ..comparison.tables import markdown
    from ..files import write_text

    what = read_spec(spec, given_overrides(ctx.args))
    with given_cluster(ray, cpus, gpus, gpu_id) as cluster:
        comparison = compare(what, output, jobs=jobs, gpu_id=gpu_id, cluster=cluster)
    text = markdown(comparison)
    write_text(output / "comparison.json", json_dumps(comparison, indent=2))
    write_text(output / "comparison.md", text)
    print(text)
    msg.good(f"Comparison written to {output / 'comparison.json'} and {output / 'comparison.md'}")
