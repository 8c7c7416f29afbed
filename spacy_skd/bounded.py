"""What an encoder predicts, in memory that hardly grows with the length of its input.

A thinc model keeps what each of its layers has computed until the last one is done, for a gradient
that prediction never asks for: 15 kilobytes a token of a small convolutional encoder. One that sees
no further than a few tokens to each side can go over its input piece by piece instead. A piece
takes that many of its neighbours with it, so that its own tokens come out as they do from the
whole.
"""

from collections import defaultdict
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence, Tuple

import numpy as np
from spacy.tokens import Doc
from thinc.api import Model
from thinc.types import Floats2d

# Tokens of a piece. What a layer of usual width makes of them stays in the cache of a core.
PIECE = 2048

# Layers, by the modules that define them, that look at each token by itself; and those that see
# what the widest of the layers in them sees.
ALONE = {
    "spacy.ml.featureextractor",
    "spacy.ml.staticvectors",
    "thinc.layers.array_getitem",
    "thinc.layers.dropout",
    "thinc.layers.hashembed",
    "thinc.layers.layernorm",
    "thinc.layers.linear",
    "thinc.layers.list2ragged",
    "thinc.layers.maxout",
    "thinc.layers.mish",
    "thinc.layers.ragged2list",
    "thinc.layers.relu",
}
SIDE_BY_SIDE = {"spacy_skd.embedding", "thinc.layers.concatenate", "thinc.layers.residual"}


class Part:
    """Tokens of a document, as far as layers ask for them. Not a Span, whose attributes cannot be
    named by strings."""

    def __init__(self, doc: Doc, start: int, end: int, arrays: Dict[str, np.ndarray]) -> None:
        self.doc, self.vocab, self.start, self.end = doc, doc.vocab, start, end
        self.arrays = arrays  # of the whole document, for all of its parts

    def __len__(self) -> int:
        return self.end - self.start

    def to_array(self, attributes: Any) -> np.ndarray:
        key = str(attributes)
        if key not in self.arrays:
            self.arrays[key] = self.doc.to_array(attributes)
        return self.arrays[key][self.start : self.end]


def apply(
    model: Model[List[Any], List[Floats2d]], X: List[Any], is_train: bool
) -> Tuple[List[Floats2d], Callable]:
    """`model(X, is_train)`; in prediction with bounded memory, and without a gradient."""
    return model(X, is_train) if is_train else (predict(model, X), no_gradient)


def no_gradient(_: List[Floats2d]) -> List[Any]:
    raise NotImplementedError("a prediction has no gradient")


def predict(model: Model[List[Any], List[Floats2d]], X: List[Any]) -> List[Floats2d]:
    """`model.predict(X)`, but for rounding.

    model (Model): Any encoder or layer of one. What is made of layers that are not known here is
        asked for all of X at once.
    X (List): Documents of n tokens, or arrays (n, any width).
    RETURNS: One array (n, width) each.
    """
    seen = tokens_seen(model)
    if seen is not None:
        return in_pieces(model, X, seen)
    is_chain = model._func.__module__ == "thinc.layers.chain"
    if is_chain and model.has_ref("embed") and model.has_ref("encode"):  # spaCy's Tok2Vec.v2
        return predict(model.get_ref("encode"), predict(model.get_ref("embed"), X))
    return model.predict(X)


def tokens_seen(model: Model) -> Optional[int]:
    """How many tokens to each side the output for a token depends on; None where that is not known,
    or where documents are not kept apart."""
    kind = model._func.__module__
    if kind in ALONE:
        return 0
    if kind == "thinc.layers.expand_window":
        return model.attrs["window_size"]
    seen: List[int] = []
    for layer in model.layers:
        tokens = tokens_seen(layer)
        if tokens is None:
            return None
        seen.append(tokens)
    if kind == "thinc.layers.chain":
        return sum(seen)
    if kind in SIDE_BY_SIDE:
        return max(seen)
    if kind == "thinc.layers.with_array" and seen[0] <= model.attrs["pad"]:
        return seen[0]
    return None


def in_pieces(model: Model[List[Any], List[Floats2d]], X: List[Any], seen: int) -> List[Floats2d]:
    parts_of: List[List[Floats2d]] = [[] for _ in X]
    arrays: Dict[int, Dict[str, np.ndarray]] = defaultdict(dict)
    for group in groups([len(x) for x in X]):
        wider = [(i, max(start - seen, 0), end + seen) for i, start, end in group]
        inputs = [cut(X[i], start, end, arrays[i]) for i, start, end in wider]
        for vectors, (i, start, end), (_, first, _) in zip(model.predict(inputs), group, wider):
            parts_of[i].append(vectors[start - first : end - first])
    return [joined(model, parts) for parts in parts_of]


def groups(lengths: Sequence[int]) -> Iterator[List[Tuple[int, int, int]]]:
    """Pieces (which input, first token, the one after the last) of all inputs in their order, as
    many together as make up one of the largest size."""
    group: List[Tuple[int, int, int]] = []
    size = 0
    for i, length in enumerate(lengths):
        for start in range(0, max(length, 1), PIECE):
            end = min(start + PIECE, length)
            if group and size + end - start > PIECE:
                yield group
                group, size = [], 0
            group.append((i, start, end))
            size += end - start
    if group:
        yield group


def cut(x: Any, start: int, end: int, arrays: Dict[str, np.ndarray]) -> Any:
    if not isinstance(x, Doc):
        return x[start:end]
    return x if start == 0 and end >= len(x) else Part(x, start, min(end, len(x)), arrays)


def joined(model: Model, parts: List[Floats2d]) -> Floats2d:
    return parts[0] if len(parts) == 1 else model.ops.xp.concatenate(parts)
