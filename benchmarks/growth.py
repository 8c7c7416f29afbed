"""How cost grows with sentences, teachers, tags and the length of a document: in a straight line?

    python benchmarks/growth.py --data ../shared/data

The sizes are measured in turn, and each claim compares twice as much with half of it.
"""

import shutil
import tempfile
from functools import partial
from pathlib import Path
from statistics import median
from typing import Callable, Dict, List

import numpy as np
import typer
from pipelines import DATA, made_teacher, real_corpus
from side_by_side import Claim, Curves, Result, in_turn, ratio
from training_step import copies, stepping

from spacy_skd import crf
from spacy_skd.corpora.convert import convert
from spacy_skd.targets.label import label_corpus

SENTENCES = (250, 500, 1000, 2000)
TEACHERS = (2, 4, 8, 16, 32)
LENGTHS = (1000, 10_000, 25_000, 50_000, 100_000)
LABELS = (9, 17, 33, 65, 129)
# Twice as much may cost that many times as much, where cost is proportional.
DOUBLED = 2.3


def measure(
    caption: str,
    x_label: str,
    calls: Dict[str, Dict[int, Callable[[], object]]],
    rounds: int,
    result: Result,
    wanted: float = DOUBLED,
) -> None:
    """A curve for each kind of calls by size, and a claim of the two largest sizes.

    wanted (float): How many times as much the largest may cost as the one before it, at most.
    """
    flat = {f"{kind} {size}": call for kind in calls for size, call in calls[kind].items()}
    times = in_turn(flat, rounds, warm_up=x_label != "teachers")
    series = {}
    for kind, sizes in calls.items():
        series[kind] = [(float(n), 1000 * median(times[f"{kind} {n}"])) for n in sizes]
        half, whole = list(sizes)[-2:]
        found = ratio(times[f"{kind} {whole}"], times[f"{kind} {half}"])
        what = f"{kind}: {whole:,} {x_label} / {half:,}"
        result.claims.append(Claim(what, found, at_most=wanted))
    result.curves.append(Curves(caption, x_label, "milliseconds", series))


def sentences(data: Path, folder: Path, rounds: int, result: Result) -> None:
    """Converting and labelling of more and more sentences."""
    calls: Dict[str, Dict[int, Callable[[], object]]] = {"convert": {}, "label": {}}
    for n in SENTENCES:
        place = folder / str(n)
        made_teacher(real_corpus(data, "ner", "en", place, n), "en", place / "teachers")

        def convert_anew(place: Path = place, n: int = n) -> None:
            shutil.rmtree(place / "again", ignore_errors=True)
            convert(place / "raw" / "ner", place / "again", limit=n)

        def label_anew(place: Path = place) -> None:
            shutil.rmtree(place / "targets", ignore_errors=True)
            label_corpus(
                place / "ner",
                place / "teachers",
                place / "targets",
                languages=["en"],
                splits=["train"],
            )

        calls["convert"][n], calls["label"][n] = convert_anew, label_anew
    measure("Sentences", "sentences", calls, rounds, result)


def teachers(data: Path, folder: Path, rounds: int, result: Result) -> None:
    """A training step with more and more teachers of each sentence."""
    corpus = real_corpus(data, "ner", "en", folder, SENTENCES[0])
    targets = folder / "targets"
    made = made_teacher(corpus, "en", folder / "teachers")
    label_corpus(corpus, made, targets, languages=["en"], splits=["train"])
    steps = {
        n: stepping(corpus, copies(targets, n, folder / "copies"), "structural", rounds)
        for n in TEACHERS
    }
    measure("Teachers of each sentence", "teachers", {"step": steps}, rounds, result)


def random_chains(n_labels: int, lengths: List[int]) -> crf.Potentials:
    rng = np.random.default_rng(0)
    shapes = (sum(lengths), n_labels), (n_labels, n_labels), n_labels, n_labels
    unary, *chain = (rng.normal(size=shape) for shape in shapes)
    return crf.Potentials(unary, np.array(lengths), *chain)


def chains(rounds: int, result: Result) -> None:
    """The CRF alone: one chain that is longer and longer, and 32 chains with more and more tags."""
    operations: Dict[str, Callable[[crf.Potentials], object]] = {
        "NLL": lambda p: crf.nll(p, np.zeros(len(p.unary), dtype=np.int64)),
        "Viterbi": crf.viterbi,
        "10-best": lambda p: crf.kbest(p, 10),
    }
    long = {n: random_chains(17, [n]) for n in LENGTHS}
    many = {n: random_chains(n, [20] * 32) for n in LABELS}
    for caption, x_label, batches, wanted in (
        ("One chain, 17 tags", "tokens", long, DOUBLED),
        # Pairs of tags: their square.
        ("32 chains of 20 tokens", "tags", many, DOUBLED**2),
    ):
        calls: Dict[str, Dict[int, Callable[[], object]]] = {
            name: {n: partial(run, p) for n, p in batches.items()}
            for name, run in operations.items()
        }
        measure(caption, x_label, calls, rounds, result, wanted)


def main(
    data: Path = typer.Option(DATA, help="Folder of real corpora"),
    rounds: int = typer.Option(5, help="Of each size"),
) -> None:
    """Print how cost grows, and write it to results/growth.json."""
    result = Result(
        "Growth",
        "What is proportional lies on a straight line through the origin; twice as much costs at "
        f"most {DOUBLED} times as much. Pairs of tags grow with the square of the tags. How cost "
        "grows with the length of a document is under Prediction, and "
        "`benchmarks/unlabelled_text.py` measures what the amount of unlabelled text costs.",
    )
    with tempfile.TemporaryDirectory() as temporary:
        sentences(data, Path(temporary) / "sentences", rounds, result)
        teachers(data, Path(temporary) / "teachers", 2 * rounds, result)
    chains(rounds, result)
    result.finish()


if __name__ == "__main__":
    typer.run(main)
