"""Reading a corpus folder for training: languages mixed, with soft targets where there are some."""

import re
import warnings
from itertools import islice
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, Iterator, List, Optional, Sequence, Set, Tuple

import numpy as np
from spacy import registry
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example
from spacy.vocab import Vocab

from ..corpora.layout import check_language, find_languages, lacks_labels, split_files, split_path
from ..corpora.stored import copy_tokens, read_split
from ..ensembles import Fold
from ..errors import Errors, SkdError, Warnings
from ..records import file_names
from ..settings import check_number
from ..targets import SoftTargets, open_targets
from ..targets.folds import LeftOut, train_texts
from .sentences import SENTENCES, SPLITS
from .text import TextStream

LABELS = ["ENT_TYPE", "TAG", "POS"]

Pools = Dict[str, List[Doc]]
Texts = Dict[str, TextStream]


@registry.readers("spacy-skd.MultilingualCorpus.v1")
def make_multilingual_corpus(
    path: Optional[Path],
    split: str = "train",
    languages: Optional[List[str]] = None,
    alpha: float = 1.0,
    limit: int = 0,
    seed: int = 0,
    targets: Optional[Path] = None,
    unlabelled_ratio: float = 0.0,
    held_out: Optional[str] = None,
) -> Callable[[Language], Iterator[Example]]:
    """Read `<path>/<lang>/<split>.spacy`. Only the split "train" is sampled and shuffled. One that
    lies in several files is read as it is needed, through a shuffle buffer, and never held: with
    `training.max_epochs = -1`; and then documents come once a pass, which goes on from epoch to
    epoch.

    path (Optional[Path]): The corpus folder. None is an error when the corpus is read, not before,
        so that configs whose paths are not filled in yet can be resolved.
    split (str): "train", "dev", "test", or any other file's name.
    languages (Optional[List[str]]): Only these; None: all in the folder. For training each must
        have the split, or unlabelled text: without targets a language that has only that is left
        out. Of any other split at least one must have it.
    alpha (float): A language of n documents is drawn in proportion to n ** alpha: 1 is proportional
        (every document once an epoch), 0 uniform over languages, between them smoothed.
    limit (int): Read at most so many documents of each language; 0: all.
    seed (int): Of the sample and the order, which are others in every epoch.
    targets (Optional[Path]): Folder of soft targets. Each reference gets
        `user_data["soft_targets"]`: a `SoftTarget` for each teacher of its language.
    unlabelled_ratio (float): For training, so many sentences of `<lang>/unlabelled` to each
        labelled one, of the languages that have such text and targets; 0: none. It is read as it
        is needed, epoch after epoch: with `training.max_epochs = -1`. Otherwise spaCy reads one
        epoch and repeats it. Where nothing is labelled an epoch is all of the text.
    held_out (Optional[str]): For training, "2/4" leaves out the second of four folds of each
        language, and the same sentences of the others (see `targets/folds.py`); None: nothing.
    RETURNS (Callable[[Language], Iterator[Example]]): Each call reads one epoch. Predicted
        documents have the tokens of the reference, references their language in
        `user_data["lang"]`.
    Raises `SkdError` for settings out of range.
    """
    check_settings(split, languages, alpha, limit, seed, unlabelled_ratio)
    fold = None if held_out is None else Fold.parse(held_out)
    return MultilingualCorpus(
        path, split, languages, alpha, limit, seed, targets, unlabelled_ratio, fold
    )


def check_settings(
    split: str,
    languages: Optional[List[str]],
    alpha: float,
    limit: int,
    seed: int,
    unlabelled_ratio: float,
) -> None:
    reader = "spacy-skd.MultilingualCorpus.v1"
    check_number(f"alpha of {reader}", alpha, 0, 1)
    check_number(f"limit of {reader}", limit, 0, whole=True)
    check_number(f"seed of {reader}", seed, 0, whole=True)
    check_number(f"unlabelled_ratio of {reader}", unlabelled_ratio, 0)
    if isinstance(languages, str):
        expected = "a list of language codes"
        raise SkdError(
            Errors.SKD029.format(name=f"languages of {reader}", value=languages, expected=expected)
        )
    for language in languages or []:
        check_language(language)
    if not re.fullmatch(r"[\w-]{1,64}", split):
        raise SkdError(Errors.SKD035.format(value=split))


