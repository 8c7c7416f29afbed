"""Structure-level knowledge distillation for multilingual sequence labelling in spaCy."""

from importlib import import_module
from typing import TYPE_CHECKING, Any, List

from .about import __version__

if TYPE_CHECKING:
    from .errors import SkdError
    from .objectives import Distillation
    from .pipeline.crf_ner import CRFNer
    from .pipeline.crf_tagger import CRFTagger
    from .pipeline.distillation import distill

__all__ = ["CRFNer", "CRFTagger", "Distillation", "SkdError", "__version__", "distill"]

# Imported when asked for: whoever wants the version must not wait for spaCy.
MODULES = {
    "CRFNer": ".pipeline.crf_ner",
    "CRFTagger": ".pipeline.crf_tagger",
    "Distillation": ".objectives",
    "SkdError": ".errors",
    "distill": ".pipeline.distillation",
}


def __getattr__(name: str) -> Any:
    if name not in MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(MODULES[name], __name__), name)


def __dir__() -> List[str]:
    return sorted({*globals(), *__all__})
