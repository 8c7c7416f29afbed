"""What a reference says of tokens whose annotation is not certain: spans in `doc.spans`, which
`.spacy` files keep.
"""

from typing import Dict, List, Sequence, Tuple

import numpy as np
from spacy.tokens import Span
from spacy.training import Example

from ..annotation import Question
from ..errors import Errors, SkdError


def alternatives(annotation: str) -> str:
    """The key of these spans in `doc.spans`.

    annotation (str): "ents", "tag" or "pos".
    """
    return f"{annotation}_alternatives"


def has_same_tokens(example: Example) -> bool:
    """Whether predicted and reference document have the same tokens and the same blanks, so that
    token i of one is token i of the other.
    """
    one, other = example.predicted, example.reference
    return len(one) == len(other) and np.array_equal(
        one.to_array(["ORTH", "SPACY"]), other.to_array(["ORTH", "SPACY"])
    )


def read_questions(example: Example, key: str) -> List[Question]:
    """The questions of a reference, about the tokens of the predicted document: one for each set of
    spans of `reference.spans[key]` that overlap. If one of them is no span of the predicted
    document's tokens, its question has no answers.
    """
    groups = overlapping(spans_of(example, key))
    if not groups or has_same_tokens(example):
        return [Question(*extent(group), as_tuples(group)) for group in groups]
    questions = []
    for group in groups:
        start, end = extent(group)
        tokens = example.alignment.y2x[start:end]
        if len(tokens):
            found = [example.get_aligned_spans_y2x([span]) for span in group]
            answers = as_tuples([span for spans in found for span in spans]) if all(found) else []
            questions.append(Question(int(min(tokens)), int(max(tokens)) + 1, answers))
    return questions


def read_tag_questions(example: Example, key: str, name: str) -> List[Question]:
    """The questions of a reference about single tokens of the predicted document. A token that is a
    part of one of the reference's has its tags, one that is several has none, as for certain tags.

    name (str): The component's, for messages.
    Raises `SkdError` for a span of several tokens.
    """
    tags: Dict[int, List[str]] = {}
    for span in spans_of(example, key):
        if len(span) > 1:
            values = {"name": name, "key": key, "text": span.text[:60]}
            raise SkdError(Errors.SKD057.format(**values))
        tags.setdefault(span.start, []).append(span.label_)
    if not tags:
        return []
    same = has_same_tokens(example)
    questions = []
    for i in range(len(example.predicted)):
        tokens = [i] if same else example.alignment.x2y[i]
        if len(tokens) == 1 and tokens[0] in tags:
            answers = [(i, i + 1, tag) for tag in tags[tokens[0]]]
            questions.append(Question(i, i + 1, answers))
    return questions


def spans_of(example: Example, key: str) -> List[Span]:
    return [span for span in example.reference.spans.get(key, ()) if len(span)]


def extent(group: Sequence[Span]) -> Tuple[int, int]:
    return min(span.start for span in group), max(span.end for span in group)


def as_tuples(group: Sequence[Span]) -> List[Tuple[int, int, str]]:
    return [(span.start, span.end, span.label_) for span in group]


def overlapping(spans: Sequence[Span]) -> List[List[Span]]:
    """Spans of which each overlaps another one of its list, but none of another list."""
    groups: List[List[Span]] = []
    end = 0
    for span in sorted(spans, key=lambda span: (span.start, span.end, span.label_)):
        if not groups or span.start >= end:
            groups.append([])
        groups[-1].append(span)
        end = max(end, span.end)
    return groups
