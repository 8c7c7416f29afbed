"""What training and labelling cost in CPU seconds of one core: the rates of docs/scale.md.

    OMP_NUM_THREADS=1 python benchmarks/rates.py corpus --train configs/pos_teacher.cfg \
        --train configs/pos_student.cfg --label configs/pos_teacher.cfg --paths.vectors vectors

Of each training config some steps are taken, of each language of the corpus as many sentences as
`--sentences` says. The teachers of `--label` are not trained, which their speed does not depend on;
they label these sentences as the command does, from its files to a store, and the student's step is
measured with the targets of the first of them. What other processes do costs no CPU time of this
one, but it shares caches with them.
"""

import pickle
import tempfile
import time
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any, Dict, Iterator, List, Tuple

import numpy as np
import typer
from spacy.cli._util import parse_config_overrides
from spacy.language import Language
from spacy.tokens import Doc, DocBin
from spacy.training.initialize import init_nlp
from spacy.training.loop import create_train_batches
from spacy.util import load_config, registry
from spacy.vocab import Vocab

from spacy_skd.corpora.layout import find_languages
from spacy_skd.corpora.stored import read_split, words_and_spaces
from spacy_skd.evaluation.tables import aligned
from spacy_skd.targets import TargetWriter
from spacy_skd.targets.label import label_corpus
from spacy_skd.targets.meta import Origin, Plan
from spacy_skd.transfer import Teacher

WARM_UP = 5
TAGS = 17


def shorten(corpus: Path, output: Path, n: int) -> int:
    """The first n sentences of train and dev of each language; returns how many are in train."""
    total = 0
    for lang in find_languages(corpus, ["train", "dev"]):
        for split in ("train", "dev"):
            docs = list(islice(read_split(corpus, lang, split, Vocab()), n))
            path = output / lang / f"{split}.spacy"
            path.parent.mkdir(parents=True, exist_ok=True)
            DocBin(docs=docs, store_user_data=True).to_disk(path)
            total += len(docs) if split == "train" else 0
    return total


def opened(config: Path, overrides: Dict[str, Any]) -> Language:
    known = load_config(config, interpolate=False)["paths"]
    fitting = {
        name: value for name, value in overrides.items() if name.removeprefix("paths.") in known
    }
    return init_nlp(load_config(config, fitting, interpolate=True))


def step_rate(nlp: Language, steps: int) -> Tuple[float, float, float]:
    """Median CPU seconds of a step, and the mean words and sentences in it."""
    settings = registry.resolve(nlp.config["training"], schema=None, validate=False)
    reader = registry.resolve(nlp.config["corpora"], validate=False)["train"]
    batches = create_train_batches(nlp, reader, settings["batcher"], settings["max_epochs"])
    seconds: List[float] = []
    words, sentences = 0, 0
    for _, batch in islice(batches, steps + WARM_UP):
        start = time.process_time()
        nlp.update(batch, sgd=settings["optimizer"], drop=0.1, losses={})
        seconds.append(time.process_time() - start)
        words += sum(map(len, batch))
        sentences += len(batch)
    return median(seconds[WARM_UP:]), words / len(seconds), sentences / len(seconds)


def hand_over_rate(corpus: Path, store: Path) -> float:
    """Sentences a second of what one process does while the teachers are elsewhere: it reads the
    text, packs the words of each shard, and writes the scores that come back.
    """
    rng = np.random.default_rng(0)
    origin = Origin(path=None, fingerprint="", files={})
    plan = Plan(lang="xx", teacher=origin, corpus="", splits=[], dtype="float16", shard_size=5000)
    chain = (rng.normal(size=shape) for shape in ((TAGS, TAGS), TAGS, TAGS))
    teacher = Teacher(tuple(f"T{i}" for i in range(TAGS)), "plain", *chain)
    scores = rng.normal(size=(10_000, TAGS)).astype(np.float32)

    def score(docs: List[Doc]) -> Iterator[np.ndarray]:
        pickle.dumps([words_and_spaces(doc) for doc in docs])
        return (scores[: len(doc)] for doc in docs)

    start = time.process_time()
    writer = TargetWriter(store, plan, teacher)
    languages = find_languages(corpus, ["train"])
    writer.write(
        (d for lang in languages for d in read_split(corpus, lang, "train", Vocab())), score
    )
    sentences = sum(shard.sentences for shard in writer.finish().shards)
    return sentences / (time.process_time() - start)


def main(
    ctx: typer.Context,
    corpus: Path = typer.Argument(..., help="Converted corpus folder"),
    trained: List[Path] = typer.Option([], "--train", help="Config whose step is measured"),
    teachers: List[Path] = typer.Option([], "--label", help="Config of a teacher that labels"),
    sentences: int = typer.Option(300, help="Of each language"),
    steps: int = typer.Option(30, help="Steps that count, of each config"),
) -> None:
    """Print a row for each config. Settings of [paths] are given as in `spacy train`."""
    given = parse_config_overrides(ctx.args)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        short, targets = Path(folder, "corpus"), Path(folder, "targets")
        total = shorten(corpus, short, sentences)
        overrides = {**given, "paths.corpus": str(short)}
        for i, config in enumerate(teachers):
            saved = Path(folder, f"teacher-{i}")
            opened(config, overrides).to_disk(saved)
            store = targets if i == 0 else Path(folder, f"targets-{i}")
            start = time.process_time()
            reports = label_corpus(short, saved, store)
            rate = total / (time.process_time() - start)
            size = sum(report.bytes for report in reports) / sum(r.tokens for r in reports)
            what = f"{rate:.0f} sentences a second, {size:.1f} bytes a token"
            rows.append([f"label, {config.stem}, {reports[0].tags} tags", what])
        rate = hand_over_rate(short, Path(folder, "store"))
        rows.append(["read, hand over, write", f"{rate:.0f} sentences a second"])
        if teachers:
            overrides["paths.targets"] = str(targets)
        for config in trained:
            seconds, words, docs = step_rate(opened(config, overrides), steps)
            what = f"{1000 * seconds:.0f} ms a step of {words:.0f} words in {docs:.0f} sentences"
            rows.append([f"train, {config.stem}", what])
    print(aligned(["CPU time of one core", ""], rows))


app = typer.Typer()
app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(main)

if __name__ == "__main__":
    app()
