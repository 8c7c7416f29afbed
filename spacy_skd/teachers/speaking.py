"""A token classifier of Hugging Face as a pipeline, which labels documents by its own scores: to be
measured beside the students that it taught.
"""

from typing import Any, List, Tuple

import numpy as np
import spacy
from spacy.language import Language
from spacy.parts_of_speech import IDS as UNIVERSAL
from spacy.tokens import Doc
from thinc.api import Model

from ..crf import Potentials
from ..errors import Errors, SkdError
from ..schemes import split_tag
from ..transfer import FORBIDDEN, Teacher, Transfer, make_transfer
from .labels import ClassifierSettings
from .token_classifiers import TokenClassifierScorer, open_token_classifier


def classifier_pipeline(name: str, settings: ClassifierSettings) -> Language:
    """A pipeline of one component, `teacher`, which is a CRF with the classifier's scores.

    name (str): A folder, or a name of the Hub.
    Raises `SkdError` if it cannot be opened, if its labels cannot be understood, and for labels
        that are IOB1 with B, which no component has.
    """
    scorer = open_token_classifier(name, settings)
    teacher, given = possible(scorer)
    plain = teacher.scheme == "plain"
    scheme = "BILOU" if teacher.scheme == "BILOU" else "IOB2"
    nlp = spacy.blank("xx")
    pipe: Any
    if plain:
        attribute = "pos" if set(teacher.tags) <= set(UNIVERSAL) else "tag"
        pipe = nlp.add_pipe("crf_tagger", "teacher", config={"attribute": attribute})
        labels = list(teacher.tags)
    else:
        pipe = nlp.add_pipe("crf_ner", "teacher", config={"scheme": scheme})
        labels = list(dict.fromkeys(split_tag(tag)[1] for tag in teacher.tags if tag != "O"))
    for label in labels:
        pipe.add_label(label)
    transfer = make_transfer(teacher, "plain" if plain else scheme, pipe.tags)
    if len(set(transfer.targets)) < len(transfer.targets):
        raise SkdError(Errors.SKD249.format(source=name))
    weights = list(scorer.pretrained.model.parameters())
    sizes = {
        "parameters": sum(weight.numel() for weight in weights),
        "bytes": sum(weight.numel() * weight.element_size() for weight in weights),
    }
    pipe.model = Model("scores", forward, attrs={"says": (scorer, given, transfer), **sizes})
    return nlp


def possible(scorer: TokenClassifierScorer) -> Tuple[Teacher, np.ndarray]:
    """The teacher with those of its tags alone that it can give, and their places among all."""
    teacher = scorer.teacher
    given = np.flatnonzero([len(columns) > 0 for columns in scorer.tagset.columns])
    chain = (teacher.transitions[np.ix_(given, given)], teacher.start[given], teacher.end[given])
    return Teacher(tuple(teacher.tags[i] for i in given), teacher.scheme, *chain), given


def forward(
    model: Model[List[Doc], Potentials], docs: List[Doc], is_train: bool
) -> Tuple[Potentials, object]:
    scorer, given, transfer = model.attrs["says"]
    emissions = np.concatenate(scorer.score(docs))[:, given]
    unary = np.full((len(emissions), transfer.n_tags), FORBIDDEN)
    unary[:, transfer.targets] = emissions[:, transfer.columns]
    lengths = np.array([len(doc) for doc in docs])
    return Potentials(unary, lengths, *chain_of(transfer)), lambda gradient: None


def chain_of(transfer: Transfer) -> List[np.ndarray]:
    """Transition (L, L), start (L,) and end (L,) scores in the component's tags."""
    scores = []
    for values in transfer.chain:
        ours = np.full((transfer.n_tags,) * values.ndim, FORBIDDEN)
        ours[np.ix_(*(transfer.targets,) * values.ndim)] = values
        scores.append(ours)
    return scores
