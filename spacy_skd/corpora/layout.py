"""The layout of a converted corpus: `corpus/<lang>/<split>.spacy`, or pieces `<split>/*.spacy`."""

import re
from pathlib import Path
from typing import List, Optional, Sequence

from ..errors import Errors, SkdError
from .manifest import check_files

# What names folders in corpora, teachers and targets, beside files and hidden or temporary folders.
LANGUAGE = re.compile(r"[A-Za-z][A-Za-z0-9]*([-_][A-Za-z0-9]+)*")
LONGEST_LANGUAGE = 64


def check_language(name: object, shown: object = None) -> None:
    """Raise `SkdError` for a name that is no language code; the message calls it `shown`."""
    is_code = isinstance(name, str) and len(name) <= LONGEST_LANGUAGE and LANGUAGE.fullmatch(name)
    if not is_code:
        raise SkdError(Errors.SKD083.format(lang=shown or name))


def find_languages(
    corpus: Path, splits: Sequence[str], languages: Optional[Sequence[str]] = None
) -> List[str]:
    """The languages of a corpus folder, each of which must have files for every split.

    corpus (Path): Folder with a folder for each language.
    splits (Sequence[str]): What each must have, e.g. ["train", "dev"].
    languages (Optional[Sequence[str]]): Only these, in this order; None: all, alphabetically, but
        for those that lack labels and a split.
    Raises `SkdError` if the folder or a split is missing, if no language is there, for a name that
        is no language code, or if files are missing or new since the corpus was converted.
    """
    corpus = Path(corpus)
    if not corpus.is_dir():
        raise SkdError(Errors.SKD121.format(path=corpus))
    if not languages:
        check_files(corpus)
        names = sorted(path.name for path in corpus.iterdir() if not path.name.startswith("."))
        languages = [
            name
            for name in names
            if has_docs(corpus / name)
            and not (lacks_labels(corpus, name) and missing_splits(corpus, name, splits))
        ]
    for name in languages:
        check_language(name)
    if not languages:
        raise SkdError(Errors.SKD122.format(path=corpus))
    for language in languages:
        check_files(corpus, language)
        for split in missing_splits(corpus, language, splits):
            path = corpus / language
            raise SkdError(Errors.SKD123.format(lang=language, split=split, path=path))
    return list(languages)


def missing_splits(corpus: Path, language: str, splits: Sequence[str]) -> List[str]:
    return [split for split in splits if not split_files(corpus, language, split)]


def languages_without_labels(corpus: Path) -> List[str]:
    return [name for name in find_languages(corpus, []) if lacks_labels(corpus, name)]


def lacks_labels(corpus: Path, language: str) -> bool:
    """Whether no sentence of a language is labelled for training, though it has text: a teacher of
    other languages can label that.
    """
    has_text = bool(split_files(corpus, language, "unlabelled"))
    return has_text and not split_files(corpus, language, "train")


def has_docs(folder: Path) -> bool:
    """Whether a folder is that of a language: it has a split."""
    return any(any(folder.glob(pattern)) for pattern in ("*.spacy", "*/*.spacy"))


def split_path(corpus: Path, language: str, split: str) -> Path:
    return Path(corpus) / language / f"{split}.spacy"


def split_files(corpus: Path, language: str, split: str) -> List[Path]:
    """The files of a split, none where there is no such split. A `.spacy` file can only be read as
    a whole, so text that is too much to hold lies in several: in a folder `<lang>/<split>/`.
    """
    path = split_path(corpus, language, split)
    pieces = sorted(path.with_suffix("").glob("*.spacy"))
    return [path, *pieces] if path.is_file() else pieces
