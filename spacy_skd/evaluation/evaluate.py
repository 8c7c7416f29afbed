"""Any number of pipelines on any number of languages, on the tokens of the corpus."""

import time
from collections import defaultdict
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple

import spacy
from spacy.language import Language
from spacy.scorer import PRFScore, Scorer
from spacy.tokens import Doc
from spacy.training import Example
from spacy.util import is_package
from tqdm import tqdm

from ..corpora.layout import find_languages
from ..corpora.stored import copy_tokens, read_split
from ..ensembles import MULTILINGUAL, member_folders
from ..errors import Errors, SkdError
from ..folders import check_pipeline
from ..teachers.find import HUGGING_FACE, check_prefix
from ..teachers.labels import ClassifierSettings
from .raw import ATTRIBUTES, raw_scores
from .scorers import METRICS, mean

# What belongs to a metric besides its own value.
DETAILS = {"ents_f": ("ents_p", "ents_r", "ents_per_type"), "tag_acc": (), "pos_acc": ()}
COUNTS = ("sentences", "words", "seconds")


@dataclass(frozen=True)
class Candidate:
    """A pipeline to evaluate: a path or package name, in which `{lang}` stands for the language; or
    "hf:" and the folder or name of a token classifier of Hugging Face.

    classifier (ClassifierSettings): How such a one is asked.
    """

    name: str
    source: str
    classifier: ClassifierSettings = ClassifierSettings()

    @classmethod
    def parse(cls, text: str, classifier: ClassifierSettings = ClassifierSettings()) -> "Candidate":
        """ "NAME=PATH", or "PATH", which is then its own name. A path may have "=" in it, as in
        "runs/lr=0.1/model-best": a name has no slash.
        """
        name, equals, source = text.partition("=")
        if not equals or "/" in name:
            name = source = text
        return cls(name, source, classifier)

    @property
    def is_classifier(self) -> bool:
        return self.source.startswith(HUGGING_FACE)

    @property
    def per_language(self) -> bool:
        return "{lang}" in self.source

    def sources(self, language: str) -> List[str]:
        """The paths or packages for a language that are there: one, or if {lang} is the name of a
        folder those of its several teachers; else those of all languages.
        """
        return self._called(language) or (self._called(MULTILINGUAL) if self.per_language else [])

    def _called(self, language: str) -> List[str]:
        parent, _, _ = self.source.partition("{lang}")
        names = [language]
        if self.per_language and parent.endswith("/"):
            names += [folder.name for folder in member_folders(Path(parent), language)]
        sources = [self.source.replace("{lang}", name) for name in dict.fromkeys(names)]
        return [source for source in sources if exists(source)]

    def languages(self, wanted: Sequence[str]) -> List[str]:
        """Those of some languages that there is a pipeline for: not every language has a teacher.

        Raises `SkdError` if there is none for any.
        """
        found = [language for language in wanted if self.sources(language)]
        if not found:
            source = self.source.replace("{lang}", wanted[0])
            raise SkdError(Errors.SKD125.format(name=self.name, source=source))
        return found


def load(
    source: str, classifier: ClassifierSettings = ClassifierSettings()
) -> Tuple[Language, List[str]]:
    """A pipeline and the metrics its components are scored by.

    Raises `SkdError` if it cannot be loaded, is not as its training left it, or has neither tagger
    nor ner.
    """
    if source.startswith(HUGGING_FACE):
        from ..teachers.speaking import classifier_pipeline  # needs torch

        nlp = classifier_pipeline(source.removeprefix(HUGGING_FACE), classifier)
        return nlp, produced_metrics(nlp)
    check_prefix(Path(source))
    check_pipeline(Path(source))
    try:
        nlp = spacy.load(source if is_pipeline(source) else Path(source))
    except Exception as error:  # whatever damaged files and the components' own code lead to
        reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
        raise SkdError(Errors.SKD126.format(source=source, reason=reason)) from error
    metrics = produced_metrics(nlp)
    if not metrics:
        raise SkdError(Errors.SKD127.format(source=source, pipes=nlp.pipe_names))
    return nlp, metrics


def exists(source: str) -> bool:
    if source.startswith(HUGGING_FACE):
        return True
    return bool(source) and (is_pipeline(source) or Path(source).is_dir())


def is_pipeline(name: str) -> bool:
    """Whether an installed package is a pipeline of spaCy's. Others may have a function `load` too,
    which `spacy.load` would call.
    """
    if not is_package(name):
        return False
    spec = find_spec(name.replace("-", "_"))
    places = spec.submodule_search_locations if spec is not None else None
    return any((Path(place) / "meta.json").is_file() for place in places or [])


def produced_metrics(nlp: Language) -> List[str]:
    """Those of `METRICS` that the components of a pipeline score themselves by."""
    produced = {key for _, pipe in nlp.pipeline if hasattr(pipe, "score") for key in pipe.score([])}
    return [metric for metric in METRICS if metric in produced]


