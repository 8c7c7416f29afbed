"""Whether a teacher from elsewhere speaks of what a corpus is labelled with."""

from pathlib import Path
from typing import Collection, Dict, Set

import numpy as np
from spacy.attrs import ENT_TYPE, POS, TAG
from spacy.parts_of_speech import NAMES as POS_NAMES
from spacy.strings import StringStore

from ..corpora.layout import find_languages, split_files
from ..corpora.stored import open_docs
from ..errors import Errors, SkdError


def check_labels(labels: Set[str], corpus: Path, spans: bool, wanted: Collection[str]) -> None:
    """Raise `SkdError` if a teacher has no label in common with the training text of a corpus, or
    one that this lacks. Nothing is said of a corpus that is not annotated.

    spans (bool): Whether they are labels of spans, or tags.
    wanted (Collection[str]): Those that are meant to be there all the same.
    """
    known = corpus_labels(corpus)["spans" if spans else "tags"]
    others = corpus_labels(corpus)["tags" if spans else "spans"]
    if not known and not others:
        return
    listed = ", ".join(sorted(known)) or f"none of {'spans' if spans else 'tags'}"
    if not labels & known:
        raise SkdError(Errors.SKD166.format(labels=", ".join(sorted(labels)), known=listed))
    if extra := sorted(labels - known - set(wanted)):
        raise SkdError(Errors.SKD167.format(labels=", ".join(extra), example=extra[0]))


def corpus_labels(corpus: Path) -> Dict[str, Set[str]]:
    """The labels of "spans", and the "tags", coarse and fine, in the training text."""
    spans: Set[str] = set()
    tags: Set[str] = set()
    for language in find_languages(corpus, []):
        for path in split_files(corpus, language, "train"):
            packed = open_docs(path)
            strings = StringStore(packed.strings)
            for attribute, found in ((ENT_TYPE, spans), (TAG, tags), (POS, tags)):
                column = packed.attrs.index(attribute)
                values = {value for rows in packed.tokens for value in np.unique(rows[:, column])}
                name = POS_NAMES.get if attribute == POS else strings.__getitem__
                found.update(name(int(value)) for value in values if value)
    return {"spans": spans, "tags": tags}
