"""A comparison as tables in Markdown."""

from typing import Any, Dict, List, Optional, Sequence

Rows = Dict[str, Any]

COSTS = ("training_seconds", "words_per_second", "parameters", "bytes", "peak_memory")


def markdown(comparison: Dict[str, Any]) -> str:
    """The whole comparison: scores by language, what they mean, zero-shot languages, costs."""
    spec = comparison["spec"]
    seeds = len(spec["seeds"])
    parts = [
        f"# {spec['about'] or 'Comparison'}",
        f"{spec['metric']} on {spec['split']}, in percent; mean"
        + (f" and standard deviation of {seeds} runs." if seeds > 1 else " of one run."),
        score_table(comparison["rows"]),
        f"Against `{spec['baseline']}`, by a paired bootstrap over sentences:",
        difference_table(comparison["rows"]),
    ]
    if comparison["zero_shot"] is not None:
        parts += [
            "Languages that no row was trained on; of several teachers the best for each:",
            score_table(comparison["zero_shot"]),
            difference_table(comparison["zero_shot"]),
        ]
    parts += ["Costs, means of the runs:", cost_table(comparison["costs"])]
    return "\n\n".join(parts) + "\n"


def score_table(rows: Rows) -> str:
    """A line for each language, a column for each row, the best of a line in bold."""
    languages = list(dict.fromkeys(name for row in rows.values() for name in row["languages"]))
    body = []
    for language in [*languages, "average"]:
        scores = [
            row["average"] if language == "average" else row["languages"].get(language)
            for row in rows.values()
        ]
        best = max((score["mean"] for score in scores if score), default=None)
        body.append([language, *(score_cell(score, best) for score in scores)])
    return table(["", *rows], body)


def score_cell(score: Optional[Dict[str, Any]], best: Optional[float]) -> str:
    if score is None:
        return "-"
    text = f"{100 * score['mean']:.2f}"
    text = f"**{text}**" if score["mean"] == best else text
    return text if score["spread"] is None else f"{text} ± {100 * score['spread']:.2f}"


def difference_table(rows: Rows) -> str:
    header = ["", "difference", "95 % interval", "p", "gap closed", "wins (baseline)"]
    header.append("wins (teachers)")
    body = []
    for name, row in rows.items():
        found = row["difference"]
        if found is None:
            continue
        body.append(
            [
                name,
                f"{100 * found['mean']:+.2f}",
                f"{100 * found['low']:+.2f} to {100 * found['high']:+.2f}",
                f"{found['p']:.4f}",
                "-" if row["gap_closed"] is None else f"{100 * row['gap_closed']:.0f} %",
                won(row, "baseline"),
                won(row, "teachers"),
            ]
        )
    return table(header, body)


def won(row: Dict[str, Any], other: str) -> str:
    number = row["wins"][other]
    return "-" if number is None else f"{number} of {len(row['languages'])}"


def cost_table(costs: Dict[str, List[Dict[str, Any]]]) -> str:
    header = ["", "training, s", "words a second", "million parameters", "MB", "MB of memory"]
    body = []
    for name, runs in costs.items():
        means = {key: sum(run[key] for run in runs) / len(runs) for key in COSTS}
        body.append(
            [
                name,
                f"{means['training_seconds']:.0f}",
                f"{means['words_per_second']:.0f}",
                f"{means['parameters'] / 1e6:.2f}",
                f"{means['bytes'] / 1e6:.1f}",
                f"{means['peak_memory'] / 1e6:.0f}",
            ]
        )
    return table(header, body)


def table(header: Sequence[str], body: List[List[str]]) -> str:
    rule = ["---", *["---:"] * (len(header) - 1)]
    lines = [header, rule, *body]
    escaped = ([cell.replace("|", "\\|") for cell in line] for line in lines)
    return "\n".join("| " + " | ".join(line) + " |" for line in escaped)
