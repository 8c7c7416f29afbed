"""What every format is read into: spaCy documents, one a sentence."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Iterable, List, Optional, Sequence

from spacy.tokens import Doc
from spacy.vocab import Vocab

from ..errors import Errors, SkdError

SPLITS = ("train", "dev", "test", "unlabelled")
# What the files of a raw corpus are called; text that has to be split into tokens joins unlabelled.
FILES = (*SPLITS, "raw")


@dataclass(frozen=True)
class ReadOptions:
    """What a reader has to be told about files of its format.

    encoding (str): Encoding of text files. XML declares its own.
    tag (str): The CoNLL-U column that becomes `token.tag_`: "upos" or "xpos".
    default_type (str): Entity type of tags and targets that have none.
    tokenize (bool): Whether unlabelled text has no tokens yet.
    merge_subtokens (bool): Whether a multiword token of CoNLL-U that is not the sum of its words
        becomes the tokens that its text has.
    """

    encoding: str = "utf-8"
    tag: str = "upos"
    default_type: str = "TARGET"
    tokenize: bool = False
    merge_subtokens: bool = False


@dataclass
class Converted:
    """The documents of one file.

    docs (Iterable[Doc]): One a sentence, with the language in `user_data["lang"]`. A list; of text
        without labels an iterator, which reads the file as it goes.
    repaired (Optional[int]): How many tags were changed to make the sequences legal; None where
        that was counted with another file.
    notes (List[str]): What else its owner should know, a phrase each.
    multiword (int): Multiword tokens that are not the sum of their words.
    merged (int): Words that became one token with another.
    """

    docs: Iterable[Doc]
    repaired: Optional[int] = 0
    notes: List[str] = field(default_factory=list)
    multiword: int = 0
    merged: int = 0


Reader = Callable[[Path, str, ReadOptions], Converted]


def make_doc(
    vocab: Vocab,
    lang: str,
    words: List[str],
    spaces: Optional[List[bool]] = None,
    **annotation: Any,
) -> Doc:
    """A sentence with its language. Without `spaces` the Doc is flagged as one whose spaces are
    unknown, so that spaCy never tokenises its text anew.
    """
    return Doc(vocab, words=words, spaces=spaces, user_data={"lang": lang}, **annotation)


def converted(
    path: Path, docs: List[Doc], repaired: int = 0, notes: Sequence[str] = ()
) -> Converted:
    """The result of reading `path`. Raises `SkdError` where it held no sentence."""
    if not docs:
        raise SkdError(Errors.SKD088.format(path=path))
    return Converted(docs, repaired, list(notes))
