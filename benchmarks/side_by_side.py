"""What the benchmarks share: calls timed in turn, ratios with their spread, files of results.

Times are of the CPU, of all threads of this process: what else the machine does takes its cores
away, but is not counted. It still takes room in their caches. So everything is compared in turn,
round by round: a ratio is the median of the ratios of the rounds, and its spread goes from the
first to the third quartile.
"""

import json
import platform
import re
import sys
import time
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from os import cpu_count
from pathlib import Path
from statistics import quantiles
from typing import Any, Callable, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple

from spacy_skd.evaluation.tables import aligned

RESULTS = Path(__file__).parent / "results"
# A call that takes less is made once before it is timed, which brings its data into the cache.
BLINK = 0.05

# CPU seconds of each round, by what was timed.
Times = Dict[str, List[float]]


def cpu_time(call: Callable[[], object]) -> float:
    start = time.process_time()
    call()
    return time.process_time() - start


def in_turn(
    calls: Mapping[str, Callable[..., object]],
    rounds: int,
    given: Optional[Callable[[str], Any]] = None,
    warm_up: bool = True,
) -> Times:
    """The times of all calls, in each round one after the other; a first round does not count.

    given (Optional[Callable[[str], Any]]): Makes, outside of the time, what a call is made with
        from its name; it gets nothing if there is none.
    warm_up (bool): Whether a short call is made once before each time that it is timed.
    """

    def timed(name: str) -> float:
        arguments = () if given is None else (given(name),)
        return cpu_time(lambda: calls[name](*arguments))

    short = {name: timed(name) < BLINK and warm_up for name in calls}
    times: Times = {name: [] for name in calls}
    for _ in range(rounds):
        for name in calls:
            if short[name]:
                timed(name)
            times[name].append(timed(name))
    return times


@dataclass
class Ratio:
    """The median of some ratios, and their first and third quartiles."""

    median: float
    low: float
    high: float

    def __str__(self) -> str:
        if self.low == self.high:
            return figure(self.median)
        return f"{figure(self.median)} ({figure(self.low)} to {figure(self.high)})"


def ratio(one: Sequence[float], other: Sequence[float]) -> Ratio:
    """One divided by the other, round by round, of which there are at least two."""
    values = [a / b for a, b in zip(one, other)]
    low, middle, high = quantiles(values, n=4, method="inclusive")
    return Ratio(middle, low, high)


def figure(value: float) -> str:
    """Three digits, or all before the point."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def exactly(value: float) -> Ratio:
    """Of what was measured once."""
    return Ratio(value, value, value)


@dataclass
class Claim:
    """A ratio beside what is wanted of it, at least or at most."""

    what: str
    found: Ratio
    at_least: Optional[float] = None
    at_most: Optional[float] = None

    @property
    def wanted(self) -> str:
        return f"≥ {self.at_least:g}" if self.at_least is not None else f"≤ {self.at_most:g}"

    @property
    def holds(self) -> bool:
        if self.at_least is not None:
            return self.found.median >= self.at_least
        return self.at_most is not None and self.found.median <= self.at_most


@dataclass
class Table:
    caption: str
    header: List[str]
    rows: List[List[str]]


@dataclass
class Curves:
    """Lines through (x, y), all on one pair of axes. What is linear is straight."""

    caption: str
    x_label: str
    y_label: str
    series: Dict[str, List[Tuple[float, float]]]


@dataclass
class Result:
    """What one benchmark has found: of JSON's types once it is written.

    about (str): What was compared, on what.
    absent (Dict[str, str]): What was not measured, and why.
    """

    title: str
    about: str
    claims: List[Claim] = field(default_factory=list)
    tables: List[Table] = field(default_factory=list)
    curves: List[Curves] = field(default_factory=list)
    absent: Dict[str, str] = field(default_factory=dict)

    def finish(self, packages: Iterable[str] = ()) -> None:
        """Print it, and write it as results/<name of the program>.json."""
        for table in self.tables:
            print(f"\n{table.caption}\n{aligned(table.header, table.rows)}")
        for claim in self.claims:
            mark = "" if claim.holds else "   NOT MET"
            print(f"{claim.what}: {claim.found}, wanted {claim.wanted}{mark}")
        for name, reason in self.absent.items():
            print(f"{name}: not measured, {reason}")
        name = Path(sys.argv[0]).stem
        record = {
            "command": f"python benchmarks/{name}.py",
            **asdict(self),
            "versions": versions(packages),
            "machine": machine(),
        }
        RESULTS.mkdir(exist_ok=True)
        text = json.dumps(record, indent=1, ensure_ascii=False)
        (RESULTS / f"{name}.json").write_text(text + "\n", encoding="utf-8")


def versions(packages: Iterable[str]) -> Dict[str, str]:
    found = {"python": platform.python_version()}
    for name in ("spacy-skd", "spacy", "thinc", "numpy", *packages):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def machine() -> Dict[str, Any]:
    """The processor's name, and how many cores there are."""
    name = platform.processor() or platform.machine()
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
        name = re.findall(r"^model name\s*:\s*(.*)", text, flags=re.M)[0]
    except (OSError, IndexError):
        pass
    return {"processor": name, "cores": cpu_count(), "system": platform.system()}
