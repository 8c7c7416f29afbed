"""Running teachers over a corpus."""

import time
from dataclasses import dataclass
from itertools import chain
from os.path import relpath
from pathlib import Path
from typing import Dict, Iterator, List, Optional, Sequence, Set, Tuple, Union

from spacy.tokens import Doc
from spacy.vocab import Vocab
from tqdm import tqdm

from ..corpora.layout import find_languages, split_files, split_path
from ..corpora.stored import intact, open_docs, read_split, unpack_docs
from ..ensembles import Fold, is_member
from ..errors import Errors, SkdError
from ..locks import locked
from ..records import FileEntry
from ..teachers import ClassifierSettings, Source, find_teachers
from ..work.cluster import Cluster
from .fingerprints import (
    files_fingerprint,
    manifest_fingerprint,
    sentence_fingerprint,
    teacher_manifest,
)
from .folders import PARTIAL, STALE, check_ours, is_settled, partial_of, remove, settle, stale_of
from .folds import in_fold
from .labellers import Labeller, opened
from .meta import Meta, Origin, Plan
from .shard import OpenFiles
from .store import Store
from .writer import TargetWriter

DTYPES = ("float16", "float32")


@dataclass(frozen=True)
class LabelReport:
    """What became of one store.

    name (str): Of its folder: the language, or one of its several teachers.
    status (str): "labelled", "resumed" (some shards were there already) or "nothing changed".
    sentences (int): Different sentences in the store.
    dtype (str): Of the stored scores.
    """

    name: str
    status: str
    sentences: int
    tokens: int
    tags: int
    dtype: str
    bytes: int
    seconds: float


@dataclass(frozen=True)
class LabelJob:
    """The labelling of one language by one teacher: which files, which of the training sentences
    (see `Plan`), into which store.
    """

    language: str
    corpus: Path
    files: Dict[str, List[Path]]
    teacher: Source
    store: Path
    dtype: str
    shard_size: int

    def plan(self) -> Plan:
        """All that the store depends on."""
        held_out = self.teacher.held_out
        return Plan(
            lang=self.language,
            teacher=self._origin(),
            corpus=files_fingerprint(list(chain(*self.files.values())), root=self.corpus),
            splits=list(self.files),
            held_out=None if held_out is None else str(held_out),
            dtype=self.dtype,
            shard_size=self.shard_size,
        )

    def _origin(self) -> Origin:
        folder = self.teacher.folder
        if folder is None:
            return Origin(path=None, fingerprint=self.teacher.fingerprint, files={})
        files = teacher_manifest(folder)
        return Origin(
            path=relative_path(folder, self.store),
            fingerprint=manifest_fingerprint(files),
            files={name: FileEntry(**entry) for name, entry in files.items()},
        )


def relative_path(path: Path, start: Path) -> Optional[str]:
    try:
        return Path(relpath(path, start)).as_posix()
    except ValueError:  # on another drive of Windows
        return None


def label_corpus(
    corpus: Path,
    teachers: Union[str, Path],
    output: Path,
    *,
    classifier: ClassifierSettings = ClassifierSettings(),
    languages: Optional[Sequence[str]] = None,
    splits: Sequence[str] = ("train", "unlabelled"),
    dtype: str = "float16",
    shard_size: int = 5000,
    batch_size: int = 256,
    cluster: Optional[Cluster] = None,
) -> List[LabelReport]:
    """Store what each language's teachers say of its sentences: `output/<lang>`, or for one of
    several a store of its own, called as the teacher's folder is.

    A teacher that was trained without a fold is asked for that fold, and for text that nobody was
    trained on: never for a sentence that it has seen.

    A store made before from the same files, teacher and settings is left alone, an interrupted one
    is completed, any other is replaced once the new one is complete. Stores of teachers that the
    language has no more are removed then.

    corpus (Path): Corpus folder, `<lang>/<split>.spacy`.
    teachers (Union[str, Path]): See `teachers.find_teachers`.
    classifier (ClassifierSettings): How a token classifier is asked.
    languages (Optional[Sequence[str]]): Only these; None: all that have one of the splits.
    splits (Sequence[str]): Those of these that a language has are labelled.
    dtype (str): "float16" or "float32". A shard with a score beyond float16 (65504) is float32.
    shard_size (int): Sentences in a file: what an interruption can lose.
    batch_size (int): Sentences that a teacher scores at a time.
    cluster (Optional[Cluster]): Where teachers work, if not in this process: shard by shard, on as
        many machines as there is room on.
    Raises `SkdError` if the corpus, a split, a teacher or that of a fold is missing, if a teacher
    cannot be used, or if it gives scores that are no numbers.
    """
    if dtype not in DTYPES:
        raise SkdError(Errors.SKD073.format(dtype=dtype, known=", ".join(DTYPES)))
    files = files_to_label(corpus, languages, splits)
    teachers_of = find_teachers(teachers, corpus, classifier)
    sources = {lang: teachers_of(lang) for lang in files}
    for lang, paths in files.items():
        if "train" in paths:
            require_folds(sources[lang], lang, teachers)
    jobs = {
        lang: [
            LabelJob(lang, corpus, paths, teacher, output / teacher.name, dtype, shard_size)
            for teacher in sources[lang]
        ]
        for lang, paths in files.items()
    }

    def label_language(lang: str) -> List[LabelReport]:
        reports = [label_one(job, batch_size, cluster) for job in jobs[lang]]
        remove_others(output, lang, {job.store.name for job in jobs[lang]})
        return reports

    each = map if cluster is None else cluster.map
    return list(chain(*each(label_language, list(jobs))))


