"""Running teachers over a corpus."""

import time
from dataclasses import dataclass
from itertools import chain
from os.path import relpath
from pathlib import Path
from typing import Dict, Iterator, List, Optional, Sequence, Set, Tuple

import numpy as np
import spacy
from spacy.language import Language
from spacy.tokens import Doc
from spacy.util import minibatch
from spacy.vocab import Vocab
from thinc.api import Config
from tqdm import tqdm

from ..corpora.layout import find_languages, split_files, split_path
from ..corpora.stored import copy_tokens, intact, open_docs, read_split, unpack_docs
from ..ensembles import Fold, held_out_of, is_member, member_folders
from ..errors import Errors, SkdError
from ..folders import check_pipeline
from ..locks import locked
from ..pipeline.crf_pipe import CRFPipe
from ..records import FileEntry
from .fingerprints import (
    files_fingerprint,
    manifest_fingerprint,
    sentence_fingerprint,
    teacher_manifest,
)
from .folders import PARTIAL, STALE, check_ours, is_settled, partial_of, remove, settle, stale_of
from .folds import in_fold
from .meta import Meta, Origin, Plan
from .shard import OpenFiles
from .store import Store
from .writer import TargetWriter

DTYPES = ("float16", "float32")
CONFIG = "config.cfg"


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
    teacher: Path
    held_out: Optional[Fold]
    store: Path
    dtype: str
    shard_size: int

    def plan(self) -> Plan:
        """All that the store depends on."""
        files = teacher_manifest(self.teacher)
        return Plan(
            lang=self.language,
            teacher=Origin(
                path=relative_path(self.teacher, self.store),
                fingerprint=manifest_fingerprint(files),
                files={name: FileEntry(**entry) for name, entry in files.items()},
            ),
            corpus=files_fingerprint(list(chain(*self.files.values())), root=self.corpus),
            splits=list(self.files),
            held_out=None if self.held_out is None else str(self.held_out),
            dtype=self.dtype,
            shard_size=self.shard_size,
        )


def relative_path(path: Path, start: Path) -> Optional[str]:
    try:
        return Path(relpath(path, start)).as_posix()
    except ValueError:  # on another drive of Windows
        return None


def label_corpus(
    corpus: Path,
    teachers: Path,
    output: Path,
    *,
    languages: Optional[Sequence[str]] = None,
    splits: Sequence[str] = ("train", "unlabelled"),
    dtype: str = "float16",
    shard_size: int = 5000,
    batch_size: int = 256,
) -> List[LabelReport]:
    """Store what each language's teachers say of its sentences: `output/<lang>`, or for one of
    several a store of its own, called as the teacher's folder is.

    A teacher that was trained without a fold is asked for that fold, and for text that nobody was
    trained on: never for a sentence that it has seen.

    A store made before from the same files, teacher and settings is left alone, an interrupted one
    is completed, any other is replaced once the new one is complete. Stores of teachers that the
    language has no more are removed then.

    corpus (Path): Corpus folder, `<lang>/<split>.spacy`.
    teachers (Path): The teachers of a language are `<lang>/model-best` in it, or else `<lang>`, and
        so on for `<lang>.seed-0.fold-1-of-4` and the like (see `ensembles.py`).
    languages (Optional[Sequence[str]]): Only these; None: all that have one of the splits.
    splits (Sequence[str]): Those of these that a language has are labelled.
    dtype (str): "float16" or "float32". A shard with a score beyond float16 (65504) is float32.
    shard_size (int): Sentences in a file: what an interruption can lose.
    batch_size (int): Sentences that a teacher scores at a time.
    Raises `SkdError` if the corpus, a split or a teacher is missing, if a teacher is no pipeline
    with one CRF component, or if it gives scores that are no numbers.
    """
    if dtype not in DTYPES:
        raise SkdError(Errors.SKD073.format(dtype=dtype, known=", ".join(DTYPES)))
    files = files_to_label(corpus, languages, splits)
    jobs = {
        lang: [
            LabelJob(lang, corpus, paths, folder, held_out, output / name, dtype, shard_size)
            for name, folder, held_out in find_teachers(teachers, lang)
        ]
        for lang, paths in files.items()
    }
    reports = []
    for lang, of_language in jobs.items():
        reports += [label_language(job, batch_size) for job in of_language]
        remove_others(output, lang, {job.store.name for job in of_language})
    return reports


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


