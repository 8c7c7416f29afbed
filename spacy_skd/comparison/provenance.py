"""What a reader needs to trust a figure: with what, on what and where it was measured."""

import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Dict, Optional

from ..corpora.layout import find_languages, split_files
from ..records import file_checksum
from .spec import Spec

PACKAGES = ("spacy-skd", "spacy", "thinc", "numpy", "torch", "transformers", "spacy-transformers")


def provenance(spec: Spec) -> Dict[str, Any]:
    """Of JSON's types: "spec", "versions", "machine", and "data" with a checksum a file."""
    corpora = {"corpus": spec.corpus, "zero_shot": spec.zero_shot}
    return {
        "spec": spec.model_dump(mode="json"),
        "versions": {"python": platform.python_version(), **versions()},
        "machine": {
            "system": platform.platform(),
            "processor": platform.machine(),
            "cores": os.cpu_count(),
            "byte_order": sys.byteorder,
        },
        "data": {name: checksums(corpus, spec.split) for name, corpus in corpora.items()},
    }


def versions() -> Dict[str, Optional[str]]:
    found: Dict[str, Optional[str]] = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    return found


def checksums(corpus: Optional[Path], split: str) -> Optional[Dict[str, str]]:
    """SHA-256 of all that can be trained and evaluated on, by `<lang>/<file>`."""
    if corpus is None:
        return None
    return {
        path.relative_to(corpus).as_posix(): file_checksum(path)
        for language in find_languages(corpus, [])
        for name in dict.fromkeys(("train", "dev", split, "unlabelled"))
        for path in split_files(corpus, language, name)
    }
