"""`python -m spacy skd package`"""

from pathlib import Path

import typer
from wasabi import msg

from ._app import app


@app.command("package")
def package_cli(
    model: Path = typer.Argument(..., help="Folder of the pipeline, e.g. training/student/model-best"),
    output: Path = typer.Argument(..., help="Folder for the package: <language>_<name>-<version>/dist"),
    name: str = typer.Option(..., "--name", "-n", help="Name of the package, without the language"),
    version: str = typer.Option(..., "--version", "-v", help="Version of the package, such as 0.1.0"),
) -> None:  # fmt: skip
    """
    Build the wheel of a pipeline as `spacy package` does, quietly.

    A package of the same version that this command has built is replaced; nothing else is removed.
    OUTPUT/requirements.txt names the wheel and its checksum: pip install -r packages/requirements.txt

    Example: python -m spacy skd package training/student/model-best packages --name skd
    --version 0.1.0
    """
    from ..packaging import make_package

    wheel = make_package(model, output, name, version)
    msg.good(f"Wheel written to {wheel}")
