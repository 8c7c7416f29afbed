"""Text files as numbered lines and blocks, so that whatever is wrong with one can be pointed at."""

import codecs
import re
from pathlib import Path
from typing import Iterator, List, Tuple

from ..errors import Errors, SkdError

Line = Tuple[int, str]

# The longer ones first: UTF-32's begins with UTF-16's.
BYTE_ORDER_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
# How files begin that hold text in another form. They have NULs, too.
NOT_TEXT = {
    b"PAR1": "a parquet file",
    b"ARROW1": "an arrow file",
    b"PK\x03\x04": "a zip archive",
    b"\x1f\x8b": "compressed by gzip",
    b"BZh": "compressed by bzip2",
    b"\xfd7zXZ\x00": "compressed by xz",
}
# What Python calls encodings of text, and are notations for some other purpose.
NOTATIONS = {"idna", "punycode", "raw-unicode-escape", "undefined", "unicode-escape"}
# Characters that no text has, but text in another encoding than it is read in: UTF-16 read as UTF-8
# is full of NULs, and UTF-7 can give half characters.
NO_TEXT = re.compile("[\0\ud800-\udfff]")


def check_encoding(encoding: str) -> None:
    """Raise `SkdError` unless Python can decode text from an encoding of this name."""
    try:
        "".encode(encoding)
        name = codecs.lookup(encoding).name
    except (LookupError, ValueError):  # unknown, no encoding of text, or no name at all
        name = "undefined"
    if name in NOTATIONS:
        raise SkdError(Errors.SKD090.format(encoding=encoding))


def read_bytes(path: Path) -> bytes:
    """The content of a file. Raises `SkdError` where it cannot be read, is empty, or is no text."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SkdError(Errors.SKD107.format(path=path, reason=error.strerror)) from None
    if not data.strip():
        raise SkdError(Errors.SKD088.format(path=path))
    for beginning, kind in NOT_TEXT.items():
        if data.startswith(beginning) and b"\0" in data:
            raise SkdError(Errors.SKD111.format(path=path, kind=kind))
    return data


def encoding_of(data: bytes, default: str) -> str:
    """The encoding that a byte order mark tells, else the default."""
    marked = (name for mark, name in BYTE_ORDER_MARKS.items() if data.startswith(mark))
    return next(marked, default)


def encoding_of_text(data: bytes, default: str) -> str:
    """UTF-8 if a file with other letters than ASCII is encoded in it, which one in another encoding
    never is by chance: the files of a corpus may differ. Else as `encoding_of`.
    """
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return encoding_of(data, default)
    # What is UTF-16 without a mark may be UTF-8 too, full of NULs.
    is_utf8 = not data.isascii() and b"\0" not in data
    return encoding_of(data, "utf-8" if is_utf8 else default)


def decode(data: bytes, encoding: str, path: Path, message: str) -> str:
    """The text of a file, with line ends of Unix in place of those of Windows and of old Macs.

    message (str): Template of what to say of bytes that are not text, for `path`, `line` and
        `encoding`. It is raised as `SkdError`.
    """
    try:
        text = data.decode(encoding)
    except UnicodeError as error:
        before = data[: getattr(error, "start", 0)].decode(encoding, "replace")
    else:
        odd = NO_TEXT.search(text)
        if odd is None:
            return unix_lines(text)
        before = text[: odd.start()]
    line = unix_lines(before).count("\n") + 1
    raise SkdError(message.format(path=path, line=line, encoding=encoding))


def unix_lines(text: str) -> str:
    # Files of Windows that were converted twice have \r\r\n.
    return text.replace("\r\r\n", "\n").replace("\r\n", "\n").replace("\r", "\n")


def read_lines(path: Path, encoding: str) -> List[Line]:
    """The lines of a text file with their numbers (from 1), without line ends. A byte order mark
    outranks `encoding`, and so does UTF-8. Raises `SkdError` for an empty file and for bytes that
    are not text.
    """
    check_encoding(encoding)
    data = read_bytes(path)
    text = decode(data, encoding_of_text(data, encoding), path, Errors.SKD089)
    # Not splitlines(): tokens of real corpora hold U+2028, U+0085 and their like.
    return list(enumerate(text.split("\n"), start=1))


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
