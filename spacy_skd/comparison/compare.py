"""A comparison, carried out: teachers and rows are trained, each once a seed, and measured."""

from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Tuple

from spacy.vocab import Vocab

from ..corpora.layout import find_languages
from ..corpora.stored import read_split
from ..errors import Errors, SkdError
from ..locks import locked
from ..targets.label import label_corpus
from ..teachers.find import HUGGING_FACE
from ..teachers.pipelines import CONFIG
from ..training.configs import check_config, own_log, read_config
from ..training.execution import carry_out
from ..training.runs import BEST, Run, RunReport
from ..training.teachers import require_labels, train_teachers
from ..work.cluster import Cluster
from .measure import SPANS
from .measurements import Cell, measure_all, seed_folder
from .outcome import report_of
from .spec import RowSpec, Spec, TeachersSpec


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
        if not any(label for doc in docs for *_, label in SPANS[spec.metric](doc)):
            values = {"lang": language, "split": spec.split, "corpus": corpus}
            raise SkdError(Errors.SKD238.format(**values, metric=spec.metric))


def row_runs(spec: Spec, output: Path) -> Dict[Tuple[str, int], Run]:
    """The training of each row and seed."""
    return {
        (row.name, seed): Run(
            name=f"{row.name} {seed}",
            folder=seed_folder(output, "rows", row.name, seed),
            source=row.config or spec.config,
            overrides=row_settings(spec, row, seed, output),
        )
        for seed in spec.seeds
        for row in spec.rows
    }


def row_settings(spec: Spec, row: RowSpec, seed: int, output: Path) -> Dict[str, Any]:
    """What differs from the row's config."""
    settings = {
        **spec.overrides(row),
        "paths.corpus": str(spec.corpus),
        "paths.targets": targets_of(row, seed, output),
        "system.seed": seed,
    }
    return with_own_log(row.config or spec.config, settings, row.name, seed)


def with_own_log(config: Path, settings: Dict[str, Any], name: str, seed: int) -> Dict[str, Any]:
    """The settings of a config, and those by which no other row, teacher or seed has its log."""
    return {**settings, **own_log(read_config(config, settings), f"{name}.seed-{seed}")}


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
    settings = teacher_settings(spec, teachers, seed, output)
    reports = train_teachers(
        spec.corpus,
        teachers.config,
        folder,
        jobs=jobs,
        overrides=with_own_log(teachers.config, settings, teachers.name, seed),
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
