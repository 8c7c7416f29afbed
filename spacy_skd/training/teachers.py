"""One teacher per language from one config: several at a time, each in a process of its own."""

import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import uuid
from collections import deque
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from threading import Lock
from typing import IO, Any, Dict, Iterator, List, Optional, Sequence, Set

import srsly
from spacy.tokens import DocBin
from tqdm import tqdm

from ..corpora.layout import find_languages, split_path
from ..errors import Errors, SkdError
from ..evaluation.scorers import MACRO, METRICS

BEST = "model-best"
STAMP = "teacher.json"
# Trainings that have not finished; hidden, so that nobody takes one for a teacher.
UNFINISHED = ".unfinished"

# Jobs run side by side: if each also took every core for its matrix products, all would be slower.
SINGLE_THREADED = {
    name: "1"
    for name in (
        "OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "MKL_NUM_THREADS",
        "BLIS_NUM_THREADS",
        "VECLIB_MAXIMUM_THREADS",
        "RAYON_NUM_THREADS",
    )
}
# Header, rule and rows of the table that spaCy's and our loggers print; a row starts "epoch step".
TABLE_LINE = re.compile(r"^(\s*E\s+#\s|-+ +-+ |\s*\d+\s+(?P<step>\d+)\s)")
ERROR_LINE = re.compile(r"^\s*(✘|Error:|[\w.]*(Error|Exception)\b)")


@dataclass(frozen=True)
class TeacherReport:
    """What there is to say about one language's teacher."""

    language: str
    fingerprint: str
    status: str
    """"trained", "skipped" (finished in an earlier run) or "failed"."""
    sentences: int = 0
    steps: Optional[int] = None
    seconds: float = 0.0
    metric: Optional[str] = None
    score: Optional[float] = None
    """Best score on dev, between 0 and 1."""
    error: Optional[str] = None


@dataclass(frozen=True)
class TeacherJob:
    """The training of one language's teacher, started by `run`."""

    language: str
    config: Path
    corpus: Path
    output: Path
    overrides: Dict[str, Any]
    gpu_id: int

    @property
    def folder(self) -> Path:
        return self.output / self.language

    def fingerprint(self) -> str:
        """Changes with all that the teacher is made from: config, overrides, train and dev."""
        digest = hashlib.sha256(self.config.read_bytes())
        digest.update(srsly.json_dumps(self.overrides, sort_keys=True).encode("utf8"))
        for split in ("train", "dev"):
            data = split_path(self.corpus, self.language, split).read_bytes()
            digest.update(hashlib.sha256(data).digest())
        return digest.hexdigest()

    def finished(self) -> Optional[TeacherReport]:
        """The report of an earlier run that made the same teacher; None if there is none."""
        stamp = self.folder / STAMP
        if not (self.folder / BEST / "meta.json").is_file() or not stamp.is_file():
            return None
        try:
            report = TeacherReport(**srsly.read_json(stamp))
        except (ValueError, TypeError):  # altered by hand, or written by another version
            return None
        return (
            replace(report, status="skipped") if report.fingerprint == self.fingerprint() else None
        )

    def command(self, output: Path) -> List[str]:
        overrides = {
            **self.overrides,
            "paths.corpus": str(self.corpus),
            "paths.languages": [self.language],
        }
        command = [sys.executable, "-m", "spacy", "train", str(self.config)]
        command += ["--output", str(output), "--gpu-id", str(self.gpu_id)]
        for name, value in overrides.items():
            command += [f"--{name}", srsly.json_dumps(value)]
        return command

    def run(self, processes: "Processes") -> TeacherReport:
        """Train beside the target, show the table as it grows, and rename what is complete."""
        start = time.monotonic()
        partial = self.output / UNFINISHED / f"{self.language}-{uuid.uuid4().hex[:8]}"
        fingerprint = self.fingerprint()
        sentences = count_docs(split_path(self.corpus, self.language, "train"))
        steps, tail = None, deque(maxlen=100)
        process = processes.start(self.command(partial))
        for line in process.stdout:
            line = line.rstrip()
            tail.append(line)
            match = TABLE_LINE.match(line)
            if match:
                show(f"[{self.language}] {line}")
                steps = int(match["step"]) if match["step"] else steps
        failed = process.wait() != 0 or not (partial / BEST).is_dir()
        report = TeacherReport(
            language=self.language,
            fingerprint=fingerprint,
            status="failed" if failed else "trained",
            sentences=sentences,
            steps=steps,
            seconds=time.monotonic() - start,
            error=error_line(tail, process.returncode) if failed else None,
            **({} if failed else best_score(partial / BEST)),
        )
        if failed:
            shutil.rmtree(partial, ignore_errors=True)
        else:
            srsly.write_json(partial / STAMP, asdict(report))
            publish(partial, self.folder)
        return report


