"""WikiAnn (PAN-X) as it is distributed: `lang:token<TAB>tag`, a blank line after a sentence."""

from pathlib import Path
from typing import List

from ..errors import Errors, SkdError
from .documents import Converted, ReadOptions
from .iob import TaggedSentence, entity_docs, read_tag
from .lines import Line, read_blocks


def read_wikiann(path: Path, lang: str, options: ReadOptions) -> Converted:
    """Read a WikiAnn file. Raises `SkdError` for lines that are not two columns and for tokens
    with another language prefix than `lang`.
    """
    blocks = read_blocks(path, options.encoding)
    sentences = [_read_sentence(block, path, lang, options) for block in blocks]
    return entity_docs(path, lang, sentences)


def _read_sentence(
    block: List[Line], path: Path, lang: str, options: ReadOptions
) -> TaggedSentence:
    sentence = TaggedSentence([], [])
    for number, line in block:
        cells = line.split("\t")
        if len(cells) != 2:
            raise SkdError(
                Errors.SKD091.format(path=path, line=number, expected=2, found=len(cells))
            )
        prefix, colon, word = cells[0].partition(":")
        if not colon or prefix != lang:
            raise SkdError(Errors.SKD096.format(path=path, line=number, token=cells[0], lang=lang))
        if not word:
            raise SkdError(Errors.SKD093.format(path=path, line=number))
        sentence.words.append(word)
        sentence.tags.append(read_tag(cells[1].strip(), path, number, options))
    return sentence
