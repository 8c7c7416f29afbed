"""Sentences of train that are also in dev or test, whose scores say less for that."""

from typing import List, Mapping, Tuple

from spacy.tokens import Doc

from .documents import Converted

HELD_OUT = ("dev", "test")


def duplicates(splits: Mapping[str, Converted]) -> List[bool]:
    """Of each sentence of train whether one of the same tokens, whatever its labels, is in dev or
    test. No more is held than the tokens of those.
    """
    held_out = {words(doc) for name in HELD_OUT if name in splits for doc in splits[name].docs}
    return [words(doc) in held_out for doc in splits["train"].docs]


def words(doc: Doc) -> Tuple[str, ...]:
    return tuple(token.text for token in doc)
