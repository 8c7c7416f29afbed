"""From the scores of single runs to what a comparison says."""

from functools import reduce
from typing import Any, Dict, List, Optional, Sequence

import numpy as np

from ..evaluation.calibration import Reliability, expected_calibration_error
from ..evaluation.significance import Counts, paired_bootstrap

Scores = Dict[str, Any]


def summarise(
    cells: Dict[str, List[Scores]],
    teachers_of: Dict[str, Optional[str]],
    baseline: str,
    metric: str,
) -> Dict[str, Any]:
    """What the rows of a comparison have reached on one corpus.

    cells (Dict[str, List[Dict]]): For each row, and for each set of teachers by its name, the
        scores of its runs: {"languages": {lang: {metric: score}}, "counts": {lang: (teachers, n,
        3)}}, where n is the number of sentences, and a row is as one teacher.
    teachers_of (Dict[str, Optional[str]]): For each row the name of its teachers.
    baseline (str): The row that all others are compared with.
    RETURNS (Dict): For each row
        "languages": {lang: {"mean", "spread", "runs"}} and "average" of the same form, where
            `spread` is the standard deviation over runs (None for a single one);
        "difference": to the baseline, {"mean", "low", "high", "p"} (see `Difference`);
        "gap_closed": the share of the distance from the baseline to the row's teachers; None where
            the teachers are not better;
        "wins": how many languages are better than {"baseline", "teachers"} on average.
    """
    rows = {name: row_scores(runs, metric) for name, runs in cells.items()}
    base = rows[baseline]
    for name, row in rows.items():
        teachers = rows.get(teachers_of.get(name) or "")
        row["difference"] = None if name == baseline else difference(cells[name], cells[baseline])
        row["gap_closed"] = gap_closed(row, base, teachers)
        row["wins"] = {
            "baseline": None if name == baseline else wins(row, base),
            "teachers": None if teachers is None else wins(row, teachers),
        }
    return rows


def calibrations(runs: Sequence[Dict[str, Any]]) -> Optional[Dict[str, Any]]:
    """How far the confidences of a row can be believed; None where it has none.

    runs (Sequence[Dict]): For each run the reliability curve of each language, or None.
    RETURNS (Dict): "error": {"mean", "spread", "runs"} of the expected calibration error of all
        languages together; and the curve of all runs: "counts", "confidence" and "accuracy" of each
        bin, of which the latter are None where the bin is empty.
    """
    known = [
        [Reliability.from_dict(curve) for curve in run.values() if curve is not None]
        for run in runs
    ]
    if not all(known):
        return None
    curves = [reduce(Reliability.plus, of_run) for of_run in known]
    errors = [expected_calibration_error(curve) for curve in curves]
    if None in errors:
        return None
    whole = reduce(Reliability.plus, curves)
    return {
        "error": spread(errors),  # type: ignore[arg-type]
        "counts": whole.counts.tolist(),
        "confidence": listed(whole.mean_confidence),
        "accuracy": listed(whole.accuracy),
    }


def listed(values: np.ndarray) -> List[Optional[float]]:
    return [None if np.isnan(value) else float(value) for value in values]


def row_scores(runs: Sequence[Scores], metric: str) -> Dict[str, Any]:
    languages = list(runs[0]["languages"])
    by_language = {
        language: [run["languages"][language][metric] for run in runs] for language in languages
    }
    averages = np.mean(list(by_language.values()), axis=0)
    return {
        "languages": {language: spread(values) for language, values in by_language.items()},
        "average": spread(averages),
    }


def spread(values: Sequence[float]) -> Dict[str, Any]:
    """Mean and standard deviation of some runs, and the runs themselves."""
    deviation = float(np.std(values, ddof=1)) if len(values) > 1 else None
    return {"mean": float(np.mean(values)), "spread": deviation, "runs": list(map(float, values))}


def difference(ours: Sequence[Scores], theirs: Sequence[Scores]) -> Optional[Dict[str, float]]:
    """None where the two do not have the same languages: nothing can be paired then."""
    if set(ours[0]["counts"]) != set(theirs[0]["counts"]):
        return None
    found = paired_bootstrap(stacked(ours), stacked(theirs))
    return {"mean": found.mean, "low": found.low, "high": found.high, "p": found.p}


def stacked(runs: Sequence[Scores]) -> Counts:
    """The counts of some runs, by language (runs, sentences, 3), of all teachers of each."""
    return {
        language: np.concatenate([np.array(run["counts"][language]) for run in runs])
        for language in runs[0]["counts"]
    }


def gap_closed(
    row: Dict[str, Any], baseline: Dict[str, Any], teachers: Optional[Dict[str, Any]]
) -> Optional[float]:
    if teachers is None:
        return None
    low, high = baseline["average"]["mean"], teachers["average"]["mean"]
    return (row["average"]["mean"] - low) / (high - low) if high > low else None


def wins(row: Dict[str, Any], other: Dict[str, Any]) -> int:
    """Languages in which a row is better than another, as Wang et al. (2020) count them."""
    return sum(
        scores["mean"] > other["languages"][language]["mean"]
        for language, scores in row["languages"].items()
        if language in other["languages"]
    )
