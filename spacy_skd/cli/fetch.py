"""`python -m spacy skd fetch`"""

from pathlib import Path
from typing import Any

import typer
from spacy.cli._util import string_to_list
from wasabi import msg

from ._app import app


@app.command("fetch")
def fetch_cli(
    task: Path = typer.Argument(..., help="Which data: a file such as configs/tasks/ud.cfg"),
    output: Path = typer.Argument(..., help="Folder for the raw corpus, which convert reads; an earlier one is kept if nothing changed, or replaced as a whole"),
    source: str = typer.Option("", "--from", "-f", help="Folder that has the data already, as <lang>/<split>.<extension> or under its owners' names: nothing is downloaded"),
    languages: str = typer.Option("", "--languages", "-l", help="Comma-separated; default: those of the task. With --from others as well"),
    seed: int = typer.Option(0, "--seed", help="Seed for drawing sentences, where the task draws some"),
) -> None:  # fmt: skip
    """
    Bring the data of a task into one folder, <lang>/<split>.<extension>, encoded in UTF-8.

    What may be passed on is downloaded, and refused if its checksum is another than the task says;
    an interrupted download goes on with the next file. What may not be passed on has to be in a
    folder of yours, --from. Nothing is there before all of it is.

    Example: python -m spacy skd fetch configs/tasks/ud.cfg raw
    Example: python -m spacy skd fetch configs/tasks/conll.cfg raw --from my_files
    """
    from ..tasks.fetch import fetch
    from ..tasks.spec import read_task

    what = read_task(task)
    report = fetch(
        what,
        output,
        source=Path(source) if source else None,
        languages=string_to_list(languages),
        seed=seed,
    )
    _print_report(report)
    msg.good("Nothing changed" if report.unchanged else f"{what.about}, written to {output}")


def _print_report(report: Any) -> None:
    rows = [
        [file.lang, file.split, f"{file.bytes / 1e6:.2f}", file.licence, file.origin]
        for file in report.files
    ]
    header = ("Language", "Split", "MB", "Licence", "From")
    msg.table(rows, header=header, divider=True, aligns=("l", "l", "r", "l", "l"), max_col=200)
