"""`crf_ner`: named entities, or any labelled spans that do not overlap, by a CRF."""

from typing import Any, Callable, Iterable, List, Optional, Sequence, Tuple

import numpy as np
from spacy.attrs import ENT_IOB, IS_SPACE
from spacy.language import Language
from spacy.tokens import Doc, Span, SpanGroup
from spacy.training import Example
from spacy.vocab import Vocab
from thinc.api import Config, Model

from ..annotation import Gold, Question, span_gold
from ..crf import Potentials
from ..errors import Errors, SkdError
from ..objectives import Distillation
from ..schemes import OUTSIDE, SPAN_SCHEMES, coarsen, split_tag
from .alternatives import alternatives, has_same_tokens, read_questions
from .crf_pipe import CRFPipe
from .defaults import DEFAULT_MODEL
from .readings import EXTENSION, Parts, Scores, as_prediction

# Values of ENT_IOB.
INSIDE, OUT, BEGIN = 1, 2, 3

DEFAULT_CONFIG = Config().from_str(DEFAULT_MODEL)["model"]
NOTHING = Parts(*(np.zeros(0, dtype=np.int64) for _ in Parts._fields))


@Language.factory(
    "crf_ner",
    assigns=["doc.ents", "token.ent_iob", "token.ent_type"],
    default_config={
        "model": DEFAULT_CONFIG,
        "scheme": "BILOU",
        "distillation": None,
        "confidence": False,
        "scorer": {"@scorers": "spacy-skd.NERScorer.v1"},
    },
    default_score_weights={"ents_f": 1.0, "ents_p": 0.0, "ents_r": 0.0, "ents_per_type": None},
)
def make_crf_ner(
    nlp: Language,
    name: str,
    model: Model[List[Doc], Potentials],
    scheme: str,
    # Not Optional[Distillation]: spaCy lets any dict through for a dataclass, or says nothing of
    # @misc.
    distillation: Any,
    confidence: bool,
    scorer: Optional[Callable],
) -> "CRFNer":
    """A CRF that sets `doc.ents`.

    model (Model[List[Doc], Potentials]): See `spacy-skd.CRFTagger.v1`.
    scheme (str): "BILOU" or "IOB2".
    distillation (Optional[Distillation]): See `spacy-skd.Distillation.v1`; None: gold alone.
    confidence (bool): Whether entities are written with their probabilities: `ent._.confidence`,
        and `doc.spans[name].attrs["scores"]` for `doc.ents` in order, under the component's name.
    scorer (Optional[Callable]): The scoring method.
    Raises `SkdError` for another scheme, and for a distillation that is none.
    """
    if scheme not in SPAN_SCHEMES:
        names = ", ".join(SPAN_SCHEMES)
        raise SkdError(Errors.SKD031.format(name=name, value=scheme, names=names))
    return CRFNer(
        nlp.vocab,
        model,
        name,
        scheme=scheme,
        distillation=distillation,
        confidence=confidence,
        scorer=scorer,
        nlp=nlp,
    )


