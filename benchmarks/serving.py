"""What it takes to serve many languages: one pipeline, or one for each of them.

    python benchmarks/serving.py training/student/model-best training/teachers/*/model-best

The first pipeline against all the others together, each side in fresh processes, in turn: the time
to load them, the memory that they add to that of a process which has made an empty pipeline, after
each has tagged a text, and their size on disk. Run it where torch is not installed, as the student
needs none: spaCy imports it wherever it is.
"""

import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import List, NamedTuple

import spacy
import typer
from wasabi import table

from spacy_skd.memory import peak_memory

TEXT = "Angela Merkel visited the University of Leeds on 3 May 2019."


class Cost(NamedTuple):
    seconds: float
    memory: int  # bytes
    disk: int  # bytes


def load(pipelines: List[str]) -> Cost:
    spacy.blank("xx")(TEXT)
    before, start = peak_memory(), time.perf_counter()
    loaded = [spacy.load(pipeline) for pipeline in pipelines]
    seconds = time.perf_counter() - start
    for nlp in loaded:
        nlp(TEXT)
    folders = [Path(nlp.path) for nlp in loaded if nlp.path is not None]
    disk = sum(file.stat().st_size for path in folders for file in path.rglob("*"))
    return Cost(seconds, peak_memory() - before, disk)


def fresh(pipelines: List[str]) -> Cost:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        return process.submit(load, pipelines).result()


def main(
    student: str = typer.Argument(..., help="A folder or package"),
    others: List[str] = typer.Argument(..., help="The pipelines in whose place it is"),
    rounds: int = typer.Option(5, min=1),
) -> None:
    """Print load time, memory and size of both sides, and how much more the others take."""
    sides = {"one": [student], f"{len(others)} pipelines": others}
    costs = [[fresh(pipelines) for pipelines in sides.values()] for _ in range(rounds)]
    rows = []
    for name, of_side in zip(sides, zip(*costs)):
        seconds, memory, disk = (median(values) for values in zip(*of_side))
        rows.append([name, f"{seconds:.2f}", f"{memory / 1e6:.0f}", f"{disk / 1e6:.1f}"])
    ratios = [median(more[i] / less[i] for less, more in costs) for i in range(3)]
    rows.append(["ratio", *(f"{ratio:.1f}" for ratio in ratios)])
    header = ("", "seconds to load", "MB of memory", "MB on disk")
    print(table(rows, header=header, divider=True, aligns=("l", "r", "r", "r")))


if __name__ == "__main__":
    typer.run(main)
