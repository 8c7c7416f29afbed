"""`spacy-skd.MultilingualTokenizer.v1`: one tokenizer for text in any language and script."""

import re
from itertools import pairwise
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, Iterator, List, Optional, Sequence, Union

import numpy as np
from spacy.attrs import ORTH, intify_attr
from spacy.language import Language, create_tokenizer
from spacy.scorer import Scorer
from spacy.tokenizer import Tokenizer
from spacy.tokens import Doc
from spacy.training import Example
from spacy.util import registry

from ..corpora.tokenizers import cut_long_words
from ..errors import Errors, SkdError
from .boundaries import Boundaries, Chunk, may_begin
from .learning import learn
from .segmenters import Segmenter, make_segmenters, require_segmenters, segmented
from .storage import SpecialCases, pack, unpack

CHUNK = re.compile(r"\S+|\s+")
# Chunks whose words are kept, because most of a text is words that came before.
CACHED = 50_000


@registry.tokenizers("spacy-skd.MultilingualTokenizer.v1")
def make_multilingual_tokenizer(
    segmenters: Optional[Dict[str, str]] = None,
) -> Callable[[Language], "MultilingualTokenizer"]:
    """A tokenizer that begins with the rules of the pipeline's language and learns from a corpus,
    in `[initialize.tokenizer]`, what it does otherwise: see `MultilingualTokenizer.initialize`.

    segmenters (Optional[Dict[str, str]]): For scripts that the corpus does not have, the language
        whose tokenizer of spaCy's splits them: {"THAI": "th", "HIRAGANA": "ja", "CJK": "zh"}. The
        first whose script occurs takes all of a run. They need packages of their own, which are
        those of `spacy-skd[segmenters]`.
    Raises `SkdError` for a script or language that is none, and where a package is missing.
    """
    made = make_segmenters(segmenters or {})

    def create(nlp: Language) -> MultilingualTokenizer:
        if made:
            require_segmenters(nlp)
        return MultilingualTokenizer(create_tokenizer()(nlp), made)

    return create


