"""Comparisons as one page: no network, no script, the pictures in it, light and dark."""

from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence

import srsly

from ..errors import Errors, SkdError
from ..templates import open_templates
from . import charts
from .tables import calibration_rows, cost_rows, difference_rows, score_rows

TEMPLATE = "page.html.jinja"
NAMES = {"ents_f": "F1", "tag_acc": "accuracy", "pos_acc": "accuracy"}
NEEDED = {"spec", "rows", "zero_shot", "costs", "calibration", "sentences"}
NEEDED |= {"versions", "machine", "data"}
Comparison = Dict[str, Any]


def read_comparison(path: Path) -> Comparison:
    """What `skd compare` wrote. Raises `SkdError` if it is something else."""
    try:
        found = srsly.read_json(path)
    except (OSError, ValueError) as error:
        raise SkdError(
            Errors.SKD234.format(path=path, reason=" ".join(str(error).split()))
        ) from error
    if not isinstance(found, dict) or not set(found) >= NEEDED:
        raise SkdError(Errors.SKD234.format(path=path, reason="it holds something else"))
    return found


def render(comparisons: Sequence[Comparison]) -> str:
    """The page, HTML. Whatever comes from the comparisons is escaped.

    Raises `SkdError` without jinja2 or matplotlib.
    """
    absent = SkdError(Errors.SKD233.format(package="jinja2"))
    environment = open_templates("spacy_skd.comparison", absent, autoescape=True)
    sections = [section(comparison) for comparison in comparisons]
    return environment.get_template(TEMPLATE).render(sections=sections)


def section(comparison: Comparison) -> Dict[str, Any]:
    """What the template shows of one comparison."""
    spec, rows = comparison["spec"], comparison["rows"]
    return {
        "title": spec["about"] or "Comparison",
        "spec": spec,
        "metric": NAMES[spec["metric"]],
        "pictures": [picture for picture in pictures(comparison) if picture is not None],
        "scores": score_rows(rows),
        "differences": difference_rows(rows),
        "zero_shot": comparison["zero_shot"]
        and {
            "scores": score_rows(comparison["zero_shot"]),
            "differences": difference_rows(comparison["zero_shot"]),
        },
        "costs": cost_rows(comparison["costs"]),
        "calibration": calibration_rows(comparison["calibration"]),
        "sentences": [shown(sentence) for sentence in comparison["sentences"]],
        "settings": srsly.json_dumps(spec, indent=2),
        "versions": comparison["versions"],
        "machine": comparison["machine"],
        "data": comparison["data"]["corpus"],
    }


def pictures(comparison: Comparison) -> List[Optional[Dict[str, str]]]:
    spec, rows = comparison["spec"], comparison["rows"]
    metric = NAMES[spec["metric"]]
    return [
        by_language(rows, spec, metric, "By language"),
        comparison["zero_shot"]
        and by_language(comparison["zero_shot"], spec, metric, "Languages never trained on"),
        against_baseline(rows, spec),
        gaps(rows),
        along_axis(rows, spec, metric),
        learning(comparison["costs"], spec, metric),
        believed(comparison["calibration"], rows, spec),
        speed(comparison["costs"]),
    ]


def best_row(rows: Dict[str, Any], spec: Dict[str, Any]) -> Optional[str]:
    own = [row["name"] for row in spec["rows"] if row["name"] != spec["baseline"]]
    return max(own, key=lambda name: rows[name]["average"]["mean"], default=None)


def compared(rows: Dict[str, Any], spec: Dict[str, Any]) -> List[str]:
    """Teachers, baseline and the best of the other rows."""
    best = best_row(rows, spec)
    names = [*(t["name"] for t in spec["teachers"] if t["name"] in rows), spec["baseline"]]
    return names + ([best] if best else [])


def by_language(
    rows: Dict[str, Any], spec: Dict[str, Any], metric: str, title: str
) -> Dict[str, str]:
    """Teachers, baseline and the best of the other rows."""
    best, names = best_row(rows, spec), compared(rows, spec)
    languages = list(rows[spec["baseline"]]["languages"])
    series: Dict[str, List[Optional[float]]] = {}
    for name in names:
        scores = [rows[name]["languages"].get(language) for language in languages]
        series[name] = [None if score is None else 100 * score["mean"] for score in scores]
        series[name].append(100 * rows[name]["average"]["mean"])
    svg = charts.bars([*languages, "average"], series, f"{metric} on {spec['split']}")
    said = f"Teachers, {spec['baseline']} and the best row" if best else "Teachers and baseline"
    seeds = len(spec["seeds"])
    of_runs = f"means of {seeds} runs" if seeds > 1 else "one run"
    return {"title": title, "said": f"{said}, {of_runs}.", "svg": svg}


def against_baseline(rows: Dict[str, Any], spec: Dict[str, Any]) -> Optional[Dict[str, str]]:
    found = {name: row["difference"] for name, row in rows.items() if row["difference"]}
    points = {
        name: (100 * value["mean"], 100 * value["low"], 100 * value["high"])
        for name, value in found.items()
    }
    if not points:
        return None
    return {
        "title": f"Against {spec['baseline']}",
        "said": "Differences of averages, 95 % intervals by a paired bootstrap over sentences.",
        "svg": charts.differences(points, "points"),
    }


