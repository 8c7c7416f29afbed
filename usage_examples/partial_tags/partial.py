"""What tags of single tokens add to sentences that are tagged as a whole."""

import argparse
import random
import subprocess
import sys
from pathlib import Path
from typing import Dict, List, Set, Tuple

import srsly
from spacy.tokens import Doc, DocBin
from spacy.vocab import Vocab

CONFIG = Path(__file__).with_name("tagger.cfg")
Places = Set[Tuple[int, int]]  # numbers of documents and tokens


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("train", type=Path, help="Sentences with tags, .spacy")
    parser.add_argument("dev", type=Path, help="Sentences to measure on, .spacy")
    parser.add_argument("work", type=Path, help="Folder for all that is made")
    parser.add_argument("--share", type=float, default=0.1, help="Of the tags, from 0 to 1")
    parser.add_argument("--steps", type=int, default=2000, help="Of each training")
    parser.add_argument("--seed", type=int, default=0, help="Of the choice and of the trainings")
    arguments = parser.parse_args()
    if not 0 < arguments.share <= 1:
        parser.error("--share must be above 0 and at most 1")
    arguments.work.mkdir(parents=True, exist_ok=True)
    kept = choices(arguments.train, arguments.share, random.Random(arguments.seed))
    for name, places in kept.items():
        path = arguments.work / f"{name}.spacy"
        write(arguments.train, path, places)
        output = arguments.work / name
        accuracy = train(path, arguments.dev, output, arguments.steps, arguments.seed)
        print(f"{name}: {len(places)} tags, accuracy {100 * accuracy:.1f}", flush=True)


def choices(train: Path, share: float, rng: random.Random) -> Dict[str, Places]:
    """Which tags to keep: half of the share on whole sentences; with them the other half on tokens
    of the other sentences; and the whole share on whole sentences.
    """
    lengths = [len(doc) for doc in read(train)]
    order = list(range(len(lengths)))
    rng.shuffle(order)
    wanted = share * sum(lengths)
    half = first_sentences(lengths, order, wanted / 2)
    whole = first_sentences(lengths, order, wanted)
    rest = {(i, token) for i in order for token in range(lengths[i])} - half
    tokens = set(rng.sample(sorted(rest), min(len(rest), len(half))))
    return {"sentences": half, "sentences_and_tokens": half | tokens, "more_sentences": whole}


def first_sentences(lengths: List[int], order: List[int], wanted: float) -> Places:
    places: Places = set()
    for i in order:
        if len(places) < wanted:
            places |= {(i, token) for token in range(lengths[i])}
    return places


def read(path: Path) -> List[Doc]:
    return list(DocBin().from_disk(path).get_docs(Vocab()))


def write(source: Path, target: Path, places: Places) -> None:
    """Documents without the tags that are not kept, and not at all where none is left."""
    docs = []
    for i, doc in enumerate(read(source)):
        left = [(i, token.i) in places for token in doc]
        for token, stays in zip(doc, left):
            if not stays:
                token.tag_ = ""
        if any(left):
            docs.append(doc)
    DocBin(docs=docs).to_disk(target)


def train(path: Path, dev: Path, output: Path, steps: int, seed: int) -> float:
    """The best accuracy on dev."""
    command = [sys.executable, "-m", "spacy", "train", str(CONFIG), "--output", str(output)]
    command += ["--paths.train", str(path), "--paths.dev", str(dev), "--system.seed", str(seed)]
    every = max(1, steps // 4)
    command += ["--training.max_steps", str(steps), "--training.eval_frequency", str(every)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    meta = srsly.read_json(output / "model-best" / "meta.json")
    return float(meta["performance"]["tag_acc"])


if __name__ == "__main__":
    try:
        main()
    except subprocess.CalledProcessError as error:
        sys.exit(error.returncode)  # the command has said why