def files_to_label(
    corpus: Path, languages: Optional[Sequence[str]], splits: Sequence[str]
) -> Dict[str, Dict[str, List[Path]]]:
    """The files of each split that a language has, which has at least one. Languages that are only
    tested on are left out.
    """
    names = find_languages(corpus, [], languages)
    files = {
        name: {split: paths for split in splits if (paths := split_files(corpus, name, split))}
        for name in names
    }
    lacking = [name for name, paths in files.items() if not paths]
    if lacking and (languages or len(lacking) == len(names)):
        path = split_path(corpus, lacking[0], " or ".join(splits))
        raise SkdError(Errors.SKD077.format(lang=lacking[0], path=path))
    return {name: paths for name, paths in files.items() if paths}


def require_folds(sources: Sequence[Source], lang: str, path: Union[str, Path]) -> None:
    """Raises `SkdError` for a fold of training sentences that no teacher may be asked for."""
    held_out = {source.held_out for source in sources if source.held_out is not None}
    for total in sorted({fold.total for fold in held_out}):
        for fold in (Fold(i + 1, total) for i in range(total)):
            if fold not in held_out:
                raise SkdError(Errors.SKD225.format(lang=lang, path=path, fold=fold))


def remove_others(output: Path, language: str, planned: Set[str]) -> None:
    """Remove the stores of a language, finished or not, that are not planned now: the student would
    read them too. Raises `SkdError` for what is no store.
    """
    names = {path.name.removesuffix(PARTIAL).removesuffix(STALE) for path in output.iterdir()}
    for name in sorted(names - planned):
        if is_member(name, language):
            store = output / name
            with locked(store):
                for folder in (store, partial_of(store), stale_of(store)):
                    remove(folder)


def label_one(job: LabelJob, batch_size: int, cluster: Optional[Cluster]) -> LabelReport:
    start = time.monotonic()
    plan = job.plan()
    status, meta = "nothing changed", None
    if is_settled(job.store):
        meta = current_meta(job.store, plan)
    if meta is None:
        with opened(job.teacher, batch_size, cluster) as labeller, locked(job.store):
            status, meta = write_store(job, plan, labeller)
    return report(job, status, meta, time.monotonic() - start)


def write_store(job: LabelJob, plan: Plan, labeller: Labeller) -> Tuple[str, Meta]:
    """Write what is missing. Returns what that was (see `LabelReport.status`), and what it made.
    Raises `SkdError` if corpus or teacher have changed since they were planned with.
    """
    settle(job.store)
    meta = current_meta(job.store, plan)
    if meta is not None:  # another process was faster
        return "nothing changed", meta
    # Of a teacher for which some were held out, no sentence that it was trained on.
    left_out = trained_on(job)
    writer = TargetWriter(job.store, plan, labeller.teacher)
    writer.write(read_all(job), labeller.score, left_out, labeller.ahead)
    if job.plan() != plan:  # what is stored is not of what the plan says, were that put back
        remove(writer.partial)
        raise SkdError(Errors.SKD187.format(path=job.store))
    return "resumed" if writer.kept else "labelled", writer.finish()


def current_meta(path: Path, plan: Plan) -> Optional[Meta]:
    """What a finished, undamaged store of this plan says of itself; None if there is none.

    Raises `SkdError` if something else is there, which must not be replaced.
    """
    if not check_ours(path):
        return None
    try:
        store = Store(path, OpenFiles(0))
        if store.meta.plan != plan:
            store.check_teacher()  # readers would: another one may be where its own was
    except SkdError:
        return None
    return store.meta if store.meta.plan.fingerprint() == plan.fingerprint() else None


def read_all(job: LabelJob) -> Iterator[Doc]:
    """The documents of the job's files, with a progress bar."""
    for split, paths in job.files.items():
        what = f"Labelling {job.store.name}/{split}"
        with tqdm(desc=what, unit="sentence", disable=None) as bar:
            for i, path in enumerate(paths):
                packed = open_docs(path)
                left = len(paths) - i  # all pieces but the last are alike
                bar.total = bar.n + len(packed) * left
                # A vocabulary a file: it keeps every word that it has seen.
                for doc in intact(unpack_docs(packed, Vocab()), path):
                    bar.update(1)
                    yield doc


def trained_on(job: LabelJob) -> Set[int]:
    """The fingerprints of the sentences that the teacher has seen, if others were held out."""
    if job.teacher.held_out is None:
        return set()
    docs = list(read_split(job.corpus, job.language, "train", Vocab()))
    if not docs:  # it knows nothing of this language but what others have taught it
        return set()
    held_out = in_fold(job.teacher.held_out, docs, job.language)
    return {sentence_fingerprint(doc) for doc, unseen in zip(docs, held_out) if not unseen}


def report(job: LabelJob, status: str, meta: Meta, seconds: float) -> LabelReport:
    return LabelReport(
        name=job.store.name,
        status=status,
        sentences=sum(shard.sentences for shard in meta.shards),
        tokens=sum(shard.tokens for shard in meta.shards),
        tags=len(meta.teacher.tags),
        dtype=", ".join(sorted({shard.dtype for shard in meta.shards})),
        bytes=sum(shard.bytes for shard in meta.shards),
        seconds=seconds,
    )
