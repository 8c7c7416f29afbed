"""What `spacy.blank("xx")` costs more where this package is installed: with and without, in turn.

    python benchmarks/startup.py

spaCy imports the components of every installed plugin when it makes its first pipeline. Each round
starts two fresh processes, which differ in whether spaCy finds our entry points; the figure is the
median over the rounds of their difference in CPU time, which other work on the machine changes less
than the clock's. Modules must have been compiled, as pip does: not with PYTHONDONTWRITEBYTECODE and
sources that have changed. Run it where no other plugin is installed, as after `pip
install spacy-skd`: others may import what would then be counted as ours, or not at all.
"""

import json
import subprocess
import sys
from statistics import median
from typing import Dict

import typer
from wasabi import table

CHILD = """
import json, sys, time
from importlib.metadata import EntryPoints, distributions
import catalogue

points = [point for package in distributions() for point in package.entry_points]
ours = [point for point in points if point.module.split(".")[0] == "spacy_skd"]
assert ours, "spacy-skd is not installed"
wanted = points if sys.argv[1] == "with" else [point for point in points if point not in ours]
catalogue.AVAILABLE_ENTRY_POINTS = EntryPoints(wanted)

start = time.process_time()
import spacy
imported, before = time.process_time(), set(sys.modules)
spacy.blank("xx")
made = time.process_time()
new = len(set(sys.modules) - before)
print(json.dumps({"import": imported - start, "blank": made - imported, "modules": new}))
"""


def run(how: str) -> Dict[str, float]:
    """CPU seconds and modules of a fresh process."""
    command = [sys.executable, "-c", CHILD, how]
    result = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(result.stdout)


def main(
    rounds: int = typer.Option(20, min=1, help="After the first, which does not count"),
) -> None:
    """Print the times of `import spacy` and of `spacy.blank("xx")`, and what we add to them."""
    times = [{how: run(how) for how in ("without", "with")} for _ in range(rounds + 1)][1:]
    rows = []
    for name, what in (("import", "import spacy"), ("blank", 'spacy.blank("xx")')):
        without, with_us = (median(t[how][name] for t in times) for how in ("without", "with"))
        added = median(t["with"][name] - t["without"][name] for t in times)
        rows.append([what, *(f"{1000 * seconds:.1f}" for seconds in (without, with_us, added))])
    counts = [int(times[-1][how]["modules"]) for how in ("without", "with")]
    rows.append(["modules it imports", *map(str, counts), str(counts[1] - counts[0])])
    header = ("ms", "without", "with", "added")
    print(table(rows, header=header, divider=True, aligns=("l", "r", "r", "r")))


if __name__ == "__main__":
    typer.run(main)
