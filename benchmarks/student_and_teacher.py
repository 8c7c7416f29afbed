"""How many times as fast as its teacher a student reads text.

    OMP_NUM_THREADS=1 python benchmarks/student_and_teacher.py corpus \\
        training/student/model-best training/teachers/multilingual/model-best

Both label the same test sentences of all languages of a corpus, in turn in one process.
"""

from functools import partial
from pathlib import Path

import spacy
import typer
from pipelines import fresh, label, test_docs
from side_by_side import figure, in_turn, ratio

from spacy_skd.corpora.layout import find_languages


def main(
    corpus: Path = typer.Argument(..., help="Converted corpus folder"),
    student: Path = typer.Argument(..., help="A pipeline of all its languages"),
    teacher: Path = typer.Argument(..., help="Another"),
    sentences: int = typer.Option(150, help="Of each language"),
    rounds: int = typer.Option(5, min=2),
) -> None:
    """Print words a second of both, and their ratio."""
    pipelines = {"student": spacy.load(student), "teacher": spacy.load(teacher)}
    docs = []
    for language in find_languages(corpus, ["test"]):
        docs += test_docs(pipelines["student"], corpus, language)[:sentences]
    times = in_turn(
        {name: partial(label, nlp) for name, nlp in pipelines.items()},
        rounds,
        lambda name: fresh(pipelines[name], docs),
    )
    words = sum(map(len, docs))
    for name, seconds in times.items():
        print(f"{name}: {figure(words / sorted(seconds)[rounds // 2])} words a second")
    print(f"student / teacher: {ratio(times['teacher'], times['student'])}")


if __name__ == "__main__":
    typer.run(main)
