"""What the benchmarks of pipelines share: real corpora, steps of training, fresh documents."""

import shutil
import sys
from pathlib import Path
from typing import Any, Dict, Iterator, List, Tuple

from spacy.language import Language
from spacy.tokens import Doc
from spacy.training.initialize import init_nlp
from spacy.util import fix_random_seed, load_config_from_str, registry
from thinc.api import Config, Optimizer

from spacy_skd.corpora.convert import convert
from spacy_skd.corpora.stored import copy_tokens, read_split

CONFIGS = Path(__file__).parents[1] / "configs"
DATA = Path(__file__).parents[2] / "shared" / "data"
RAW = {"ner": "ner/uner", "pos": "pos/ud"}


def real_corpus(data: Path, task: str, language: str, folder: Path, limit: int = 0) -> Path:
    """A corpus of one language, converted into a folder. Without it the program ends, and says why.

    data (Path): Holds Universal NER in `ner/uner/<language>` and UD in `pos/ud/<language>`.
    limit (int): Training sentences at most; 0: all.
    """
    source = data / RAW[task] / language
    if not source.is_dir():
        print(f"skipped: the corpus {source} is not there", file=sys.stderr)
        raise SystemExit(0)
    shutil.copytree(source, folder / "raw" / task / language)
    convert(folder / "raw" / task, folder / task, limit=limit)
    return folder / task


def prepared(
    config: Config, overrides: Dict[str, Any]
) -> Tuple[Language, Optimizer, List[List[Any]]]:
    """A pipeline that is initialized, its optimizer, and the batches of the first epoch."""
    nlp = init_nlp(load_config_from_str(config.to_str(), overrides, interpolate=True))
    training = registry.resolve(nlp.config["training"], schema=None, validate=False)
    reader = registry.resolve(nlp.config["corpora"], validate=False)["train"]
    reader._epoch = 0  # the same order for all
    return nlp, training["optimizer"], list(training["batcher"](reader(nlp)))


def trained(config: Config, overrides: Dict[str, Any], steps: int) -> Language:
    """A pipeline after so many steps: enough to predict something."""
    nlp, optimizer, batches = prepared(config, overrides)
    fix_random_seed(0)
    for i in range(steps):
        nlp.update(batches[i % len(batches)], drop=0.1, sgd=optimizer, losses={})
    return nlp


def made_teacher(corpus: Path, language: str, folder: Path) -> Path:
    """A folder of one teacher, which has learned nothing: how fast it is does not depend on it."""
    config = Config().from_disk(CONFIGS / "ner_teacher.cfg", interpolate=False)
    nlp = trained(config, {"paths.corpus": str(corpus), "paths.languages": [language]}, 0)
    (folder / language).mkdir(parents=True)
    nlp.to_disk(folder / language)
    return folder


def test_docs(nlp: Language, corpus: Path, language: str) -> List[Doc]:
    return list(read_split(corpus, language, "test", nlp.vocab))


def fresh(nlp: Language, docs: List[Doc]) -> List[Doc]:
    """Copies of the tokens alone, in the vocabulary of a pipeline."""
    return [copy_tokens(doc, nlp.vocab) for doc in docs]


def label(nlp: Language, docs: List[Doc]) -> None:
    for _ in nlp.pipe(docs):
        pass


def repeated(docs: List[Doc], tokens: int) -> Iterator[str]:
    """So many words: those of documents, again and again if they have fewer."""
    words = [token.text for doc in docs for token in doc]
    return (words[i % len(words)] for i in range(tokens))
