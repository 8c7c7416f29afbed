"""Text without labels, as documents one by one: there may be more of it than can be held."""

import re
from pathlib import Path
from typing import Iterator

from spacy.language import Language
from spacy.tokens import Doc
from spacy.vocab import Vocab

from ..errors import Errors, SkdError
from .documents import Converted, ReadOptions, make_doc
from .lines import read_lines
from .tokenizers import load_tokenizer, tokenize


def read_text(path: Path, lang: str, options: ReadOptions) -> Converted:
    """Read a sentence a line, its tokens separated by spaces. Raises `SkdError` for tabs, which
    plain text has not, and for a file without sentences, when it is come to them.
    """
    return Converted(_not_empty(path, _tokenised(path, lang, options)))


def read_raw_text(path: Path, lang: str, options: ReadOptions) -> Converted:
    """Read text as people write it. spaCy's tokenizer of the language finds its tokens, and the end
    of a line or a sentence-final mark that of each sentence.

    Raises `SkdError` where the tokenizer needs a package that is missing, and for a file without
    sentences, when it is come to them.
    """
    nlp, notes = load_tokenizer(lang)
    nlp.add_pipe("sentencizer")
    return Converted(_not_empty(path, _raw(path, lang, nlp, options)), notes=notes)


def _tokenised(path: Path, lang: str, options: ReadOptions) -> Iterator[Doc]:
    vocab = Vocab()
    for number, line in read_lines(path, options.encoding):
        if "\t" in line:
            raise SkdError(Errors.SKD105.format(path=path, line=number))
        words = [word for word in re.split(" +", line) if word]
        if words:
            yield make_doc(vocab, lang, words)


def _raw(path: Path, lang: str, nlp: Language, options: ReadOptions) -> Iterator[Doc]:
    for _, line in read_lines(path, options.encoding):
        # Otherwise runs of white space would become tokens.
        for sentence in nlp(tokenize(nlp, " ".join(line.split()))).sents:
            words = [token.text for token in sentence]
            spaces = [bool(token.whitespace_) for token in sentence]
            yield make_doc(nlp.vocab, lang, words, spaces)


def _not_empty(path: Path, docs: Iterator[Doc]) -> Iterator[Doc]:
    empty = True
    for doc in docs:
        empty = False
        yield doc
    if empty:
        raise SkdError(Errors.SKD088.format(path=path))
