"""The layout of a converted corpus: `corpus/<lang>/<split>.spacy`."""

from pathlib import Path
from typing import List, Optional, Sequence

from ..errors import Errors, SkdError


def find_languages(
    corpus: Path, splits: Sequence[str], languages: Optional[Sequence[str]] = None
) -> List[str]:
    """The languages of a corpus folder, each of which must have a file for every split.

    corpus (Path): Folder with a folder for each language.
    splits (Sequence[str]): What each must have, e.g. ["train", "dev"].
    languages (Optional[Sequence[str]]): Only these, in this order; None: all, alphabetically.
    Raises `SkdError` if the folder or a split is missing, or if no language is there.
    """
    corpus = Path(corpus)
    if not corpus.is_dir():
        raise SkdError(Errors.SKD121.format(path=corpus))
    if not languages:
        found = {path.parent.name for path in corpus.glob("*/*.spacy")}
        languages = sorted(name for name in found if not name.startswith("."))
    if not languages:
        raise SkdError(Errors.SKD122.format(path=corpus))
    for language in languages:
        for split in splits:
            if not split_path(corpus, language, split).is_file():
                path = corpus / language
                raise SkdError(Errors.SKD123.format(lang=language, split=split, path=path))
    return list(languages)


def split_path(corpus: Path, language: str, split: str) -> Path:
    return Path(corpus) / language / f"{split}.spacy"
