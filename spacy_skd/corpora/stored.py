"""Documents of a converted corpus: opened, unpacked, copied for those who may see tokens only."""

from functools import lru_cache, partial
from pathlib import Path
from typing import Iterator, List, Tuple

import numpy as np
import srsly
from spacy.attrs import ORTH, SENT_START, SPACY
from spacy.tokens import Doc, DocBin
from spacy.vocab import Vocab

from ..errors import Errors, SkdError
from .layout import check_language, split_files
from .manifest import check_content


def open_docs(path: Path) -> DocBin:
    """The packed documents of a `.spacy` file. Raises `SkdError` if it is none, or not as it was
    when its corpus was converted.
    """
    if not path.is_file():  # a pipe would be waited for
        raise SkdError(Errors.SKD078.format(path=path))
    try:
        content = path.read_bytes()
        check_content(path, content)
        return DocBin().from_bytes(content)
    except (SkdError, OSError):
        raise
    except Exception as error:  # whatever the bytes of another or a broken file lead to
        raise SkdError(Errors.SKD078.format(path=path)) from error


def read_docs(path: Path, lang: str, vocab: Vocab) -> Iterator[Doc]:
    """The documents of a `.spacy` file that have tokens, each with its `user_data["lang"]`. Raises
    `SkdError` if they cannot be unpacked, or if what they say is no language.
    """
    for doc in intact(unpack_docs(open_docs(path), vocab), path):
        if len(doc):
            found = doc.user_data.setdefault("lang", lang)
            check_language(found, shown=f"{found} (of a document in {path})")
            yield doc


def intact(docs: Iterator[Doc], path: Path) -> Iterator[Doc]:
    """Documents as they are unpacked from a file. Raises `SkdError` where that fails."""
    try:
        yield from docs
    except SkdError:
        raise
    except Exception as error:  # whatever the bytes lead to
        raise SkdError(Errors.SKD078.format(path=path)) from error


def read_split(corpus: Path, lang: str, split: str, vocab: Vocab) -> Iterator[Doc]:
    """The documents of all files of a split, as `read_docs` gives them."""
    for path in split_files(corpus, lang, split):
        yield from read_docs(path, lang, vocab)


def unpack_docs(packed: DocBin, vocab: Vocab) -> Iterator[Doc]:
    """The documents one by one, as `DocBin.get_docs` gives them, but many times as fast: equal user
    data, such as the language, is decoded once. Each decoding looks through all entry points.
    """
    user_data, packed.user_data = packed.user_data, []
    decode = lru_cache(partial(srsly.msgpack_loads, use_list=False))
    for doc, data in zip(packed.get_docs(vocab), user_data):
        if data is not None:
            doc.user_data.update(decode(data))
        yield doc


def copy_tokens(doc: Doc, vocab: Vocab) -> Doc:
    """A fresh document with the words and spaces of another, and its sentence boundaries: where
    none are known it is one sentence, as documents of a corpus are. Nothing else.
    """
    words, spaces = words_and_spaces(doc)
    copy = Doc(vocab, words=words, spaces=spaces)
    if len(doc) < 2:
        return copy
    starts = doc.to_array(SENT_START).astype(np.int64)
    if not starts[1:].any():
        starts[:] = -1
    starts[0] = 1
    return copy.from_array([SENT_START], starts.astype(np.uint64))


def words_and_spaces(doc: Doc) -> Tuple[List[str], List[bool]]:
    """A document's words, and whether a space follows each: without a Token for each, which takes
    several times as long.
    """
    array = doc.to_array([ORTH, SPACY])
    strings = doc.vocab.strings
    words = [strings[orth] for orth in array[:, 0].tolist()]
    return words, array[:, 1].astype(bool).tolist()
