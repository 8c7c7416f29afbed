"""Tokens of documents, or of none, as far as an embedding asks for them; the different ones."""

from typing import Any, List, Sequence, Set, Tuple, Union

import numpy as np
from spacy.attrs import ORTH, intify_attr
from spacy.tokens import Doc
from spacy.vocab import Vocab
from thinc.api import Model


class Tokens:
    """Tokens of a document, or of none, as far as layers ask for them: like a Doc, but each is only
    what the attributes say. Not a Span, whose attributes cannot be named by strings."""

    def __init__(
        self, vocab: Vocab, attributes: List[int], values: np.ndarray, distinct: bool = False
    ) -> None:
        """attributes (List[int]): K IDs. values (np.ndarray): (n, K), uint64. distinct (bool):
        Whether all tokens are known to differ."""
        self.vocab, self.attributes, self.values = vocab, attributes, values
        self.distinct = distinct

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, of: Union[slice, np.ndarray]) -> "Tokens":
        return Tokens(self.vocab, self.attributes, self.values[of], self.distinct)

    def keys(self) -> np.ndarray:
        """Each token as one value (n,), which sorts faster than rows do."""
        values = np.ascontiguousarray(self.values)
        return values.view(np.dtype((np.void, values.itemsize * values.shape[1])))[:, 0]

    def to_array(self, wanted: Union[int, str, Sequence[Union[int, str]]]) -> np.ndarray:
        if isinstance(wanted, (int, str)):
            return self.values[:, self.column(wanted)]
        return self.values[:, [self.column(name) for name in wanted]]

    def column(self, name: Union[int, str]) -> int:
        return self.attributes.index(intify_attr(name))


def attributes_read(model: Model, vocab: Vocab) -> List[int]:
    """IDs of all that the layers of an embedding ask of a token."""
    attributes: Set[int] = set()
    for layer in model.walk():
        kind = layer._func.__module__
        if kind in ("spacy.ml.featureextractor", "spacy_skd.lexical"):
            attributes.update(map(intify_attr, layer.attrs["columns"]))
        elif kind == "spacy.ml.staticvectors":
            attributes.add(getattr(vocab.vectors, "attr", ORTH))
    return sorted(attributes)


def as_tokens(docs: Sequence[Union[Doc, Tokens]], attributes: List[int]) -> List[Tokens]:
    # Of one attribute a document gives (n,).
    shape, names = (-1, len(attributes)), list[Union[int, str]](attributes)
    return [Tokens(doc.vocab, attributes, doc.to_array(names).reshape(shape)) for doc in docs]


def different(texts: List[Tokens]) -> Tuple[Tokens, np.ndarray]:
    """The different words of texts of N tokens together, and which of them each token is, (N,)."""
    values = np.concatenate([tokens.values for tokens in texts])
    together = Tokens(texts[0].vocab, texts[0].attributes, values)
    _, first, word_of = np.unique(together.keys(), return_index=True, return_inverse=True)
    return Tokens(together.vocab, together.attributes, values[first], distinct=True), word_of


def are_distinct(texts: Sequence[Any]) -> bool:
    return len(texts) == 1 and isinstance(texts[0], Tokens) and texts[0].distinct
