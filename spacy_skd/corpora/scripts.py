"""Scripts, as far as tokenizers have to tell them apart."""

import unicodedata
from functools import lru_cache

# Words of these stand side by side (Unicode line breaking, UAX #14, classes ID, CJ and SA).
WITHOUT_SPACES = frozenset(
    {"CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR", "TIBETAN"}
)


@lru_cache(maxsize=1 << 16)
def script_of(char: str) -> str:
    """The script of a letter or of a mark on one: the first word of its Unicode name, such as
    "LATIN" or "CJK". Of any other character "".
    """
    if unicodedata.category(char)[0] not in "LM":
        return ""
    name = unicodedata.name(char, "").split(" ")[0]
    return {"KATAKANA-HIRAGANA": "KATAKANA", "HALFWIDTH": "KATAKANA"}.get(name, name)


def is_wide_mark(char: str) -> bool:
    """Whether a punctuation mark is as wide as an ideograph (Unicode East Asian width, UAX #11), as
    those are that belong to scripts without spaces.
    """
    wide = len(char) == 1 and unicodedata.east_asian_width(char) in "FW"
    return wide and unicodedata.category(char)[0] == "P"


def is_spaceless(text: str) -> bool:
    """Whether most letters of a text are of a script without spaces between words."""
    letters = [script for script in map(script_of, text) if script]
    return sum(script in WITHOUT_SPACES for script in letters) * 2 > len(letters)
