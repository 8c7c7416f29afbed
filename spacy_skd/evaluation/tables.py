"""What is printed: tables of scores and of teachers, and sentences with their labels."""

from typing import Any, Dict, List, Mapping, Optional, Sequence

from spacy.tokens import Doc
from wasabi import table

from ..errors import printable
from .calibration import expected_calibration_error
from .scorers import METRICS
from .temperature import Fit

AVERAGE = "average"


def score_tables(report: Dict[str, Any]) -> str:
    """A table for each metric of an `evaluate_pipelines` report: a row a language, then average.

    Scores are in percent; "-" stands for a pipeline without this metric, a language without gold,
    and a language that a pipeline is not for.
    """
    pipelines = report["pipelines"]
    used = [metric for metric in METRICS if any(metric in p["average"] for p in pipelines.values())]
    return "\n".join(score_table(report, metric) for metric in used)


def score_table(report: Dict[str, Any], metric: str) -> str:
    pipelines = report["pipelines"].values()
    rows = [
        [
            language,
            *(
                percent(pipeline["languages"].get(language, {}).get(metric))
                for pipeline in pipelines
            ),
        ]
        for language in report["languages"]
    ]
    rows.append([AVERAGE, *(percent(pipeline["average"].get(metric)) for pipeline in pipelines)])
    return "\n".join([aligned([metric, *report["pipelines"]], rows), *gaps(report)])


def raw_table(report: Dict[str, Any], name: str, metric: str) -> str:
    """Of one pipeline, in percent: the metric on the words of the corpus and from raw text, what is
    lost, and F1 of the words found; then from raw text without multiword tokens that are not the
    sum of their words ("simple").
    """
    pipeline = report["pipelines"][name]
    rows = []
    for row, scores in [*pipeline["languages"].items(), (AVERAGE, pipeline["average"])]:
        raw, gold = scores["raw"], scores.get(metric)
        values = [gold, raw.get(metric), lost(gold, raw.get(metric)), raw["words_f"]]
        simple = raw["simple"].get(metric)
        rows.append([row, *map(percent, [*values, simple, lost(gold, simple)])])
    columns = [f"{name}: {metric}", "words given", "raw text", "lost", "words", "simple", "lost"]
    return aligned(columns, rows)


def calibration_table(fits: Mapping[str, Fit], split: str) -> str:
    """The temperature of each component, and in percent the expected calibration errors, without it
    and with it; and a line for each that keeps temperature 1.
    """
    rows = [
        [
            name,
            f"{fit.temperature:.2f}",
            *(percent(expected_calibration_error(curve)) for curve in (fit.before, fit.after)),
        ]
        for name, fit in fits.items()
    ]
    table = aligned(["", "temperature", f"error on {split}", "calibrated"], rows)
    return "\n".join([table, *uncertain(fits, split)])


def uncertain(fits: Mapping[str, Fit], split: str) -> List[str]:
    return [
        f"{name} keeps temperature 1: {split} does not show that {fit.best:.2f}, which fits it "
        "best, is better for other sentences"
        for name, fit in fits.items()
        if fit.temperature != fit.best
    ]


def lost(given: Optional[float], raw: Optional[float]) -> Optional[float]:
    return None if given is None or raw is None else given - raw


def gaps(report: Dict[str, Any]) -> List[str]:
    """A line for each pipeline whose average is not that of all languages."""
    return [
        f"{name}: the average is that of {', '.join(pipeline['languages'])} alone"
        for name, pipeline in report["pipelines"].items()
        if len(pipeline["languages"]) < len(report["languages"])
    ]


def percent(value: Optional[float]) -> str:
    return "-" if value is None else f"{100 * value:.2f}"


def aligned(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """The first column to the left, the numbers in the others to the right."""
    aligns: Any = ["l"] + ["r"] * (len(header) - 1)
    return table(rows, header=header, divider=True, aligns=aligns)


# Between letters of Persian, and of emojis.
JOINERS = "\u200c\u200d"


def mark_labels(doc: Doc, metric: str) -> str:
    """A document in one line with its predictions in the text.

    metric (str): "ents_f": "[PER Ada Lovelace] lives in [LOC London]."; "tag_acc", "pos_acc":
        "Ada/PROPN lives/VERB".
    """
    if metric == "ents_f":
        text = "".join(mark_entity(doc, i) for i in range(len(doc)))
    else:
        attribute = "tag_" if metric == "tag_acc" else "pos_"
        text = " ".join(f"{token.text}/{getattr(token, attribute)}" for token in doc)
    return printable(" ".join(text.split()), keep=JOINERS)


def mark_entity(doc: Doc, i: int) -> str:
    """The text of a token, with the brackets that open before or close after it."""
    token = doc[i]
    first = token.ent_iob_ == "B"
    last = token.ent_type_ and (i + 1 == len(doc) or doc[i + 1].ent_iob_ != "I")
    opening = f"[{token.ent_type_} " if first else ""
    closing = "]" if last else ""
    return f"{opening}{token.text}{closing}{token.whitespace_}"


def teacher_table(reports: Sequence[Any]) -> str:
    """A row for each teacher's report: its data, the way it went and its best score on dev."""
    header = ["language", "sentences", "steps", "seconds", "metric", "best dev", "status"]
    rows = [
        [
            report.name,
            str(report.sentences),
            "-" if report.steps is None else str(report.steps),
            f"{report.seconds:.0f}",
            report.metric or "-",
            percent(report.score),
            report.status,
        ]
        for report in reports
    ]
    return aligned(header, rows)
