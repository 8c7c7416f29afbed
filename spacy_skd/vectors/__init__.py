"""Word vectors put together from the subword embeddings of a pretrained encoder."""

from .subwords import SubwordVectors

__all__ = ["SubwordVectors"]
