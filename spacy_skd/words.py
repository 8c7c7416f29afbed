"""What is said of a word wherever it stands is asked once for each different word.

A batch of a thousand tokens has some six hundred different ones, a document of many thousands only
a tenth.
"""

from typing import Any, Callable, List, Optional, Sequence, Set, Tuple, Union

import numpy as np
from spacy.attrs import ORTH, intify_attr
from spacy.tokens import Doc
from spacy.vocab import Vocab
from thinc.api import Model
from thinc.types import Floats2d

from .ragged import split_rows


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

    def __getitem__(self, of: slice) -> "Tokens":
        return Tokens(self.vocab, self.attributes, self.values[of], self.distinct)

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
    values = np.ascontiguousarray(np.concatenate([tokens.values for tokens in texts]))
    # A row as one value, which sorts faster than rows do.
    keys = values.view(np.dtype((np.void, values.itemsize * values.shape[1])))[:, 0]
    _, first, word_of = np.unique(keys, return_index=True, return_inverse=True)
    return Tokens(texts[0].vocab, texts[0].attributes, values[first], distinct=True), word_of


def are_distinct(texts: Sequence[Any]) -> bool:
    return len(texts) == 1 and isinstance(texts[0], Tokens) and texts[0].distinct


def each_word_once(
    embed: Model[List[Any], List[Floats2d]],
) -> Model[List[Any], List[Floats2d]]:
    """An embedding that is asked for each different word of a batch once, in training too. It has
    no dropout that differs from token to token.

    RETURNS: Documents -> one array (n, width) each.
    """
    return Model("each_word_once", forward, init=init, layers=[embed])


def init(
    model: Model, X: Optional[Sequence[Doc]] = None, Y: Optional[List[Floats2d]] = None
) -> None:
    (embed,) = model.layers
    embed.initialize(X=as_tokens(X, attributes_read(embed, X[0].vocab)) if X else None)


def forward(
    model: Model[List[Any], List[Floats2d]], docs: List[Any], is_train: bool
) -> Tuple[List[Floats2d], Callable[[List[Floats2d]], List[Any]]]:
    (embed,) = model.layers
    ops = model.ops
    if not docs:
        return [], lambda _: []
    if are_distinct(docs):
        return embed(docs, is_train)
    words, index = different(as_tokens(docs, attributes_read(embed, docs[0].vocab)))
    word_of = ops.asarray1i(index)
    [vectors], backprop_embed = embed([words], is_train)

    def backprop(gradients: List[Floats2d]) -> List[Any]:
        of_words = ops.alloc2f(*vectors.shape)
        ops.scatter_add(of_words, word_of, ops.flatten(gradients))
        backprop_embed([of_words])
        return []  # as spaCy's do: thinc's concatenate adds to the list that it gets

    return split_rows(vectors[word_of], [len(doc) for doc in docs]), backprop
