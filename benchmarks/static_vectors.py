"""What word vectors cost when a pipeline tags: with and without them, in turn, in one process.

    python benchmarks/static_vectors.py corpus vectors --config configs/ner_student.cfg

Both pipelines are the config's, initialized and not trained: how fast they are does not depend on
what they know. In each round each tags the same documents; the figure is the median over rounds of
the time of the CPU with vectors divided by that without in the same round. The first round, in
which every word is new to the vectors, is shown by itself; what belongs to loading, such as
building the tokenizer, is done before it.
"""

from pathlib import Path
from statistics import median
from typing import List, Optional

import typer
from pipelines import fresh, label
from side_by_side import cpu_time
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training.initialize import init_nlp
from spacy.util import load_config
from wasabi import table

from spacy_skd.corpora.layout import find_languages
from spacy_skd.corpora.stored import read_split


def prepare(config: Path, corpus: Path, vectors: Optional[Path]) -> Language:
    overrides = {
        "paths.corpus": str(corpus),
        "paths.vectors": None if vectors is None else str(vectors),
    }
    return init_nlp(load_config(config, overrides))


def read(nlp: Language, corpus: Path, limit: int) -> List[Doc]:
    """Documents of all languages, tokens only, in the vocabulary of a pipeline."""
    docs = []
    for language in find_languages(corpus, ["dev"]):
        for i, doc in enumerate(read_split(corpus, language, "dev", nlp.vocab)):
            if i == limit:
                break
            docs.append(doc)
    return docs


def seconds(nlp: Language, docs: List[Doc]) -> float:
    given = fresh(nlp, docs)
    return cpu_time(lambda: label(nlp, given))


def main(
    corpus: Path = typer.Argument(..., help="Converted corpus folder; its dev files are tagged"),
    vectors: Path = typer.Argument(..., help="Pipeline of vectors, from `skd vectors`"),
    config: Path = typer.Option(Path("configs/ner_student.cfg"), help="Training config"),
    limit: int = typer.Option(300, help="Documents of each language"),
    rounds: int = typer.Option(15, help="After the first"),
) -> None:
    """Print words per second without and with vectors, and the ratio of their times."""
    pipelines = {"without": prepare(config, corpus, None), "with": prepare(config, corpus, vectors)}
    docs = {name: read(nlp, corpus, limit) for name, nlp in pipelines.items()}
    words = sum(map(len, docs["with"]))
    for name, nlp in pipelines.items():
        seconds(nlp, docs[name][:1])
    times = [{name: seconds(nlp, docs[name]) for name, nlp in pipelines.items()}]
    times += [
        {name: seconds(nlp, docs[name]) for name, nlp in pipelines.items()} for _ in range(rounds)
    ]
    first, later = times[0], times[1:]
    rows = [
        ("new words", *speeds(words, [first])),
        (f"known words, {rounds} rounds", *speeds(words, later)),
    ]
    header = ("", "words/s without", "words/s with", "time with / without")
    print(table(rows, header=header, divider=True, aligns=("l", "r", "r", "r")))


def speeds(words: int, times: List[dict]) -> List[str]:
    without, with_vectors = (median(words / t[name] for t in times) for name in ("without", "with"))
    ratio = median(t["with"] / t["without"] for t in times)
    return [f"{without:,.0f}", f"{with_vectors:,.0f}", f"{ratio:.3f}"]


if __name__ == "__main__":
    typer.run(main)
