"""Runs of letters in scripts without spaces: split by spaCy's tokenizers of languages, each with
the segmenter that it is built on.
"""

import re
from typing import List, Mapping

import numpy as np
from spacy.language import Language
from spacy.util import get_minor_version_range

from ..about import __title__, __version__
from ..corpora.scripts import WITHOUT_SPACES, script_of
from ..corpora.tokenizers import load_tokenizer
from ..errors import Errors, SkdError

# Each of these characters is a word, or close to one, where nothing better is known.
IDEOGRAPHS = "CJK"
# What spaCy is told beside the language: its Chinese takes each character for a word otherwise.
SETTINGS = {"zh": {"segmenter": "jieba"}}
# Characters: Sudachi, of spaCy's Japanese, refuses more than 49,149 bytes at a time, and one of
# them has up to 4. Longer runs are cut.
LONGEST_RUN = 10_000


class Segmenter:
    """A language's tokenizer of spaCy's. Copied and pickled by its name.

    Raises `SkdError` where it needs a package that is missing.
    """

    def __init__(self, script: str, code: str) -> None:
        self.script, self.code = script, code
        try:
            self.nlp = load_tokenizer(code, SETTINGS.get(code))[0]
        except SkdError as error:
            raise SkdError(Errors.SKD250.format(script=script, reason=error.message)) from None

    def __call__(self, text: str) -> np.ndarray:
        """Whether a word begins at each character, (n,) bool."""
        starts = np.zeros(len(text), dtype=bool)
        for first in range(0, len(text), LONGEST_RUN):
            tokens = self.nlp.make_doc(text[first : first + LONGEST_RUN])
            starts[[first + token.idx for token in tokens]] = True
        return starts

    def __reduce__(self) -> tuple:
        return Segmenter, (self.script, self.code)


def make_segmenters(codes: Mapping[str, str]) -> List[Segmenter]:
    """The segmenters of scripts, in their order. Raises `SkdError` for what is none."""
    for script in codes:
        if script not in WITHOUT_SPACES:
            names = ", ".join(sorted(WITHOUT_SPACES))
            raise SkdError(Errors.SKD251.format(script=script, names=names))
    return [Segmenter(script, code) for script, code in codes.items()]


def require_segmenters(nlp: Language) -> None:
    """`spacy package` lets the wheel of a pipeline require what its meta data says."""
    requirements = nlp.meta.setdefault("requirements", [])
    ours = f"{__title__}[segmenters]{get_minor_version_range(__version__)}"
    if ours not in requirements:
        requirements.append(ours)


def segmented(text: str, starts: np.ndarray, segmenters: List[Segmenter]) -> np.ndarray:
    """Where words begin in a text, (n,) bool: `starts`, but in runs of letters of scripts without
    spaces what a segmenter says; without one each ideograph is a word, and another run stays whole.
    """
    scripts = [script_of(char) for char in text]
    spaceless = "".join("01"[script in WITHOUT_SPACES] for script in scripts)
    if "1" not in spaceless:
        return starts
    starts = starts.copy()
    for run in re.finditer("1+", spaceless):
        first, end = run.span()
        there = set(scripts[first:end])
        chosen = next((found for found in segmenters if found.script in there), None)
        if chosen is not None:
            starts[first:end] = chosen(text[first:end])
        else:
            starts[first:end] = [script == IDEOGRAPHS for script in scripts[first:end]]
        starts[first] = True
        starts[end : end + 1] = True
    return starts
