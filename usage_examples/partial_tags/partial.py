"""A tagger from a share of all tags: scattered over the corpus, or on whole sentences."""

import argparse
import random
import subprocess
import sys
from pathlib import Path
from typing import Callable, Dict, List

import srsly
from spacy.tokens import Doc, DocBin, Token
from spacy.vocab import Vocab

CONFIG = Path(__file__).with_name("tagger.cfg")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("train", type=Path, help="Sentences with tags, .spacy")
    parser.add_argument("dev", type=Path, help="Sentences to measure on, .spacy")
    parser.add_argument("work", type=Path, help="Folder for all that is made")
    parser.add_argument("--share", type=float, default=0.1, help="Of the tags, from 0 to 1")
    parser.add_argument("--steps", type=int, default=400, help="Of each training")
    arguments = parser.parse_args()
    if not 0 < arguments.share <= 1:
        parser.error("--share must be above 0 and at most 1")
    arguments.work.mkdir(parents=True, exist_ok=True)
    for name, keep in choices(arguments.train, arguments.share).items():
        path = arguments.work / f"{name}.spacy"
        kept = write(arguments.train, path, keep)
        accuracy = train(path, arguments.dev, arguments.work / name, arguments.steps)
        print(f"{name}: {kept} tags, accuracy {100 * accuracy:.1f}")


def choices(train: Path, share: float) -> Dict[str, Callable[[int, Token], bool]]:
    """Which tags to keep, by the number of the document and the token."""
    rng = random.Random(0)
    tokens = {(i, token.i) for i, doc in enumerate(read(train)) for token in doc}
    wanted = max(1, round(share * len(tokens)))
    scattered = set(rng.sample(sorted(tokens), wanted))
    documents = sorted({i for i, _ in tokens})
    rng.shuffle(documents)
    whole: set[tuple[int, int]] = set()
    for i in documents:
        if len(whole) < wanted:
            whole |= {place for place in tokens if place[0] == i}
    return {
        "scattered": lambda i, token: (i, token.i) in scattered,
        "whole": lambda i, token: (i, token.i) in whole,
    }


def read(path: Path) -> List[Doc]:
    return list(DocBin().from_disk(path).get_docs(Vocab()))


def write(source: Path, target: Path, keep: Callable[[int, Token], bool]) -> int:
    """Documents without the tags that are not kept, and not at all where none is left."""
    docs, kept = [], 0
    for i, doc in enumerate(read(source)):
        left = [keep(i, token) for token in doc]
        for token, stays in zip(doc, left):
            if not stays:
                token.tag_ = ""
        kept += sum(left)
        if any(left):
            docs.append(doc)
    DocBin(docs=docs).to_disk(target)
    return kept


def train(path: Path, dev: Path, output: Path, steps: int) -> float:
    """The best accuracy on dev."""
    command = [sys.executable, "-m", "spacy", "train", str(CONFIG), "--output", str(output)]
    command += ["--paths.train", str(path), "--paths.dev", str(dev)]
    command += ["--training.max_steps", str(steps), "--training.eval_frequency", str(steps // 4)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    meta = srsly.read_json(output / "model-best" / "meta.json")
    return float(meta["performance"]["tag_acc"])


if __name__ == "__main__":
    try:
        main()
    except subprocess.CalledProcessError as error:
        sys.exit(error.returncode)  # the command has said why
