"""`python -m spacy skd package`"""

from pathlib import Path
from typing import Optional

import typer
from wasabi import msg

from ._app import app


@app.command("package")
def package_cli(
    model: Path = typer.Argument(..., help="Folder of the pipeline, e.g. training/student/model-best"),
    output: Path = typer.Argument(..., help="Folder for the package: <language>_<name>-<version>/dist"),
    name: str = typer.Option(..., "--name", "-n", help="Name of the package, without the language"),
    version: str = typer.Option(..., "--version", "-v", help="Version of the package, such as 0.1.0"),
    description: str = typer.Option("", "--description", help="What it is, in a line"),
    author: str = typer.Option("", "--author", help="Whose it is"),
    email: str = typer.Option("", "--email", help="Where to write to"),
    url: str = typer.Option("", "--url", help="Page of the author"),
    license: str = typer.Option("", "--license", help="Of the pipeline, such as CC BY-SA 4.0"),
    sources: str = typer.Option("", "--sources", metavar="NAME, LICENCE, URL; ...", help="The data that it was trained on"),
    corpus: Optional[Path] = typer.Option(None, "--corpus", "-c", help="The converted corpus that it was trained on: its languages, and the scores on its test splits, go into the package"),
) -> None:  # fmt: skip
    """
    Build the wheel of a pipeline as `spacy package` does, quietly.

    What is known of it is in the wheel's metadata, in meta.json of the pipeline, and in the card of
    `skd push`. The wheel requires what the pipeline needs, extras of this package included.

    A package of the same version that this command has built is replaced; nothing else is removed.
    OUTPUT/requirements.txt names the wheel and its checksum: pip install -r packages/requirements.txt

    Example: python -m spacy skd package training/student/model-best packages --name skd
    --version 0.1.0
    """
    from ..packaging import Details, make_package

    details = Details(description, author, email, url, license, sources)
    wheel = make_package(model, output, name, version, details, corpus)
    msg.good(f"Wheel written to {wheel}")
