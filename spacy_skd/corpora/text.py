"""Plain text as unlabelled documents: one sentence a line, its tokens separated by spaces."""

import re
from pathlib import Path

from spacy.vocab import Vocab

from ..errors import Errors, SkdError
from .documents import Converted, ReadOptions, converted, make_doc
from .lines import read_lines


def read_text(path: Path, lang: str, options: ReadOptions) -> Converted:
    """Read sentences without annotation. Raises `SkdError` for tabs, which plain text has not."""
    vocab = Vocab()
    docs = []
    for number, line in read_lines(path, options.encoding):
        if "\t" in line:
            raise SkdError(Errors.SKD105.format(path=path, line=number))
        words = [word for word in re.split(" +", line) if word]
        if words:
            docs.append(make_doc(vocab, lang, words))
    return converted(path, docs)
