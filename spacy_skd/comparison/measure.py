"""One pipeline on one corpus, in a process of its own, whose time and memory are the pipeline's:

python -m spacy_skd.comparison.measure SOURCE CORPUS SPLIT METRIC KEY OUTPUT
"""

import sys
import time
from functools import partial
from pathlib import Path
from typing import Any, Callable, Dict, List

import psutil
import spacy
from spacy.tokens import Doc
from spacy.training import Example

from ..corpora.layout import find_languages
from ..evaluation.counts import sentence_counts
from ..evaluation.evaluate import Candidate, average, evaluate_candidate
from ..records import write_record

Span = List[Any]
SAMPLES = 100  # sentences of a language, of which a few are shown


def measure(source: str, corpus: Path, split: str, metric: str) -> Dict[str, Any]:
    """Scores and costs of a pipeline.

    source (str): A folder or package; `{lang}` in it stands for the language.
    RETURNS (Dict): "languages": {lang: scores}; "counts": {lang: rows of true positives, false
        positives, false negatives}, a row a sentence; "samples": {lang: the first sentences, see
        `sample`}; "words_per_second" of all languages; "load_seconds", "parameters" and "bytes" on
        disk, sums over the pipelines where a language has its own; "peak_memory" in bytes of this
        process.
    """
    candidate = Candidate(source, source)
    languages = candidate.languages(find_languages(corpus, [split]))
    sources = {source for language in languages for source in candidate.sources(language)}
    costs = cost_of(sorted(sources))
    scores, counts, samples = {}, {}, {}
    for language, found, examples in evaluate_candidate(candidate, corpus, split, languages):
        scores[language] = found
        counts[language] = sentence_counts(examples, metric).tolist()
        samples[language] = [sample(example, metric) for example in examples[:SAMPLES]]
    return {
        "languages": scores,
        "counts": counts,
        "samples": samples,
        "words_per_second": average(list(scores.values()))["words_per_second"],
        **costs,
        "peak_memory": peak_memory(),
    }


def sample(example: Example, metric: str) -> Dict[str, Any]:
    """A sentence to be shown: its words with the spaces after them, and the labelled spans [start,
    end, label] of gold and of the pipeline.
    """
    spans = SPANS[metric]
    return {
        "words": [token.text_with_ws for token in example.reference],
        "gold": spans(example.reference),
        "found": spans(example.predicted),
    }


def entities(doc: Doc) -> List[Span]:
    return [[entity.start, entity.end, entity.label_] for entity in doc.ents]


def tags(attribute: str, doc: Doc) -> List[Span]:
    return [[token.i, token.i + 1, getattr(token, attribute)] for token in doc]


SPANS: Dict[str, Callable[[Doc], List[Any]]] = {
    "ents_f": entities,
    "tag_acc": partial(tags, "tag_"),
    "pos_acc": partial(tags, "pos_"),
}


def cost_of(sources: List[str]) -> Dict[str, Any]:
    start = time.perf_counter()
    pipelines = [spacy.load(source) for source in sources]
    seconds = time.perf_counter() - start
    return {
        "load_seconds": seconds,
        "parameters": sum(map(n_parameters, pipelines)),
        "bytes": sum(
            file.stat().st_size
            for nlp in pipelines
            for file in Path(nlp.path).rglob("*")
            if file.is_file()
        ),
    }


def n_parameters(nlp: spacy.language.Language) -> int:
    """Numbers that were learned, and those of word vectors."""
    models = (pipe.model for _, pipe in nlp.pipeline if hasattr(pipe, "model"))
    nodes = {id(node): node for model in models for node in model.walk()}
    learned = sum(
        node.get_param(name).size
        for node in nodes.values()
        for name in node.param_names
        if node.has_param(name)
    )
    shims = {id(shim): shim for node in nodes.values() for shim in node.shims}
    torch = sum(
        parameter.numel()
        for shim in shims.values()
        if hasattr(shim, "_model")
        for parameter in shim._model.parameters()
    )
    return learned + torch + nlp.vocab.vectors.data.size


def peak_memory() -> int:
    """Bytes that were resident at most."""
    memory = psutil.Process().memory_info()
    if hasattr(memory, "peak_wset"):  # Windows
        return int(memory.peak_wset)
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


if __name__ == "__main__":
    source, corpus, split, metric, key, output = sys.argv[1:]
    write_record(Path(output), {"key": key, **measure(source, Path(corpus), split, metric)})
