"""The card of a pipeline on the Hub: README.md, metadata for searches first, then what to know.

All that it says comes from the wheel and from the scores of `skd evaluate`.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

import srsly
from thinc.api import Config

from ..errors import Errors, SkdError
from ..evaluation.tables import percent
from ..templates import open_templates
from .markdown import Markdown, code, escape, link, table
from .repository import missing
from .wheel import Wheel

TEMPLATE = "card.md.jinja"
# What the Hub is told where data have no name, or none in letters that it takes: it wants one.
UNNAMED = "corpus"
# Of each metric the task in words, and its figures by their names on the Hub.
TASKS: Dict[str, Tuple[str, Mapping[str, str]]] = {
    "ents_f": (
        "Named entity recognition",
        {"f1": "ents_f", "precision": "ents_p", "recall": "ents_r"},
    ),
    "tag_acc": ("Part-of-speech tagging", {"accuracy": "tag_acc"}),
    "pos_acc": ("Part-of-speech tagging", {"accuracy": "pos_acc"}),
}
FIGURES = {key for _, figures in TASKS.values() for key in figures.values()}
METRIC_NAMES = {"f1": "F1", "precision": "Precision", "recall": "Recall", "accuracy": "Accuracy"}
# Settings that say how a student learned; the config has all of them.
TOLD = (  # those of distillation first
    "distillation.*",
    "components.*.factory",
    "components.*.scheme",
    "components.*.attribute",
    "corpora.train.alpha",
    "corpora.train.unlabelled_ratio",
    "training.max_steps",
    "training.dropout",
    "system.seed",
)
# What the Hub knows by an identifier; https://huggingface.co/docs/hub/repositories-licenses
# fmt: off
LICENCES = frozenset([
    "apache-2.0", "mit", "openrail", "bigscience-openrail-m", "creativeml-openrail-m",
    "bigscience-bloom-rail-1.0", "bigcode-openrail-m", "afl-3.0", "artistic-2.0", "bsl-1.0", "bsd",
    "bsd-2-clause", "bsd-3-clause", "bsd-3-clause-clear", "c-uda", "cc", "cc0-1.0", "cc-by-2.0",
    "cc-by-2.5", "cc-by-3.0", "cc-by-4.0", "cc-by-sa-3.0", "cc-by-sa-4.0", "cc-by-nc-2.0",
    "cc-by-nc-3.0", "cc-by-nc-4.0", "cc-by-nd-4.0", "cc-by-nc-nd-3.0", "cc-by-nc-nd-4.0",
    "cc-by-nc-sa-2.0", "cc-by-nc-sa-3.0", "cc-by-nc-sa-4.0", "cdla-sharing-1.0",
    "cdla-permissive-1.0", "cdla-permissive-2.0", "wtfpl", "ecl-2.0", "epl-1.0", "epl-2.0",
    "etalab-2.0", "eupl-1.1", "agpl-3.0", "gfdl", "gpl", "gpl-2.0", "gpl-3.0", "lgpl", "lgpl-2.1",
    "lgpl-3.0", "isc", "lppl-1.3c", "ms-pl", "mpl-2.0", "odc-by", "odbl", "openrail++", "osl-3.0",
    "postgresql", "ofl-1.1", "ncsa", "unlicense", "zlib", "pddl", "lgpl-lr", "unknown", "other",
])
# fmt: on


@dataclass(frozen=True)
class Scores:
    """What is known of a pipeline's accuracy.

    pipelines: {name: {language: {metric: value}}}, the pipeline itself last.
    averages: {name: {metric: value}}, with the words a second.
    """

    split: str
    corpus: str
    languages: List[str]
    pipelines: Dict[str, Dict[str, Dict[str, Any]]]
    averages: Dict[str, Dict[str, Any]]

    @property
    def own(self) -> str:
        return list(self.pipelines)[-1]

    def metrics(self) -> List[str]:
        return [metric for metric in TASKS if self.averages[self.own].get(metric) is not None]


def read_scores(path: Path, package: str) -> Scores:
    """The scores that `skd evaluate --output` wrote. The pipeline is the column that bears the
    package's name, or else the last.

    Raises `SkdError` if the file holds anything else.
    """
    try:
        report = srsly.read_json(path)
        found = {name: dict(of["languages"]) for name, of in report["pipelines"].items()}
        averages = {name: dict(of["average"]) for name, of in report["pipelines"].items()}
        own = package if package in found else list(found)[-1]
        found[own] = found.pop(own)
        corpus = Path(str(report["corpus"])).name or UNNAMED
        scores = Scores(str(report["split"]), corpus, [*report["languages"]], found, averages)
        if not scores.metrics():
            raise ValueError("the pipeline has no scores")
        for of in [*averages.values(), *(of for by in found.values() for of in by.values())]:
            for metric in FIGURES & set(of):
                if not isinstance(of[metric], (int, float, type(None))):
                    raise ValueError(f"{metric} is no number")
        return scores
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise SkdError(Errors.SKD261.format(path=path, reason=reason)) from error


def scores_within(wheel: Wheel) -> Optional[Scores]:
    """Those that `skd package --corpus` has put into the wheel, if it has."""
    averages = wheel.meta.get("performance", {})  # a pipeline that `spacy train` has not saved
    found = averages.get("languages")
    if not isinstance(found, dict):
        return None
    own = {"words_per_second": averages.get("speed"), **averages}
    return Scores("test", UNNAMED, list(found), {wheel.package: found}, {wheel.package: own})


def make_card(wheel: Wheel, repo: str, branch: str, scores: Optional[Scores], url: str) -> str:
    """README.md of a repository, with its metadata.

    url (str): Of the wheel there.
    Raises `SkdError` without huggingface_hub or jinja2.
    """
    environment = open_templates(
        "spacy_skd.hub", missing("jinja2"), finalize=escape, keep_trailing_newline=True
    )
    environment.filters["markdown"] = Markdown
    meta = wheel.meta
    body = environment.get_template(TEMPLATE).render(
        package=Markdown(wheel.package),
        repo=Markdown(repo),
        revision=Markdown("" if branch == "main" else f', revision="{branch}"'),
        url=Markdown(url),
        version=wheel.version,
        description=meta.get("description"),
        tables=[score_table(scores, metric) for metric in scores.metrics()] if scores else [],
        split=scores.split if scores else None,
        languages=[code(language) for language in languages_of(wheel, scores)],
        labels=table(
            ["component", "labels"],
            [
                [code(name), Markdown(" ".join(code(label) for label in labels))]
                for name, labels in meta.get("labels", {}).items()
            ],
        ),
        components=[code(name) for name in meta.get("pipeline", [])],
        distilled=meta.get("distilled"),
        without_labels=[code(language) for language in meta.get("languages_without_labels") or []],
        settings=table(
            ["setting", "value"],
            [
                [code(name), code(value)]
                for name, value in told(wheel.config, meta.get("distilled") is not False)
            ],
        ),
        sources=[source_line(source) for source in meta.get("sources") or []],
        licence=meta.get("license"),
        author=author_line(meta),
        megabytes=f"{wheel.path.stat().st_size / 1e6:.1f}",
        speed=speed_of(scores),
        requirements=[code(requirement) for requirement in meta.get("requirements", [])],
    )
    return f"---\n{metadata(wheel, scores)}\n---\n\n{body}"


def metadata(wheel: Wheel, scores: Optional[Scores]) -> str:
    """YAML by which the Hub finds a model, knows how to run it, and shows its scores."""
    from huggingface_hub import ModelCardData

    licence = as_licence(wheel.meta.get("license", ""))
    results = list(eval_results(wheel, scores)) if scores else []
    data = ModelCardData(
        language=hub_languages(languages_of(wheel, scores)) or None,
        license=licence and (licence if licence in LICENCES else "other"),
        license_name=licence if licence not in LICENCES else None,
        library_name="spacy",
        pipeline_tag="token-classification",
        tags=["spacy", "token-classification", "crf", "knowledge-distillation"],
        metrics=list(dict.fromkeys(result.metric_type for result in results)) or None,
        model_name=wheel.package,
        eval_results=results or None,
    )
    return data.to_yaml()


def eval_results(wheel: Wheel, scores: Scores) -> Iterator[Any]:
    """The pipeline's figures in each language, as the Hub has them."""
    from huggingface_hub import EvalResult

    named = [source.get("name", "") for source in sources_of(wheel.meta)]
    dataset = named[0] if len(named) == 1 else scores.corpus
    for metric in scores.metrics():
        task, figures = TASKS[metric]
        for language, found in scores.pipelines[scores.own].items():
            for kind, key in figures.items():
                if found.get(key) is not None:
                    yield EvalResult(
                        task_type="token-classification",
                        task_name=task,
                        dataset_type=slug(dataset) or UNNAMED,
                        dataset_name=f"{dataset} ({language})",
                        dataset_config=language,
                        dataset_split=scores.split,
                        metric_type=kind,
                        metric_name=METRIC_NAMES[kind],
                        metric_value=round(float(found[key]), 4),
                    )