class MultilingualTokenizer:
    """Splits text at white space as spaCy does, and each piece between two spaces where a trained
    table of boundaries says; without one, by the rules alone.

    rules (Tokenizer): spaCy's, of the pipeline's language.
    segmenters (List[Segmenter]): Of scripts that the corpus does not have.
    """

    def __init__(self, rules: Tokenizer, segmenters: List[Segmenter]) -> None:
        self.rules = rules
        self.segmenters = segmenters
        self.boundaries: Optional[Boundaries] = None
        self.special_cases: SpecialCases = {}
        self._words: Dict[str, List[str]] = {}

    @property
    def vocab(self) -> Any:
        return self.rules.vocab

    def __call__(self, text: str) -> Doc:
        """The tokens of a text. Its characters are all kept."""
        pieces = [match.group() for match in CHUNK.finditer(text)]
        words_of = self._split({piece for piece in pieces if not piece[0].isspace()})
        words: List[str] = []
        spaces: List[bool] = []
        for piece in pieces:
            if not piece[0].isspace():
                found = words_of[piece]
                words += found
                spaces += [False] * len(found)
                continue
            # One space belongs to the token before it, all else is a token.
            if words and piece[0] == " ":
                spaces[-1] = True
                piece = piece[1:]
            if piece:
                words.append(piece)
                spaces.append(False)
        return Doc(self.vocab, words=words, spaces=spaces)

    def pipe(self, texts: Iterable[str], batch_size: int = 1000) -> Iterator[Doc]:
        for text in texts:
            yield self(text)

    def initialize(
        self,
        get_examples: Callable[[], Iterable[Example]],
        *,
        nlp: Optional[Language] = None,
        sentences: Optional[Callable[[], Iterable[Doc]]] = None,
    ) -> None:
        """Learn where a corpus splits text.

        sentences (Optional[Callable]): Its documents, such as `spacy-skd.Sentences.v1` reads; None
            leaves the rules as they are. The examples of training may be without end.
        """
        if sentences is not None:
            self.boundaries = learn(sentences(), self.by_rule)
            self._words.clear()

    def add_special_case(self, string: str, substrings: Iterable[Dict[Any, str]]) -> None:
        """Let a string between spaces or punctuation always be these tokens, whatever was learned.
        As `add_special_case` of spaCy's `Tokenizer`.

        substrings (Iterable[Dict[int | str, str]]): {ORTH: text} of each token.
        Raises `SkdError` for white space in the string, other texts than it is made of, and other
            attributes than ORTH: what a tokenizer finds is where words begin.
        """
        cases = [{intify_attr(name): value for name, value in one.items()} for one in substrings]
        words = [case.get(ORTH, "") for case in cases]
        if (
            any(set(case) != {ORTH} for case in cases)
            or not all(words)
            or "".join(words) != string
            or len(string.split()) != 1
        ):
            raise SkdError(Errors.SKD253.format(string=string))
        self.rules.add_special_case(string, cases)
        self.special_cases[string] = words
        self._words = {}

    def score(self, examples: Iterable[Example], **settings: Any) -> Dict[str, Any]:
        """`token_acc` and the like: what `nlp.evaluate` says of the tokens."""
        return Scorer.score_tokenization(examples)

    def by_rule(self, text: str) -> Chunk:
        """A piece without white space, and where tokens begin in it by spaCy's rules."""
        rule = np.zeros(len(text), dtype=bool)
        whole = np.zeros(len(text), dtype=bool)
        at = 0
        for part in cut_long_words(text):
            for token in self.rules(part):
                first = at + token.idx
                rule[first] = True
                whole[first + 1 : first + len(token)] = token.like_url or token.like_email
            at += len(part)
        starts = segmented(text, rule, self.segmenters)
        for string, words in self.special_cases.items():
            for place in places_of(string, words, text, rule):
                starts[place] = rule[place]
                whole[place] = True
        return Chunk(text, starts, whole)

    def _split(self, pieces: Iterable[str]) -> Dict[str, List[str]]:
        """The cache, in which the words of some pieces without white space are now."""
        words_of = self._words
        new = [piece for piece in pieces if piece not in words_of]
        if len(words_of) + len(new) > CACHED:
            # A new one and not the old one emptied: other threads may be reading that.
            words_of = self._words = {}
            new = list(pieces)
        chunks = [self.by_rule(piece) for piece in new]
        decided = [chunk.rule for chunk in chunks]
        if self.boundaries is not None:
            decided = self.boundaries.decide(chunks)
        for chunk, starts in zip(chunks, decided):
            words_of[chunk.text] = cut(chunk.text, starts & may_begin(chunk.text))
        return words_of

    # Serialisation; the segmenters are settings.

    def to_bytes(self, *, exclude: Iterable[str] = ()) -> bytes:
        """The rules and the trained table as bytes."""
        rules = self.rules.to_bytes(exclude=["vocab"])
        return pack(rules, self.special_cases, self.boundaries)

    def from_bytes(self, data: bytes, *, exclude: Iterable[str] = ()) -> "MultilingualTokenizer":
        """Load what `to_bytes` gave. Raises `SkdError` for what is damaged."""
        self._load(data, "bytes")
        return self

    def to_disk(self, path: Union[str, Path], *, exclude: Iterable[str] = ()) -> None:
        """Write the rules and the trained table to a file."""
        Path(path).write_bytes(self.to_bytes())

    def from_disk(
        self, path: Union[str, Path], *, exclude: Iterable[str] = ()
    ) -> "MultilingualTokenizer":
        """Load what `to_disk` wrote. Raises `SkdError` for what is damaged."""
        self._load(Path(path).read_bytes(), str(path))
        return self

    def _load(self, data: bytes, source: str) -> None:
        rules, self.special_cases, self.boundaries = unpack(data, source)
        self.rules.from_bytes(rules, exclude=["vocab"])
        self._words.clear()


def places_of(string: str, words: Sequence[str], text: str, starts: np.ndarray) -> Iterator[slice]:
    """Where a string is in a text as these words, and the character behind it, if any.

    starts (ndarray): (n,) whether a token begins at each of its characters, bool.
    """
    expected = np.zeros(len(string), dtype=bool)
    expected[np.cumsum([0, *map(len, words[:-1])])] = True
    first = text.find(string)
    while first >= 0:
        end = first + len(string)
        if (starts[first:end] == expected).all() and starts[end : end + 1].all():
            yield slice(first, end + 1)
        first = text.find(string, first + 1)


def cut(text: str, starts: np.ndarray) -> List[str]:
    edges = [*np.flatnonzero(starts).tolist(), len(text)]
    return [text[first:end] for first, end in pairwise(edges)]
