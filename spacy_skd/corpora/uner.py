"""Universal NER as it is distributed: number, token, tag and two columns more, comments above."""

from pathlib import Path
from typing import List

from ..errors import Errors, SkdError
from .documents import Converted, ReadOptions
from .iob import TaggedSentence, entity_docs, read_tag
from .lines import Line, read_blocks

COLUMNS = 5


def read_uner(path: Path, lang: str, options: ReadOptions) -> Converted:
    """Read a file of Universal NER. Raises `SkdError` for lines that are neither comments nor have
    five columns, for empty tokens and for unknown tags.
    """
    blocks = read_blocks(path, options.encoding)
    sentences = [_read_sentence(block, path, options) for block in blocks]
    return entity_docs(path, lang, [sentence for sentence in sentences if sentence.words])


def _read_sentence(block: List[Line], path: Path, options: ReadOptions) -> TaggedSentence:
    sentence = TaggedSentence([], [])
    for number, line in block:
        if line.startswith("#"):
            continue
        cells = line.split("\t")
        if len(cells) != COLUMNS:
            raise SkdError(
                Errors.SKD091.format(path=path, line=number, expected=COLUMNS, found=len(cells))
            )
        if not cells[1]:
            raise SkdError(Errors.SKD093.format(path=path, line=number))
        sentence.words.append(cells[1])
        sentence.tags.append(read_tag(cells[2].strip(), path, number, options))
    return sentence
