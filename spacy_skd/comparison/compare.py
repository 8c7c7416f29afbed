"""A comparison, carried out: teachers and rows are trained, each once a seed, and measured."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from os.path import relpath
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Tuple, Union

from spacy.tokens import Doc
from spacy.vocab import Vocab
from tqdm import tqdm

from ..corpora.layout import find_languages, split_files
from ..corpora.stored import read_split
from ..errors import Errors, SkdError
from ..evaluation.evaluate import Candidate
from ..evaluation.raw import ATTRIBUTES
from ..locks import locked
from ..records import Damaged, canonical, file_checksum, file_names, read_record
from ..targets.label import label_corpus
from ..teachers import ClassifierSettings
from ..teachers.find import HUGGING_FACE
from ..teachers.pipelines import CONFIG
from ..training.configs import check_config, read_config
from ..training.execution import carry_out
from ..training.runs import BEST, MANIFEST, Run, RunReport
from ..training.teachers import require_labels, train_teachers
from ..work.cluster import Cluster, at_a_time
from ..work.processes import LocalProcesses, kill_as_interrupt
from ..work.remote_tasks import RayTasks
from ..work.tasks import Processes, Task
from .provenance import provenance
from .results import calibrations, summarise
from .spec import RowSpec, Spec, TeachersSpec

Scores = Dict[str, Any]


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


def compare(
    spec: Spec,
    output: Path,
    *,
    jobs: Optional[int] = None,
    gpu_id: int = -1,
    cluster: Optional[Cluster] = None,
) -> Dict[str, Any]:
    """Train what is not trained yet, measure it, and say how the rows compare.

    In `output` are `teachers/<name>/seed-<n>/<lang>`, `targets/<name>/seed-<n>`,
    `rows/<name>/seed-<n>`, what was measured of each, and `features` of frozen encoders.
    All are kept as long as they are what the comparison would make: an interrupted one goes on, and
    a changed one does again what it changes.

    jobs (Optional[int]): Trainings and measurements at a time, see `carry_out`.
    gpu_id (int): As in `spacy train`; -1 is the CPU.
    cluster (Optional[Cluster]): Where trainings, teachers and measurements are, if not on this
        machine.
    RETURNS (Dict): See `report_of`.
    Raises `SkdError` if the corpus, a config or a teacher is missing or of no use, and if a
    training fails; all others are finished first and kept.
    """
    find_languages(spec.corpus, ["train", "dev"])  # what is missing is said before the work
    languages = find_languages(spec.corpus, [spec.split])
    check_gold(spec, spec.corpus, languages)
    if spec.zero_shot is not None:
        check_gold(spec, spec.zero_shot, find_languages(spec.zero_shot, [spec.split]))
    if any(one.config is not None and one.kind == "each" for one in spec.teachers):
        require_labels(spec.corpus)
    runs = row_runs(spec, output)
    check_configs(spec, list(runs.values()))
    adapted = {teachers.adapts for teachers in spec.teachers}
    with locked(output / "comparison.json"):
        first = [run for (row, _), run in runs.items() if row in adapted]
        if first:
            reports = carry_out(first, jobs=jobs, gpu_id=gpu_id, cluster=cluster)
            raise_failed(reports, "a row")
        cells = []
        for teachers in spec.teachers:
            for seed in spec.seeds:
                cell = teach(spec, teachers, seed, output, jobs, gpu_id, cluster)
                label(spec, teachers, seed, output, cluster)
                cells.append(cell)
        reports = carry_out(list(runs.values()), jobs=jobs, gpu_id=gpu_id, cluster=cluster)
        raise_failed(reports, "a row")
        cells += [
            Cell(row, seed, str(run.folder / BEST), [report])
            for ((row, seed), run), report in zip(runs.items(), reports)
        ]
        return report_of(spec, cells, *measure_all(spec, cells, languages, output, jobs, cluster))


def check_gold(spec: Spec, corpus: Path, languages: List[str]) -> None:
    """Raises `SkdError` for a language in which nothing can be right: it would have no score, or
    one that says nothing.
    """
    for language in languages:
        docs = read_split(corpus, language, spec.split, Vocab())
        if not any(is_annotated(doc, spec.metric) for doc in docs):
            values = {"lang": language, "split": spec.split, "corpus": corpus}
            raise SkdError(Errors.SKD238.format(**values, metric=spec.metric))


def is_annotated(doc: Doc, metric: str) -> bool:
    if metric == "ents_f":
        return bool(doc.ents)
    return any(getattr(token, ATTRIBUTES[metric]) for token in doc)


def seed_folder(output: Path, kind: str, name: str, seed: int) -> Path:
    return output / kind / name / f"seed-{seed}"


def row_runs(spec: Spec, output: Path) -> Dict[Tuple[str, int], Run]:
    """The training of each row and seed."""
    return {
        (row.name, seed): Run(
            name=f"{row.name} {seed}",
            folder=seed_folder(output, "rows", row.name, seed),
            source=row.config or spec.config,
            overrides={
                **spec.overrides(row),
                "paths.corpus": str(spec.corpus),
                "paths.targets": targets_of(row, seed, output),
                "system.seed": seed,
            },
        )
        for seed in spec.seeds
        for row in spec.rows
    }


def targets_of(row: RowSpec, seed: int, output: Path) -> Optional[str]:
    if row.teachers is None:
        return None
    return str(seed_folder(output, "targets", row.teachers, seed))


def check_configs(spec: Spec, runs: List[Run]) -> None:
    """Raises `SkdError` for what is wrong with the config of a row or teacher, before the work."""
    for run in runs[: len(spec.rows)]:  # those of the first seed
        check_config(run.config, run.source, run.code)
    for teachers in spec.teachers:
        if teachers.config is not None:
            config = read_config(teachers.config, {**spec.pretrained, **teachers.settings})
            check_config(config, teachers.config, None)


def teach(
    spec: Spec,
    teachers: TeachersSpec,
    seed: int,
    output: Path,
    jobs: Optional[int],
    gpu_id: int,
    cluster: Optional[Cluster],
) -> Cell:
    if teachers.config is None:
        source = pattern_of(str(teachers.source))
        return Cell(teachers.name, seed, source, [], teachers.classifier)
    folder = seed_folder(output, "teachers", teachers.name, seed)
    members = range(seed * teachers.members, (seed + 1) * teachers.members)
    reports = train_teachers(
        spec.corpus,
        teachers.config,
        folder,
        jobs=jobs,
        overrides=teacher_settings(spec, teachers, seed, output),
        multilingual=teachers.kind == "multilingual",
        folds=teachers.folds,
        seeds=members if teachers.members > 1 else (),
        gpu_id=gpu_id,
        cluster=cluster,
    )
    raise_failed(reports, f"teachers '{teachers.name}', seed {seed}")
    return Cell(teachers.name, seed, str(folder / "{lang}" / BEST), reports)


def teacher_settings(spec: Spec, teachers: TeachersSpec, seed: int, output: Path) -> Dict[str, Any]:
    """What differs from the teachers' config."""
    settings = {**spec.pretrained, **teachers.settings, "system.seed": seed}
    if spec.encoder is not None:
        settings["paths.features"] = str(output / "features")
    if teachers.adapts is not None:
        settings["paths.init"] = str(seed_folder(output, "rows", teachers.adapts, seed) / BEST)
    return settings


