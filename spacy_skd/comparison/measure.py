"""One pipeline on one corpus, in a process of its own, whose time and memory are the pipeline's:

python -m spacy_skd.comparison.measure SOURCE CLASSIFIER CORPUS SPLIT METRIC KEY OUTPUT
"""

import json
import sys
import time
from collections import defaultdict
from functools import partial, reduce
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional

from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example
from thinc.api import Model

from ..corpora.layout import find_languages
from ..errors import Errors, SkdError
from ..evaluation.calibration import Reliability, calibration_of
from ..evaluation.counts import sentence_counts
from ..evaluation.evaluate import Candidate, average, evaluate_candidate, load, mean_scores
from ..evaluation.scorers import METRICS
from ..memory import peak_memory
from ..records import write_record
from ..teachers import ClassifierSettings

Span = List[Any]
SAMPLES = 100  # sentences of a language, of which a few are shown


def measure(
    source: str, classifier: ClassifierSettings, corpus: Path, split: str, metric: str
) -> Dict[str, Any]:
    """Scores and costs of a pipeline.

    source, classifier (str, ClassifierSettings): See `Candidate`.
    RETURNS (Dict): "languages": {lang: scores, of several teachers their mean}; "counts": {lang: of
        each teacher rows of true positives, false positives, false negatives, a row a sentence};
        "samples": {lang: the first sentences, see `sample`, of several teachers of the last};
        "calibration": {lang: the reliability curve of all that is said, or None};
        "words_per_second" of all languages; "load_seconds", "parameters" and "bytes" on disk, sums
        over the pipelines where a language has its own; "peak_memory" in bytes of this process.
    Raises `SkdError` if a pipeline is not scored by the metric, and as `load` does.
    """
    candidate = Candidate(source, source, classifier)
    languages = candidate.languages(find_languages(corpus, [split]))
    sources = {source for language in languages for source in candidate.sources(language)}
    costs = cost_of(sorted(sources), classifier)
    of_runs, counts, curves = defaultdict(list), defaultdict(list), defaultdict(list)
    samples = {}
    for language, found, examples, nlp in evaluate_candidate(candidate, corpus, split, languages):
        if metric not in found:
            known = ", ".join(name for name in METRICS if name in found)
            raise SkdError(Errors.SKD237.format(source=source, metric=metric, known=known))
        of_runs[language].append(found)
        counts[language].append(sentence_counts(examples, metric).tolist())
        samples[language] = [sample(example, metric) for example in examples[:SAMPLES]]
        # Apart, so that their time is not that of the labels.
        references = [example.reference for example in examples]
        curves[language].append(calibration_of(nlp, references, metric))
    scores = {language: mean_scores(found) for language, found in of_runs.items()}
    return {
        "languages": scores,
        "counts": counts,
        "samples": samples,
        "calibration": {language: together(of) for language, of in curves.items()},
        "words_per_second": average(list(scores.values()))["words_per_second"],
        **costs,
        "peak_memory": peak_memory(),
    }


def together(curves: List[Optional[Reliability]]) -> Optional[Dict[str, Any]]:
    """The curve of all teachers of a language; None where one of them has no confidences."""
    known = [curve for curve in curves if curve is not None]
    return reduce(Reliability.plus, known).to_dict() if len(known) == len(curves) else None


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


def cost_of(sources: List[str], classifier: ClassifierSettings) -> Dict[str, Any]:
    start = time.perf_counter()
    pipelines = [load(source, classifier)[0] for source in sources]
    seconds = time.perf_counter() - start
    return {
        "load_seconds": seconds,
        "parameters": sum(map(n_parameters, pipelines)),
        "bytes": sum(map(n_bytes, pipelines)),
    }


def n_bytes(nlp: Language) -> int:
    """On disk; of a token classifier those of its weights."""
    if nlp.path is None:
        return sum(node.attrs.get("bytes", 0) for node in model_nodes(nlp))
    return sum(file.stat().st_size for file in Path(nlp.path).rglob("*") if file.is_file())


def model_nodes(nlp: Language) -> List[Model]:
    """The layers of all components, each once."""
    models = (pipe.model for _, pipe in nlp.pipeline if hasattr(pipe, "model"))
    return list({id(node): node for model in models for node in model.walk()}.values())


def n_parameters(nlp: Language) -> int:
    """Numbers that were learned, and those of word vectors."""
    nodes = model_nodes(nlp)
    learned = sum(
        node.get_param(name).size
        for node in nodes
        for name in node.param_names
        if node.has_param(name)
    )
    learned += sum(node.attrs.get("parameters", 0) for node in nodes)  # of a token classifier
    shims = {id(shim): shim for node in nodes for shim in node.shims}
    torch = sum(
        parameter.numel()
        for shim in shims.values()
        if hasattr(shim, "_model")
        for parameter in shim._model.parameters()
    )
    return learned + torch + nlp.vocab.vectors.data.size


if __name__ == "__main__":
    source, asked, corpus, split, metric, key, output = sys.argv[1:]
    classifier = ClassifierSettings(**json.loads(asked))
    found = measure(source, classifier, Path(corpus), split, metric)
    write_record(Path(output), {"key": key, **found})
