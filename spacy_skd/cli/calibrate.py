"""`python -m spacy skd calibrate`"""

from pathlib import Path

import typer
from spacy.cli._util import string_to_list
from wasabi import msg

from ._app import app


@app.command("calibrate")
def calibrate_cli(
    pipeline: str = typer.Argument(..., help="A folder or an installed package, e.g. training/student/model-best"),
    corpus: Path = typer.Argument(..., help="Corpus folder, with <lang>/<split>.spacy"),
    output: Path = typer.Argument(..., help="Folder for the calibrated pipeline"),
    split: str = typer.Option("dev", "--split", "-s", help="Which file of each language: one that the pipeline was not trained on"),
    languages: str = typer.Option("", "--languages", "-l", help="Comma-separated; default: every language in the corpus folder"),
) -> None:  # fmt: skip
    """
    Make the confidences of a pipeline such that of what it is sure of with 80 %, 80 % is right.

    Finds one temperature for each crf_ner and crf_tagger, by which their scores are divided before
    they become probabilities. What the pipeline labels stays the same. Prints temperatures and
    expected calibration errors.

    Example: python -m spacy skd calibrate training/student/model-best corpus
    training/calibrated
    """
    from ..calibrated import make_calibrated
    from ..evaluation.tables import calibration_table

    fits = make_calibrated(pipeline, corpus, output, split, string_to_list(languages))
    print(calibration_table(fits, split))
    msg.good(f"Pipeline written to {output}")
