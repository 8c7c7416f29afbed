"""The pipelines of a comparison, each measured once, in a process of its own."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from os.path import relpath
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple, Union

from tqdm import tqdm

from ..corpora.layout import find_languages, split_files
from ..errors import Errors, SkdError
from ..evaluation.evaluate import Candidate
from ..records import Damaged, canonical, file_checksum, file_names, read_record
from ..teachers import ClassifierSettings
from ..teachers.find import HUGGING_FACE
from ..training.runs import MANIFEST, RunReport
from ..work.cluster import Cluster, at_a_time
from ..work.processes import LocalProcesses, kill_as_interrupt
from ..work.remote_tasks import RayTasks
from ..work.tasks import Processes, Task
from .spec import Spec

Scores = Dict[str, Any]
CHANGED = "the pipeline or the corpus was changed meanwhile"


@dataclass(frozen=True)
class Cell:
    """One row, or the teachers of one name, with one seed.

    source (str): The pipeline (see `Candidate`); `{lang}` in it stands for the language.
    runs (List[RunReport]): Of its trainings; none where the teachers were there already.
    classifier (ClassifierSettings): How a token classifier is asked.
    """

    row: str
    seed: int
    source: str
    runs: List[RunReport]
    classifier: ClassifierSettings = ClassifierSettings()


def seed_folder(output: Path, kind: str, name: str, seed: int) -> Path:
    return output / kind / name / f"seed-{seed}"


def measure_all(
    spec: Spec,
    cells: List[Cell],
    languages: List[str],
    output: Path,
    jobs: Optional[int],
    cluster: Optional[Cluster],
) -> Tuple[Dict[Tuple[str, int], Scores], Dict[Tuple[str, int], Scores]]:
    """The scores of each cell by row and seed: on the corpus, and on the zero-shot languages."""
    work = [Measurement(cell, cell.source, spec.corpus, "scores") for cell in cells]
    if spec.zero_shot is not None:
        for cell in cells:
            # A teacher is of one language; what it makes of others is asked of each of them.
            candidate = Candidate(cell.row, cell.source, cell.classifier)
            sources = {source for lang in languages for source in candidate.sources(lang)}
            for i, source in enumerate(sorted(sources)):
                work.append(Measurement(cell, source, spec.zero_shot, f"zero-shot-{i}"))
    processes: Processes = LocalProcesses(threads=1) if cluster is None else RayTasks(cluster)
    pool = ThreadPoolExecutor(at_a_time(len(work), jobs, cluster))
    try:
        with kill_as_interrupt(), tqdm(total=len(work), unit="cell", disable=None) as bar:

            def carry(measurement: Measurement) -> Scores:
                scores = measurement.result(spec, output, processes)
                bar.update(1)
                return scores

            results = list(pool.map(carry, work))
        for measurement, scores in zip(work, results):  # of one corpus, those of before included
            measurement.check_unchanged(spec, scores["key"])
    finally:
        processes.stop()
        pool.shutdown(cancel_futures=True)
    here: Dict[Tuple[str, int], Scores] = {}
    elsewhere: Dict[Tuple[str, int], Scores] = {}
    for measurement, scores in zip(work, results):
        key = (measurement.cell.row, measurement.cell.seed)
        if measurement.kind == "scores":
            here[key] = scores
        else:
            elsewhere[key] = best_of(elsewhere.get(key), scores, spec.metric)
    return here, elsewhere


@dataclass(frozen=True)
class Measurement:
    """What is asked of one pipeline: see `measure.py`."""

    cell: Cell
    source: str
    corpus: Path
    kind: str

    def result(self, spec: Spec, output: Path, processes: Processes) -> Scores:
        """Measured now, or before if neither pipeline nor data have changed since."""
        folder = seed_folder(output, "measured", self.cell.row, self.cell.seed)
        path = folder / f"{self.kind}.json"
        key = self.key(spec)
        try:
            known = read_record(path)
            if known["key"] == key:
                return known
        except (OSError, Damaged):
            pass
        folder.mkdir(parents=True, exist_ok=True)
        lines: List[str] = []
        code = processes.carry_out(self.task(spec, key, path), lines.append)
        if code != 0:
            reason = next((line for line in reversed(lines) if line), f"exit code {code}")
            raise SkdError(
                Errors.SKD232.format(what="a measurement", name=self.source, reason=reason)
            )
        try:
            self.check_unchanged(spec, key)
        except SkdError:
            path.unlink()  # it may be of what is there now
            raise
        return read_record(path)

    def check_unchanged(self, spec: Spec, key: str) -> None:
        """Raises `SkdError` if pipeline or data are not those that a key was made of."""
        if self.key(spec) != key:
            raise SkdError(
                Errors.SKD232.format(what="a measurement", name=self.source, reason=CHANGED)
            )

    def task(self, spec: Spec, key: str, path: Path) -> Task:
        """The measurement itself, which leaves its result in the file `path`."""
        asked = canonical(asdict(self.cell.classifier))
        folders = map(folder_of, self.sources(spec))
        return Task(
            f"{self.cell.row} {self.cell.seed}",
            [
                "spacy_skd.comparison.measure",
                argument_of(self.source),
                asked,
                self.corpus,
                spec.split,
                spec.metric,
                key,
                path,
            ],
            reads=[
                *(folder / name for folder in folders for name in file_names(folder)),
                *self.data(spec),
            ],
            writes=path,
        )

    def by_language(self, spec: Spec) -> Dict[str, List[str]]:
        """The pipelines of each language."""
        candidate = Candidate(self.cell.row, self.source, self.cell.classifier)
        languages = find_languages(self.corpus, [spec.split])
        return {name: candidate.sources(name) for name in languages}

    def sources(self, spec: Spec) -> List[str]:
        """Those of all languages."""
        return sorted({source for found in self.by_language(spec).values() for source in found})

    def data(self, spec: Spec) -> List[Path]:
        """The files that they are measured on."""
        languages = find_languages(self.corpus, [spec.split])
        return [file for name in languages for file in split_files(self.corpus, name, spec.split)]

    def key(self, spec: Spec) -> str:
        """Changes with the pipelines, the data and what is asked of them, wherever they are."""
        known = {source: identity(source) for source in self.sources(spec)}
        content = {
            "sources": {
                language: [known[source] for source in sources]
                for language, sources in self.by_language(spec).items()
            },
            "metric": spec.metric,
            "classifier": asdict(self.cell.classifier),
            "data": [file_checksum(path) for path in self.data(spec)],
        }
        return hashlib.sha256(canonical(content).encode("ascii")).hexdigest()


def folder_of(source: str) -> Path:
    """That of a pipeline, or of a token classifier; nothing is there if it is known by a name."""
    return Path(source.removeprefix(HUGGING_FACE))


def argument_of(source: str) -> Union[str, Path]:
    """A pipeline as an argument of a task: a path, or else relative to the working directory, which
    is the same wherever the task is carried out.
    """
    folder = folder_of(source)
    if source.startswith(HUGGING_FACE):
        return HUGGING_FACE + relpath(folder) if folder.is_dir() else source
    return folder if folder.is_absolute() else source


def identity(source: str) -> List[str]:
    """What tells a pipeline from others: its name, of a folder without those above it, which may be
    moved; and what its proofs are like.
    """
    path = folder_of(source)
    return [path.name if path.is_dir() else source, *map(file_checksum, proofs(source))]


def proofs(source: str) -> List[Path]:
    """Files by which it shows that a pipeline has changed: the manifest of its run, or else all
    that it consists of; none of what is not in a folder.
    """
    path = folder_of(source)
    manifest = path.parent / MANIFEST
    if manifest.is_file():
        return [manifest]
    return [path / name for name in file_names(path)] if path.is_dir() else []


def best_of(ours: Optional[Scores], theirs: Scores, metric: str) -> Scores:
    """For each language what the better of two pipelines makes of it."""
    if ours is None:
        return theirs
    better = [
        language
        for language, scores in theirs["languages"].items()
        if (scores[metric] or 0.0) > (ours["languages"][language][metric] or 0.0)
    ]
    merged = {**ours, "languages": {**ours["languages"]}, "counts": {**ours["counts"]}}
    for language in better:
        for part in ("languages", "counts"):
            merged[part][language] = theirs[part][language]
    return merged
