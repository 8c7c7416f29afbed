"""The labels of a corpus, for components that are initialised before the corpus has been read."""

from pathlib import Path
from typing import Any, List, Optional, Set

import numpy as np
from spacy import registry
from spacy.attrs import ENT_TYPE, POS, TAG
from spacy.strings import StringStore
from spacy.tokens import DocBin
from spacy.vocab import Vocab

from ..corpora.layout import find_languages, split_files
from ..corpora.stored import open_docs
from ..errors import Errors, SkdError
from ..pipeline.alternatives import alternatives
from ..settings import shown

COLUMNS = {"ents": ENT_TYPE, "tag": TAG, "pos": POS}


@registry.readers("spacy-skd.Labels.v1")
def read_labels(
    path: Optional[Path],
    annotation: str,
    split: str = "train",
    languages: Optional[List[str]] = None,
) -> Optional[List[str]]:
    """All labels in `<path>/<lang>/<split>.spacy`, sorted, for the block
    `[initialize.components.<name>.labels]` where `training.max_epochs` is -1: there spaCy
    initialises from the first 100 examples.

    path (Optional[Path]): The corpus folder. None gives None: the labels of those examples.
    annotation (str): "ents", "tag" or "pos".
    languages (Optional[List[str]]): Only these; None: all in the folder.
    Raises `SkdError` for another annotation, and for a corpus that is missing or broken.
    """
    if annotation not in COLUMNS:
        name, expected = "annotation of spacy-skd.Labels.v1", f"one of {', '.join(COLUMNS)}"
        raise SkdError(Errors.SKD029.format(name=name, value=shown(annotation), expected=expected))
    if path is None:
        return None
    names = find_languages(Path(path), [], languages)
    files = [file for lang in names for file in split_files(Path(path), lang, split)]
    return sorted({label for file in files for label in labels_of(file, annotation)})


def labels_of(path: Path, annotation: str) -> Set[str]:
    """The different labels in a `.spacy` file, from its columns; a Doc is made only of what has
    alternatives.
    """
    packed = open_docs(path)
    return from_columns(packed, COLUMNS[annotation]) | from_spans(packed, alternatives(annotation))


def from_columns(packed: DocBin, attribute: int) -> Set[str]:
    attributes: List[Any] = list(packed.attrs)
    if attribute not in attributes or not packed.tokens:
        return set()
    column = attributes.index(attribute)
    values = np.unique(np.concatenate([tokens[:, column] for tokens in packed.tokens]))
    strings = StringStore(packed.strings)
    return {strings[value] for value in values if value}


def from_spans(packed: DocBin, key: str) -> Set[str]:
    written = key.encode()
    if not any(written in group for group in packed.span_groups):
        return set()
    docs = packed.get_docs(Vocab())
    return {span.label_ for doc in docs for span in doc.spans.get(key, ())} - {""}