def score_table(scores: Scores, metric: str) -> Dict[str, Any]:
    """A row a language, a column a pipeline, in percent."""
    names = list(scores.pipelines)
    rows: List[List[Any]] = [
        [
            code(language),
            *(figure(scores.pipelines[n].get(language, {}).get(metric)) for n in names),
        ]
        for language in scores.languages
    ]
    rows.append(["average", *(figure(scores.averages[name].get(metric)) for name in names)])
    task, figures = TASKS[metric]
    name = METRIC_NAMES[next(iter(figures))]
    return {"title": f"{task}, {name}", "table": table(["", *names], rows, "--:")}


def figure(value: Optional[float]) -> Markdown:
    return Markdown(percent(value))


def languages_of(wheel: Wheel, scores: Optional[Scores]) -> List[str]:
    """Those that it was trained on, as far as that is known; else those it was evaluated on."""
    known = wheel.meta.get("languages")
    if isinstance(known, list) and known:
        return [str(language) for language in known]
    if scores:
        return list(scores.pipelines[scores.own])
    return [] if wheel.meta.get("lang") == "xx" else [str(wheel.meta.get("lang"))]


def hub_languages(names: Sequence[str]) -> List[str]:
    """Codes of ISO 639 alone: the Hub knows no regions and no scripts. More than one is also
    "multilingual", by which such models are searched.
    """
    codes = [re.split(r"[-_]", name)[0].lower() for name in names]
    known = list(dict.fromkeys(c for c in codes if re.fullmatch(r"[a-z]{2,3}", c) and c != "xx"))
    return [*known, "multilingual"] if len(names) > 1 else known