class CRFNer(CRFPipe):
    """A CRF that sets `doc.ents`.

    What a document says already is treated as spaCy's `ner` treats it: entities are kept, tokens
    that `doc.set_ents(..., blocked=...)` blocks get none, and all other tokens, whether "outside"
    or without annotation, are free. An entity does not begin with a whitespace token, and ends with
    one in IOB2 only, whose tags do not show where an entity ends.

    vocab (Vocab): The shared vocabulary.
    model (Model[List[Doc], Potentials]): Gives the potentials; see `spacy-skd.CRFTagger.v1`.
    name (str): The name of the component in its pipeline.
    scheme (str): "BILOU" or "IOB2".
    distillation (Optional[Distillation]): See `spacy-skd.Distillation.v1`; None: gold alone.
    confidence (bool): Whether entities are written with their probabilities: `ent._.confidence`,
        and `doc.spans[name].attrs["scores"]` for `doc.ents` in order, under the component's name.
    scorer (Optional[Callable]): The scoring method.
    nlp (Optional[Language]): The pipeline, in which the encoders run that the component listens to.
    """

    def __init__(
        self,
        vocab: Vocab,
        model: Model[List[Doc], Potentials],
        name: str = "crf_ner",
        *,
        scheme: str = "BILOU",
        distillation: Optional[Distillation] = None,
        confidence: bool = False,
        scorer: Optional[Callable] = None,
        nlp: Optional[Language] = None,
    ) -> None:
        super().__init__(
            vocab,
            model,
            name,
            scheme=scheme,
            distillation=distillation,
            confidence=confidence,
            scorer=scorer,
            nlp=nlp,
        )

    @property
    def alternatives(self) -> str:
        return alternatives("ents")

    def labels_of(self, example: Example) -> Iterable[str]:
        return (entity.label_ for entity in example.reference.ents)

    def gold_tags(self, example: Example) -> Sequence[Optional[str]]:
        if has_same_tokens(example):
            return self._tags_of(example.reference)
        # spaCy calls the scheme BILUO and a missing tag None.
        tags = example.get_aligned_ner()
        if self.scheme.name == "IOB2":
            return [None if tag is None else coarsen(tag) for tag in tags]
        return tags

    def questions(self, example: Example) -> List[Question]:
        return read_questions(example, self.alternatives)

    def gold_with(
        self, tags: np.ndarray, questions: Sequence[Question], student: Potentials
    ) -> Gold:
        return span_gold(tags, questions, self.labels, self.scheme, student)

    def allowed(self, doc: Doc, preset: bool) -> Optional[np.ndarray]:
        # Most documents have neither: asked in a third of the time that arrays of it take.
        if not (doc.has_annotation("IS_SPACE") or doc.has_annotation("ENT_IOB")):
            return None
        said = doc.to_array([IS_SPACE, ENT_IOB])
        blank, states = said[:, 0].astype(bool), said[:, 1]
        reserved = ((states == BEGIN) | (states == INSIDE)) & preset
        if not (blank.any() or reserved.any()):
            return None
        positions = np.array([split_tag(tag)[0] for tag in self.tags])
        mask = np.ones((len(doc), len(positions)), dtype=bool)
        mask[blank] = (positions == OUTSIDE) | (positions == "I")
        mask[reserved] = positions == OUTSIDE
        return mask

    def parts_of(self, doc: Doc) -> Parts:
        return self._parts([(ent.start, ent.end, ent.label_) for ent in doc.ents])

    def parts_with(self, doc: Doc, path: np.ndarray) -> Parts:
        there = [(ent.start, ent.end, ent.label_) for ent in doc.ents]
        return self._parts(sorted(there + self._spans(path)))

    def reading(self, doc: Doc, path: np.ndarray) -> List[Span]:
        return [Span(doc, start, end, label=label) for start, end, label in self._spans(path)]

    def set_annotations(self, docs: Iterable[Doc], scores: Scores) -> None:
        """Write the entities of what `predict` gave for each document."""
        labels = self.labels
        for doc, prediction in zip(docs, scores):
            path, confidence = as_prediction(prediction)
            found = self.reading(doc, path)
            doc.set_ents([*doc.ents, *found], blocked=blocked_tokens(doc))
            if confidence is not None:
                write_confidence(doc, self.name, labels, confidence)

    def _tags_of(self, doc: Doc) -> List[Optional[str]]:
        """What `Example.get_aligned_ner` gives where there is nothing to align, in a quarter of the
        time.
        """
        states = doc.to_array("ENT_IOB")
        if not states.any():
            return [None] * len(doc)
        known = (states == OUT) | doc.to_array("IS_SPACE").astype(bool)
        tags = [OUTSIDE if is_known else None for is_known in known.tolist()]
        for ent in doc.ents:
            if ent.label:
                positions = self.scheme.encode_span(ent.end - ent.start)
                tags[ent.start : ent.end] = [f"{position}-{ent.label_}" for position in positions]
        return tags

    def _spans(self, path: np.ndarray) -> List[Tuple[int, int, str]]:
        if not path.any():  # O alone, which is the first tag, as in most sentences
            return []
        tags = self.tags
        return self.scheme.decode([tags[i] for i in path])

    def _parts(self, spans: Sequence[Tuple[int, int, str]]) -> Parts:
        if not spans:
            return NOTHING
        index = {tag: i for i, tag in enumerate(self.tags)}
        labels = [
            index.get(f"{position}-{label}", -1)
            for start, end, label in spans
            for position in self.scheme.encode_span(end - start)
        ]
        edges = np.array([span[:2] for span in spans], dtype=np.int64).reshape(-1, 2)
        return Parts(edges[:, 0], edges[:, 1] - edges[:, 0], np.array(labels, dtype=np.int64))


def write_confidence(doc: Doc, name: str, labels: Sequence[str], confidence: np.ndarray) -> None:
    """A number for each of `doc.ents`, where spaCy's `spancat` has its own, and at the entity. The
    0 of a label that the component does not know replaces nothing that another one has written.
    """
    doc.spans[name] = SpanGroup(doc, name=name, spans=doc.ents, attrs={"scores": confidence})
    for ent, value in zip(doc.ents, confidence.tolist()):
        if ent.label_ in labels or ent._.get(EXTENSION) is None:
            ent._.set(EXTENSION, value)


def blocked_tokens(doc: Doc) -> List[Span]:
    """The tokens that are to be in no entity: spaCy notes a beginning without type."""
    if not doc.has_annotation("ENT_IOB"):  # as in most documents
        return []
    begin = doc.to_array("ENT_IOB") == BEGIN
    if not begin.any():
        return []
    return [doc[i : i + 1] for i in np.flatnonzero(begin & (doc.to_array("ENT_TYPE") == 0))]
