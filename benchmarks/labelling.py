"""What labelling costs: its speed against plain prediction by the same teacher, in turn, in one
process; the bytes that a token takes; and how long a store of many sentences takes to open.

    python benchmarks/labelling.py corpus --config configs/ner_teacher.cfg

The teacher is not trained, which its speed does not depend on. In each round it predicts the
sentences as `nlp.pipe` does, and labels them as the command does, from the corpus's files to the
finished store; both load it anew, so that both meet each word for the first time. The figure is the
median over rounds of the time of the one divided by the other's. Times are of the CPU, so that what
else the machine is doing does not count.
"""

import multiprocessing
import shutil
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from statistics import median
from typing import Callable, List, Optional, Sequence, Tuple

import numpy as np
import spacy
import typer
from spacy.tokens import Doc
from spacy.training.initialize import init_nlp
from spacy.util import load_config
from spacy.vocab import Vocab
from wasabi import msg, table

from spacy_skd.corpora.layout import find_languages
from spacy_skd.corpora.stored import copy_tokens, read_split
from spacy_skd.targets import TargetWriter, open_targets
from spacy_skd.targets.label import label_corpus
from spacy_skd.targets.meta import Origin, Plan
from spacy_skd.targets.shard import import_libraries
from spacy_skd.transfer import Teacher

VOCAB = Vocab()


def make_teacher(config: Path, corpus: Path, language: str, folder: Path):
    overrides = {"paths.corpus": str(corpus), "paths.languages": [language]}
    nlp = init_nlp(load_config(config, overrides, interpolate=True))
    (folder / language).mkdir(parents=True)
    nlp.to_disk(folder / language)
    return nlp


def cpu_time(function: Callable[[], object]) -> float:
    start = time.process_time()
    function()
    return time.process_time() - start


def compare_with_prediction(corpus: Path, config: Path, language: str, rounds: int) -> None:
    """Print the speed of labelling the training sentences as a ratio to predicting them."""
    with tempfile.TemporaryDirectory() as folder:
        teachers, targets = Path(folder) / "teachers", Path(folder) / "targets"
        nlp = make_teacher(config, corpus, language, teachers)
        read = read_split(corpus, language, "train", nlp.vocab)
        docs = list({doc.text: doc for doc in read}.values())  # labelled once each
        n_tokens = sum(map(len, docs))

        def predict() -> None:
            loaded = spacy.load(teachers / language)
            for _ in loaded.pipe([copy_tokens(doc, loaded.vocab) for doc in docs]):
                pass

        def label() -> None:
            shutil.rmtree(targets, ignore_errors=True)
            label_corpus(corpus, teachers, targets, languages=[language], splits=["train"])

        label()  # once before, so that caches are full for both
        times = [(cpu_time(predict), cpu_time(label)) for _ in range(rounds)]
        size = sum(path.stat().st_size for path in targets.rglob("*.arrow"))
    rows = [
        ("predict", f"{n_tokens / median(one for one, _ in times):,.0f}", ""),
        (
            "label",
            f"{n_tokens / median(other for _, other in times):,.0f}",
            f"{median(one / other for one, other in times):.2f}",
        ),
    ]
    print(table(rows, header=("", "words a second", "ratio"), divider=True, aligns=("l", "r", "r")))
    n_tags = len(nlp.get_pipe(nlp.pipe_names[-1]).tags)
    allowed = 2 * n_tags + 16
    print(f"{size / n_tokens:.1f} bytes a token for {n_tags} tags (2 L + 16 = {allowed})\n")


def open_many(sentences: int, n_tokens: int, n_tags: int) -> None:
    """Print how long it takes to open a store of so many sentences, and what memory that takes."""
    with tempfile.TemporaryDirectory() as folder:
        write_many(Path(folder) / "xx", sentences, n_tokens, n_tags)
        size = sum(path.stat().st_size for path in Path(folder).rglob("*.arrow"))
        # In a process of its own, whose memory has held nothing else.
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
            result = pool.submit(measure_opening, Path(folder), sentences, n_tokens).result()
    opened, megabytes, reading = result
    print(
        f"a store of {sentences:,} sentences of {n_tokens} tokens and {n_tags} tags, "
        f"{size / 1e6:,.0f} MB: opened in {opened:.2f} s, which takes {megabytes:.0f} MB of "
        f"memory; {1e6 * reading:.0f} µs to find a sentence and read its scores"
    )


def measure_opening(folder: Path, sentences: int, n_tokens: int) -> Tuple[float, float, float]:
    numbers = np.random.default_rng(0).integers(sentences, size=10_000)
    docs = [numbered(int(i), n_tokens) for i in numbers]
    import_libraries()  # which a training does once, whatever it opens
    before = peak_memory()
    start = time.perf_counter()
    targets = open_targets(folder)
    opened = time.perf_counter() - start
    start = time.perf_counter()
    for doc in docs:
        targets.find(doc, "xx")[0].emissions()
    reading = (time.perf_counter() - start) / len(docs)
    return opened, peak_memory() - before, reading


def peak_memory() -> float:
    """Megabytes that this process has held at most."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


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
    corpus: Optional[Path] = typer.Argument(None, help="Converted corpus folder"),
    config: Path = typer.Option(Path("configs/ner_teacher.cfg"), help="Config of the teacher"),
    rounds: int = typer.Option(9, help="Of prediction and labelling"),
    sentences: int = typer.Option(1_000_000, help="In the store that is opened; 0: none"),
    tags: int = typer.Option(17, help="Of that store"),
) -> None:
    """Print what labelling costs."""
    if corpus is not None:
        for language in find_languages(corpus, ["train"]):
            msg.divider(language)
            compare_with_prediction(corpus, config, language, rounds)
    if sentences:
        open_many(sentences, 20, tags)


if __name__ == "__main__":
    typer.run(main)
