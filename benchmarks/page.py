"""docs/benchmarks.md, and the pictures in it, from what the benchmarks have found.

python benchmarks/page.py
"""

import json
from pathlib import Path
from typing import Any, Dict, List

from side_by_side import RESULTS, Claim, Ratio

from spacy_skd.comparison.charts import Point, curves

PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"
# In the order of the page; what is measured later comes after them.
ORDER = ("prediction", "crf", "builds", "training_step", "labelling", "confidence", "growth")
GREY, LIGHT = "#808890", "#80889050"

INTRODUCTION = """# Benchmarks

Everything here is measured by the programs in [benchmarks/](../benchmarks), and this page is
written from their results: `make bench` measures all of it anew, and each program runs by itself.

What is compared is called in turn in one process, round by round, with one thread. Times are those
of the CPU. A ratio is the median of the ratios of the rounds, in brackets from the first to the
third quartile: what else the machine does meets both sides of it alike. Times themselves are those
of the machine and of the company that it had; only the ratios are worth comparing.
"""


def cells(values: List[str]) -> str:
    return "| " + " | ".join(str(value).replace("|", "\\|") for value in values) + " |"


def table(header: List[str], rows: List[List[str]]) -> List[str]:
    """Numbers to the right."""
    rule = [":---", *["---:"] * (len(header) - 1)]
    return [cells(header), cells(rule), *map(cells, rows), ""]


def claim_row(record: Dict[str, Any]) -> List[str]:
    claim = Claim(**{**record, "found": Ratio(**record["found"])})
    return [claim.what, str(claim.found), claim.wanted, "yes" if claim.holds else "**no**"]


def picture(record: Dict[str, Any], path: Path) -> None:
    """As a file of its own, which takes no colours from a page."""
    series: Dict[str, List[Point]] = {
        name: [(x, y, None) for x, y in points] for name, points in record["series"].items()
    }
    svg = curves(series, record["x_label"], record["y_label"])
    svg = svg.replace("currentColor", GREY).replace("var(--grid)", LIGHT)
    path.parent.mkdir(exist_ok=True)
    path.write_text(svg, encoding="utf-8")


def section(name: str, record: Dict[str, Any], folder: Path) -> List[str]:
    machine, versions = record["machine"], record["versions"]
    lines = [f"## {record['title']}", "", record["about"], ""]
    if record["claims"]:
        rows = [claim_row(claim) for claim in record["claims"]]
        lines += table(["ratio", "measured", "wanted", "met"], rows)
    for found in record["tables"]:
        lines += [f"{found['caption']}:", "", *table(found["header"], found["rows"])]
    for i, found in enumerate(record["curves"]):
        path = folder / f"{name}-{i}.svg"
        picture(found, path)
        lines += [f"![{found['caption']}]({folder.name}/{path.name})", ""]
    for what, reason in record["absent"].items():
        lines += [f"Not measured: {what}, {reason}.", ""]
    packages = ", ".join(f"{package} {version}" for package, version in versions.items())
    lines += [
        f"`{record['command']}` on {machine['cores']} cores of {machine['processor']}, "
        f"{machine['system']}; {packages}.",
        "",
    ]
    return lines


def write(page: Path = PAGE, results: Path = RESULTS) -> None:
    """Write the page, and its pictures into a folder beside it."""
    paths = {path.stem: path for path in sorted(results.glob("*.json"))}
    names = [*(name for name in ORDER if name in paths), *(n for n in paths if n not in ORDER)]
    lines = [INTRODUCTION]
    for name in names:
        record = json.loads(paths[name].read_text(encoding="utf-8"))
        lines += section(name, record, page.with_suffix(""))
    page.write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")


if __name__ == "__main__":
    write()
