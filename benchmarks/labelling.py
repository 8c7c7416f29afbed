"""What labelling costs: its speed against plain prediction by the same teacher, in turn, in one
process; the bytes that a token takes; and how long a store of many sentences takes to open.

    python benchmarks/labelling.py --data ../shared/data

The teacher is not trained, which its speed does not depend on. In each round it predicts the
sentences as `nlp.pipe` does, and labels them as the command does, from the corpus's files to the
finished store; both load it anew, so that both meet each word for the first time.
"""

import multiprocessing
import shutil
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from statistics import median
from typing import Any, List, Sequence, Tuple

import numpy as np
import spacy
import typer
from pipelines import DATA, fresh, label, made_teacher, real_corpus
from side_by_side import Claim, Result, Table, exactly, figure, in_turn, ratio
from spacy.language import Language
from spacy.tokens import Doc
from spacy.vocab import Vocab

from spacy_skd.corpora.stored import read_split
from spacy_skd.memory import peak_memory
from spacy_skd.targets import TargetWriter, open_targets
from spacy_skd.targets.label import label_corpus
from spacy_skd.targets.meta import Origin, Plan
from spacy_skd.targets.shard import import_libraries
from spacy_skd.transfer import Teacher

VOCAB = Vocab()


def compare_with_prediction(data: Path, limit: int, rounds: int, result: Result) -> None:
    """Labelling of the training sentences beside predicting them."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        corpus = real_corpus(data, "ner", "en", folder, limit)
        teachers, targets = made_teacher(corpus, "en", folder / "teachers"), folder / "targets"
        nlp = spacy.load(teachers / "en")
        read = read_split(corpus, "en", "train", nlp.vocab)
        docs = list({doc.text: doc for doc in read}.values())  # labelled once each

        def predict() -> None:
            loaded = spacy.load(teachers / "en")
            label(loaded, fresh(loaded, docs))

        def store() -> None:
            shutil.rmtree(targets, ignore_errors=True)
            label_corpus(corpus, teachers, targets, languages=["en"], splits=["train"])

        times = in_turn({"predict": predict, "label": store}, rounds)
        size = sum(path.stat().st_size for path in targets.rglob("*.arrow"))
    n_tokens, n_tags = sum(map(len, docs)), teacher_tags(nlp)
    rows = [[name, figure(n_tokens / median(times[name]))] for name in times]
    result.tables.append(Table("Words a second of CPU, loading included", ["", "words/s"], rows))
    result.claims += [
        Claim("speed: label / predict", ratio(times["predict"], times["label"]), at_least=0.9),
        Claim(f"bytes a token, {n_tags} tags", exactly(size / n_tokens), at_most=2 * n_tags + 16),
    ]


def teacher_tags(nlp: Language) -> int:
    component: Any = nlp.get_pipe("ner")
    return len(component.tags)


def open_many(sentences: int, n_tokens: int, n_tags: int, result: Result) -> None:
    """How long it takes to open a store of so many sentences, and what memory that takes."""
    with tempfile.TemporaryDirectory() as folder:
        write_many(Path(folder) / "xx", sentences, n_tokens, n_tags)
        size = sum(path.stat().st_size for path in Path(folder).rglob("*.arrow"))
        # In a process of its own, whose memory has held nothing else.
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
            measured = pool.submit(measure_opening, Path(folder), sentences, n_tokens).result()
    opened, megabytes, reading = measured
    what = f"{sentences:,} sentences of {n_tokens} tokens and {n_tags} tags, {size / 1e6:,.0f} MB"
    row = [what, f"{opened:.2f}", f"{megabytes:.0f}", f"{1e6 * reading:.0f}"]
    header = ["store", "seconds to open", "MB of memory", "µs to find and read a sentence"]
    result.tables.append(Table("Opening a store", header, [row]))
    claim = Claim(f"seconds to open {sentences:,} sentences", exactly(opened), at_most=3.0)
    result.claims.append(claim)


def measure_opening(folder: Path, sentences: int, n_tokens: int) -> Tuple[float, float, float]:
    numbers = np.random.default_rng(0).integers(sentences, size=10_000)
    docs = [numbered(int(i), n_tokens) for i in numbers]
    import_libraries()  # which a training does once, whatever it opens
    before = peak_memory()
    start = time.process_time()
    targets = open_targets(folder)
    opened = time.process_time() - start
    start = time.process_time()
    for doc in docs:
        targets.find(doc, "xx")[0].emissions()
    reading = (time.process_time() - start) / len(docs)
    return opened, (peak_memory() - before) / 1e6, reading


def write_many(path: Path, sentences: int, n_tokens: int, n_tags: int) -> None:
    plan = Plan(
        lang="xx",
        teacher=Origin(path=None, fingerprint="", files={}),
        corpus="",
        splits=["train"],
        dtype="float16",
        shard_size=5000,
    )
    chain = [np.zeros(shape) for shape in ((n_tags, n_tags), n_tags, n_tags)]
    writer = TargetWriter(path, plan, Teacher(tuple(map(str, range(n_tags))), "plain", *chain))
    scores = np.random.default_rng(0).normal(size=(n_tokens, n_tags)).astype(np.float32)

    def score(docs: Sequence[Doc]) -> List[np.ndarray]:
        return [scores] * len(docs)

    writer.write((numbered(i, n_tokens) for i in range(sentences)), score)
    writer.finish()


def numbered(i: int, n_tokens: int) -> Doc:
    """The i-th of many different sentences, of few different words."""
    words = [f"w{digit}" for digit in f"{i:07d}"] + ["x"] * (n_tokens - 7)
    return Doc(VOCAB, words=words)


def main(
    data: Path = typer.Option(DATA, help="Folder of real corpora"),
    rounds: int = typer.Option(9, help="Of prediction and labelling"),
    limit: int = typer.Option(0, help="Sentences that are labelled; 0: all"),
    sentences: int = typer.Option(1_000_000, help="In the store that is opened; 0: none"),
    tags: int = typer.Option(17, help="Of that store"),
) -> None:
    """Print what labelling costs, and write it to results/labelling.json."""
    result = Result(
        "Labelling",
        "A teacher of entities with the convolutional encoder of its config labels the training "
        "sentences of Universal NER (English).",
    )
    compare_with_prediction(data, limit, rounds, result)
    if sentences:
        open_many(sentences, 20, tags, result)
    result.finish(("pyarrow",))


if __name__ == "__main__":
    typer.run(main)
