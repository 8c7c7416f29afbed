"""Pipelines with a CRF component, whatever its encoder, or with spaCy's tagger or morphologizer."""

from contextlib import nullcontext
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Callable, List, Optional, Sequence, Union

import numpy as np
import spacy
from spacy.language import Language
from spacy.parts_of_speech import IDS as UNIVERSAL
from spacy.pipeline import Morphologizer, Tagger
from spacy.tokens import Doc
from thinc.api import Config

from ..corpora.stored import copy_tokens
from ..ensembles import MULTILINGUAL, held_out_of, member_folders
from ..errors import Errors, SkdError
from ..folders import check_pipeline
from ..pipeline.crf_pipe import CRFPipe
from ..transfer import Teacher
from ..work.tasks import Place
from .protocol import FindTeachers, Source
from .taggers import TaggerScores

BEST, CONFIG = "model-best", "config.cfg"
WORDS_KEPT = 100_000


def find_pipelines(path: Path) -> FindTeachers:
    """Those of a folder. The teachers of a language are `<lang>/model-best` or `<lang>`, and so on
    for `<lang>.seed-0.fold-1-of-4` and the like (see `ensembles.py`); where there are none, those
    called `multilingual` in the same way; and if the folder is itself a pipeline, or holds a
    `model-best`, that one teaches all languages.
    """
    # One teacher of all languages is loaded once; of many, no more than one is in memory.
    opened = lru_cache(maxsize=1)(open_pipeline)

    def find(language: str) -> List[Source]:
        for shared in (language, MULTILINGUAL):
            found = [
                source_of(language + folder.name.removeprefix(shared), folder, opened)
                for folder in member_folders(path, shared)
            ]
            if sources := [source for source in found if source is not None]:
                return sources
        of_all = source_of(language, path, opened)
        if of_all is None:
            raise SkdError(Errors.SKD068.format(lang=language, path=path / language))
        return [of_all]

    return find


def source_of(
    name: str, folder: Path, opened: Callable[[Path], "PipelineScorer"]
) -> Optional[Source]:
    """The pipeline in a folder or its `model-best`; None if there is none."""
    for path in (folder / BEST, folder):
        if (path / CONFIG).is_file():
            held_out = held_out_of(read_config(path))
            return Source(
                name,
                partial(opened, path),
                partial(open_at, path.absolute()),
                files=path.absolute(),
                folder=path,
                held_out=held_out,
            )
    return None


def read_config(folder: Path) -> Config:
    try:
        return Config().from_disk(folder / CONFIG, interpolate=False)
    except Exception as error:  # of the parser of ini files, of JSON, of confection
        check_pipeline(folder)  # what was damaged has a remedy of its own
        reason = " ".join(str(error).split())
        raise SkdError(Errors.SKD126.format(source=folder, reason=reason)) from error


def open_at(folder: Path, place: Place) -> "PipelineScorer":
    return open_pipeline(place(folder))


def open_pipeline(folder: Path) -> "PipelineScorer":
    nlp = load_pipeline(folder)
    return PipelineScorer(nlp, teaching_pipe(nlp, folder))


def load_pipeline(path: Path) -> Language:
    check_pipeline(path)
    try:
        return spacy.load(path)
    except Exception as error:  # whatever a missing package or a truncated file makes spaCy raise
        reason = " ".join(str(error).split())
        raise SkdError(Errors.SKD126.format(source=path, reason=reason)) from error


def teaching_pipe(nlp: Language, path: Path) -> Union[CRFPipe, Tagger]:
    """The one CRF component; or where there is none the one of spaCy's that says which part of
    speech a token is: the tagger, unless its tags are others and there is a morphologizer. One that
    has learned features alone says of none which it is.
    """
    components: List[Any] = [pipe for _, pipe in nlp.pipeline]
    pipes = [pipe for pipe in components if isinstance(pipe, CRFPipe)]
    if not pipes:
        taggers = [pipe for pipe in components if type(pipe) is Tagger]
        universal = [pipe for pipe in taggers if set(pipe.labels) <= set(UNIVERSAL)]
        morphologizers = [pipe for pipe in components if type(pipe) is Morphologizer]
        knowing = [pipe for pipe in morphologizers if any(pipe.cfg["labels_pos"].values())]
        pipes = universal or knowing or taggers
    if len(pipes) != 1:
        raise SkdError(Errors.SKD069.format(path=path, number=len(pipes)))
    return pipes[0]


@dataclass(frozen=True)
class PipelineScorer:
    """A component of a pipeline, after those before it, to which it may listen."""

    nlp: Language
    pipe: Union[CRFPipe, Tagger]

    @property
    def teacher(self) -> Teacher:
        return self._asked.teacher

    @property
    def _asked(self) -> Union[CRFPipe, TaggerScores]:
        return self.pipe if isinstance(self.pipe, CRFPipe) else TaggerScores(self.pipe)

    def score(self, docs: Sequence[Doc]) -> List[np.ndarray]:
        """In fresh documents with the same tokens: a teacher must see nothing else, and what the
        components before it write must not end in the student's documents.
        """
        # The vocabulary would keep every word of the corpus: in a zone it forgets those that it did
        # not know. The most frequent are among the first, and are not made anew each time.
        full = len(self.nlp.vocab.strings) > WORDS_KEPT
        with self.nlp.memory_zone() if full else nullcontext():
            fresh = [copy_tokens(doc, self.nlp.vocab) for doc in docs]
            for _, component in self.nlp.pipeline:
                if component is self.pipe:
                    break
                if hasattr(component, "pipe"):
                    fresh = list(component.pipe(fresh))
                else:
                    fresh = [component(doc) for doc in fresh]
            return self._asked.score_docs(fresh)
