"""Text files as numbered lines and blocks, so that whatever is wrong with one can be pointed at."""

import codecs
from pathlib import Path
from typing import Iterator, List, Tuple

from ..errors import Errors, SkdError

Line = Tuple[int, str]

BYTE_ORDER_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


def read_bytes(path: Path) -> bytes:
    """The content of a file. Raises `SkdError` where it cannot be read or is empty."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SkdError(Errors.SKD107.format(path=path, reason=error.strerror)) from None
    if not data.strip():
        raise SkdError(Errors.SKD088.format(path=path))
    return data


def read_lines(path: Path, encoding: str) -> List[Line]:
    """The lines of a text file with their numbers (from 1), without line ends. A byte order mark
    outranks `encoding`. Raises `SkdError` for an empty file and for bytes that are not text.
    """
    data = read_bytes(path)
    for mark, declared in BYTE_ORDER_MARKS.items():
        if data.startswith(mark):
            encoding = declared
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise SkdError(Errors.SKD089.format(path=path, line=line, encoding=encoding)) from None
    except LookupError:
        raise SkdError(Errors.SKD090.format(encoding=encoding)) from None
    # Not splitlines(): tokens of real corpora hold U+2028, U+0085 and their like.
    return [(number, line.rstrip("\r")) for number, line in enumerate(text.split("\n"), start=1)]


def read_blocks(path: Path, encoding: str, boundary: str = "\n") -> Iterator[List[Line]]:
    """The sentences of a file that separates them by blank lines, or by lines that begin with
    `boundary`: one list of lines each.
    """
    block: List[Line] = []
    for number, line in read_lines(path, encoding):
        if line.strip() and not line.startswith(boundary):
            block.append((number, line))
        elif block:
            yield block
            block = []
    if block:
        yield block
