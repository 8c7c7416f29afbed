"""Runs are carried out: locked, trained beside their places, watched, and published."""

import re
import sys
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import IO, Any, Deque, Dict, List, Mapping, Optional, Sequence

import srsly
from spacy.tokens import DocBin
from tqdm import tqdm

from ..errors import SkdError
from ..evaluation.scorers import MACRO, METRICS
from ..locks import locked
from ..work.cluster import Cluster, at_a_time
from ..work.processes import LocalProcesses, kill_as_interrupt
from ..work.remote_tasks import RayTasks
from ..work.tasks import Processes
from .configs import check_config, one_line, train_files
from .runs import BEST, MEMORY, Run, RunReport, fingerprint_of

# Header, rule and rows of the table that spaCy's and our loggers print; a row starts "epoch step"
# and ends with the score, as no other line should.
ROW = r"\s*\d+\s+(?P<step>\d+)\s.*\s(?P<score>-?\d+\.\d\d|nan)\s*$"
TABLE_LINE = re.compile(rf"^(\s*E\s+#\s|-+ +-+ |{ROW})")
# What our reader says of the data, as Python shows a warning.
WARNING_LINE = re.compile(r"training.reader\.py:\d+: UserWarning: (?P<text>.*)")
OUR_LOGGER = "spacy-skd.LanguageLogger.v1"
ERROR_LINE = re.compile(r"^\s*(✘|Error:|[\w.]*(Error|Exception|Interrupt)\b)")
CHANGED = (
    "'{what}' was changed meanwhile; run it again, or put back what was there and it is complete"
)
OTHER = (
    "an unfinished training of other settings, data or versions, at step {step}, is replaced at "
    "the first evaluation"
)


def carry_out(
    runs: Sequence[Run],
    *,
    jobs: Optional[int] = None,
    gpu_id: int = -1,
    verbose: bool = False,
    cluster: Optional[Cluster] = None,
) -> List[RunReport]:
    """Carry out all runs that are not finished, in processes of their own; one report each, in
    their order. A run that fails leaves the others, and what was at its own place, alone.

    runs (Sequence[Run]): Of different folders. Their configs differ in nothing that could be wrong
        with one and not with another: only the first one's is checked.
    jobs (Optional[int]): How many are carried out at a time, of several each on one core; None: 1,
        and on a cluster as many as there is room for.
    gpu_id (int): As in `spacy train`; -1 is the CPU. On a cluster each gets what the cluster says.
    verbose (bool): Show all that a training prints, not the table alone.
    cluster (Optional[Cluster]): Where the processes are, if not on this machine.
    Raises `SkdError`, before anything is trained or removed, if a config cannot be used, another
    process works on one of the folders, or something is there that no run made.
    """
    check_config(runs[0].config, runs[0].source, runs[0].code)
    with ExitStack() as locks:
        for run in runs:
            run.made.check_place()
            locks.enter_context(locked(run.folder))
            run.clear()
        reports = {run.name: run.finished() for run in runs}
        todo = [run for run in runs if reports[run.name] is None]
        if todo:
            for report in train_all(todo, Show(len(runs) > 1, verbose), jobs, gpu_id, cluster):
                reports[report.name] = report
    return [report for report in reports.values() if report is not None]


def train_all(
    todo: List[Run],
    show: "Show",
    jobs: Optional[int],
    gpu_id: int,
    cluster: Optional[Cluster] = None,
) -> List[RunReport]:
    """Train all, `jobs` at a time, their tables interleaved, and clear up whatever happens."""
    # Largest first: then no long training is left running alone at the end.
    todo = sorted(
        todo, key=lambda run: -sum(path.stat().st_size for path in train_files(run.config))
    )
    processes: Processes = LocalProcesses(threads=1 if len(todo) > 1 else None)
    if cluster is not None:
        processes, gpu_id = RayTasks(cluster), cluster.gpu_id
    pool = ThreadPoolExecutor(at_a_time(len(todo), jobs, cluster))
    reports: List[RunReport] = []
    try:
        with kill_as_interrupt(), show.progress(len(todo)) as bar:
            futures = [pool.submit(attempt, run, processes, show, gpu_id) for run in todo]
            for future in as_completed(futures):
                report = future.result()
                reports.append(report)
                bar.update(1)
                show.end_of(report, f"{len(reports)} of {len(todo)}")
    finally:
        processes.stop()
        pool.shutdown(cancel_futures=True)
        for run in todo:
            run.clear()
    return reports


def attempt(run: Run, processes: Processes, show: "Show", gpu_id: int) -> RunReport:
    """See `train`. What cannot be done for one run, such as to look at data that are away when it
    begins or ends, ends no other.
    """
    try:
        return train(run, processes, show, gpu_id)
    except (OSError, SkdError) as problem:
        return RunReport(run.name, "failed", error=one_line(problem))


