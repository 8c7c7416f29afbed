"""What an encoder predicts, in memory that hardly grows with the length of its input.

A thinc model keeps what each of its layers has computed until the last one is done, for a gradient
that prediction never asks for: 15 kilobytes a token of a small convolutional encoder. One that sees
no further than a few tokens to each side can go over its input piece by piece instead. A piece
takes that many of its neighbours with it, so that its own tokens come out as they do from the
whole. What sees no neighbours at all, such as the embedding of a word, says the same of a word
wherever it stands, and is asked once for each different word.
"""

from typing import Any, Callable, Iterator, List, Optional, Sequence, Tuple

import numpy as np
from spacy.tokens import Doc
from thinc.api import Model
from thinc.types import Floats2d

from . import fused
from .ragged import Rows, flattened
from .tokens import Tokens, as_tokens, attributes_read, different

# Tokens of a piece. What a layer of usual width makes of them stays in the cache of a core.
PIECE = 2048

# Layers, by the modules that define them, that look at each token by itself; and those that see
# what the layers in them see: one after the other, or the widest of them.
ALONE = {
    "spacy.ml.featureextractor",
    "spacy.ml.staticvectors",
    "spacy_skd.lexical",
    "spacy_skd.words",
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
JOINED = {
    "spacy_skd.embedding",
    "thinc.layers.chain",
    "thinc.layers.concatenate",
    "thinc.layers.residual",
    "thinc.layers.with_array",
}


def apply(
    model: Model[List[Any], List[Floats2d]], X: Sequence[Any], is_train: bool
) -> Tuple[Sequence[Floats2d], Callable]:
    """`model(X, is_train)`; in prediction with bounded memory, and without a gradient."""
    return model(X, is_train) if is_train else (predict(model, X), fused.no_gradient)


def predict(model: Model[List[Any], List[Floats2d]], X: Sequence[Any]) -> Sequence[Floats2d]:
    """`model.predict(X)`, but for rounding.

    model (Model): Any encoder or layer of one. What is made of layers that are not known here is
        asked for all of X at once.
    X (Sequence): Documents of n tokens, or arrays (n, any width).
    RETURNS: One array (n, width) each.
    """
    is_chain = model._func.__module__ == "thinc.layers.chain"
    if is_chain and model.has_ref("embed") and model.has_ref("encode"):  # spaCy's Tok2Vec.v2
        return predict(model.get_ref("encode"), predict(model.get_ref("embed"), X))
    seen = tokens_seen(model)
    if seen is None:
        return model.predict(list(X))
    if not X:
        return []
    if not isinstance(X, Rows) and any(isinstance(x, Doc) for x in X):
        tokens = as_tokens(X, attributes_read(model, X[0].vocab))
        return in_pieces(model, tokens, seen) if seen else of_each_word(model, tokens)
    steps = fused.steps_with_array(model)
    if steps is None:
        return in_pieces(model, X, seen)
    lengths = X.lengths if isinstance(X, Rows) else [len(x) for x in X]
    return Rows(in_pieces_of_rows(steps, flattened(model.ops, X), lengths, seen), lengths)


def tokens_seen(model: Model) -> Optional[int]:
    """How many tokens to each side the output for a token depends on; None where that is not known,
    or where documents are not kept apart."""
    kind = model._func.__module__
    if kind in ALONE:
        return 0
    if kind == "thinc.layers.expand_window":
        return model.attrs["window_size"]
    if kind not in JOINED:
        return None
    seen: List[int] = []
    for layer in model.layers:
        tokens = tokens_seen(layer)
        if tokens is None:
            return None
        seen.append(tokens)
    if kind == "thinc.layers.chain":
        return sum(seen)
    if kind == "thinc.layers.with_array" and seen[0] > model.attrs["pad"]:
        return None
    return max(seen)


def of_each_word(model: Model[List[Tokens], List[Floats2d]], texts: List[Tokens]) -> Rows:
    """What a model that sees no neighbours says of texts, by asking it for each word once."""
    words, word_of = different(texts)
    [vectors] = in_pieces(model, [words], 0)
    return Rows(vectors[model.ops.asarray1i(word_of)], [len(text) for text in texts])


def in_pieces_of_rows(
    steps: List[fused.Step], rows: Floats2d, lengths: Sequence[int], seen: int
) -> Floats2d:
    """What layers say of inputs whose rows (N, width) lie one after the other, (N, width of the
    last). With as many empty rows between two inputs as a layer sees, all are one, which may be cut
    anywhere.
    """
    input_of = np.repeat(np.arange(len(lengths)), lengths)
    places = np.arange(len(rows)) + input_of * seen
    found = np.empty((len(rows), steps[-1].maxout.get_dim("nO")), dtype=np.float32)
    start = 0
    while start < len(rows):
        end = int(np.searchsorted(places, places[start] + PIECE))
        first, last = places[start] - seen, places[end - 1] + seen
        near = slice(*np.searchsorted(places, (first, last + 1)))
        piece = np.zeros((last + 1 - first, rows.shape[1]), dtype=np.float32)
        piece[places[near] - first] = rows[near]
        made = fused.take(steps, piece)
        np.take(made, places[start:end] - first, axis=0, out=found[start:end], mode="clip")
        start = end
    return found


def in_pieces(
    model: Model[List[Any], List[Floats2d]], X: Sequence[Any], seen: int
) -> List[Floats2d]:
    """X (List): Of anything that has a length and slices: arrays (n, any width) or Tokens."""
    parts_of: List[List[Floats2d]] = [[] for _ in X]
    for group in groups([len(x) for x in X]):
        wider = [(i, max(start - seen, 0), end + seen) for i, start, end in group]
        inputs = [X[i][start:end] for i, start, end in wider]
        for vectors, (i, start, end), (_, first, _) in zip(
            fused.predict(model, inputs), group, wider
        ):
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


def joined(model: Model, parts: List[Floats2d]) -> Floats2d:
    return parts[0] if len(parts) == 1 else model.ops.xp.concatenate(parts)
