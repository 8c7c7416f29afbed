"""The teachers of a language: one, or one for each seed and each fold, and what they are called."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Tuple

from thinc.api import Config

from .errors import Errors, SkdError
from .settings import check_number, shown

LARGEST_SEED = 2**32 - 1  # numpy knows no larger one
# What a teacher of all languages is called, in the place of a language.
MULTILINGUAL = "multilingual"
MEMBER = re.compile(r"(\.seed-\d+)?(\.fold-\d+-of-\d+)?")


@dataclass(frozen=True)
class Fold:
    """The `number`-th (from 1) of `total` folds of a language's training sentences."""

    number: int
    total: int

    @classmethod
    def parse(cls, text: str) -> "Fold":
        """From "2/4". Raises `SkdError` for anything else."""
        match = re.fullmatch(r"(\d{1,6})/(\d{1,6})", text) if isinstance(text, str) else None
        fold = cls(int(match[1]), int(match[2])) if match else None
        if fold is None or not 1 <= fold.number <= fold.total or fold.total < 2:
            name, expected = "held_out", 'such as "2/4", the second of four, of at least two'
            raise SkdError(Errors.SKD029.format(name=name, value=shown(text), expected=expected))
        return fold

    def __str__(self) -> str:
        return f"{self.number}/{self.total}"


@dataclass(frozen=True)
class Member:
    """One of a language's teachers.

    seed (Optional[int]): Of its training; None: that of the config.
    held_out (Optional[Fold]): The sentences that it does not see; None: it sees all.
    """

    seed: Optional[int] = None
    held_out: Optional[Fold] = None

    def name(self, language: str) -> str:
        """What its folder is called: "de", or such as "de.seed-1.fold-2-of-4"."""
        seed = "" if self.seed is None else f".seed-{self.seed}"
        fold = self.held_out
        return language + seed + ("" if fold is None else f".fold-{fold.number}-of-{fold.total}")


def make_members(folds: int, seeds: Sequence[int]) -> List[Member]:
    """One for each seed and fold. Raises `SkdError` for one fold, and for seeds that are none."""
    if folds:
        check_number("the number of folds, if not 0,", folds, 2, whole=True)
    for seed in seeds:
        check_number("a seed", seed, 0, LARGEST_SEED, whole=True)
    if len(set(seeds)) < len(seeds):
        twice = next(seed for seed in seeds if list(seeds).count(seed) > 1)
        raise SkdError(Errors.SKD223.format(seed=twice))
    of_seeds: List[Optional[int]] = [*seeds] or [None]
    of_folds: List[Optional[Fold]] = [Fold(i + 1, folds) for i in range(folds)] or [None]
    return [Member(seed, fold) for seed in of_seeds for fold in of_folds]


def parse_seeds(text: str) -> List[int]:
    """From "0,1,2"; from "" none. Raises `SkdError` for what is no number."""
    parts = text.split(",") if text.strip() else []
    if not all(re.fullmatch(r"\s*\d{1,10}\s*", part) for part in parts):
        expected = "whole numbers from 0 up, with commas between them"
        raise SkdError(Errors.SKD029.format(name="--seeds", value=shown(text), expected=expected))
    return [int(part) for part in parts]


def train_reader(config: Config) -> Tuple[str, Dict[str, Any]]:
    """The block that reads the training corpus: its name, such as "corpora.train", and settings,
    which are empty if there is none.
    """
    name = str(config.get("training", {}).get("train_corpus", "corpora.train"))
    block: Any = config
    for part in name.split("."):
        block = block.get(part) if isinstance(block, dict) else None
    return name, block if isinstance(block, dict) else {}


def held_out_of(config: Config) -> Optional[Fold]:
    """What a pipeline with this config was not trained on; None: nothing was held out."""
    text = train_reader(config)[1].get("held_out")
    return None if text is None else Fold.parse(text)


def is_member(name: str, language: str) -> bool:
    """Whether a folder of this name is for a teacher of a language."""
    return name.startswith(language) and bool(MEMBER.fullmatch(name[len(language) :]))


def member_folders(parent: Path, language: str) -> List[Path]:
    """The folders for teachers of a language that are there, in the order of their names."""
    paths = parent.iterdir() if parent.is_dir() else ()
    return sorted(path for path in paths if is_member(path.name, language))