def find_teachers(teachers: Path, language: str) -> List[Tuple[str, Path, Optional[Fold]]]:
    """Each teacher of a language: its name, the folder of its pipeline, and the fold that it has
    not seen. Raises `SkdError` if there is none, or if its config cannot be read.
    """
    found = []
    for folder in member_folders(teachers, language):
        for path in (folder / "model-best", folder):
            if (path / CONFIG).is_file():
                found.append((folder.name, path, held_out_of(read_config(path))))
                break
    if not found:
        raise SkdError(Errors.SKD068.format(lang=language, path=teachers / language))
    return found


def read_config(folder: Path) -> Config:
    try:
        return Config().from_disk(folder / CONFIG, interpolate=False)
    except Exception as error:  # of the parser of ini files, of JSON, of confection
        reason = " ".join(str(error).split())
        raise SkdError(Errors.SKD126.format(source=folder, reason=reason)) from error


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


def label_language(job: LabelJob, batch_size: int) -> LabelReport:
    start = time.monotonic()
    plan = job.plan()
    status, meta = "nothing changed", None
    if is_settled(job.store):
        meta = current_meta(job.store, plan)
    if meta is None:
        nlp = load_teacher(job.teacher)
        pipe = crf_pipe_of(nlp, job.teacher)
        with locked(job.store):
            status, meta = write_store(job, plan, nlp, pipe, batch_size)
    return report(job, status, meta, time.monotonic() - start)


def write_store(
    job: LabelJob, plan: Plan, nlp: Language, pipe: CRFPipe, batch_size: int
) -> Tuple[str, Meta]:
    """Write what is missing. Returns what that was (see `LabelReport.status`), and what it made."""
    settle(job.store)
    meta = current_meta(job.store, plan)
    if meta is not None:  # another process was faster
        return "nothing changed", meta
    writer = TargetWriter(job.store, plan, pipe.teacher)

    def score_all(docs: List[Doc]) -> Iterator[np.ndarray]:
        for batch in minibatch(docs, batch_size):
            yield from score(nlp, pipe, batch)

    writer.write(different_sentences(job), score_all)
    return "resumed" if writer.kept else "labelled", writer.finish()


def current_meta(path: Path, plan: Plan) -> Optional[Meta]:
    """What a finished, undamaged store of this plan says of itself; None if there is none.

    Raises `SkdError` if something else is there, which must not be replaced.
    """
    if not check_ours(path):
        return None
    try:
        meta = Store(path, OpenFiles(0)).meta
    except SkdError:
        return None
    return meta if meta.plan == plan else None


def load_teacher(path: Path) -> Language:
    check_pipeline(path)
    try:
        return spacy.load(path)
    except Exception as error:  # whatever a missing package or a truncated file makes spaCy raise
        reason = " ".join(str(error).split())
        raise SkdError(Errors.SKD126.format(source=path, reason=reason)) from error


def crf_pipe_of(nlp: Language, path: Path) -> CRFPipe:
    pipes = [pipe for _, pipe in nlp.pipeline if isinstance(pipe, CRFPipe)]
    if len(pipes) != 1:
        raise SkdError(Errors.SKD069.format(path=path, number=len(pipes)))
    return pipes[0]


def different_sentences(job: LabelJob) -> Iterator[Doc]:
    """The documents of the job's files, each sentence once, with a progress bar; of a teacher for
    which some were held out, none that it was trained on.
    """
    seen = trained_on(job)
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
                    fingerprint = sentence_fingerprint(doc)
                    if len(doc) and fingerprint not in seen:
                        seen.add(fingerprint)
                        yield doc


def trained_on(job: LabelJob) -> Set[int]:
    """The fingerprints of the sentences that the teacher has seen, if others were held out."""
    if job.held_out is None:
        return set()
    docs = list(read_split(job.corpus, job.language, "train", Vocab()))
    held_out = in_fold(job.held_out, docs, job.language)
    return {sentence_fingerprint(doc) for doc, unseen in zip(docs, held_out) if not unseen}


def score(nlp: Language, pipe: CRFPipe, docs: Sequence[Doc]) -> List[np.ndarray]:
    """Emission scores (n, L) of each document.

    They are scored in fresh documents with the same tokens: a teacher must see nothing else, and
    what the components before it write must not end in the student's documents.
    """
    fresh = [copy_tokens(doc, nlp.vocab) for doc in docs]
    for _, component in nlp.pipeline:
        if component is pipe:
            break
        if hasattr(component, "pipe"):
            fresh = list(component.pipe(fresh))
        else:
            fresh = [component(doc) for doc in fresh]
    return pipe.score_docs(fresh)


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
