"""spaCy's tokenizers, for text that comes without tokens."""

import pkgutil
import re
import sys
from typing import Any, Dict, Iterator, List, Optional, Tuple

import spacy
import spacy.lang
from spacy.language import Language
from spacy.tokens import Doc
from spacy.util import find_matching_language, registry

from ..errors import Errors, SkdError

# spaCy takes prefixes and suffixes off a word one by one, looking through the rest of it each time:
# a word of 4,000 quotation marks takes seconds. So longer ones are cut.
LONGEST_WORD = 256


def load_tokenizer(
    lang: str, settings: Optional[Dict[str, Any]] = None
) -> Tuple[Language, List[str]]:
    """A pipeline with nothing but spaCy's tokenizer for a language, or its language-neutral one,
    and what to say about it.

    settings (Optional[Dict[str, Any]]): Of `[nlp.tokenizer]`, for those that have some.
    Raises `SkdError` where the tokenizer needs a package that is missing.
    """
    notes = []
    code = _spacys_code(lang)
    if code is None:
        notes.append(f"spaCy has no tokenizer for '{lang}': that of 'xx' used")
        code = "xx"
    try:
        nlp = spacy.blank(code, config={"nlp": {"tokenizer": settings or {}}})
    except ImportError as error:
        reason = " ".join(str(error).split())
        raise SkdError(Errors.SKD100.format(lang=lang, reason=reason)) from None
    nlp.max_length = sys.maxsize  # the limit is for components that need much memory
    return nlp, notes


def tokenize(nlp: Language, text: str) -> Doc:
    """The tokens of a text, which may be of any length, in time linear to it."""
    pieces = [nlp.make_doc(piece) for piece in cut_long_words(text)]
    if len(pieces) == 1:
        return pieces[0]
    tokens = [token for piece in pieces for token in piece]
    words = [token.text for token in tokens]
    return Doc(nlp.vocab, words=words, spaces=[bool(token.whitespace_) for token in tokens])


def cut_long_words(text: str) -> Iterator[str]:
    """A text cut in words that are too long, nearly always in one piece."""
    start = 0
    for word in re.finditer(r"\S+", text):
        while word.end() - max(start, word.start()) > LONGEST_WORD:
            end = max(start, word.start()) + LONGEST_WORD
            yield text[start:end]
            start = end
    yield text[start:]


def _spacys_code(lang: str) -> Optional[str]:
    """What spaCy calls a language. Not `get_lang_class`: it imports modules that are no language,
    such as spacy.lang.punctuation.
    """
    built_in = {module.name for module in pkgutil.iter_modules(spacy.lang.__path__) if module.ispkg}
    if lang in built_in or lang in registry.languages:
        return lang
    return find_matching_language(lang)
