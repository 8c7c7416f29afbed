"""Memory of a stream of texts in which no word comes twice: of a pipeline, and of spaCy's `ner`.

    python benchmarks/long_stream.py training/student/model-best corpus

Each sentence is a few words of a real one with other letters at their ends. spaCy keeps every
string that it has ever met, in any pipeline, unless `nlp.memory_zone()` forgets it; so the growth
of a pipeline is compared with that of a blank one with `ner`, with and without. Every row is a
process of its own. What is counted is the most memory that was resident, after half of the
sentences and at the end: caches that have their size by then are not growth.
"""

import itertools
import string
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Iterable, Iterator, List, NamedTuple, Optional

import spacy
import typer
from spacy.language import Language
from spacy.training import Example
from wasabi import table

from spacy_skd.corpora.layout import find_languages
from spacy_skd.corpora.stored import read_split
from spacy_skd.memory import peak_memory

BATCH = 1000


class Growth(NamedTuple):
    """Bytes that were resident at most, after half of the sentences and at the end."""

    warm: int
    end: int


def sentences(corpus: Path, words: int) -> List[List[str]]:
    """So many words of each training sentence that has them, of all languages."""
    vocab = spacy.blank("xx").vocab
    found = []
    for language in find_languages(corpus, ["train"]):
        for doc in read_split(corpus, language, "train", vocab):
            of_doc = [token.text for token in doc if token.is_alpha]
            if len(of_doc) >= words:
                found.append(of_doc[:words])
    return found


class Texts:
    """So many sentences, all of whose words are new; made as they are asked for."""

    def __init__(self, templates: List[List[str]], count: int) -> None:
        self.templates, self.count = templates, count

    def __iter__(self) -> Iterator[str]:
        endings = map("".join, itertools.product(string.ascii_lowercase, repeat=5))
        for template in itertools.islice(itertools.cycle(self.templates), self.count):
            yield " ".join(word + ending for word, ending in zip(template, endings)) + "."


def spacy_ner() -> Language:
    nlp = spacy.blank("xx")
    ner: Any = nlp.add_pipe("ner")
    for label in ("LOC", "ORG", "PER"):
        ner.add_label(label)
    nlp.initialize(lambda: [Example.from_dict(nlp.make_doc("a b"), {"entities": []})])
    return nlp


def batches(stream: Iterable[str]) -> Iterator[List[str]]:
    stream = iter(stream)
    while batch := list(itertools.islice(stream, BATCH)):
        yield batch


def measure(pipeline: Optional[str], stream: Iterable[str], count: int, zones: bool) -> Growth:
    nlp = spacy_ner() if pipeline is None else spacy.load(pipeline)
    warm = 0
    for i, batch in enumerate(batches(stream)):
        with nlp.memory_zone() if zones else nullcontext():
            for _ in nlp.pipe(batch):
                pass
        if i * BATCH < count // 2:
            warm = peak_memory()
    return Growth(warm, peak_memory())


def main(
    pipeline: str = typer.Argument(..., help="A folder or package"),
    corpus: Path = typer.Argument(..., help="Converted corpus folder"),
    count: int = typer.Option(200_000, help="Sentences"),
    words: int = typer.Option(5, help="Of each sentence, all of them new"),
) -> None:
    """Print the memory after half and at the end, and the growth for each new word."""
    stream = Texts(sentences(corpus, words), count)
    rows = []
    for name, source in ((pipeline, pipeline), ("spaCy's ner", None)):
        for zones in (False, True):
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
                # In a process that has not read the corpus.
                found = process.submit(measure, source, stream, count, zones).result()
            grown = (found.end - found.warm) / (0.5 * count * words)
            how = "memory zones" if zones else "one stream"
            mib = (f"{size / 2**20:.0f}" for size in (found.warm, found.end))
            rows.append([name, how, *mib, f"{grown:.0f}"])
    header = ("", "", "MiB warm", "MiB at the end", "bytes a new word")
    print(table(rows, header=header, divider=True, aligns=("l", "l", "r", "r", "r")))


if __name__ == "__main__":
    typer.run(main)
