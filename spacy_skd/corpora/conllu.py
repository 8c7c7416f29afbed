"""CoNLL-U, the format of Universal Dependencies (universaldependencies.org/format.html)."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Dict, List, Tuple

from spacy.parts_of_speech import IDS as PARTS_OF_SPEECH
from spacy.tokens import Doc
from spacy.vocab import Vocab

from ..errors import Errors, SkdError
from .documents import Converted, ReadOptions, converted, make_doc
from .lines import Line, read_blocks
from .multiword import merge_multiword
from .surface import MULTIWORD

COLUMNS = 10
ID, FORM, UPOS, XPOS, MISC = 0, 1, 3, 4, 9
MISSING = "_"


@dataclass
class _Sentence:
    words: List[str] = field(default_factory=list)
    spaces: List[bool] = field(default_factory=list)
    upos: List[str] = field(default_factory=list)
    xpos: List[str] = field(default_factory=list)
    # last word of a multiword token -> (first word, whether a space follows, form)
    multiword: Dict[int, Tuple[int, bool, str]] = field(default_factory=dict)

    @property
    def fused(self) -> Tuple[Tuple[int, int, str], ...]:
        """The multiword tokens that are not the sum of their words: (first, end, form)."""
        found = [(first - 1, last, form) for last, (first, _, form) in self.multiword.items()]
        return tuple(part for part in found if "".join(self.words[slice(*part[:2])]) != part[2])


def read_conllu(path: Path, lang: str, options: ReadOptions) -> Converted:
    """Read a CoNLL-U file: its syntactic words become tokens, UPOS `pos_` and the column
    `options.tag` names `tag_`; "_" is missing annotation. Empty nodes are left out. Those
    multiword tokens that are not the sum of their words are kept in `user_data` (see `surface`), or
    with `options.merge_subtokens` become the tokens that a text has (see `multiword`).
    Raises `SkdError` for lines that are not CoNLL-U and for parts of speech that are not universal.
    """
    vocab = Vocab()
    docs: List[Doc] = []
    missing = multiword = merged = 0
    for block in read_blocks(path, options.encoding):
        sentence = _read_sentence(block, path)
        if sentence.words:
            tags = sentence.upos if options.tag == "upos" else sentence.xpos
            doc = make_doc(
                vocab, lang, sentence.words, sentence.spaces, pos=sentence.upos, tags=tags
            )
            if sentence.fused:
                doc.user_data[MULTIWORD] = sentence.fused
            docs.append(merge_multiword(doc, options.tag) if options.merge_subtokens else doc)
            missing += sum(not token.tag_ for token in docs[-1])
            multiword += len(sentence.fused)
            merged += len(doc) - len(docs[-1])
    notes = [f"{missing} tokens without tag"] if missing else []
    return replace(converted(path, docs, notes=notes), multiword=multiword, merged=merged)


def _read_sentence(block: List[Line], path: Path) -> _Sentence:
    sentence = _Sentence()
    for number, line in block:
        if not line.startswith("#"):
            _read_line(line, sentence, path, number)
    _join_multiword(sentence, path, block[-1][0])
    return sentence


def _read_line(line: str, sentence: _Sentence, path: Path, number: int) -> None:
    try:
        from conllu.exceptions import ParseException
        from conllu.parser import parse_dict_value, parse_id_value
    except ImportError as error:
        raise SkdError(Errors.SKD119) from error

    cells = line.split("\t")
    if len(cells) != COLUMNS:
        found = len(cells)
        raise SkdError(Errors.SKD091.format(path=path, line=number, expected=COLUMNS, found=found))
    try:
        identifier = parse_id_value(cells[ID])
    except (ParseException, ValueError):  # Python reads no number of more than 4300 digits
        reason = f"'{cells[ID][:80]}' is no word's number"
        raise SkdError(Errors.SKD094.format(path=path, line=number, reason=reason)) from None
    # The last column: blanks after it are those of the line.
    space_after = (parse_dict_value(cells[MISC].strip()) or {}).get("SpaceAfter") != "No"
    if isinstance(identifier, tuple):
        first, kind, last = identifier
        if kind == "-":
            if not cells[FORM]:
                raise SkdError(Errors.SKD093.format(path=path, line=number))
            _check_multiword(sentence, first, path, number)
            sentence.multiword[last] = (first, space_after, cells[FORM])
        return
    if identifier != len(sentence.words) + 1:
        reason = f"word {cells[ID][:80]} follows word {len(sentence.words)}"
        raise SkdError(Errors.SKD094.format(path=path, line=number, reason=reason))
    _read_word(cells, sentence, path, number)
    sentence.spaces.append(space_after)


def _check_multiword(sentence: _Sentence, first: int, path: Path, number: int) -> None:
    """Multiword tokens come before their first word, and share none."""
    if first != len(sentence.words) + 1 or first <= max(sentence.multiword, default=0):
        reason = f"multiword token from {first} follows word {len(sentence.words)}"
        raise SkdError(Errors.SKD094.format(path=path, line=number, reason=reason))


def _read_word(cells: List[str], sentence: _Sentence, path: Path, number: int) -> None:
    if not cells[FORM]:
        raise SkdError(Errors.SKD093.format(path=path, line=number))
    upos, xpos = ("" if cells[i] == MISSING else cells[i] for i in (UPOS, XPOS))
    if upos not in PARTS_OF_SPEECH:
        raise SkdError(Errors.SKD095.format(path=path, line=number, tag=upos))
    if not xpos.isprintable():
        raise SkdError(Errors.SKD094.format(path=path, line=number, reason=f"XPOS is '{xpos}'"))
    sentence.words.append(cells[FORM])
    sentence.upos.append(upos)
    sentence.xpos.append(xpos)


def _join_multiword(sentence: _Sentence, path: Path, line: int) -> None:
    """Inside a multiword token there are no spaces; whether one follows, its own line says."""
    for last, (first, space_after, _) in sentence.multiword.items():
        if last > len(sentence.words):
            reason = f"multiword token {first}-{last}, but only {len(sentence.words)} words"
            raise SkdError(Errors.SKD094.format(path=path, line=line, reason=reason))
        sentence.spaces[first - 1 : last] = [False] * (last - first) + [space_after]