def evaluate_pipelines(
    candidates: Sequence[Candidate],
    corpus: Path,
    *,
    split: str = "test",
    languages: Optional[Sequence[str]] = None,
    show: int = 0,
    raw: bool = False,
) -> Tuple[Dict[str, Any], Dict[str, List[Doc]]]:
    """Scores of every candidate on every language, on gold tokens.

    corpus (Path): Corpus folder, `<lang>/<split>.spacy`.
    languages (Optional[Sequence[str]]): Only these; None means all in the folder.
    show (int): How many tagged documents per language of the last candidate to return as well.
    raw (bool): Whether to score from raw text too: `raw` of each language, see `raw_scores`.
    RETURNS: the report, ready for JSON, with scores between 0 and 1,
        {"corpus", "split", "languages", "pipelines": {name: {"source", "languages": {lang: scores},
        "average": scores}}}, where scores are `ents_p/r/f` and `ents_per_type`, or `tag_acc` and
        `tag_per_type` (`pos_...`), with `sentences`, `words`, `seconds` and
        `words_per_second`; and the documents to show by language. A language that a candidate has
        no pipeline for is left out of its languages and of its average; of several teachers of a
        language there is the mean of their scores, and the documents of the last.
    Raises `SkdError` if the corpus, a split or a pipeline is missing or of no use here.
    """
    names = [candidate.name for candidate in candidates]
    if len(set(names)) < len(names):
        raise SkdError(Errors.SKD128.format(names=", ".join(names)))
    languages = find_languages(corpus, [split], languages)
    # All mistakes in the command line before the long work.
    known = {candidate.name: candidate.languages(languages) for candidate in candidates}
    pipelines = {}
    shown: Dict[str, List[Doc]] = {}
    runs = sum(len(c.sources(language)) for c in candidates for language in known[c.name])
    with tqdm(total=runs, unit="run", disable=None) as bar:
        for candidate in candidates:
            found, shown = defaultdict(list), {}
            bar.set_description(candidate.name)
            for language, of_run, examples, _ in evaluate_candidate(
                candidate, corpus, split, known[candidate.name], raw
            ):
                found[language].append(of_run)
                shown[language] = [example.predicted for example in examples[:show]]
                bar.set_description(f"{candidate.name} {language}")
                bar.update(1)
            scores = {language: mean_scores(of_runs) for language, of_runs in found.items()}
            pipelines[candidate.name] = {
                "source": candidate.source,
                "languages": scores,
                "average": average(list(scores.values())),
            }
    report = {
        "corpus": str(corpus),
        "split": split,
        "languages": languages,
        "pipelines": pipelines,
    }
    return report, shown


def evaluate_candidate(
    candidate: Candidate, corpus: Path, split: str, languages: Sequence[str], raw: bool = False
) -> Iterator[Tuple[str, Dict[str, Any], List[Example], Language]]:
    """Each language with its scores, with the examples, labelled, and with the pipeline; once for
    each of several teachers of a language.
    """
    loaded = None
    for language in languages:
        for source in candidate.sources(language):
            if source != loaded:
                (nlp, metrics), loaded = load(source, candidate.classifier), source
            docs = list(read_split(corpus, language, split, nlp.vocab))
            examples = [Example(copy_tokens(doc, nlp.vocab), doc) for doc in docs]
            scores = evaluate_language(nlp, metrics, examples)
            if raw:
                scores["raw"] = raw_scores(nlp, metrics, docs)
            yield language, scores, examples, nlp


def mean_scores(scores: Sequence[Dict[str, Any]]) -> Dict[str, Any]:
    """The mean of each score, also within scores per type, over those that have it."""
    means: Dict[str, Any] = {}
    for key in {key: None for one in scores for key in one}:
        values = [one[key] for one in scores if one.get(key) is not None]
        if values and isinstance(values[0], dict):
            means[key] = mean_scores(values)
        else:
            means[key] = values[0] if len(values) == 1 else mean(values)
    return means


def evaluate_language(
    nlp: Language, metrics: Sequence[str], examples: List[Example]
) -> Dict[str, Any]:
    """Run the pipeline once over the examples' predicted documents, in place, and score them."""
    start = time.perf_counter()
    docs = list(nlp.pipe(example.predicted for example in examples))
    seconds = time.perf_counter() - start
    for example, doc in zip(examples, docs):
        example.predicted = doc
    produced = Scorer(nlp).score(examples)
    scores: Dict[str, Any] = {}
    for metric in metrics:
        scores.update({key: produced[key] for key in (metric, *DETAILS[metric])})
        if metric in ATTRIBUTES:
            attribute = ATTRIBUTES[metric]
            scores[f"{attribute}per_type"] = score_per_type(examples, attribute)
    words = sum(len(doc) for doc in docs)
    counts = {"sentences": len(docs), "words": words, "seconds": seconds}
    return {**scores, **counts, "words_per_second": words / seconds}


def score_per_type(examples: Sequence[Example], attribute: str) -> Dict[str, Dict[str, float]]:
    """Precision, recall and F1 of each tag, over the annotated tokens; the tokens are the gold's.

    attribute (str): "tag_" or "pos_".
    """
    types: Dict[str, PRFScore] = {}
    for example in examples:
        for gold, token in zip(example.reference, example.predicted):
            expected, found = getattr(gold, attribute), getattr(token, attribute)
            if not expected:
                continue
            if expected == found:
                types.setdefault(expected, PRFScore()).tp += 1
            else:
                types.setdefault(expected, PRFScore()).fn += 1
                types.setdefault(found, PRFScore()).fp += 1
    return {name: types[name].to_dict() for name in sorted(types)}


def average(languages: Sequence[Dict[str, Any]]) -> Dict[str, Any]:
    """Means over the languages; counts and speed over all of them together."""
    averaged = {*METRICS, "ents_p", "ents_r"}
    keys = {key: None for scores in languages for key in scores if key in averaged}
    means: Dict[str, Any] = {key: mean(scores.get(key) for scores in languages) for key in keys}
    if any("raw" in scores for scores in languages):
        means["raw"] = mean_scores([scores["raw"] for scores in languages])
    totals = {key: sum(scores[key] for scores in languages) for key in COUNTS}
    return {**means, **totals, "words_per_second": totals["words"] / totals["seconds"]}
