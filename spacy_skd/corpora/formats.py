"""The formats of single files by name, and how a file's content tells its format."""

import re
from pathlib import Path
from typing import Callable, Dict, List

from ..errors import Errors, SkdError
from .columns import DOCUMENT_START, read_columns
from .conllu import COLUMNS, read_conllu
from .documents import Reader, ReadOptions
from .layout import LANGUAGE
from .lines import read_bytes, read_lines
from .semeval import read_semeval
from .text import read_raw_text, read_text
from .uner import COLUMNS as UNER_COLUMNS
from .uner import read_uner
from .wikiann import read_wikiann

FORMATS: Dict[str, Reader] = {
    "conllu": read_conllu,
    "conll": read_columns,
    "wikiann": read_wikiann,
    "uner": read_uner,
    "semeval": read_semeval,
    "text": read_text,
}

# Perhaps behind the byte order mark of UTF-8.
XML = re.compile(rb"(\xef\xbb\xbf)?\s*<(\?xml|Reviews)\b")

# As many lines of a file as decide what it is.
SAMPLE = 20


def find_reader(path: Path, split: str, format: str, options: ReadOptions) -> Reader:
    """The reader for a file. Unlabelled files are text, whatever `format` says of the others.
    Raises `SkdError` where the format is unknown, has no labels, or cannot be told.
    """
    if split == "raw" or (split == "unlabelled" and options.tokenize):
        return read_raw_text
    if split == "unlabelled":
        return read_text
    name = detect(path, options) if format == "auto" else format
    if name not in FORMATS:
        raise SkdError(Errors.SKD086.format(format=name, names=", ".join(FORMATS)))
    if name == "text":
        raise SkdError(Errors.SKD108.format(path=path, split=split))
    return FORMATS[name]


def detect(path: Path, options: ReadOptions) -> str:
    """The format of a labelled file, by its extension where that is telling, else by its first
    lines. Raises `SkdError` where it looks like none.
    """
    extension = path.suffix.lower()
    if extension == ".conllu":
        return "conllu"
    if extension == ".xml" or XML.match(read_bytes(path)):
        return "semeval"
    lines = [line for _, line in read_lines(path, options.encoding)]
    for name, looks_like in LOOKS_LIKE.items():
        if looks_like(_sample(lines)):
            return name
    raise SkdError(Errors.SKD087.format(path=path, names=", ".join(FORMATS)))


def _sample(lines: List[str]) -> List[str]:
    """The first lines with tokens: no comments, document starts and blank lines."""
    comment = re.compile(r"# [^\t]*$")
    tokens = (
        line
        for line in lines
        if line.strip() and not comment.match(line) and not line.startswith(DOCUMENT_START)
    )
    return [line for line, _ in zip(tokens, range(SAMPLE))]


# Lenient: of a file with a broken line the reader can say which one.
def _is_conllu(lines: List[str]) -> bool:
    return any(re.match(r"\d", line) and line.count("\t") == COLUMNS - 1 for line in lines)


def _is_wikiann(lines: List[str]) -> bool:
    prefixed = re.compile(rf"{LANGUAGE.pattern}:.*\t")
    matching = [line for line in lines if prefixed.match(line)]
    return len(matching) > len(lines) / 2


def _is_uner(lines: List[str]) -> bool:
    token = re.compile(r"\d+\t[^\t]*\t(O|[BI]-[^\t]*)\t")
    return any(token.match(line) and line.count("\t") == UNER_COLUMNS - 1 for line in lines)


def _is_columns(lines: List[str]) -> bool:
    return any(re.search(r"\S[ \t]+\S", line) for line in lines)


LOOKS_LIKE: Dict[str, Callable[[List[str]], bool]] = {
    "conllu": _is_conllu,
    "wikiann": _is_wikiann,
    "uner": _is_uner,
    "conll": _is_columns,
}