def pattern_of(source: str) -> str:
    """What `skd label --teachers` takes, as `skd evaluate` takes it: a folder of pipelines with
    `{lang}` for the language.
    """
    if source.startswith(HUGGING_FACE):
        return source
    for of_all in (Path(source) / BEST, Path(source)):
        if (of_all / CONFIG).is_file():
            return str(of_all)
    in_folders = any(Path(source).glob(f"*/{BEST}"))
    return str(Path(source) / "{lang}" / (BEST if in_folders else ""))


def label(
    spec: Spec, teachers: TeachersSpec, seed: int, output: Path, cluster: Optional[Cluster]
) -> None:
    trained = str(seed_folder(output, "teachers", teachers.name, seed))
    targets = seed_folder(output, "targets", teachers.name, seed)
    source = teachers.source or trained
    label_corpus(spec.corpus, source, targets, classifier=teachers.classifier, cluster=cluster)


def raise_failed(reports: Sequence[RunReport], what: str) -> None:
    failed = [report for report in reports if report.status == "failed"]
    if failed:
        name, reason = failed[0].name, failed[0].error
        raise SkdError(Errors.SKD232.format(what=what, name=name, reason=reason))


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
        return read_record(path)

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

    def sources(self, spec: Spec) -> List[str]:
        """The pipelines of all languages."""
        languages = find_languages(self.corpus, [spec.split])
        candidate = Candidate(self.cell.row, self.source, self.cell.classifier)
        return sorted({source for name in languages for source in candidate.sources(name)})

    def data(self, spec: Spec) -> List[Path]:
        """The files that they are measured on."""
        languages = find_languages(self.corpus, [spec.split])
        return [file for name in languages for file in split_files(self.corpus, name, spec.split)]

    def key(self, spec: Spec) -> str:
        """Changes with the pipelines, the data and what is asked of them."""
        made = [path for source in self.sources(spec) for path in proofs(source)]
        languages = find_languages(self.corpus, [spec.split])
        candidate = Candidate(self.cell.row, self.source, self.cell.classifier)
        content = {
            "sources": {name: candidate.sources(name) for name in languages},
            "metric": spec.metric,
            "classifier": asdict(self.cell.classifier),
            "runs": [file_checksum(path) for path in made],
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
