"""Distillation of one whole pipeline into another, without stored targets."""

from contextlib import contextmanager
from typing import Any, Dict, Iterable, Iterator, List, Optional, Sequence, Union

import numpy as np
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example
from thinc.api import Optimizer

from ..errors import Errors, SkdError
from .crf_pipe import CRFPipe, require_teacher
from .upstream import copy_doc, encoders, run

Text = Union[Example, Doc, str]


def distill(
    student: Language,
    teacher: Language,
    examples: Iterable[Text],
    *,
    drop: float = 0.0,
    sgd: Union[Optimizer, bool, None] = None,
    losses: Optional[Dict[str, float]] = None,
    exclude: Iterable[str] = (),
    student_to_teacher: Optional[Dict[str, str]] = None,
) -> Dict[str, float]:
    """One update of a student's CRF components, and of the encoders that they listen to, from what
    a teacher's components say; what spaCy 4 calls `Language.distill`.

    The tokens are those of the student: of the predicted document of an example, or as its
    tokenizer makes them of a text. The teacher gets the same tokens, whatever its own tokenizer
    would do. References are not looked at, and the given documents not changed. In both pipelines
    what comes before a component runs first: encoders, sentence boundaries and the like.

    student (Language): The pipeline that learns, initialized.
    teacher (Language): A pipeline with `crf_ner` or `crf_tagger`, of any encoder and tag scheme.
    examples (Iterable[Union[Example, Doc, str]]): Annotated or not.
    drop (float): The dropout rate of the student.
    sgd (Union[Optimizer, bool, None]): The optimizer; None: the student's own, which it keeps
        between calls; False: gradients are added up, and no parameter is updated.
    losses (Optional[Dict[str, float]]): Updated with the loss of each component, by its name.
    exclude (Iterable[str]): Components of the student that stay as they are.
    student_to_teacher (Optional[Dict[str, str]]): Whom a component learns from; by default from the
        one with the same name.
    RETURNS (Dict[str, float]): The losses.
    Raises `SkdError` where a component has no teacher, or one that does not fit.
    """
    losses = {} if losses is None else losses
    exclude = set(exclude)
    teachers = find_teachers(student, teacher, exclude, student_to_teacher or {})
    docs = [fresh_doc(student, text) for text in examples]
    if not any(len(doc) for doc in docs):
        return losses
    updated: List[Any] = []
    pipe: Any
    for name, pipe in student.pipeline[: last_place(student, teachers) + 1]:
        if name in teachers:
            emissions = ask(teacher, teachers[name], docs)
            pipe.learn(teachers[name].teacher, emissions, docs, drop=drop, losses=losses)
            updated.append(pipe)
        elif name not in exclude and (learners := learning_from(student, pipe, teachers)):
            update_encoder(pipe, learners, docs, drop, losses)
            updated.append(pipe)
            if set(pipe.listening_components) - set(learners):
                docs = run(pipe, docs)
        else:
            forget_batches(pipe)
            docs = run(pipe, docs)
    if sgd is None:
        # As `Language.update` does: an optimizer made anew each time would never get anywhere.
        sgd = student._optimizer = student._optimizer or student.create_optimizer()
    for pipe in updated if sgd else ():
        pipe.finish_update(sgd)
    return losses


def find_teachers(
    student: Language, teacher: Language, exclude: set, names: Dict[str, str]
) -> Dict[str, CRFPipe]:
    """The teacher's component of each of the student's that learns."""
    learners = [(n, p) for n, p in student.pipeline if isinstance(p, CRFPipe) and n not in exclude]
    if not learners:
        raise SkdError(Errors.SKD055.format(names=student.pipe_names))
    pipes = dict(teacher.pipeline)
    found = {}
    for name, pipe in learners:
        source = names.get(name, name)
        if source not in pipes:
            raise SkdError(Errors.SKD054.format(name=name, names=teacher.pipe_names))
        found[name] = require_teacher(pipe, pipes[source])
    return found


def fresh_doc(nlp: Language, text: Text) -> Doc:
    """The student's tokens, with sentence boundaries where they are known, and nothing else."""
    if isinstance(text, str):
        return nlp.make_doc(text)
    return copy_doc(text.predicted if isinstance(text, Example) else text, nlp.vocab)


def last_place(nlp: Language, names: Dict[str, Any]) -> int:
    return max(nlp.pipe_names.index(name) for name in names)


def ask(teacher: Language, pipe: CRFPipe, docs: Sequence[Doc]) -> List[np.ndarray]:
    """The emission scores (n, L) that a teacher's component gives of each document, after all that
    runs before it but other CRF components.
    """
    copies = [copy_doc(doc, teacher.vocab, features=()) for doc in docs]
    for _, other in teacher.pipeline:
        if other is pipe:
            break
        if not isinstance(other, CRFPipe):
            copies = run(other, copies)
    return pipe.score_docs(copies)


def learning_from(nlp: Language, encoder: Any, learners: Dict[str, Any]) -> List[str]:
    """Those of the components that learn which listen to this one."""
    pipes = dict(nlp.pipeline)
    return [n for n in learners if any(e is encoder for _, e in encoders(nlp, pipes[n]))]


def update_encoder(
    encoder: Any, learners: List[str], docs: Sequence[Doc], drop: float, losses: Dict[str, float]
) -> None:
    """Send the vectors of a batch to those that learn. The last of them calls back with the sum of
    all gradients, so that nobody must be in the list who does not.
    """
    with only_listeners(encoder, learners):
        encoder.update([Example(doc, doc) for doc in docs], drop=drop, sgd=None, losses=losses)


@contextmanager
def only_listeners(encoder: Any, names: List[str]) -> Iterator[None]:
    everyone = encoder.listener_map
    encoder.listener_map = {name: nodes for name, nodes in everyone.items() if name in names}
    try:
        yield
    finally:
        encoder.listener_map = everyone


def forget_batches(encoder: Any) -> None:
    """Who listens to an encoder that is not updated reads its vectors from the documents, unless a
    batch of an earlier update is waiting. Those of spacy-curated-transformers always read them.
    """
    for listener in getattr(encoder, "listeners", ()):
        if hasattr(listener, "receive"):
            listener.receive(None, None, None)
