"""Token and tag in columns: CoNLL-2002, CoNLL-2003 and their descendants, two columns among them.

The first column is the token, the last one the tag. Columns are separated by tabs where the first
line of the file has one, else by spaces; only with tabs can a token hold a space.
"""

import re
from pathlib import Path
from typing import Callable, List

from ..errors import Errors, SkdError
from .documents import Converted, ReadOptions
from .iob import TaggedSentence, entity_docs, read_tag
from .lines import Line, read_blocks

DOCUMENT_START = "-DOCSTART-"


def read_columns(path: Path, lang: str, options: ReadOptions) -> Converted:
    """Read a file of token and tag columns. Raises `SkdError` for lines with another number of
    columns than the first, for empty tokens and for unknown tags.
    """
    blocks = list(read_blocks(path, options.encoding, DOCUMENT_START))
    if not blocks:
        raise SkdError(Errors.SKD088.format(path=path))
    _, first_line = blocks[0][0]
    split = _by_tabs if "\t" in first_line else _by_spaces
    width = max(2, len(split(first_line)))
    sentences = [_read_sentence(block, path, split, width, options) for block in blocks]
    return entity_docs(path, lang, sentences)


def _read_sentence(
    block: List[Line],
    path: Path,
    split: Callable[[str], List[str]],
    width: int,
    options: ReadOptions,
) -> TaggedSentence:
    sentence = TaggedSentence([], [])
    for number, line in block:
        cells = split(line)
        if len(cells) != width:
            raise SkdError(
                Errors.SKD091.format(path=path, line=number, expected=width, found=len(cells))
            )
        if not cells[0]:
            raise SkdError(Errors.SKD093.format(path=path, line=number))
        sentence.words.append(cells[0])
        sentence.tags.append(read_tag(cells[-1].strip(), path, number, options))
    return sentence


def _by_tabs(line: str) -> List[str]:
    return line.split("\t")


def _by_spaces(line: str) -> List[str]:
    # Not str.split(): Latin-1 tokens may hold a no-break space or U+0085.
    return re.split(" +", line.strip(" "))
