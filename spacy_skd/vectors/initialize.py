"""Before `[initialize] vectors` is loaded: what kind of vectors the vocabulary will get."""

from pathlib import Path
from typing import Any, Callable, Dict, Tuple

import srsly
from packaging.requirements import Requirement
from spacy import registry
from spacy.language import Language
from spacy.util import (
    get_minor_version_range,
    get_package_path,
    is_package,
    load_config,
)

from ..about import __title__, __version__
from ..errors import Errors, SkdError
from .subwords import SubwordVectors


@registry.callbacks("spacy-skd.PrepareVectors.v1")
def make_prepare_vectors() -> Callable[[Language], None]:
    """An `initialize.before_init` callback: `[nlp.vectors]` becomes that of the pipeline which
    `[initialize] vectors` names, so that one config takes vectors of any kind, or none.

    spaCy loads vectors into an object that the config has made before, and needs it to be of the
    right class. Raises `SkdError` if there is no such pipeline.
    """
    return prepare_vectors


def prepare_vectors(nlp: Language) -> None:
    source = nlp.config.interpolate()["initialize"]["vectors"]
    if source is None:
        return
    lang, kind = language_and_kind(source)
    if lang != nlp.lang:
        reason = f"for '{nlp.lang}', but for '{lang}'; --lang {nlp.lang} makes such"
        raise SkdError(Errors.SKD170.format(path=source, reason=reason))
    nlp.config["nlp"]["vectors"] = kind
    nlp.vocab.vectors = registry.resolve({"vectors": kind})["vectors"](nlp.vocab)
    if isinstance(nlp.vocab.vectors, SubwordVectors):
        require_extra(nlp)


def language_and_kind(source: str) -> Tuple[str, Dict[str, Any]]:
    """The language and the block `[nlp.vectors]` of a pipeline: a folder or an installed package.

    Raises `SkdError` if there is none, or if it holds no vectors.
    """
    folder = get_package_path(source) if is_package(str(source)) else Path(source)
    # A package has its pipeline in a folder of its own.
    found = sorted(folder.glob("config.cfg")) or sorted(folder.glob("*/config.cfg"))
    if not found:
        raise SkdError(Errors.SKD170.format(path=source, reason="it has no config.cfg"))
    try:
        settings = load_config(found[0], interpolate=True)["nlp"]
        meta = srsly.read_json(found[0].with_name("meta.json"))
        width = meta["vectors"]["width"]
        lang, kind = settings["lang"], settings["vectors"]
    except (ValueError, KeyError, TypeError, OSError) as error:
        reason = " ".join(str(error).split())
        raise SkdError(Errors.SKD170.format(path=source, reason=reason)) from error
    if not width:
        raise SkdError(Errors.SKD170.format(path=source, reason="their width is 0"))
    return lang, kind


def require_extra(nlp: Language) -> None:
    """`spacy package` lets the wheel of a pipeline require what its meta data says. What it says of
    an earlier release, with which the pipeline was initialized before, would contradict this one.
    """
    known = [Requirement(text) for text in nlp.meta.get("requirements", [])]
    others = [str(requirement) for requirement in known if requirement.name != __title__]
    ours = [requirement for requirement in known if requirement.name == __title__]
    extras = ",".join(sorted({"vectors"}.union(*(requirement.extras for requirement in ours))))
    current = get_minor_version_range(__version__)
    nlp.meta["requirements"] = [*others, f"{__title__}[{extras}]{current}"]
