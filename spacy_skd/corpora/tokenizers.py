"""spaCy's tokenizers, for text that comes without tokens."""

from typing import List, Tuple

import spacy
from spacy.language import Language
from spacy.util import get_lang_class

from ..errors import Errors, SkdError


def load_tokenizer(lang: str) -> Tuple[Language, List[str]]:
    """A pipeline with nothing but spaCy's tokenizer for a language, or its language-neutral one,
    and what to say about it. Raises `SkdError` where the tokenizer needs a package that is missing.
    """
    notes = []
    try:
        get_lang_class(lang)
    except ImportError:
        notes.append(f"spaCy has no tokenizer for '{lang}': that of 'xx' used")
        lang = "xx"
    try:
        return spacy.blank(lang), notes
    except ImportError as error:
        reason = " ".join(str(error).split())
        raise SkdError(Errors.SKD100.format(lang=lang, reason=reason)) from None
