"""`crf_tagger`: one tag a token, by a CRF."""

from typing import Any, Callable, Iterable, List, Optional, Sequence

import numpy as np
from spacy.language import Language
from spacy.parts_of_speech import IDS as POS_IDS
from spacy.tokens import Doc
from spacy.training import Example
from spacy.vocab import Vocab
from thinc.api import Config, Model

from ..annotation import Gold, Question, tag_gold
from ..crf import Potentials
from ..errors import Errors, SkdError
from ..objectives import Distillation
from .alternatives import alternatives, has_same_tokens, read_tag_questions
from .crf_pipe import CRFPipe
from .defaults import DEFAULT_MODEL
from .readings import Parts, Scores, as_prediction, write_token_confidence

DEFAULT_CONFIG = Config().from_str(DEFAULT_MODEL)["model"]
ATTRIBUTES = ("tag", "pos")


@Language.factory(
    "crf_tagger",
    # spaCy has one list for a factory, whatever a component of it is set to assign.
    assigns=["token.tag", "token.pos"],
    default_config={
        "model": DEFAULT_CONFIG,
        "attribute": "tag",
        "overwrite": False,
        "distillation": None,
        "confidence": False,
        "scorer": {"@scorers": "spacy-skd.TaggerScorer.v1"},
    },
    # There is but one of the two, whatever the attribute is: what is lacking counts as 0.
    default_score_weights={"tag_acc": 0.5, "pos_acc": 0.5},
)
def make_crf_tagger(
    nlp: Language,
    name: str,
    model: Model[List[Doc], Potentials],
    attribute: str,
    overwrite: bool,
    # Not Optional[Distillation]: spaCy lets any dict through for a dataclass, or says nothing of
    # @misc.
    distillation: Any,
    confidence: bool,
    scorer: Optional[Callable],
) -> "CRFTagger":
    """A CRF that sets `token.tag_` or `token.pos_`.

    model (Model[List[Doc], Potentials]): See `spacy-skd.CRFTagger.v1`.
    attribute (str): "tag" or "pos".
    overwrite (bool): Whether tags that a document has already are replaced.
    distillation (Optional[Distillation]): See `spacy-skd.Distillation.v1`; None: gold alone.
    confidence (bool): Whether tags are written with their probabilities, `token._.confidence`.
    scorer (Optional[Callable]): The scoring method.
    """
    return CRFTagger(
        nlp.vocab,
        model,
        name,
        attribute=attribute,
        overwrite=overwrite,
        distillation=distillation,
        confidence=confidence,
        scorer=scorer,
        nlp=nlp,
    )


class CRFTagger(CRFPipe):
    """A CRF that sets `token.tag_`, or `token.pos_` if `attribute` is "pos".

    vocab (Vocab): The shared vocabulary.
    model (Model[List[Doc], Potentials]): Gives the potentials; see `spacy-skd.CRFTagger.v1`.
    name (str): The name of the component in its pipeline.
    attribute (str): "tag" or "pos".
    overwrite (bool): Whether tags that a document has already are replaced. As spaCy's `tagger`,
        and unlike its `morphologizer`, it keeps them unless told otherwise.
    distillation (Optional[Distillation]): See `spacy-skd.Distillation.v1`; None: gold alone.
    confidence (bool): Whether tags are written with their probabilities, `token._.confidence`.
    scorer (Optional[Callable]): The scoring method.
    nlp (Optional[Language]): The pipeline, in which the encoders run that the component listens to.
    """

    def __init__(
        self,
        vocab: Vocab,
        model: Model[List[Doc], Potentials],
        name: str = "crf_tagger",
        *,
        attribute: str = "tag",
        overwrite: bool = False,
        distillation: Optional[Distillation] = None,
        confidence: bool = False,
        scorer: Optional[Callable] = None,
        nlp: Optional[Language] = None,
    ) -> None:
        if attribute not in ATTRIBUTES:
            raise SkdError(Errors.SKD046.format(name=name, value=attribute))
        super().__init__(
            vocab,
            model,
            name,
            scheme="plain",
            distillation=distillation,
            confidence=confidence,
            scorer=scorer,
            nlp=nlp,
        )
        self.attribute = attribute
        self.overwrite = overwrite
        self.cfg["attribute"] = attribute

    def add_label(self, label: str) -> int:
        if self.attribute == "pos" and label not in POS_IDS:
            raise SkdError(Errors.SKD047.format(name=self.name, label=label))
        return super().add_label(label)

    @property
    def alternatives(self) -> str:
        return alternatives(self.attribute)

    def labels_of(self, example: Example) -> Iterable[str]:
        values = example.reference.to_array(self.attribute.upper())
        return (example.reference.vocab.strings[value] for value in set(values.tolist()) if value)

    def gold_tags(self, example: Example) -> Sequence[Optional[str]]:
        attribute = self.attribute.upper()
        if has_same_tokens(example):  # aligning takes four times as long
            strings = example.reference.vocab.strings
            values = example.reference.to_array(attribute).tolist()
            return [strings[value] or None for value in values]
        return [tag or None for tag in example.get_aligned(attribute, as_string=True)]

    def questions(self, example: Example) -> List[Question]:
        return read_tag_questions(example, self.alternatives, self.name)

    def gold_with(
        self, tags: np.ndarray, questions: Sequence[Question], student: Potentials
    ) -> Gold:
        return tag_gold(tags, questions, self.labels)

    def parts_of(self, doc: Doc) -> Parts:
        index = {tag: i for i, tag in enumerate(self.tags)}
        tags = [getattr(token, f"{self.attribute}_") for token in doc]
        return single_tokens(np.array([index.get(tag, -1) for tag in tags], dtype=np.int64))

    def parts_with(self, doc: Doc, path: np.ndarray) -> Parts:
        kept = self._kept(doc)
        labels = np.where(kept, self.parts_of(doc).labels, path) if kept.any() else path
        return single_tokens(labels.astype(np.int64))

    def reading(self, doc: Doc, path: np.ndarray) -> List[str]:
        return [self.tags[i] for i in path]

    def set_annotations(self, docs: Iterable[Doc], scores: Scores) -> None:
        """Write the tags of what `predict` gave for each document."""
        ids = POS_IDS if self.attribute == "pos" else self.vocab.strings
        for tag in self.tags:
            self.vocab.strings.add(tag)
        values = np.array([ids[tag] for tag in self.tags], dtype=np.uint64)
        attribute = self.attribute.upper()
        for doc, prediction in zip(docs, scores):
            path, confidence = as_prediction(prediction)
            found = values[path]
            if doc.has_annotation(attribute):
                found = np.where(self._kept(doc), doc.to_array(attribute), found)
            doc.from_array([attribute], found)
            if confidence is not None:
                write_token_confidence(doc, confidence)

    def _kept(self, doc: Doc) -> np.ndarray:
        """The tokens (n,) whose tags are there and not to be replaced, bool."""
        return (doc.to_array(self.attribute.upper()) != 0) & (not self.overwrite)


def single_tokens(labels: np.ndarray) -> Parts:
    return Parts(np.arange(len(labels)), np.ones(len(labels), dtype=np.int64), labels)
