"""A text as a page shows it: what components say of it, how sure they are, what else it may be."""

from typing import Any, Dict, List, Optional, Sequence

import numpy as np
from spacy.language import Language
from spacy.tokens import Doc, Span

from ..pipeline.readings import ReadingPipe

# Analyses of a text, and tags of a token, that are shown.
MOST = 5
# A tag that is less probable than this is not worth showing.
LEAST = 0.01


def analyse(nlp: Language, text: str) -> Dict[str, Any]:
    """For the template: {"entities": ..., "tags": ...}, each None where no component says such.

    Confidences and alternatives are those of our components; others' predictions are shown alone.
    """
    doc = nlp(text)
    found: Dict[str, Any] = {"entities": None, "tags": None}
    for name, pipe in nlp.pipeline:
        ours = pipe if isinstance(pipe, ReadingPipe) else None
        if doc.has_annotation("ENT_IOB") and is_kind(nlp, name, ("crf_ner", "ner")):
            found["entities"] = entities_of(doc, ours)
        if is_kind(nlp, name, ("crf_tagger", "tagger")):
            found["tags"] = tags_of(doc, ours)
    return found


def is_kind(nlp: Language, name: str, factories: Sequence[str]) -> bool:
    return nlp.get_pipe_meta(name).factory in factories


def entities_of(doc: Doc, pipe: Optional[ReadingPipe]) -> Dict[str, Any]:
    """The text in order, cut at its entities, and the most probable analyses of all of it."""
    confidences = None if pipe is None else pipe.confidence(doc).tolist()
    readings = [] if pipe is None else pipe.kbest(doc, MOST)
    return {
        "parts": parts(doc, doc.ents, confidences),
        "readings": [
            {"parts": parts(doc, entities, None), "probability": probability}
            for entities, probability in readings
        ],
    }


def parts(
    doc: Doc, entities: Sequence[Span], confidences: Optional[Sequence[float]]
) -> List[Dict[str, Any]]:
    found: List[Dict[str, Any]] = []
    at = 0
    for i, entity in enumerate(entities):
        sure = None if confidences is None else confidences[i]
        found.append({"text": doc.text[at : entity.start_char], "label": None})
        found.append({"text": entity.text, "label": entity.label_, "confidence": sure})
        at = entity.end_char
    found.append({"text": doc.text[at:], "label": None})
    return [part for part in found if part["text"]]


def tags_of(doc: Doc, pipe: Optional[ReadingPipe]) -> List[Dict[str, Any]]:
    """Each token that is no space with its tag, and the other tags that are probable."""
    attribute = getattr(pipe, "attribute", "tag")
    marginals = None if pipe is None else pipe.marginals(doc)
    rows = []
    for token in doc:
        if token.is_space:
            continue
        tag = token.pos_ if attribute == "pos" else token.tag_
        row: Dict[str, Any] = {"text": token.text, "tag": tag, "confidence": None, "others": []}
        if pipe is not None and marginals is not None:
            of = dict(zip(pipe.tags, marginals[token.i].tolist()))
            row["confidence"] = of.get(tag)
            best = np.argsort(-marginals[token.i])[:MOST]
            others = [(pipe.tags[i], of[pipe.tags[i]]) for i in best if pipe.tags[i] != tag]
            row["others"] = [(name, value) for name, value in others if value >= LEAST]
        rows.append(row)
    return rows