def gaps(rows: Dict[str, Any]) -> Optional[Dict[str, str]]:
    closed = {name: row["gap_closed"] for name, row in rows.items() if row["difference"]}
    known = {name: 100 * value for name, value in closed.items() if value is not None}
    if not known:
        return None
    points = {name: (value, 0.0, value) for name, value in known.items()}
    return {
        "title": "Gap closed",
        "said": "Share of the distance from baseline to teachers; 100 % is level with them.",
        "svg": charts.differences(points, "% of the gap"),
    }


def along_axis(rows: Dict[str, Any], spec: Dict[str, Any], metric: str) -> Optional[Dict[str, str]]:
    """Scores against the setting that the rows differ in."""
    if spec["axis"] is None:
        return None
    settings = {row["name"]: {**spec["settings"], **row["settings"]} for row in spec["rows"]}
    points = sorted(
        (
            float(settings[name][spec["axis"]]),
            100 * rows[name]["average"]["mean"],
            percent(rows[name]["average"]["spread"]),
        )
        for name in settings
        if is_number(settings[name].get(spec["axis"]))
    )
    if not points:
        return None
    return {
        "title": spec["axis"],
        "said": "Average over languages"
        + ("; the band is the standard deviation over runs." if len(spec["seeds"]) > 1 else "."),
        "svg": charts.curves({spec["axis"]: points}, spec["axis"], metric),
    }


def learning(costs: Dict[str, Any], spec: Dict[str, Any], metric: str) -> Optional[Dict[str, str]]:
    """The score on dev over the steps, of each row's first run. What is said before the first step,
    by chance, would press the rest of a curve flat.
    """
    series: Dict[str, List[charts.Point]] = {}
    for row in spec["rows"]:
        curve: List[Any] = next(iter(costs[row["name"]][0]["curves"].values()), [])
        points: List[charts.Point] = [(step, 100 * score, None) for step, score in curve if step]
        if points:
            series[row["name"]] = points
    if not series:
        return None
    return {
        "title": "Learning curves",
        "said": f"On dev, seed {spec['seeds'][0]}.",
        "svg": charts.curves(series, "steps", metric),
    }


def believed(
    calibration: Dict[str, Any], rows: Dict[str, Any], spec: Dict[str, Any]
) -> Optional[Dict[str, str]]:
    """Reliability curves of teachers, baseline and the best of the other rows."""
    names = compared(rows, spec)
    curves = {}
    for name in names:
        found = calibration[name]
        if found is not None:
            pairs = zip(found["confidence"], found["accuracy"])
            curves[name] = [(100 * sure, 100 * right) for sure, right in pairs if sure is not None]
    if not curves:
        return None
    errors = ", ".join(f"{n} {100 * calibration[n]['error']['mean']:.1f}" for n in curves)
    said = "How much of what is said with so much confidence is right; on the line just as much."
    return {
        "title": "Calibration",
        "said": f"{said} Expected calibration errors: {errors}.",
        "svg": charts.reliability(curves),
    }


def speed(costs: Dict[str, Any]) -> Dict[str, str]:
    """Megabytes against words a second: what N teachers and one student cost in use."""
    points = {
        name: (runs[0]["bytes"] / 1e6, runs[0]["words_per_second"]) for name, runs in costs.items()
    }
    return {
        "title": "Size and speed",
        "said": "Several teachers together on disk; speed where it was measured.",
        "svg": charts.scatter(points, "MB on disk", "words a second"),
    }


def shown(sentence: Dict[str, Any]) -> Dict[str, Any]:
    """A sentence for the template: for gold and each row its words in spans, with what is wrong."""
    gold = [tuple(span) for span in sentence["gold"]]
    lines = [{"name": "gold", "parts": parts(sentence["words"], gold, set(gold))}]
    for name, spans in sentence["found"].items():
        found = [tuple(span) for span in spans]
        lines.append({"name": name, "parts": parts(sentence["words"], found, set(gold))})
    return {"language": sentence["language"], "lines": lines}


def parts(words: List[str], spans: List[tuple], gold: set) -> List[Dict[str, Any]]:
    """The text in order, cut at the spans."""
    found, at = [], 0
    for start, end, label in sorted(spans):
        if at < start:
            found.append({"text": "".join(words[at:start]), "label": None, "wrong": False})
        wrong = (start, end, label) not in gold
        found.append({"text": "".join(words[start:end]).strip(), "label": label, "wrong": wrong})
        if words[end - 1] != words[end - 1].rstrip():
            found.append({"text": " ", "label": None, "wrong": False})
        at = end
    found.append({"text": "".join(words[at:]), "label": None, "wrong": False})
    return found


def percent(value: Optional[float]) -> Optional[float]:
    return None if value is None else 100 * value


def is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
