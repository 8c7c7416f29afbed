"""The layout of a raw corpus: `<language>/{train,dev,test}.<extension>`, `{unlabelled,raw}.txt`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Dict, List, Optional

from ..errors import Errors, SkdError
from .documents import FILES


@dataclass(frozen=True)
class RawCorpus:
    """The files of a raw corpus: `files[language][split]` is a path."""

    files: Dict[str, Dict[str, Path]]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        paths = [path for splits in self.files.values() for path in splits.values()]
        return sum(path.stat().st_size for path in paths)


def find_corpus(path: Path, lang: Optional[str] = None, split: Optional[str] = None) -> RawCorpus:
    """Find the files below a folder, or take the single file of a language and split.

    A language without train is an error unless no language has train: a corpus for evaluation only.
    Raises `SkdError` for that and for a path that holds no corpus.
    """
    if not path.exists():
        raise SkdError(Errors.SKD080.format(path=path))
    if path.is_file():
        if not lang or split not in FILES:
            raise SkdError(Errors.SKD085.format(path=path, splits=", ".join(FILES)))
        return RawCorpus({lang: {split: path}})
    if lang or split:
        raise SkdError(Errors.SKD110.format(path=path))
    files = {folder.name: _find_splits(folder) for folder in language_folders(path)}
    with_train = [name for name, splits in files.items() if "train" in splits]
    for name, splits in files.items():
        if "train" not in splits and (with_train or not splits.keys() & {"dev", "test"}):
            raise SkdError(Errors.SKD082.format(path=path / name, lang=name))
    return RawCorpus(files)


def language_folders(path: Path) -> List[Path]:
    """The language folders of a corpus, sorted. Raises `SkdError` where there is none."""
    folders = sorted(p for p in path.iterdir() if p.is_dir() and not p.name.startswith("."))
    if not folders:
        raise SkdError(Errors.SKD081.format(path=path))
    return folders


def _find_splits(folder: Path) -> Dict[str, Path]:
    splits: Dict[str, Path] = {}
    for split in FILES:
        found = sorted(p for p in folder.iterdir() if p.is_file() and p.stem == split)
        if len(found) > 1:
            names = ", ".join(p.name for p in found)
            raise SkdError(Errors.SKD084.format(path=folder, split=split, names=names))
        if found:
            splits[split] = found[0]
    return splits
