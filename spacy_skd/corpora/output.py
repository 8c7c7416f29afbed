"""The converted corpus on disk (see `layout.py`), replaced as a whole or not at all."""

import re
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import Iterable, Iterator

from spacy.tokens import Doc, DocBin
from spacy.util import minibatch

from ..errors import Errors, SkdError
from ..locks import locked
from .documents import SPLITS
from .manifest import MANIFEST

ATTRIBUTES = ("TAG", "POS", "ENT_IOB", "ENT_TYPE")
FILES = {f"{split}.spacy" for split in SPLITS}
# Sentences in one file of unlabelled text: what a reader of the text holds at a time.
PIECE = 1000


def write_docs(docs: Iterable[Doc], path: Path) -> None:
    """Write documents with their `user_data`, in spaCy's binary format."""
    path.parent.mkdir(parents=True, exist_ok=True)
    DocBin(attrs=ATTRIBUTES, store_user_data=True, docs=docs).to_disk(path)


def write_pieces(docs: Iterable[Doc], folder: Path) -> None:
    """Write documents into files of `PIECE` each, `00000.spacy` and so on, one after the other."""
    for i, piece in enumerate(minibatch(docs, PIECE)):
        write_docs(piece, folder / f"{i:05d}.spacy")


@contextmanager
def replaced_corpus(path: Path) -> Iterator[Path]:
    """Give a new folder beside `path` to write to, which takes its place when all went well.

    Whatever a killed run left behind is cleared by the next one. Raises `SkdError` where `path`
    holds anything but a converted corpus, and where another process is writing it.
    """
    path = path.resolve()
    new, old = (path.with_name(f".{path.name}.{state}") for state in ("new", "old"))
    try:
        with locked(path):
            try:
                _restore(path, new, old)
                _check_replaceable(path)
                new.mkdir(parents=True)
                yield new
                if path.exists():
                    path.rename(old)
                new.rename(path)
            finally:
                _restore(path, new, old)
    except OSError as error:
        raise SkdError(Errors.SKD107.format(path=path, reason=error.strerror)) from error


def settle(path: Path) -> None:
    """Put right what a killed run left beside a corpus."""
    path = path.resolve()
    with locked(path):
        _restore(path, *(path.with_name(f".{path.name}.{state}") for state in ("new", "old")))


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
        if entry.name == MANIFEST and is_plain_file(entry):
            continue
        if not is_plain_folder(entry):
            raise SkdError(Errors.SKD101.format(path=path, found=entry.name))
        for file in entry.iterdir():
            if not ((file.name in FILES and is_plain_file(file)) or _is_pieces(file)):
                raise SkdError(Errors.SKD101.format(path=path, found=f"{entry.name}/{file.name}"))


def _is_pieces(path: Path) -> bool:
    """Whether a folder holds a split in pieces, and nothing else."""
    return (
        path.name in SPLITS
        and is_plain_folder(path)
        and all(
            re.fullmatch(r"\d{5,}\.spacy", file.name) and is_plain_file(file)
            for file in path.iterdir()
        )
    )


def is_plain_file(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def is_plain_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()
