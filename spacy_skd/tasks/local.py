"""The data of a task in a folder of the user's, under our names or those of its owners."""

from pathlib import Path
from typing import Dict, List, Mapping, Optional

from ..corpora.documents import FILES
from ..corpora.folder import check_link, check_regular, exists, find_splits
from ..errors import Errors, SkdError
from .datasets import parquet_files
from .spec import Split


def find_files(folder: Path, lang: str, splits: Mapping[str, Split]) -> Dict[str, List[Path]]:
    """The files of each split that a folder has of a language: one, or several parquet files.

    In `<folder>/<lang>` they are called `<split>.<extension>`, or as their owners call them; by
    those names they are found in the folder itself as well.
    splits (Mapping[str, Split]): Those that there must be.
    Raises `SkdError` where one of these is missing, where there is no split at all, and for links
    that lead out of the folder.
    """
    if not folder.is_dir():
        raise SkdError(Errors.SKD080.format(path=folder))
    root, own = folder.resolve(), folder / lang
    there = own.is_dir()
    if there:
        check_link(own, root)
    named = find_splits(own, root) if there else {}
    found: Dict[str, List[Path]] = {}
    for name in FILES:
        split = splits.get(name, Split())
        if name in named:
            found[name] = [named[name]]
        elif original := find_original(folder, lang, split.file):
            found[name] = [original]
        elif there and (parquet := parquet_files(own, name)):
            found[name] = parquet
        elif name in splits or (name == FILES[-1] and not found):
            raise missing(folder, lang, name if name in splits else "split", split)
        for path in found.get(name, []):
            check_link(path, root)
            check_regular(path)
    return found


def find_original(folder: Path, lang: str, file: Optional[str]) -> Optional[Path]:
    """A file under its owners' name."""
    if file is None:
        return None
    return next((path for path in (folder / lang / file, folder / file) if exists(path)), None)


def missing(folder: Path, lang: str, name: str, split: Split) -> SkdError:
    names = (
        f"{lang}/{name}.<extension>" if split.file is None else f"{lang}/{name}.* or {split.file}"
    )
    return SkdError(Errors.SKD243.format(folder=folder, split=name, lang=lang, names=names))
