"""The layout of a raw corpus: `<language>/{train,dev,test}.<extension>`, `{unlabelled,raw}.txt`."""

import errno
from dataclasses import dataclass, field
from pathlib import Path
from typing import Dict, List, Optional

from ..errors import Errors, SkdError
from .documents import FILES
from .layout import check_language


@dataclass(frozen=True)
class RawCorpus:
    """The files of a raw corpus: `files[language][split]` is a path. Besides them there may be
    `others`, which are not called as a split is: {language: names}.
    """

    files: Dict[str, Dict[str, Path]]
    others: Dict[str, List[str]] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Bytes of all files."""
        paths = [path for splits in self.files.values() for path in splits.values()]
        return sum(path.stat().st_size for path in paths)


def find_corpus(
    path: Path,
    lang: Optional[str] = None,
    split: Optional[str] = None,
    follow_links: bool = False,
) -> RawCorpus:
    """Find the files below a folder, or take the single file of a language and split.

    A language without train is an error unless it has text, for the teachers of other languages to
    label, or no language has train: a corpus for evaluation only.
    Raises `SkdError` for that, for a path that holds no corpus, for what is neither file nor
    folder, and for symbolic links that lead out of the folder, unless these are to be followed.
    """
    if not exists(path):
        raise SkdError(Errors.SKD080.format(path=path))
    if not path.is_dir():
        check_regular(path)
        if not lang or split not in FILES:
            raise SkdError(Errors.SKD085.format(path=path, splits=", ".join(FILES)))
        return RawCorpus({lang: {split: path}})
    if lang or split:
        raise SkdError(Errors.SKD110.format(path=path))
    root = None if follow_links else path.resolve()
    folders = language_folders(path, root)
    files = {folder.name: find_splits(folder, root) for folder in folders}
    others = {folder.name: other_names(folder, files[folder.name]) for folder in folders}
    with_train = any("train" in splits for splits in files.values())
    instead = {"unlabelled", "raw"} if with_train else {"dev", "test"}
    for name, splits in files.items():
        if "train" not in splits and not splits.keys() & instead:
            check_text(path, path / name, *(path / name).iterdir())
            raise SkdError(Errors.SKD082.format(path=path / name, lang=name))
    return RawCorpus(files, {name: names for name, names in others.items() if names})


def language_folders(path: Path, root: Optional[Path]) -> List[Path]:
    """The language folders of a corpus, sorted. Raises `SkdError` where there is none, where one is
    not named by a language code, and where two differ in case alone: not every disk can hold both.
    """
    entries = sorted(entry for entry in path.iterdir() if not entry.name.startswith("."))
    for entry in entries:
        check_link(entry, root)
    folders = [entry for entry in entries if entry.is_dir()]
    if not folders:
        check_text(path)
        raise SkdError(Errors.SKD081.format(path=path))
    seen: Dict[str, Path] = {}
    for folder in folders:
        check_language(folder.name, shown=folder)
        other = seen.setdefault(folder.name.lower(), folder)
        if other is not folder:
            raise SkdError(Errors.SKD192.format(path=path, names=f"{other.name}, {folder.name}"))
    return folders


def find_splits(folder: Path, root: Optional[Path]) -> Dict[str, Path]:
    """The file of each split of a language. Raises `SkdError` for two of one split, and as
    `check_link` and `check_regular` do.
    """
    splits: Dict[str, Path] = {}
    for split in FILES:
        named = sorted(entry for entry in folder.iterdir() if entry.stem == split)
        for entry in named:
            check_link(entry, root)
        found = [entry for entry in named if not entry.is_dir()]
        if len(found) > 1:
            names = ", ".join(entry.name for entry in found)
            raise SkdError(Errors.SKD084.format(path=folder, split=split, names=names))
        if found:
            check_regular(found[0])
            splits[split] = found[0]
    return splits


def other_names(folder: Path, splits: Dict[str, Path]) -> List[str]:
    """What else is in the folder of a language, hidden files aside."""
    entries = sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
    others = [entry for entry in entries if entry not in splits.values()]
    return [f"{entry.name}/" if entry.is_dir() else entry.name for entry in others]


def check_link(path: Path, root: Optional[Path]) -> None:
    """Raise `SkdError` for a symbolic link to nothing, to itself, or out of `root`, if given."""
    if not path.is_symlink():
        return
    if not exists(path):
        raise SkdError(Errors.SKD193.format(path=path))
    target = path.resolve()
    if root is not None and root not in (target, *target.parents):
        raise SkdError(Errors.SKD194.format(path=path, target=target))


def check_regular(path: Path) -> None:
    """Raise `SkdError` for a pipe, a device or a socket: none can be read twice, some never end."""
    if not path.is_file():
        raise SkdError(Errors.SKD195.format(path=path))


def check_text(*folders: Path) -> None:
    """Raise `SkdError` for a folder that `datasets` has saved a dataset, or several splits, in."""
    for folder in folders:
        if any((folder / name).is_file() for name in ("dataset_dict.json", "dataset_info.json")):
            raise SkdError(Errors.SKD112.format(path=folder))


def exists(path: Path) -> bool:
    """Whether there is a file or folder; links in a circle and impossible names lead to none."""
    try:
        return path.exists()
    except (RuntimeError, ValueError):
        return False
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:
            raise
        return False