def files_read(settings: Dict[str, Any]) -> Dict[str, Path]:
    """The files that a reader with these settings reads: {name: path}, with the targets' files.

    A split or targets that are missing are left out; the reader says so when it is called. Raises
    `SkdError` if there is no corpus.
    """
    files = {}
    if settings.get("path") is not None:
        corpus = Path(settings["path"])
        for language in find_languages(corpus, [], settings.get("languages")):
            for name in splits_read(settings):
                paths = split_files(corpus, language, name)
                files.update({path.relative_to(corpus).as_posix(): path for path in paths})
    if settings.get("targets") is not None:
        targets = Path(settings["targets"])
        names = [name for name in file_names(targets) if not name.startswith(".")]
        files.update({f"targets/{name}": targets / name for name in names})
    return files


def splits_read(settings: Dict[str, Any]) -> Sequence[str]:
    """Which of each language a reader with these settings reads."""
    if settings.get("@readers") == SENTENCES:
        return settings.get("splits", SPLITS)
    split = settings.get("split", "train")
    adds_text = split == "train" and settings.get("unlabelled_ratio")
    return [split, "unlabelled"] if adds_text else [split]


class MultilingualCorpus:
    """See `make_multilingual_corpus`. Raises `SkdError` when called for a corpus or targets that
    are missing or broken, and for targets that were not made from this corpus.
    """

    def __init__(
        self,
        path: Optional[Path],
        split: str,
        languages: Optional[Sequence[str]],
        alpha: float,
        limit: int,
        seed: int,
        targets: Optional[Path],
        unlabelled_ratio: float,
        held_out: Optional[Fold],
    ) -> None:
        self.path = None if path is None else Path(path)
        self.split = split
        self.languages = languages
        self.alpha = alpha
        self.limit = limit
        self.seed = seed
        self.targets = targets
        self.unlabelled_ratio = unlabelled_ratio
        self.held_out = held_out
        self._epoch = 0
        self._read_for: Optional[Vocab] = None
        self._pools: Pools = {}
        self._streams: Texts = {}
        self._texts: Texts = {}
        self._targets: Optional[SoftTargets] = None

    def __call__(self, nlp: Language) -> Iterator[Example]:
        # spaCy reads the corpus several times to initialise and once an evaluation, and keeps the
        # references of the training examples in any case.
        if self._read_for is not nlp.vocab:
            self._read(nlp.vocab)
            self._read_for = nlp.vocab
        return (Example(copy_tokens(doc, nlp.vocab), doc) for doc in self._docs())

    @property
    def _is_training(self) -> bool:
        return self.split == "train"

    @property
    def _adds_unlabelled(self) -> bool:
        return self._is_training and self.unlabelled_ratio > 0

    def _docs(self) -> Iterator[Doc]:
        if not self._is_training:
            return (doc for pool in self._pools.values() for doc in pool)
        rng = np.random.default_rng([self.seed, self._epoch])
        self._epoch += 1
        number, labelled = self._labelled_docs(rng)
        if not self._texts:
            return labelled
        sizes = {lang: text.size for lang, text in self._texts.items()}
        total = round(self.unlabelled_ratio * number) if number else sum(sizes.values())
        shares = quotas(sizes, self.alpha, total)
        return self._among(labelled, number, self._texts, shares, rng)

    def _labelled_docs(self, rng: np.random.Generator) -> Tuple[int, Iterator[Doc]]:
        """How many an epoch has, and them in random order, of which some are read as they come."""
        sizes = {lang: len(pool) for lang, pool in self._pools.items()}
        sizes.update((lang, text.size) for lang, text in self._streams.items())
        shares = quotas(sizes, self.alpha)
        held = sample(self._pools, shares, rng)
        if not self._streams:
            return len(held), iter(held)
        streamed = {lang: share for lang, share in shares.items() if lang in self._streams}
        docs = self._among(iter(held), len(held), self._streams, streamed, rng)
        return sum(shares.values()), docs

    def _among(
        self,
        docs: Iterator[Doc],
        number: int,
        texts: Texts,
        shares: Dict[str, int],
        rng: np.random.Generator,
    ) -> Iterator[Doc]:
        """So many documents in their order, and among them those of streams as they are read."""
        sources = [docs, *(self._read_from(texts[lang], lang) for lang in shares)]
        counts = [number, *shares.values()]
        order = rng.permutation(np.repeat(np.arange(len(sources), dtype=np.int16), counts))
        return (next(sources[i]) for i in order)

    def _read_from(self, text: TextStream, lang: str) -> Iterator[Doc]:
        return (self._taught(doc, lang) for doc in text)

    def _taught(self, doc: Doc, lang: str) -> Doc:
        if self._targets is not None:
            doc.user_data["soft_targets"] = self._targets.find(doc, lang)
        return doc

    def _read(self, vocab: Vocab) -> None:
        if self.path is None:
            raise SkdError(Errors.SKD075)
        names = find_languages(self.path, [], self.languages)
        self._targets = None if self.targets is None else open_targets(self.targets, names)
        taught = set() if self._targets is None else set(self._targets.languages)
        if self._adds_unlabelled and not taught:
            raise SkdError(Errors.SKD079)
        left_out = None
        if self._is_training and self.held_out is not None:
            left_out = LeftOut.of(self.held_out, train_texts(self.path, names))
        self._streams = {
            lang: TextStream(files, lang, vocab, [self.seed, i, 1], left_out)
            for i, lang in enumerate(names)
            if self._is_training and not self.limit
            if len(files := split_files(self.path, lang, self.split)) > 1
        }
        self._pools = {
            lang: pool
            for lang in names
            if lang not in self._streams
            if (pool := self._labelled(self.path, lang, vocab, left_out))
        }
        self._texts = {
            lang: TextStream(files, lang, vocab, [self.seed, i])
            for i, lang in enumerate(names)
            if self._adds_unlabelled and lang in taught
            if (files := split_files(self.path, lang, "unlabelled"))
        }
        self._check_languages(self.path, names, taught)

    def _labelled(
        self, corpus: Path, lang: str, vocab: Vocab, left_out: Optional[LeftOut]
    ) -> List[Doc]:
        docs: Iterable[Doc] = read_split(corpus, lang, self.split, vocab)
        if left_out is not None:
            docs = (doc for doc in docs if doc not in left_out)
        return [self._taught(doc, lang) for doc in islice(docs, self.limit or None)]

    def _check_languages(self, corpus: Path, names: Sequence[str], taught: Set[str]) -> None:
        found = {*self._pools, *self._streams, *self._texts}
        for name in names:
            missing = name not in found and (self._is_training or not found)
            if missing and found and self._is_training and lacks_labels(corpus, name):
                if self._targets is not None:
                    raise SkdError(Errors.SKD076.format(lang=name, path=self._targets.path))
                missing = bool(self.languages)
            if missing or not (corpus / name).is_dir():
                path = split_path(corpus, name, self.split)
                raise SkdError(Errors.SKD077.format(lang=name, path=path))
        if self._targets is not None and not found & taught:
            path, languages = self._targets.path, ", ".join(sorted(taught))
            raise SkdError(Errors.SKD072.format(path=path, languages=languages, corpus=corpus))
        if self._targets is not None and self._is_training and found - taught:
            path, languages = self._targets.path, ", ".join(sorted(found - taught))
            warnings.warn(Warnings.W060.format(path=path, languages=languages), stacklevel=1)


