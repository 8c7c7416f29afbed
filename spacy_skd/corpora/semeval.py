"""SemEval-2016 Task 5 (aspect-based sentiment analysis) in XML: targets by character offsets."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Dict, List, Optional
from xml.parsers import expat

from spacy.tokens import Doc, Span
from spacy.util import filter_spans

from ..errors import Errors, SkdError
from .documents import Converted, ReadOptions, converted
from .lines import check_encoding, decode, encoding_of, read_bytes
from .tokenizers import load_tokenizer, tokenize

NO_TARGET = "NULL"
OFFSET = re.compile(r"[0-9]{1,9}")
DECLARATION = re.compile(rb"""<\?xml\s[^>]*?\bencoding\s*=\s*["']([^"'>]*)""")


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
        doc = tokenize(nlp, sentence.text)
        targets = [o for o in sentence.opinions if o.target != NO_TARGET]
        text = sentence.text
        spans = [_target_span(doc, text, o, path, options, counts) for o in targets]
        distinct = {(span.start, span.end): span for span in spans}
        kept = filter_spans(distinct.values())
        counts.overlapping += len(distinct) - len(kept)
        if len(doc):
            doc.set_ents(kept, default="outside")
            doc.user_data["lang"] = lang
            docs.append(doc)
    return converted(path, docs, notes=notes + counts.notes())


def _target_span(
    doc: Doc, text: str, opinion: _Opinion, path: Path, options: ReadOptions, counts: _Counts
) -> Span:
    """The whole tokens that a target lies on. Raises `SkdError` where there are none."""
    given = (opinion.start, opinion.end)
    start, end = (int(place) if OFFSET.fullmatch(place) else -1 for place in given)
    span = None
    if 0 <= start < end:
        label = options.default_type
        span = doc.char_span(start, end, label=label, alignment_mode="expand")
    if not span:  # also one without tokens: the space between two
        raise _bad_offsets(text, opinion, path)
    counts.misaligned += doc.char_span(start, end) is None
    counts.different += not _is_spelt(text, start, end, opinion.target)
    return span


def _is_spelt(text: str, start: int, end: int, target: str) -> bool:
    # The length first, so that many wrong offsets cost no many long comparisons: a character
    # becomes three at most.
    return end - start <= 3 * len(target) and text[start:end].casefold() == target.casefold()


def _bad_offsets(text: str, opinion: _Opinion, path: Path) -> SkdError:
    return SkdError(
        Errors.SKD099.format(
            path=path,
            line=opinion.line,
            start=opinion.start,
            end=opinion.end,
            target=opinion.target,
            length=len(text),
        )
    )


def _parse(path: Path) -> List[_Sentence]:
    data = read_bytes(path)
    encoding = encoding_of(data, _declared_encoding(data))
    try:
        check_encoding(encoding)
    except SkdError:
        raise SkdError(Errors.SKD191.format(path=path, encoding=encoding)) from None
    parser = _Parser(path)
    parser.parse(decode(data, encoding, path, Errors.SKD190))
    if not parser.sentences:
        raise SkdError(Errors.SKD098.format(path=path))
    return parser.sentences


def _declared_encoding(data: bytes) -> str:
    """The encoding of XML without a byte order mark: declared, or to be seen from its first "<"."""
    for start, encoding in ((b"<\0", "utf-16-le"), (b"\0<", "utf-16-be")):
        if data.startswith(start):
            return encoding
    declaration = DECLARATION.match(data[:1024])
    return declaration[1].decode("latin-1") if declaration else "utf-8"


class _Parser:
    """Collects sentences with the lines of their opinions. Entities are not declared in SemEval,
    and a kilobyte of them can stand for gigabytes of text, so that declaring one is refused.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.sentences: List[_Sentence] = []
        self.text: Optional[List[str]] = None  # pieces of the <text> that is open
        # Not the encoding that the file declares: it has been decoded.
        self.expat = expat.ParserCreate("utf-8")
        self.expat.buffer_text = True
        self.expat.StartElementHandler = self.start
        self.expat.EndElementHandler = self.end
        self.expat.CharacterDataHandler = self.characters
        self.expat.EntityDeclHandler = self.refuse_entity
        self.expat.SkippedEntityHandler = self.refuse_entity

    def parse(self, text: str) -> None:
        try:
            self.expat.Parse(text.encode("utf-8"), True)
        except expat.ExpatError as error:
            raise self.error(expat.ErrorString(error.code)) from None

    def error(self, reason: str) -> SkdError:
        line = self.expat.CurrentLineNumber
        return SkdError(Errors.SKD097.format(path=self.path, line=line, reason=reason))

    def start(self, name: str, attributes: Dict[str, str]) -> None:
        if self.text is not None:
            raise self.error(f"<{name}> inside <text>")
        if name == "sentence":
            self.sentences.append(_Sentence())
        elif self.sentences and name == "text":
            if self.sentences[-1].text:
                raise self.error("a second <text> in a <sentence>")
            self.text = []
        elif self.sentences and name == "Opinion":
            self.sentences[-1].opinions.append(
                _Opinion(
                    line=self.expat.CurrentLineNumber,
                    target=attributes.get("target", NO_TARGET),
                    start=attributes.get("from", ""),
                    end=attributes.get("to", ""),
                )
            )

    def end(self, name: str) -> None:
        if self.text is not None:
            self.sentences[-1].text = "".join(self.text)
            self.text = None

    def characters(self, content: str) -> None:
        if self.text is not None:
            self.text.append(content)

    def refuse_entity(self, name: str, *others: object) -> None:
        raise self.error(f"entity '{name}' is declared, or is to be taken from elsewhere")
