"""The vectors of pieces and words as a small table: principal axes, and types of fewer bytes."""

from typing import List, Optional, Tuple

import numpy as np

DTYPES = ("float16", "int8", "float32")


def principal_axes(
    embeddings: np.ndarray, usable: List[int], kept: List[int], dims: int
) -> Tuple[np.ndarray, float]:
    """Rows `kept` of the embeddings, on the principal axes of the rows `usable`.

    embeddings (np.ndarray): (rows, width), float32.
    usable (List[int]): Rows that say where the centre and the axes are.
    dims (int): So many axes, those of the largest variance; each is scaled to unit variance.
    RETURNS (Tuple[np.ndarray, float]): (kept, dims) float32, and the share of the variance kept.
    """
    rows = embeddings[usable]
    mean = rows.mean(axis=0, dtype=np.float64)
    centred = rows - mean.astype("f")
    covariance = (centred.T @ centred).astype(np.float64) / len(rows)
    variances, axes = np.linalg.eigh(covariance)
    variances, axes = variances[::-1], axes[:, ::-1]
    # Embeddings may fill fewer dimensions than they have; there is nothing to scale beyond.
    filled = variances[:dims] > variances[0] * 1e-9
    axes = axes[:, :dims] * np.where(filled, 1 / np.sqrt(np.where(filled, variances[:dims], 1)), 0)
    # The direction of an axis is arbitrary; that of its largest coordinate is not.
    largest = np.abs(axes).argmax(axis=0)
    axes *= np.where(axes[largest, np.arange(dims)] < 0, -1, 1)
    table = ((embeddings[kept] - mean) @ axes).astype("f")
    return table, float(variances[:dims].sum() / variances.sum())


def quantize(table: np.ndarray, dtype: str) -> Tuple[np.ndarray, Optional[np.ndarray]]:
    """The table as another type, and for int8 the scale (dims,) that gives the values back.

    A step of int8 is an eighth of a dimension's standard deviation, so that rounding adds 1/768 to
    its variance. Most bytes are then small, and a zip file has 5 bits for each of them.
    """
    if dtype != "int8":
        return table.astype(dtype), None
    scale = np.maximum(table.std(axis=0) / 8, np.abs(table).max(axis=0) / 127)
    scale = np.maximum(scale, np.finfo("f").tiny).astype("f")
    return np.rint(table / scale).astype(np.int8), scale
