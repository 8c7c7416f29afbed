"""Reading a corpus folder for training: languages mixed, with soft targets where there are some."""

import re
from itertools import islice
from pathlib import Path
from typing import Callable, Dict, Iterator, List, Optional, Sequence, Tuple

import numpy as np
from spacy import registry
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example
from spacy.vocab import Vocab

from ..corpora.layout import check_language, find_languages, split_files, split_path
from ..corpora.stored import copy_tokens, read_docs
from ..errors import Errors, SkdError
from ..settings import check_flag, check_number
from ..targets import SoftTargets, open_targets

LABELS = ["ENT_TYPE", "TAG", "POS"]

Pools = Dict[str, List[Doc]]


@registry.readers("spacy-skd.MultilingualCorpus.v1")
def make_multilingual_corpus(
    path: Optional[Path],
    split: str = "train",
    languages: Optional[List[str]] = None,
    alpha: float = 1.0,
    limit: int = 0,
    seed: int = 0,
    targets: Optional[Path] = None,
    unlabelled: bool = False,
) -> Callable[[Language], Iterator[Example]]:
    """Read `<path>/<lang>/<split>.spacy`. Only the split "train" is sampled and shuffled.

    path (Optional[Path]): The corpus folder. None is an error when the corpus is read, not before,
        so that configs whose paths are not filled in yet can be resolved.
    split (str): "train", "dev", "test", or any other file's name.
    languages (Optional[List[str]]): Only these; None: all in the folder. For training each must
        have the split, otherwise at least one.
    alpha (float): A language of n documents is drawn in proportion to n ** alpha: 1 is proportional
        (every document once an epoch), 0 uniform over languages, between them smoothed.
    limit (int): Read at most so many documents of each file; 0: all.
    seed (int): Of the sample and the order, which are others in every epoch.
    targets (Optional[Path]): Folder of soft targets. Each reference gets
        `user_data["soft_targets"]`: a `SoftTarget` for each teacher of its language.
    unlabelled (bool): For training, add `<lang>/unlabelled` of the languages with targets.
    RETURNS (Callable[[Language], Iterator[Example]]): Each call reads one epoch. Predicted
        documents have the tokens of the reference, references their language in
        `user_data["lang"]`.
    Raises `SkdError` for settings out of range.
    """
    check_settings(split, languages, alpha, limit, seed, unlabelled)
    return MultilingualCorpus(path, split, languages, alpha, limit, seed, targets, unlabelled)


def check_settings(
    split: str,
    languages: Optional[List[str]],
    alpha: float,
    limit: int,
    seed: int,
    unlabelled: bool,
) -> None:
    reader = "spacy-skd.MultilingualCorpus.v1"
    check_number(f"alpha of {reader}", alpha, 0, 1)
    check_number(f"limit of {reader}", limit, 0, whole=True)
    check_number(f"seed of {reader}", seed, 0, whole=True)
    check_flag(f"unlabelled of {reader}", unlabelled)
    if isinstance(languages, str):
        expected = "a list of language codes"
        raise SkdError(
            Errors.SKD029.format(name=f"languages of {reader}", value=languages, expected=expected)
        )
    for language in languages or []:
        check_language(language)
    if not re.fullmatch(r"[\w-]{1,64}", split):
        raise SkdError(Errors.SKD035.format(value=split))


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
        unlabelled: bool,
    ) -> None:
        self.path = None if path is None else Path(path)
        self.split = split
        self.languages = languages
        self.alpha = alpha
        self.limit = limit
        self.seed = seed
        self.targets = targets
        self.unlabelled = unlabelled
        self._epoch = 0
        self._pools: Optional[Tuple[Vocab, Pools]] = None

    def __call__(self, nlp: Language) -> Iterator[Example]:
        # spaCy reads the corpus several times to initialise and once an evaluation, and keeps the
        # references of the training examples in any case.
        if self._pools is None or self._pools[0] is not nlp.vocab:
            self._pools = (nlp.vocab, self._read(nlp.vocab))
        docs = self._docs(self._pools[1])
        return (Example(copy_tokens(doc, nlp.vocab), doc) for doc in docs)

    @property
    def _is_training(self) -> bool:
        return self.split == "train"

    @property
    def _adds_unlabelled(self) -> bool:
        return self._is_training and self.unlabelled

    def _docs(self, pools: Pools) -> List[Doc]:
        if not self._is_training:
            return [doc for pool in pools.values() for doc in pool]
        rng = np.random.default_rng([self.seed, self._epoch])
        self._epoch += 1
        return sample(pools, self.alpha, rng)

    def _read(self, vocab: Vocab) -> Pools:
        if self.path is None:
            raise SkdError(Errors.SKD075)
        targets = open_targets(self.targets) if self.targets is not None else None
        if self._adds_unlabelled and targets is None:
            raise SkdError(Errors.SKD079)
        files = self._files(targets)
        if targets is not None and not set(files) & set(targets.languages):
            languages = ", ".join(targets.languages)
            raise SkdError(
                Errors.SKD072.format(path=targets.path, languages=languages, corpus=self.path)
            )
        return {
            lang: [doc for path in paths for doc in self._read_file(path, lang, vocab, targets)]
            for lang, paths in files.items()
        }

    def _files(self, targets: Optional[SoftTargets]) -> Dict[str, List[Path]]:
        """The files of each language that has any."""
        names = find_languages(self.path, [], self.languages)
        files = {}
        for name in names:
            splits = [self.split]
            if self._adds_unlabelled and name in targets.languages:
                splits.append("unlabelled")
            files[name] = [
                path for split in splits for path in split_files(self.path, name, split)
            ]
        found = {name: paths for name, paths in files.items() if paths}
        required = names if self._is_training or not found else []
        for name in names:
            if name not in found and (name in required or not (self.path / name).is_dir()):
                path = split_path(self.path, name, self.split)
                raise SkdError(Errors.SKD077.format(lang=name, path=path))
        return found

    def _read_file(
        self, path: Path, lang: str, vocab: Vocab, targets: Optional[SoftTargets]
    ) -> Iterator[Doc]:
        for doc in islice(read_docs(path, lang, vocab), self.limit or None):
            if targets is not None:
                doc.user_data["soft_targets"] = targets.find(doc, lang)
            yield doc


def sample(pools: Pools, alpha: float, rng: np.random.Generator) -> List[Doc]:
    """One epoch, in random order: as many documents as there are, by language as `quotas` says."""
    sizes = {lang: len(pool) for lang, pool in pools.items()}
    docs = []
    for lang, quota in quotas(sizes, alpha).items():
        pool = pools[lang]
        always = first_of_each_label(pool) if quota < len(pool) else []
        docs.extend(pool[i] for i in draw(len(pool), quota, always, rng))
    return [docs[i] for i in rng.permutation(len(docs))]


def quotas(sizes: Dict[str, int], alpha: float) -> Dict[str, int]:
    """Share the sum of `sizes` out in proportion to size ** alpha, by largest remainders."""
    names = [name for name, size in sizes.items() if size]
    weights = np.array([sizes[name] for name in names], dtype=np.float64) ** alpha
    exact = sum(sizes.values()) * weights / weights.sum()
    shares = np.floor(exact).astype(int)
    left = sum(sizes.values()) - shares.sum()
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
    seen = set()
    first = []
    for i, doc in enumerate(docs):
        columns = doc.to_array(LABELS).T.tolist()
        labels = {(name, label) for name, column in zip(LABELS, columns) for label in set(column)}
        if not labels <= seen:
            seen |= labels
            first.append(i)
    return first
