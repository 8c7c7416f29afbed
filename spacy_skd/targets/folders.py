"""The folders of stores: where they are, which files are ours, how one store replaces another.

`<store>.partial` is being written, `<store>.stale` is about to be removed; both are beside the
store. Nothing is ever removed that this package did not make.
"""

import os
import re
from pathlib import Path
from typing import Iterator, List, Set, Tuple

from ..errors import Errors, SkdError
from .meta import META, SHARD

PARTIAL = ".partial"
STALE = ".stale"
PROGRESS = "shards.jsonl"
OURS = re.compile(rf"({re.escape(META)}|{re.escape(PROGRESS)}|{SHARD})(\.tmp)?|shard-\d+\.tmp")


def partial_of(store: Path) -> Path:
    return store.with_name(store.name + PARTIAL)


def stale_of(store: Path) -> Path:
    return store.with_name(store.name + STALE)


def check_ours(folder: Path) -> bool:
    """Whether a folder is there. Raises `SkdError` if anything in it, or it itself, is not ours."""
    try:
        with os.scandir(folder) as entries:
            foreign = [entry.name for entry in entries if not _is_ours(entry)]
    except FileNotFoundError:
        return False
    except NotADirectoryError:
        foreign = [folder.name]
    if folder.is_symlink():
        raise SkdError(Errors.SKD183.format(path=folder))
    if foreign:
        raise SkdError(Errors.SKD066.format(path=folder, found=min(foreign)))
    return True


def _is_ours(entry: os.DirEntry) -> bool:
    return bool(OURS.fullmatch(entry.name)) and entry.is_file(follow_symlinks=False)


def remove(folder: Path) -> None:
    """Remove a folder of a store, if it is there. Raises `SkdError` where it holds what is not
    ours, and removes nothing then.
    """
    if check_ours(folder):
        for file in sorted(folder.iterdir()):
            file.unlink()
        folder.rmdir()


def replace(store: Path) -> None:
    """Put the complete partial store in the place of the store."""
    if check_ours(store):
        store.rename(stale_of(store))
    partial_of(store).rename(store)
    settle(store)


def settle(store: Path) -> None:
    """Clear up what a run that was killed in `replace` left."""
    stale = stale_of(store)
    if check_ours(stale):
        if store.exists():
            remove(stale)
        else:
            stale.rename(store)
    (store / PROGRESS).unlink(missing_ok=True)


def is_settled(store: Path) -> bool:
    return not (stale_of(store).exists() or (store / PROGRESS).exists())


def find_stores(path: Path) -> List[Path]:
    """All stores below a folder, at any depth.

    Raises `SkdError` for one that is not complete, while no complete one is in its place, and for
    symbolic links to folders, which are not followed.
    """
    found: List[Path] = []
    unfinished: Set[Path] = set()
    for folder, files in _walk(path):
        if folder.name.endswith((PARTIAL, STALE)):
            unfinished.add(folder.with_suffix(""))
        elif any(OURS.fullmatch(name) for name in files):
            found.append(folder)
    for store in sorted(unfinished - set(found)):
        raise SkdError(Errors.SKD180.format(path=store))
    return found


def _walk(path: Path) -> Iterator[Tuple[Path, List[str]]]:
    """Folders and the names in them, except of what is below `.partial` and `.stale`.

    Another process may be just clearing up: what is gone before it is looked into is not there.
    Raises `FileNotFoundError` if there is no `path`.
    """
    folders = [path]
    while folders:
        folder = folders.pop()
        try:
            with os.scandir(folder) as found:
                entries = sorted(found, key=lambda entry: entry.name, reverse=True)
        except FileNotFoundError:
            if folder == path:
                raise
            continue
        yield folder, [entry.name for entry in entries]
        if folder.name.endswith((PARTIAL, STALE)):
            continue
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                folders.append(folder / entry.name)
            elif entry.is_dir():
                raise SkdError(Errors.SKD183.format(path=entry.path))
