"""A comparison as tables: what they hold, and how Markdown writes it."""

from typing import Any, Dict, List, Optional

Rows = Dict[str, Any]
Table = Dict[str, Any]
"""{"head": cells, "body": rows of cells}; a cell is a text, or {"text", "best": bool}."""


def markdown(comparison: Dict[str, Any]) -> str:
    """The whole comparison: scores by language, what they mean, zero-shot languages, costs."""
    spec = comparison["spec"]
    seeds = len(spec["seeds"])
    parts = [
        f"# {spec['about'] or 'Comparison'}",
        f"{spec['metric']} on {spec['split']}, in percent; mean"
        + (f" and standard deviation of {seeds} runs." if seeds > 1 else " of one run."),
        as_markdown(score_rows(comparison["rows"])),
        f"Against `{spec['baseline']}`, by a paired bootstrap over sentences:",
        as_markdown(difference_rows(comparison["rows"])),
    ]
    if comparison["zero_shot"] is not None:
        parts += [
            "Languages that no row was trained on; of several teachers the best for each:",
            as_markdown(score_rows(comparison["zero_shot"])),
            as_markdown(difference_rows(comparison["zero_shot"])),
        ]
    parts += ["Costs, means of the runs:", as_markdown(cost_rows(comparison["costs"]))]
    if any(comparison["calibration"].values()):
        parts += [
            "How far confidences can be believed, in percent: the expected calibration error is "
            "the mean distance between confidence and accuracy.",
            as_markdown(calibration_rows(comparison["calibration"])),
        ]
    return "\n\n".join(parts) + "\n"


def score_rows(rows: Rows) -> Table:
    """A line for each language, a column for each row, the best of a line marked."""
    languages = list(dict.fromkeys(name for row in rows.values() for name in row["languages"]))
    body: List[List[Any]] = []
    for language in [*languages, "average"]:
        scores = [
            row["average"] if language == "average" else row["languages"].get(language)
            for row in rows.values()
        ]
        best = max((score["mean"] for score in scores if score), default=None)
        body.append([language, *(score_cell(score, best) for score in scores)])
    return {"head": ["", *rows], "body": body}


def score_cell(score: Optional[Dict[str, Any]], best: Optional[float]) -> Dict[str, Any]:
    if score is None:
        return {"text": "-", "best": False}
    text = f"{100 * score['mean']:.2f}"
    if score["spread"] is not None:
        text += f" ± {100 * score['spread']:.2f}"
    return {"text": text, "best": score["mean"] == best}


def difference_rows(rows: Rows) -> Table:
    head = ["", "difference", "95 % interval", "p", "gap closed", "wins (baseline)"]
    body = [
        [
            name,
            f"{100 * row['difference']['mean']:+.2f}",
            f"{100 * row['difference']['low']:+.2f} to {100 * row['difference']['high']:+.2f}",
            f"{row['difference']['p']:.4f}",
            "-" if row["gap_closed"] is None else f"{100 * row['gap_closed']:.0f} %",
            won(row, "baseline"),
            won(row, "teachers"),
        ]
        for name, row in rows.items()
        if row["difference"] is not None
    ]
    return {"head": [*head, "wins (teachers)"], "body": body}


def won(row: Dict[str, Any], other: str) -> str:
    number = row["wins"][other]
    return "-" if number is None else f"{number} of {len(row['languages'])}"


COST_COLUMNS = {
    "training, s": ("training_seconds", 1, 0),
    "words a second": ("words_per_second", 1, 0),
    "s to load": ("load_seconds", 1, 2),
    "million parameters": ("parameters", 1e6, 2),
    "MB on disk": ("bytes", 1e6, 1),
    "MB of memory": ("peak_memory", 1e6, 0),
    "MB in training": ("training_memory", 1e6, 0),
}


def cost_rows(costs: Dict[str, List[Dict[str, Any]]]) -> Table:
    body = []
    for name, runs in costs.items():
        cells = [name]
        for key, unit, digits in COST_COLUMNS.values():
            known = [run[key] for run in runs if run[key] is not None]
            cells.append(f"{sum(known) / len(known) / unit:.{digits}f}" if known else "-")
        body.append(cells)
    return {"head": ["", *COST_COLUMNS], "body": body}


def calibration_rows(calibration: Dict[str, Any]) -> Table:
    """A line for each row that has confidences: its error, and how sure and how right it is."""
    body: List[List[Any]] = []
    known = {name: found for name, found in calibration.items() if found is not None}
    best = min((found["error"]["mean"] for found in known.values()), default=None)
    for name, found in known.items():
        total = sum(found["counts"])
        means = [
            sum(n * value for n, value in zip(found["counts"], found[key]) if n) / total
            for key in ("confidence", "accuracy")
        ]
        cells = [f"{100 * mean:.2f}" for mean in means]
        body.append([name, score_cell(found["error"], best), *cells])
    return {"head": ["", "calibration error", "mean confidence", "accuracy"], "body": body}


def as_markdown(table: Table) -> str:
    rule = ["---", *["---:"] * (len(table["head"]) - 1)]
    lines = [table["head"], rule, *table["body"]]
    return "\n".join("| " + " | ".join(map(cell_text, line)) + " |" for line in lines)


def cell_text(cell: Any) -> str:
    if isinstance(cell, dict):
        return f"**{cell['text']}**" if cell["best"] else cell["text"]
    return cell.replace("|", "\\|")
