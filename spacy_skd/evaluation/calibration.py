"""Whether confidences can be believed: of what is said with 80 %, is 80 % right?"""

from typing import Any, Dict, NamedTuple, Optional, Sequence, Tuple, Union

import numpy as np
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example

from ..corpora.stored import copy_tokens
from ..pipeline.readings import EXTENSION, ReadingPipe, register_extension
from ..settings import check_number
from .counts import found_entities, gold_entities

BINS = 10
Numbers = Union[Sequence[float], np.ndarray]


class Reliability(NamedTuple):
    """A reliability curve: what was said with how much confidence, in bins of equal width from 0 to
    1, and how much of it is right. Sums and not means, so that curves of the same bins add up.
    """

    counts: np.ndarray  # (bins,) int64: what was said with a confidence in the bin
    confidence: np.ndarray  # (bins,) float64: the sum of its confidences
    correct: np.ndarray  # (bins,) int64: how much of it is right

    def plus(self, other: "Reliability") -> "Reliability":
        """The curve of what both are of: several languages, or several runs."""
        return Reliability(*(ours + theirs for ours, theirs in zip(self, other)))

    @property
    def mean_confidence(self) -> np.ndarray:
        """(bins,): how sure it was on average; NaN where the bin is empty."""
        return means(self.confidence, self.counts)

    @property
    def accuracy(self) -> np.ndarray:
        """(bins,): the share that is right; NaN where the bin is empty."""
        return means(self.correct, self.counts)

    def to_dict(self) -> Dict[str, Any]:
        """Of JSON's types."""
        return {name: values.tolist() for name, values in self._asdict().items()}

    @classmethod
    def from_dict(cls, stored: Dict[str, Any]) -> "Reliability":
        counts, correct = (np.array(stored[name], dtype=np.int64) for name in ("counts", "correct"))
        return cls(counts, np.array(stored["confidence"], dtype=float), correct)


def reliability(confidences: Numbers, correct: Numbers, bins: int = BINS) -> Reliability:
    """The reliability curve of predictions (DeGroot and Fienberg 1983; Guo et al. 2017, eq. 2).

    confidences (ndarray): (n,) between 0 and 1, such as `crf_ner`'s `confidence(doc)`; beyond them
        only by what rounding adds.
    correct (ndarray): (n,) bool, which of them are right.
    bins (int): At least 1. Bin i holds what is above i / bins up to (i + 1) / bins, the first one 0
        as well.
    Raises `SkdError` for other numbers of bins, `ValueError` for confidences that are none and for
    arrays of different sizes.
    """
    check_number("the number of bins", bins, 1, whole=True)
    sure, right = np.asarray(confidences, dtype=float), np.asarray(correct, dtype=bool)
    if sure.shape != right.shape or sure.ndim != 1:
        raise ValueError(f"{sure.shape} confidences of {right.shape} predictions")
    if not np.all((sure > -1e-6) & (sure < 1 + 1e-6)):  # also for NaN
        raise ValueError("confidences must be between 0 and 1")
    sure = sure.clip(0, 1)
    place = np.clip(np.ceil(sure * bins).astype(int) - 1, 0, bins - 1)
    counts, hits = (np.bincount(of, minlength=bins) for of in (place, place[right]))
    return Reliability(counts, np.bincount(place, sure, minlength=bins), hits)


def expected_calibration_error(curve: Reliability) -> Optional[float]:
    """The mean distance between confidence and accuracy, each bin weighted by what is in it (Naeini
    et al. 2015; Guo et al. 2017, eq. 3), from 0 to 1; None where nothing was said.
    """
    total = curve.counts.sum()
    return float(np.abs(curve.correct - curve.confidence).sum() / total) if total else None


def means(sums: np.ndarray, counts: np.ndarray) -> np.ndarray:
    return np.divide(sums, counts, out=np.full(len(counts), np.nan), where=counts > 0)


def judged(example: Example, metric: str) -> Optional[Tuple[np.ndarray, np.ndarray]]:
    """How sure a pipeline was of each thing that it says of a sentence, and whether it is right: of
    entities, or of tokens that are annotated; None where its component wrote no confidences.

    metric (str): "ents_f", "tag_acc" or "pos_acc".
    RETURNS: (n,) float and (n,) bool.
    """
    predicted = example.predicted
    parts: Any = predicted.ents if metric == "ents_f" else predicted
    confidences = [part._.confidence for part in parts if part.has_extension(EXTENSION)]
    if len(confidences) < len(parts) or None in confidences:
        return None
    counted, right = verdicts(example, metric)
    return np.asarray(confidences, dtype=float)[counted], right[counted]


def verdicts(example: Example, metric: str) -> Tuple[np.ndarray, np.ndarray]:
    """Of each entity or token of a labelled document whether it can be judged, and whether it is
    right, both (n,) bool.
    """
    if metric == "ents_f":
        gold, spans = gold_entities(example), found_entities(example)
        counted = np.array([span is not None for span in spans], dtype=bool)
        return counted, np.array([span in gold for span in spans], dtype=bool)
    attribute = metric.removesuffix("_acc").upper()
    tags, ours = (doc.to_array(attribute) for doc in (example.reference, example.predicted))
    return tags != 0, ours == tags


def calibration_of(
    nlp: Language, references: Sequence[Doc], metric: str, bins: int = BINS
) -> Optional[Reliability]:
    """The reliability curve of a pipeline on sentences; None if its component has no confidences.

    nlp (Language): One of its components with confidences sets what the metric is of.
    """
    pipes = [pipe for _, pipe in nlp.pipeline if isinstance(pipe, ReadingPipe)]
    pipes = [pipe for pipe in pipes if metric in pipe.score([])]
    if len(pipes) != 1:
        return None
    register_extension()
    before, pipes[0].writes_confidence = pipes[0].writes_confidence, True
    try:
        docs = nlp.pipe(copy_tokens(doc, nlp.vocab) for doc in references)
        said = [judged(Example(*both), metric) for both in zip(docs, references)]
    finally:
        pipes[0].writes_confidence = before
    known = [both for both in said if both is not None]
    sure, right = ([both[i] for both in known] for i in (0, 1))
    return reliability(np.concatenate([*sure, []]), np.concatenate([*right, []]), bins)
