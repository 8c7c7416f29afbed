"""The least that a user could have instead: one CRF a language on hand-made features, no encoder.

    pip install python-crfsuite
    python benchmarks/feature_crf.py corpus --output metrics/feature_crf.json

Trains python-crfsuite (L-BFGS) on all of `<lang>/train.spacy`, a minute a language, and scores
it on test as `skd evaluate` scores pipelines: exact entities where the corpus has entities, else
tags. The file has the form of `metrics/evaluation.json`.
"""

import json
import os
import tempfile
import time
import unicodedata
from itertools import pairwise
from pathlib import Path
from typing import Any, Dict, Iterator, List

import pycrfsuite
import typer
from spacy.tokens import Doc, Span
from spacy.training import Example
from spacy.vocab import Vocab
from tqdm import tqdm

from spacy_skd.corpora.layout import find_languages
from spacy_skd.corpora.stored import copy_tokens, read_split
from spacy_skd.evaluation.evaluate import average
from spacy_skd.evaluation.scorers import score_entities, score_tags
from spacy_skd.evaluation.tables import score_tables
from spacy_skd.schemes import get_scheme, repair_iob

AFFIXES = (1, 2, 3, 4)
WINDOW = (-2, -1, 1, 2)
# What a word shows its neighbours: all of it is worse, by 3 F1 on Danish dev.
SHOWN = ("lower=", "short=", "character=")
SCHEME = get_scheme("IOB2")


def word_features(word: str) -> List[str]:
    """What a word shows by itself: its form, affixes, shape, and in scripts without cases (Chinese,
    Hebrew, Tamil) its characters.
    """
    lower = word.lower()
    shape = "".join(map(shape_of, word))
    features = [f"word={word}", f"lower={lower}", f"shape={shape}", f"short={squeeze(shape)}"]
    for n in AFFIXES:
        features += [f"prefix={lower[:n]}", f"suffix={lower[-n:]}"]
    if any(unicodedata.category(character) == "Lo" for character in word):
        features += [f"character={character}" for character in word]
        features += [f"pair={a}{b}" for a, b in pairwise(word)]
    return features


def shape_of(character: str) -> str:
    """X, x, d, a letter without case as c, anything else as it is."""
    if character.isdigit():
        return "d"
    if not character.isalpha():
        return character
    return "X" if character.isupper() else "x" if character.islower() else "c"


def squeeze(shape: str) -> str:
    """The shape with runs of the same class made one: "Xxxxx-dd" as "Xx-d"."""
    return "".join(a for a, b in zip(shape, " " + shape) if a != b)


def sentence_features(doc: Doc) -> List[List[str]]:
    """The features of each token: its own, and some of the two words to each side."""
    own = [word_features(token.text) for token in doc]
    return [
        ["bias", *own[i], *(feature for offset in WINDOW for feature in beside(own, i, offset))]
        for i in range(len(own))
    ]


def beside(own: List[List[str]], i: int, offset: int) -> Iterator[str]:
    if not 0 <= i + offset < len(own):
        yield f"{offset}:none"
    else:
        shown = (feature for feature in own[i + offset] if feature.startswith(SHOWN))
        yield from (f"{offset}:{feature}" for feature in shown)


def gold_tags(doc: Doc, entities: bool) -> List[str]:
    if not entities:
        return [token.tag_ for token in doc]
    return SCHEME.encode([(ent.start, ent.end, ent.label_) for ent in doc.ents], len(doc))


def predicted(doc: Doc, tags: List[str], entities: bool) -> Doc:
    """A fresh document with the predicted tags."""
    doc = copy_tokens(doc, doc.vocab)
    if entities:
        legal, _ = repair_iob(tags)
        doc.set_ents([Span(doc, *span) for span in SCHEME.decode(legal)])
    else:
        for token, tag in zip(doc, tags):
            token.tag_ = tag
    return doc


def evaluate(corpus: Path, lang: str, settings: Dict[str, Any]) -> Dict[str, Any]:
    """Train on train, predict test: its scores, and the counts of `skd evaluate`."""
    vocab = Vocab()
    train, test = (list(read_split(corpus, lang, split, vocab)) for split in ("train", "test"))
    entities = any(doc.has_annotation("ENT_IOB") for doc in train)
    trainer = pycrfsuite.Trainer(algorithm="lbfgs", params=settings, verbose=False)
    for doc in train:
        trainer.append(sentence_features(doc), gold_tags(doc, entities))
    tagger = pycrfsuite.Tagger()
    with tempfile.TemporaryDirectory() as folder:
        model = os.path.join(folder, "model")
        trainer.train(model)
        tagger.open(model)
        start = time.perf_counter()
        docs = [predicted(doc, tagger.tag(sentence_features(doc)), entities) for doc in test]
        seconds = time.perf_counter() - start
        size = os.path.getsize(model)
    examples = [Example(doc, gold) for doc, gold in zip(docs, test)]
    keys = ("ents_f", "ents_p", "ents_r") if entities else ("tag_acc",)
    scores = score_entities(examples) if entities else score_tags("tag", examples)
    words = sum(map(len, docs))
    return {
        **{key: scores[key] for key in keys},
        "sentences": len(docs),
        "words": words,
        "seconds": seconds,
        "words_per_second": words / seconds,
        "bytes": size,
    }


def main(
    corpus: Path = typer.Argument(..., help="Converted corpus folder"),
    output: Path = typer.Option(Path("metrics/feature_crf.json"), help="File for the scores"),
    iterations: int = typer.Option(100, help="Iterations of L-BFGS"),
    c1: float = typer.Option(0.1, help="Weight of the L1 penalty"),
    c2: float = typer.Option(0.01, help="Weight of the L2 penalty"),
) -> None:
    """Print a table of test scores by language and write them as JSON."""
    settings = {"max_iterations": iterations, "c1": c1, "c2": c2}
    languages = find_languages(corpus, ["train", "test"])
    scores = {lang: evaluate(corpus, lang, settings) for lang in tqdm(languages, unit="language")}
    pipeline = {
        "source": f"python-crfsuite {settings}",
        "languages": scores,
        "average": average(list(scores.values())),
    }
    report = {
        "corpus": str(corpus),
        "split": "test",
        "languages": languages,
        "pipelines": {"feature CRF": pipeline},
    }
    print(score_tables(report))
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(report, indent=2), encoding="utf8")


if __name__ == "__main__":
    typer.run(main)
