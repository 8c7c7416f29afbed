"""What confidences cost: a pipeline with and without them, in turn, in one process.

    python benchmarks/confidence.py --data ../shared/data

Both label the same documents, without tokenizer.
"""

import tempfile
from functools import partial
from pathlib import Path
from statistics import median

import spacy
import typer
from pipelines import CONFIGS, DATA, fresh, label, real_corpus, test_docs, trained
from side_by_side import Claim, Result, Table, figure, in_turn, ratio
from thinc.api import Config


def main(
    data: Path = typer.Option(DATA, help="Folder of real corpora"),
    steps: int = typer.Option(120, help="Of training"),
    rounds: int = typer.Option(15, help="Of prediction"),
) -> None:
    """Print words a second without and with confidences, and their ratio."""
    config = Config().from_disk(CONFIGS / "ner_teacher.cfg", interpolate=False)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        corpus = real_corpus(data, "ner", "en", folder)
        trained(config, {"paths.corpus": str(corpus)}, steps).to_disk(folder / "model")
        pipelines = {
            name: spacy.load(folder / "model", config={"components.ner.confidence": confidence})
            for name, confidence in (("without", False), ("with", True))
        }
        docs = test_docs(pipelines["without"], corpus, "en")
    times = in_turn(
        {name: partial(label, nlp) for name, nlp in pipelines.items()},
        rounds,
        lambda name: fresh(pipelines[name], docs),
    )
    words = sum(map(len, docs))
    rows = [[name, figure(words / median(times[name]))] for name in times]
    claim = Claim("time: with / without", ratio(times["with"], times["without"]), at_most=1.15)
    about = f"`crf_ner` on the English test set of Universal NER, after {steps} steps of training."
    table = Table("Words a second of CPU", ["confidences", "words/s"], rows)
    Result("Confidences", about, [claim], [table]).finish()


if __name__ == "__main__":
    typer.run(main)
