"""What an embedding is told of a word: spaCy's attributes, and more of its spelling.

spaCy knows the first character of a word and its last three. Endings of other lengths tell more of
words that were never seen, most of all in languages that put much into them.
"""

import re
from functools import lru_cache
from typing import Callable, List, Optional, Sequence, Tuple, Union

from spacy.attrs import IDS, LOWER
from spacy.strings import get_string_id
from thinc.api import Model
from thinc.types import Ints2d

from .errors import Errors, SkdError
from .tokens import Tokens

Feature = Union[int, str]
AFFIX = re.compile(r"(PREFIX|SUFFIX)([1-9]\d?)")
# Words whose affixes are kept, some 300 bytes each.
WORDS_KEPT = 20_000


def WordFeatures(names: Sequence[Feature]) -> Model[List[Tokens], List[Ints2d]]:
    """spaCy's FeatureExtractor, which also knows the first or last so many characters of a word in
    lower case: PREFIX2, SUFFIX4.

    names (Sequence[Feature]): Attributes of spaCy, by name or number, and affixes.
    RETURNS: Tokens -> (n, features) each, uint64: hashes, or what an attribute says of a token.
    Raises `SkdError` for a name that is neither.
    """
    names = [name.upper() if isinstance(name, str) else name for name in names]
    affixes = [affix_length(name) for name in names]
    columns = [LOWER if length else name for name, length in zip(names, affixes)]
    return Model("word_features", forward, attrs={"columns": columns, "affixes": affixes})


def affix_length(name: Feature) -> Optional[int]:
    """Characters of a prefix, of a suffix below 0; None for an attribute of spaCy."""
    affix = AFFIX.fullmatch(str(name))
    if affix is None:
        if name not in IDS and name not in IDS.values():
            raise SkdError(Errors.SKD036.format(name=name))
        return None
    return int(affix[2]) if affix[1] == "PREFIX" else -int(affix[2])


def forward(
    model: Model[List[Tokens], List[Ints2d]], texts: List[Tokens], is_train: bool
) -> Tuple[List[Ints2d], Callable[[List[Ints2d]], List[Tokens]]]:
    columns, affixes = model.attrs["columns"], model.attrs["affixes"]
    lengths = tuple(length for length in affixes if length)
    places = [i for i, length in enumerate(affixes) if length]
    features = []
    for text in texts:
        values = text.to_array(columns)
        if places and len(values):
            strings = text.vocab.strings
            words = [strings[key] for key in values[:, places[0]].tolist()]
            values[:, places] = [affix_hashes(word, lengths) for word in words]
        features.append(model.ops.asarray2i(values, dtype="uint64"))
    return features, lambda _: texts


@lru_cache(WORDS_KEPT)
def affix_hashes(word: str, lengths: Tuple[int, ...]) -> Tuple[int, ...]:
    return tuple(get_string_id(word[:n] if n > 0 else word[n:]) for n in lengths)
