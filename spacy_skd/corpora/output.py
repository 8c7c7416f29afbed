"""The converted corpus on disk (see `layout.py`), replaced as a whole or not at all."""

import os
import re
import shutil
from contextlib import ExitStack, contextmanager
from functools import lru_cache
from itertools import chain, islice
from pathlib import Path
from typing import Iterable, Iterator, Tuple

import srsly
from spacy.tokens import Doc, DocBin
from spacy.util import minibatch

from ..errors import Errors, SkdError
from ..locks import locked
from ..records import LITTER
from .documents import SPLITS
from .manifest import MANIFEST

ATTRIBUTES = ("TAG", "POS", "ENT_IOB", "ENT_TYPE")
FILES = {f"{split}.spacy" for split in SPLITS}
# Sentences in one file of a split that lies in pieces: what a reader of it holds at a time.
PIECE = 1000
# Labelled sentences that are one file: a reader may hold them all.
MOST_HELD = 50_000


def write_docs(docs: Iterable[Doc], path: Path) -> None:
    """Write documents with their `user_data`, of hashable values, in spaCy's binary format."""
    # spaCy does this for each document, looking through all entry points: nearly all the time of
    # writing. Here it is done once for equal data.
    encode = lru_cache(lambda items: srsly.msgpack_dumps(dict(items)))
    packed = DocBin(attrs=ATTRIBUTES)
    for doc in docs:
        packed.add(doc)
        packed.user_data.append(encode(tuple(doc.user_data.items())))
    packed.store_user_data = True
    path.parent.mkdir(parents=True, exist_ok=True)
    packed.to_disk(path)


def write_split(docs: Iterable[Doc], folder: Path, split: str) -> None:
    """Write a split into the folder of a language: as one file, or unlabelled text, and training
    data that are too much to hold, in pieces.
    """
    docs = iter(docs)
    first = list(islice(docs, MOST_HELD + 1)) if split == "train" else []
    if split == "unlabelled" or len(first) > MOST_HELD:
        write_pieces(chain(first, docs), folder / split)
    else:
        write_docs(chain(first, docs), folder / f"{split}.spacy")


def write_pieces(docs: Iterable[Doc], folder: Path) -> None:
    """Write documents into files of `PIECE` each, `00000.spacy` and so on, one after the other."""
    for i, piece in enumerate(minibatch(docs, PIECE)):
        write_docs(piece, folder / f"{i:05d}.spacy")


@contextmanager
def replaced_corpus(path: Path) -> Iterator[Path]:
    """Give a new folder beside `path` to write to, which takes its place when all went well.

    Whatever a killed run left behind is cleared by the next one. Raises `SkdError` where `path`
    holds anything but a converted corpus, is a symbolic link, cannot be written to, or is being
    written by another process; whatever was there is as it was then.
    """
    path = _checked_place(path)
    new, old = _beside(path)
    with _held(path):
        try:
            _restore(path, new, old)
            _check_replaceable(path)
            new.mkdir()
            yield new
            if path.exists():
                path.rename(old)
            new.rename(path)
        finally:
            _restore(path, new, old)


def settle(path: Path) -> None:
    """Put right what a killed run left beside a corpus. Raises `SkdError` as `replaced_corpus`."""
    path = _checked_place(path)
    with _held(path):
        _restore(path, *_beside(path))


def check_apart(input: Path, output: Path) -> None:
    """Raises `SkdError` where one of two folders holds the other, or both are the same."""
    source, target = (Path(os.path.realpath(path)) for path in (input, output))
    if source in (target, *target.parents):
        raise SkdError(Errors.SKD102.format(input=input, output=output))
    if target in source.parents:
        raise SkdError(Errors.SKD198.format(input=input, output=output))


@contextmanager
def system_errors(path: Path) -> Iterator[None]:
    """What the operating system says of a file, or of this one, as `SkdError`."""
    try:
        yield
    except OSError as error:
        where = error.filename or path
        raise SkdError(Errors.SKD107.format(path=where, reason=error.strerror)) from error


@contextmanager
def _held(path: Path) -> Iterator[None]:
    """Hold a corpus against other processes, and leave no folder above it that it did not need."""
    with system_errors(path):
        missing = [parent for parent in path.parents if not parent.exists()]
        with ExitStack() as clearing:
            clearing.callback(_remove_empty, missing)
            clearing.enter_context(locked(path))
            yield


def _beside(path: Path) -> Tuple[Path, Path]:
    """Where the new corpus is made, and where the old one goes meanwhile."""
    return path.with_name(f".{path.name}.new"), path.with_name(f".{path.name}.old")


def _checked_place(path: Path) -> Path:
    """The path without links above it. Raises `SkdError` where it is a link, or holds the folder
    that the command runs in, which would be moved away from under it.
    """
    if os.path.islink(path):
        raise SkdError(Errors.SKD196.format(path=path))
    real, here = Path(os.path.realpath(path)), Path(os.path.realpath(os.curdir))
    if real in (here, *here.parents):
        raise SkdError(Errors.SKD197.format(path=path))
    return real


def _remove_empty(folders: Iterable[Path]) -> None:
    """Remove folders that were made for nothing, innermost first."""
    for folder in folders:
        try:
            folder.rmdir()
        except OSError:  # not made, or not for nothing
            return


def _restore(path: Path, new: Path, old: Path) -> None:
    if old.exists() and not path.exists():
        old.rename(path)
    for leftover in (new, old):
        if leftover.exists():
            shutil.rmtree(leftover)


def _check_replaceable(path: Path) -> None:
    if not path.exists():
        return
    if not path.is_dir():
        raise SkdError(Errors.SKD101.format(path=path, found=path.name))
    for entry in path.iterdir():
        if entry.name in (MANIFEST, *LITTER) and is_plain_file(entry):
            continue
        if not is_plain_folder(entry):
            raise SkdError(Errors.SKD101.format(path=path, found=entry.name))
        for file in entry.iterdir():
            is_ours = file.name in FILES or file.name in LITTER
            if not ((is_ours and is_plain_file(file)) or _is_pieces(file)):
                raise SkdError(Errors.SKD101.format(path=path, found=f"{entry.name}/{file.name}"))


def _is_pieces(path: Path) -> bool:
    """Whether a folder holds a split in pieces, and nothing else."""
    if path.name not in SPLITS or not is_plain_folder(path):
        return False
    found = [file for file in path.iterdir() if file.name not in LITTER]
    return all(re.fullmatch(r"\d{5,}\.spacy", file.name) and is_plain_file(file) for file in found)


def is_plain_file(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def is_plain_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()
