"""Does the amount of unlabelled text cost a training anything? Time to the first step, and memory.

    python benchmarks/unlabelled_text.py --sentences 10000 --sentences 100000

With `--labelled 100000` the same beside so much labelled text. For each size, in a folder that is
removed afterwards: text of made-up words in pieces, targets of `--teachers` made-up teachers for
all of it, and in a process of its own what `spacy train` does before and up to the first step, and
`--steps` further steps.
"""

import json
import subprocess
import sys
import tempfile
import time
from itertools import chain
from pathlib import Path
from typing import Dict, Iterator, List, Optional

import numpy as np
import psutil
import typer
from spacy.tokens import Doc
from spacy.training.initialize import init_nlp
from spacy.training.loop import create_train_batches
from spacy.util import load_config, registry
from spacy.vocab import Vocab

from spacy_skd.corpora.output import write_split
from spacy_skd.evaluation.tables import aligned
from spacy_skd.schemes import get_scheme
from spacy_skd.targets import TargetWriter
from spacy_skd.targets.meta import Origin, Plan
from spacy_skd.transfer import Teacher

CONFIG = Path(__file__).parents[1] / "configs" / "ner_student.cfg"
LENGTH, WORDS = 20, 20_000
TAGS = tuple(get_scheme("BILOU").tags(["LOC", "ORG", "PER"]))


def sentences(n: int, seed: int, labelled: bool = False) -> Iterator[Doc]:
    """Sentences of words that are drawn as words of a language are: by their rank."""
    rng = np.random.default_rng(seed)
    weights = 1.0 / np.arange(1, WORDS + 1)
    for start in range(0, n, 1000):
        vocab = Vocab()
        drawn = rng.choice(WORDS, (min(1000, n - start), LENGTH), p=weights / weights.sum())
        for i, row in enumerate(drawn):
            words = [f"w{word}" for word in row]
            words[-1] = f"n{seed}.{start + i}"  # no two sentences are the same
            ents = ["B-PER", "B-LOC", "B-ORG"] + ["O"] * (LENGTH - 3) if labelled else None
            yield Doc(vocab, words=words, ents=ents, user_data={"lang": "xx"})


def make(folder: Path, labelled: int, n: int, n_teachers: int) -> None:
    for split, size in (("train", labelled), ("dev", 2000)):
        write_split(sentences(size, 0, labelled=True), folder / "corpus/xx", split)
    write_split(sentences(n, 1), folder / "corpus/xx", "unlabelled")
    rng = np.random.default_rng(0)
    size = len(TAGS)
    for i in range(n_teachers):
        origin = Origin(path=None, fingerprint=str(i), files={})
        plan = Plan(
            lang="xx", teacher=origin, corpus="", splits=[], dtype="float16", shard_size=5000
        )
        scores = (rng.normal(size=shape) for shape in ((size, size), size, size))
        writer = TargetWriter(
            folder / f"targets/xx.seed-{i}", plan, Teacher(TAGS, "BILOU", *scores)
        )
        docs = chain(sentences(labelled, 0), sentences(n, 1))
        writer.write(docs, lambda part: (rng.normal(size=(len(doc), size)) for doc in part))
        writer.finish()


def measure(folder: Path, steps: int) -> Dict[str, float]:
    """In a process of its own: from the config to the first step, and on."""
    start = time.perf_counter()
    overrides = {
        "paths.corpus": str(folder / "corpus"),
        "paths.targets": str(folder / "targets"),
        "corpora.train.unlabelled_ratio": 4.0,
    }
    nlp = init_nlp(load_config(CONFIG, overrides, interpolate=True))
    settings = registry.resolve(nlp.config["training"], schema=None, validate=False)
    reader = registry.resolve(nlp.config["corpora"], validate=False)["train"]
    batches = create_train_batches(nlp, reader, settings["batcher"], settings["max_epochs"])
    found = {}
    for i in range(steps):
        _, batch = next(batches)
        nlp.update(batch, sgd=settings["optimizer"], drop=0.1, losses={})
        memory = psutil.Process().memory_info().rss / 2**20
        if i == 0:
            found = {
                "first step (s)": time.perf_counter() - start,
                "of CPU": time.process_time(),  # with imports
                "memory (MiB)": memory,
            }
    return {**found, f"after {steps} steps (MiB)": memory}


def main(
    sizes: List[int] = typer.Option([10_000, 100_000], "--sentences", help="Sizes of the text"),
    labelled: int = typer.Option(2000, help="Labelled sentences"),
    teachers: int = typer.Option(1, help="Teachers of each sentence"),
    steps: int = typer.Option(20, help="Steps in all"),
    folder: Optional[Path] = typer.Option(None, hidden=True, help="Measure what is here"),
) -> None:
    """Print a row for each size of the text."""
    if folder is not None:
        print(json.dumps(measure(folder, steps)))
        return
    rows = []
    for n in sizes:
        with tempfile.TemporaryDirectory() as made:
            make(Path(made), labelled, n, teachers)
            command = [sys.executable, __file__, "--folder", made, "--steps", str(steps)]
            result = subprocess.run(command, check=True, capture_output=True, encoding="utf-8")
        found = json.loads(result.stdout.splitlines()[-1])
        rows.append([f"{n:,}", *(f"{value:.1f}" for value in found.values())])
    print(aligned(["sentences", *found], rows))


if __name__ == "__main__":
    typer.run(main)