def sample(pools: Pools, shares: Dict[str, int], rng: np.random.Generator) -> List[Doc]:
    """One epoch, in random order: of each language so many documents."""
    docs: List[Doc] = []
    for lang, pool in pools.items():
        quota = shares[lang]
        always = first_of_each_label(pool) if quota < len(pool) else []
        docs.extend(pool[i] for i in draw(len(pool), quota, always, rng))
    return [docs[i] for i in rng.permutation(len(docs))]


def quotas(sizes: Dict[str, int], alpha: float, total: Optional[int] = None) -> Dict[str, int]:
    """Share `total`, or else the sum of `sizes`, out in proportion to size ** alpha, by largest
    remainders.
    """
    total = sum(sizes.values()) if total is None else total
    names = [name for name, size in sizes.items() if size]
    weights = np.array([sizes[name] for name in names], dtype=np.float64) ** alpha
    exact = total * weights / weights.sum()
    shares = np.floor(exact).astype(int)
    left = total - shares.sum()
    shares[np.argsort(shares - exact, kind="stable")[:left]] += 1
    return dict(zip(names, shares.tolist()))


def draw(n: int, quota: int, always: Sequence[int], rng: np.random.Generator) -> np.ndarray:
    """`quota` of n indices, each as often as any other, give or take once. Where the quota is less
    than n, those in `always` come first.
    """
    repeats, rest = divmod(quota, n)
    order = rng.permutation(n)
    order = np.concatenate([np.array(always, dtype=int), order[~np.isin(order, always)]])
    return np.concatenate([np.tile(np.arange(n), repeats), order[:rest]])


def first_of_each_label(docs: Sequence[Doc]) -> List[int]:
    """The documents in which a label occurs first. A component learns its labels from one epoch, so
    that a rare one must not depend on the draw.
    """
    seen: Set[Tuple[str, int]] = set()
    first = []
    for i, doc in enumerate(docs):
        columns = doc.to_array(list(LABELS)).T.tolist()
        labels = {(name, label) for name, column in zip(LABELS, columns) for label in set(column)}
        if not labels <= seen:
            seen |= labels
            first.append(i)
    return first
