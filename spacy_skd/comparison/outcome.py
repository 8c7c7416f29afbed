"""All that a comparison has found."""

from typing import Any, Dict, List, Tuple

from .measurements import Cell, Scores
from .provenance import provenance
from .results import calibrations, summarise
from .spec import Spec

SHOWN = 3  # sentences of a language
COSTS = ("words_per_second", "load_seconds", "parameters", "bytes", "peak_memory")


def report_of(
    spec: Spec,
    cells: List[Cell],
    here: Dict[Tuple[str, int], Scores],
    elsewhere: Dict[Tuple[str, int], Scores],
) -> Dict[str, Any]:
    """All that a comparison has found, of JSON's types.

    RETURNS (Dict): What `provenance` says; "rows" (see `summarise`), "zero_shot" of the same form
        or None, and "costs": for each row, and each run of it, training time in seconds with the
        learning curve on dev, words per second, seconds to load, parameters, bytes on disk and peak
        memory in bytes, of prediction and of training, of several teachers that of the largest;
        "calibration" (see `calibrations`); and "sentences" (see `different_sentences`).
    """
    teachers_of = {row.name: row.teachers for row in spec.rows}
    names = list(dict.fromkeys(cell.row for cell in cells))

    def rows(scores: Dict[Tuple[str, int], Scores]) -> Dict[str, Any]:
        runs = {name: [scores[name, seed] for seed in spec.seeds] for name in names}
        return summarise(runs, teachers_of, spec.baseline, spec.metric)

    costs: Dict[str, List[Dict[str, Any]]] = {name: [] for name in names}
    for cell in cells:
        found = here[cell.row, cell.seed]
        costs[cell.row].append(
            {
                "seed": cell.seed,
                "training_seconds": sum(run.seconds for run in cell.runs),
                "training_memory": max(
                    (run.peak_memory for run in cell.runs if run.peak_memory), default=None
                ),
                "curves": {run.name: run.curve for run in cell.runs},
                **{name: found[name] for name in COSTS},
            }
        )
    rows_here = rows(here)
    return {
        **provenance(spec),
        "rows": rows_here,
        "zero_shot": rows(elsewhere) if elsewhere else None,
        "costs": costs,
        "calibration": {
            name: calibrations([here[name, seed]["calibration"] for seed in spec.seeds])
            for name in names
        },
        "sentences": different_sentences(spec, here, rows_here),
    }


def different_sentences(
    spec: Spec, scores: Dict[Tuple[str, int], Scores], rows: Dict[str, Any]
) -> List[Dict[str, Any]]:
    """The first sentences of each language that the baseline, the best other row and its teachers
    do not label alike, with what gold and each of them say.
    """
    others = [row for row in spec.rows if row.name != spec.baseline]
    best = max(others, key=lambda row: rows[row.name]["average"]["mean"], default=None)
    if best is None:
        return []
    names = [spec.baseline, best.name, *([best.teachers] if best.teachers in rows else [])]
    samples = {name: scores[name, spec.seeds[0]]["samples"] for name in names}
    chosen = []
    for language in samples[spec.baseline]:
        found = 0
        known = [name for name in names if language in samples[name]]
        for said in zip(*(samples[name][language] for name in known)):
            spans = [sentence["found"] for sentence in said]
            if found < SHOWN and any(one != spans[0] for one in spans):
                found += 1
                rows_said = dict(zip(known, spans))
                chosen.append({"language": language, **said[0], "found": rows_said})
    return chosen
