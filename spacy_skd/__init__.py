"""Structure-level knowledge distillation for multilingual sequence labelling in spaCy."""

from .about import __version__

__all__ = ["__version__"]
