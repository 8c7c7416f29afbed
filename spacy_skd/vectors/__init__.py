"""Word vectors of what a pretrained encoder knows of pieces and words, or of a corpus alone."""

from .subwords import SubwordVectors

__all__ = ["SubwordVectors"]
