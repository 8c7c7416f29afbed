"""What confidences cost: a pipeline with and without them, in turn, in one process.

    python benchmarks/confidence.py training/student/model-best corpus

In each round both label the same documents of every language, without tokenizer. The figure is
the median over rounds of the time without confidences divided by that with them, which cancels what
else the machine is doing: 1 would be no cost.
"""

import time
from pathlib import Path
from statistics import median
from typing import List

import spacy
import typer
from spacy.language import Language
from spacy.tokens import Doc

from spacy_skd.corpora.layout import find_languages
from spacy_skd.corpora.stored import copy_tokens, read_split
from spacy_skd.pipeline.crf_pipe import CRFPipe


def load(pipeline: str, confidence: bool) -> Language:
    names = [name for name, pipe in spacy.load(pipeline).pipeline if isinstance(pipe, CRFPipe)]
    return spacy.load(
        pipeline, config={f"components.{name}.confidence": confidence for name in names}
    )


def label(nlp: Language, docs: List[Doc]) -> float:
    """Seconds for fresh copies of some documents."""
    copies = [copy_tokens(doc, nlp.vocab) for doc in docs]
    start = time.perf_counter()
    for _ in nlp.pipe(copies):
        pass
    return time.perf_counter() - start


def main(
    pipeline: str = typer.Argument(..., help="A folder or package with crf_ner or crf_tagger"),
    corpus: Path = typer.Argument(..., help="Converted corpus folder"),
    rounds: int = typer.Option(15, min=3, help="Rounds; the first two do not count"),
    limit: int = typer.Option(200, help="Documents of each language"),
) -> None:
    """Print words a second without and with confidences, and their ratio."""
    plain, confident = load(pipeline, False), load(pipeline, True)
    docs = [
        doc
        for language in find_languages(corpus, ["test"])
        for doc in list(read_split(corpus, language, "test", plain.vocab))[:limit]
    ]
    words = sum(map(len, docs))
    times = [(label(plain, docs), label(confident, docs)) for _ in range(rounds)][2:]
    for name, seconds in zip(("without", "with"), zip(*times)):
        print(f"{name:8}{words / median(seconds):10.0f} words a second")
    print(f"{'ratio':8}{median(a / b for a, b in times):10.3f}")


if __name__ == "__main__":
    typer.run(main)