class Processes:
    """The trainings that are running; none outlives the command that started them."""

    def __init__(self) -> None:
        self.running: Set[subprocess.Popen] = set()
        self.stopped = False
        self.lock = Lock()

    def start(self, command: List[str]) -> subprocess.Popen:
        with self.lock:
            if self.stopped:
                raise KeyboardInterrupt
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                encoding="utf-8",
                errors="replace",
                env={
                    **SINGLE_THREADED,
                    **os.environ,
                    "PYTHONUNBUFFERED": "1",
                    "PYTHONIOENCODING": "utf-8",
                    "ANSI_COLORS_DISABLED": "1",
                },
                # Ctrl-C reaches this process alone, which then ends the others without tracebacks.
                start_new_session=True,
            )
            self.running.add(process)
            return process

    def stop(self) -> None:
        with self.lock:
            self.stopped = True
            for process in self.running:
                process.kill()
        for process in self.running:
            process.wait()


def train_teachers(
    corpus: Path,
    config: Path,
    output: Path,
    *,
    languages: Optional[Sequence[str]] = None,
    jobs: int = 1,
    overrides: Optional[Dict[str, Any]] = None,
    gpu_id: int = -1,
) -> List[TeacherReport]:
    """Train a pipeline for every language of `corpus`; one report a language, in their order.

    A teacher is `output/<lang>/model-best`. Those made from the same config, overrides, train and
    dev files are kept; all others are trained anew and replace what was there when they are done.
    A language whose training fails leaves the others, and its own earlier teacher, alone.

    corpus (Path): Corpus folder; each language needs train.spacy and dev.spacy.
    config (Path): spaCy training config that reads `paths.corpus` and `paths.languages`.
    languages (Optional[Sequence[str]]): Only these; None means all in the folder.
    jobs (int): How many trainings run at a time.
    overrides (Optional[Dict[str, Any]]): Settings that replace those of the config.
    gpu_id (int): As in `spacy train`; -1 is the CPU.
    Raises `SkdError` if the config, the folder or a split is missing.
    """
    if not config.is_file():
        raise SkdError(Errors.SKD124.format(path=config))
    names = find_languages(corpus, ["train", "dev"], languages)
    plan = [TeacherJob(name, config, corpus, output, overrides or {}, gpu_id) for name in names]
    reports = {job.language: job.finished() for job in plan}
    todo = [job for job in plan if reports[job.language] is None]
    # Largest first: then no long training is left running alone at the end.
    todo.sort(key=lambda job: -split_path(corpus, job.language, "train").stat().st_size)
    if todo:
        for report in run_jobs(todo, jobs, output):
            reports[report.language] = report
    return [reports[name] for name in names]


def run_jobs(todo: List[TeacherJob], jobs: int, output: Path) -> List[TeacherReport]:
    """Run all jobs, `jobs` at a time, their tables interleaved, and clear up whatever happens."""
    unfinished = output / UNFINISHED
    shutil.rmtree(unfinished, ignore_errors=True)  # of a run that was killed
    unfinished.mkdir(parents=True)
    processes = Processes()
    pool = ThreadPoolExecutor(jobs)
    reports = []
    try:
        # No bar where stderr is no terminal: there it would follow every line of the tables.
        with kill_as_interrupt(), tqdm(total=len(todo), unit="teacher", disable=None) as bar:
            futures = [pool.submit(job.run, processes) for job in todo]
            for future in as_completed(futures):
                report = future.result()
                reports.append(report)
                bar.update(1)
                if report.error is not None:
                    show(f"[{report.language}] {report.error}", sys.stderr)
                show(f"[{report.language}] {report.status} ({len(reports)} of {len(todo)})")
    finally:
        processes.stop()
        pool.shutdown(cancel_futures=True)
        shutil.rmtree(unfinished, ignore_errors=True)
    return reports


@contextmanager
def kill_as_interrupt() -> Iterator[None]:
    """Let `kill` and a closed terminal end this process as Ctrl-C does: after its children."""
    names = [name for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    # Not those that someone, such as nohup, has set to something else.
    numbers = [n for n in map(signal.Signals.__getitem__, names) if is_default(n)]
    for number in numbers:
        signal.signal(number, signal.default_int_handler)
    try:
        yield
    finally:
        for number in numbers:
            signal.signal(number, signal.SIG_DFL)


def is_default(number: signal.Signals) -> bool:
    return signal.getsignal(number) == signal.SIG_DFL


def show(line: str, stream: Optional[IO[str]] = None) -> None:
    """Print a line above the progress bar, at once even where the output is no terminal."""
    stream = stream or sys.stdout
    tqdm.write(line, file=stream)
    stream.flush()


def publish(partial: Path, folder: Path) -> None:
    """Rename a finished training to its place; what was there goes once the new one is in."""
    old = partial.with_name(partial.name + ".old")
    if folder.exists():
        folder.rename(old)
    partial.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


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