def train(run: Run, processes: Processes, show: "Show", gpu_id: int) -> RunReport:
    """Train beside the run's place, showing the table as it grows, and publish what is complete."""
    start = time.monotonic()
    inputs = run.inputs()
    fingerprint = fingerprint_of(inputs)
    step = run.step_of_another(fingerprint)
    if step is not None:
        show.note(run, OTHER.format(step=step))
    evaluations: Dict[int, str] = {}  # one that is carried out again shows its table again
    tail: Deque[str] = deque(maxlen=100)

    def on_line(line: str) -> None:
        tail.append(line)
        match = TABLE_LINE.match(line)
        if match and match["step"]:
            evaluations[int(match["step"])] = match["score"]
        if warning := WARNING_LINE.search(line):
            show.note(run, warning["text"])
        else:
            show.line(run, line, is_table=match is not None)

    code = processes.carry_out(run.begin(fingerprint, gpu_id), on_line)
    error = None
    if code != 0 or not (run.made.unfinished / BEST).is_dir():
        error = error_line(tail, code)
    elif changed := inputs.items() ^ run.inputs().items():
        error = CHANGED.format(what=min(changed)[0].rstrip(": "))
    report = RunReport(
        name=run.name,
        status="failed" if error else "trained",
        sentences=sum(count_docs(path) for path in train_files(run.config)),
        steps=max(evaluations, default=None),
        curve=curve(evaluations, run),
        seconds=time.monotonic() - start,
        error=error,
    )
    if error is None:
        folder = run.made.unfinished
        report = replace(report, peak_memory=taken(folder / MEMORY), **best_score(folder / BEST))
        try:
            run.publish(fingerprint, report)
        except (OSError, SkdError) as problem:  # of its place or the disk: others may have none
            return replace(report, status="failed", error=one_line(problem))
    return report


class Show:
    """What is shown of trainings while they run.

    several (bool): Each line says whose it is, and a bar counts the finished ones.
    verbose (bool): All that they print, not the tables alone.
    """

    def __init__(self, several: bool, verbose: bool) -> None:
        self.several = several
        self.verbose = verbose

    def progress(self, total: int) -> "tqdm[Any]":
        # No bar where stderr is no terminal: there it would follow every line of the tables.
        return tqdm(total=total, unit="run", disable=None if self.several else True)

    def line(self, run: Run, line: str, is_table: bool) -> None:
        if is_table or self.verbose:
            self.note(run, line)

    def note(self, run: Run, text: str) -> None:
        self._print(f"[{run.name}] {text}" if self.several else text)

    def end_of(self, report: RunReport, progress: str) -> None:
        if self.several:
            if report.error is not None:
                self._print(f"[{report.name}] {report.error}", sys.stderr)
            self._print(f"[{report.name}] {report.status} ({progress})")

    @staticmethod
    def _print(line: str, stream: Optional[IO[str]] = None) -> None:
        """Above the progress bar, and at once even where the output is no terminal."""
        stream = stream or sys.stdout
        tqdm.write(line, file=stream)
        stream.flush()


def taken(path: Path) -> int:
    """The number in a file, which is removed."""
    number = int(path.read_text(encoding="ascii"))
    path.unlink()
    return number


def curve(evaluations: Mapping[int, str], run: Run) -> List[List[float]]:
    """Steps and scores, between 0 and 1, of a table of our logger, which prints percents."""
    if run.config["training"]["logger"].get("@loggers") != OUR_LOGGER:
        return []
    return [[step, float(score) / 100] for step, score in sorted(evaluations.items())]


def best_score(model: Path) -> Dict[str, Any]:
    """Name and value of the labelling score that `spacy train` recorded with the best model."""
    performance = srsly.read_json(model / "meta.json").get("performance", {})
    names = METRICS + tuple(f"{metric}_{MACRO}" for metric in METRICS)
    # spaCy records 0 for every score that the config names and no component has.
    known = [name for name in names if name in performance]
    metric = next((name for name in known if performance[name]), next(iter(known), None))
    return {"metric": metric, "score": performance.get(metric)}


def error_line(output: Sequence[str], returncode: int) -> str:
    """Why a training failed, in one line: the last error in its output, with what follows it."""
    lines = [" ".join(line.split()) for line in output if line.strip()]
    starts = [i for i, line in enumerate(lines) if ERROR_LINE.match(line)]
    if returncode < 0 or not lines:
        return f"ended with exit code {returncode}"
    return " ".join(lines[starts[-1] if starts else -1 :])


def count_docs(path: Path) -> int:
    """Documents in a `.spacy` file; 0 if it cannot be read: the training will report it."""
    try:
        return len(DocBin().from_disk(path))
    except Exception:
        return 0
