"""What is right and wrong in each sentence: from these counts any score is made, and resampled."""

from functools import partial
from typing import Callable, Dict, List, Optional, Sequence, Set, Tuple

import numpy as np
from spacy.training import Example

Row = Tuple[int, int, int]
Span = Tuple[str, int, int]  # label, first token, the one after the last


def sentence_counts(examples: Sequence[Example], metric: str) -> np.ndarray:
    """True positives, false positives and false negatives of each example, (examples, 3) int32.

    Their sums give the scores of spaCy's `Scorer` by `f_score`. A wrong tag is a false positive and
    a false negative, so that the F1 of tags is their accuracy.

    metric (str): "ents_f", "tag_acc" or "pos_acc".
    """
    rows = [COUNTERS[metric](example) for example in examples]
    return np.array(rows, dtype=np.int32).reshape(-1, 3)


def entity_counts(example: Example) -> Row:
    """Exact spans with labels; what lies on tokens without annotation is not counted."""
    gold = gold_entities(example)
    found = {span for span in found_entities(example) if span is not None}
    right = len(gold & found)
    return right, len(found) - right, len(gold) - right


def gold_entities(example: Example) -> Set[Span]:
    return {(span.label_, span.start, span.end) for span in example.reference.ents}


def found_entities(example: Example) -> List[Optional[Span]]:
    """Each of the predicted entities, in gold's tokens; None for one that is not counted."""
    found: List[Optional[Span]] = []
    for span in example.predicted.ents:
        tokens = example.alignment.x2y[span.start : span.end]
        edges = (int(tokens[0]), int(tokens[-1]) + 1) if len(tokens) else (0, 0)
        reference = example.reference[slice(*edges)]
        counts = len(reference) > 0 and all(token.ent_iob for token in reference)
        found.append((span.label_, *edges) if counts else None)
    return found


def tag_counts(attribute: str, example: Example) -> Row:
    """Of a token attribute ("TAG", "POS"), where the tokens are the gold's."""
    gold = example.reference.to_array(attribute)
    found = example.predicted.to_array(attribute)
    annotated = int((gold != 0).sum())
    right = int(((gold == found) & (gold != 0)).sum())
    return right, annotated - right, annotated - right


COUNTERS: Dict[str, Callable[[Example], Row]] = {
    "ents_f": entity_counts,
    "tag_acc": partial(tag_counts, "TAG"),
    "pos_acc": partial(tag_counts, "POS"),
}


def f_score(counts: np.ndarray) -> np.ndarray:
    """F1, (...), of counts (..., 3); 0 where there is nothing to find and nothing was found."""
    right, false_positives, false_negatives = np.moveaxis(np.asarray(counts, dtype=float), -1, 0)
    total = 2 * right + false_positives + false_negatives
    return np.divide(2 * right, total, out=np.zeros_like(total), where=total > 0)
