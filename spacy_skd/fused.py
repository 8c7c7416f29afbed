"""What maxout layers predict, each in one pass with its matrix product, or behind it.

thinc goes over what a product gives some ten times, for the bias, maxima, means, variances and so
on, as each is an operation of its own. A prediction asks for nothing in between. Where a processor
has wide vectors, the product is in that pass as well: it needs no windows beside each other in
memory, and for a single sentence it takes a quarter of the time.
"""

from typing import Any, Callable, Iterator, List, NamedTuple, Optional, Tuple

import numpy as np
from thinc.api import Model, NumpyOps
from thinc.types import Floats1d, Floats2d, Floats3d, Ragged

from .ragged import split_rows
from .tokens import are_distinct

try:
    from .maxout import SUPPORTED, Layer, maxout_layers
    from .rows import maxout_rows
except ImportError:  # no compiler: thinc's layers do the same, only slower
    SUPPORTED, Layer, maxout_layers, maxout_rows = False, None, None, None


class Step(NamedTuple):
    """A maxout layer and what is around it."""

    # Tokens to each side that are joined to one before it.
    window: int
    maxout: Model
    norm: Optional[Model] = None
    # Whether its input is added to its output.
    residual: bool = False


def predict(model: Model, X: Any) -> Any:
    """`model.predict(X)`, but for rounding: the maxout layers in chains of layers in one pass each,
    on a CPU. Whatever else there is predicts as it does.
    """
    kind = model._func.__module__
    if kind == "thinc.layers.chain":
        for layer in model.layers:
            X = predict(layer, X)
        return X
    if not isinstance(model.ops, NumpyOps):
        return model.predict(X)
    if kind == "spacy_skd.words" and are_distinct(X):
        (embed,) = model.layers
        return [model._func.recall(model, X[0], lambda words: predict(embed, [words])[0])]
    steps = steps_with_array(model)
    return model.predict(X) if steps is None else of_arrays(model, steps, X)


def of_arrays(model: Model, steps: List[Step], X: Any) -> Any:
    """As thinc's with_array gives its layers what they take."""
    ops, pad = model.ops, model.attrs["pad"]
    if isinstance(X, Ragged) and X.dataXd.dtype == np.float32:
        return Ragged(take(steps, X.dataXd), X.lengths)
    if isinstance(X, list) and all(x.dtype == np.float32 for x in X):
        return split_rows(take(steps, ops.flatten(X, pad=pad)), [len(x) for x in X], pad)
    return model.predict(X)


def apply(layer: Model, X: Floats2d, is_train: bool) -> Tuple[Floats2d, Callable]:
    """`layer(X, is_train)` of a layer of arrays; a prediction has no gradient."""
    if is_train or not maxout_rows or not isinstance(layer.ops, NumpyOps):
        return layer(X, is_train)
    steps = steps_of(layer) if X.dtype == np.float32 else None
    return (layer.predict(X) if steps is None else take(steps, X)), no_gradient


def no_gradient(_: Any) -> Any:
    raise NotImplementedError("a prediction has no gradient")


def take(steps: List[Step], X: Floats2d) -> Floats2d:
    """Arrays (n, width) -> (n, width of the last layer)."""
    ops = steps[0].maxout.ops
    X = ops.as_contig(X)
    if SUPPORTED:
        return maxout_layers(X, [Layer(*arrays_of(step)) for step in steps])
    for step in steps:
        X = behind_product(ops, X, *arrays_of(step))
    return X


def arrays_of(step: Step) -> Tuple:
    """Window, weights, bias, scale and shift of what is normalized, and whether X is added."""
    W, bias = step.maxout.get_param("W"), step.maxout.get_param("b")
    gain = shift = None
    if step.norm is not None:
        gain, shift = step.norm.get_param("G"), step.norm.get_param("b")
    return step.window, W, bias, gain, shift, step.residual


def behind_product(
    ops: NumpyOps,
    X: Floats2d,
    window: int,
    W: Floats3d,
    bias: Floats2d,
    gain: Optional[Floats1d],
    shift: Optional[Floats1d],
    residual: bool,
) -> Floats2d:
    """The same of one layer, whose product is that of a BLAS."""
    n_out, n_pieces, n_in = W.shape
    if not len(X):
        return ops.alloc2f(0, n_out)
    windows = ops.seq2col(X, window) if window else X
    products = ops.gemm(windows, ops.reshape2f(W, n_out * n_pieces, n_in), trans2=True)
    return maxout_rows(products, bias.reshape(-1), n_pieces, gain, shift, X if residual else None)


def steps_with_array(model: Model) -> Optional[List[Step]]:
    """The steps of thinc's with_array, where a prediction takes them in one pass; else None."""
    if model._func.__module__ != "thinc.layers.with_array" or not maxout_rows:
        return None
    return (steps_of(model.layers[0]) or None) if isinstance(model.ops, NumpyOps) else None


def steps_of(model: Model) -> Optional[List[Step]]:
    """The steps that a model of arrays is made of; None if it is made of others too."""
    steps: List[Step] = []
    window = 0
    before = ""
    for layer in leaves(model):
        kind = layer._func.__module__.removeprefix("thinc.layers.")
        if kind == "expand_window" and not window:
            window = layer.attrs["window_size"]
        elif kind == "maxout" and is_float(layer):
            steps.append(Step(window, layer))
            window = 0
        elif kind == "layernorm" and before == "maxout" and is_float(layer):
            steps[-1] = steps[-1]._replace(norm=layer)
        elif kind == "residual" and not window:
            inner = steps_of(layer.layers[0])
            if inner is None or len(inner) != 1 or inner[0].residual:
                return None
            steps.append(inner[0]._replace(residual=True))
        elif kind != "dropout":  # which a prediction has none of
            return None
        before = kind
    return None if window else steps


def leaves(model: Model) -> Iterator[Model]:
    """The layers of chains of chains."""
    if model._func.__module__ == "thinc.layers.chain":
        for layer in model.layers:
            yield from leaves(layer)
    else:
        yield model


def is_float(layer: Model) -> bool:
    """Whether a layer is initialized, and computes with what the fast path takes."""
    return all(
        layer.has_param(name)
        and layer.get_param(name).dtype == np.float32
        and layer.get_param(name).flags.c_contiguous
        for name in layer.param_names
    )