def as_licence(text: str) -> Optional[str]:
    """A licence by its identifier on the Hub, where it has one, as "CC BY-SA 4.0" has."""
    found = slug(text.replace("GNU ", "")) if text else None
    return found or None


def slug(text: str) -> str:
    return re.sub(r"[^a-z0-9.+]+", "-", text.lower()).strip("-.")


def told(config: Config, distilled: bool = True) -> Iterator[Tuple[str, Any]]:
    """The settings to tell, by their dotted names, as they stand in the config: those of
    distillation only of a pipeline that may have been distilled.
    """
    for pattern in TOLD if distilled else TOLD[1:]:
        yield from matching(config.interpolate(), pattern.split("."))


def matching(section: Any, parts: Sequence[str], above: str = "") -> Iterator[Tuple[str, Any]]:
    if not parts:
        if not isinstance(section, dict):
            yield above.lstrip("."), section
        return
    if isinstance(section, dict):
        for name in section if parts[0] == "*" else [parts[0]]:
            if name in section:
                yield from matching(section[name], parts[1:], f"{above}.{name}")


def sources_of(meta: Mapping[str, Any]) -> List[Dict[str, str]]:
    """spaCy allows plain names."""
    given = meta.get("sources") or []
    return [source if isinstance(source, dict) else {"name": str(source)} for source in given]


def source_line(source: Any) -> Markdown:
    (found,) = sources_of({"sources": [source]})
    name = link(found.get("name", ""), found.get("url", ""))
    rest = [escape(found[key]) for key in ("author", "license") if found.get(key)]
    return Markdown(", ".join([name, *rest]))


def author_line(meta: Mapping[str, Any]) -> Optional[Markdown]:
    return link(meta["author"], meta.get("url") or "") if meta.get("author") else None


def speed_of(scores: Optional[Scores]) -> Optional[str]:
    speed = scores.averages[scores.own].get("words_per_second") if scores else None
    return f"{speed:,.0f}" if isinstance(speed, (int, float)) else None
