"""Entity tags as files have them: IOB1, IOB2, broken, untyped or missing."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Iterable, List

from spacy.vocab import Vocab

from ..errors import Errors, SkdError
from ..schemes import repair_iob, split_tag
from .documents import Converted, ReadOptions, converted, make_doc

MISSING = "-"
TAG = re.compile(r"O|-|[BI](-.+)?")


@dataclass
class TaggedSentence:
    """The words of a sentence and their tags, checked by `read_tag`, in whichever IOB variant."""

    words: List[str]
    tags: List[str]


def read_tag(tag: str, path: Path, line: int, options: ReadOptions) -> str:
    """Check the form of a tag and give it a type if it has none. Raises `SkdError`."""
    if not (TAG.fullmatch(tag) and tag.isprintable()):
        raise SkdError(Errors.SKD092.format(path=path, line=line, tag=tag))
    return f"{tag}-{options.default_type}" if tag in ("B", "I") else tag


def is_iob1(sentences: Iterable[TaggedSentence]) -> bool:
    """Whether tags are IOB1: there an I may begin a span, and a B does so only directly behind a
    span of the same type. Anything else is IOB2, perhaps broken.
    """
    opened_by_inside = False
    for sentence in sentences:
        previous = ""
        for position, label in map(split_tag, sentence.tags):
            if label != previous:
                if position == "B":
                    return False
                opened_by_inside = opened_by_inside or position == "I"
            previous = label
    return opened_by_inside


def entity_docs(path: Path, lang: str, sentences: List[TaggedSentence]) -> Converted:
    """Documents with `ents` from tagged sentences. The tag "-" is missing annotation, as in spaCy.
    Raises `SkdError` where there is no sentence.
    """
    iob1 = is_iob1(sentences)
    vocab = Vocab()
    docs, repaired, missing = [], 0, 0
    for sentence in sentences:
        tags, changed = repair_iob(sentence.tags)
        repaired += changed
        missing += tags.count(MISSING)
        ents = ["" if tag == MISSING else tag for tag in tags]
        docs.append(make_doc(vocab, lang, sentence.words, ents=ents))
    notes = []
    if iob1:
        notes.append(f"IOB1: {repaired} tags written as IOB2")
    if missing:
        notes.append(f"{missing} tokens without annotation")
    return converted(path, docs, 0 if iob1 else repaired, notes)
