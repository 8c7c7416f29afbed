"""`python -m spacy skd report`"""

from pathlib import Path
from typing import List

import typer
from wasabi import msg

from ._app import app


@app.command("report")
def report_cli(
    comparisons: List[Path] = typer.Argument(..., metavar="COMPARISON.json...", help="What `skd compare` wrote, in the order in which they are to be shown"),
    output: Path = typer.Option(Path("report.html"), "--output", "-o", help="HTML file"),
) -> None:  # fmt: skip
    """
    Show comparisons as one page of pictures and tables.

    The page needs no network and no script, and is readable on a phone, light and dark. It holds
    scores by language, differences with their intervals, learning curves, costs, sentences on which
    the rows differ, and all settings.

    Example: python -m spacy skd report comparisons/methods/comparison.json --output report.html
    """
    from ..comparison.report import read_comparison, render
    from ..files import write_text

    page = render([read_comparison(path) for path in comparisons])
    write_text(output, page)
    msg.good(f"Report written to {output}")
