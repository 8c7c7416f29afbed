"""SemEval-2016 Task 5 (aspect-based sentiment analysis) in XML: targets by character offsets."""

import xml.sax
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import List, Tuple

from spacy.tokens import Doc
from spacy.util import filter_spans

from ..errors import Errors, SkdError
from .documents import Converted, ReadOptions, converted
from .lines import read_bytes
from .tokenizers import load_tokenizer

NO_TARGET = "NULL"


@dataclass
class _Opinion:
    line: int
    target: str
    start: str
    end: str


@dataclass
class _Sentence:
    text: str = ""
    opinions: List[_Opinion] = field(default_factory=list)


@dataclass
class _Counts:
    misaligned: int = 0
    overlapping: int = 0
    different: int = 0

    def notes(self) -> List[str]:
        notes = {
            "targets widened to whole tokens": self.misaligned,
            "targets left out, inside others": self.overlapping,
            "targets spelt otherwise than the text at their offsets": self.different,
        }
        return [f"{count} {what}" for what, count in notes.items() if count]


def read_semeval(path: Path, lang: str, options: ReadOptions) -> Converted:
    """Read a SemEval XML file, tokenised by spaCy's tokenizer of the language. Opinions without
    target (NULL) are skipped; of overlapping targets the longest is kept. Raises `SkdError` for
    XML that cannot be parsed and for offsets outside of the text.
    """
    sentences = _parse(path)
    nlp, notes = load_tokenizer(lang)
    counts = _Counts()
    docs = []
    for sentence in sentences:
        doc = nlp.make_doc(sentence.text)
        targets = [o for o in sentence.opinions if o.target != NO_TARGET]
        spans = [_target_span(doc, opinion, path, options, counts) for opinion in targets]
        distinct = {(span.start, span.end): span for span in spans}
        kept = filter_spans(distinct.values())
        counts.overlapping += len(distinct) - len(kept)
        if len(doc):
            doc.set_ents(kept, default="outside")
            doc.user_data["lang"] = lang
            docs.append(doc)
    return converted(path, docs, notes=notes + counts.notes())


def _target_span(doc: Doc, opinion: _Opinion, path: Path, options: ReadOptions, counts: _Counts):
    start, end = _offsets(opinion, doc.text, path)
    if doc.text[start:end].casefold() != opinion.target.casefold():
        counts.different += 1
    if doc.char_span(start, end) is None:
        counts.misaligned += 1
    return doc.char_span(start, end, label=options.default_type, alignment_mode="expand")


def _offsets(opinion: _Opinion, text: str, path: Path) -> Tuple[int, int]:
    try:
        start, end = int(opinion.start), int(opinion.end)
    except ValueError:
        start, end = 0, 0
    if not 0 <= start < end <= len(text):
        raise SkdError(
            Errors.SKD099.format(
                path=path,
                line=opinion.line,
                start=opinion.start,
                end=opinion.end,
                target=opinion.target,
                length=len(text),
            )
        )
    return start, end


def _parse(path: Path) -> List[_Sentence]:
    handler = _Handler()
    try:
        xml.sax.parse(BytesIO(read_bytes(path)), handler)
    except xml.sax.SAXParseException as error:
        raise SkdError(
            Errors.SKD097.format(path=path, line=error.getLineNumber(), reason=error.getMessage())
        ) from None
    if not handler.sentences:
        raise SkdError(Errors.SKD098.format(path=path))
    return handler.sentences


class _Handler(xml.sax.ContentHandler):
    """Collects sentences; SAX, because a tree of the standard library knows no line numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.sentences: List[_Sentence] = []
        self.in_text = False

    def startElement(self, name, attrs) -> None:
        if name == "sentence":
            self.sentences.append(_Sentence())
        elif self.sentences and name == "Opinion":
            self.sentences[-1].opinions.append(
                _Opinion(
                    line=self._locator.getLineNumber(),
                    target=attrs.get("target", NO_TARGET),
                    start=attrs.get("from", ""),
                    end=attrs.get("to", ""),
                )
            )
        self.in_text = bool(self.sentences) and name == "text"

    def endElement(self, name) -> None:
        self.in_text = False

    def characters(self, content) -> None:
        if self.in_text:
            self.sentences[-1].text += content
