"""One temperature for a component, by which its confidences can be believed (Guo et al. 2017,
section 4.2). All scores are divided by it, so that the best analysis stays.

Of a sequence model it has to be said which probabilities are meant. What a user sees are those of
entities, or of tokens' tags, of the best analysis. Each of these is right or wrong, and the
temperature is the one by which what is right is the most likely to be right, and what is wrong to
be wrong. The likelihood of whole gold sequences is another quantity.

A temperature of few sentences, or of few mistakes, may be further from the truth than 1 is. So it
is taken only if temperatures that were fitted without a sentence have a lower loss there than 1
has, in sum over the sentences and by more than one standard error (Hastie et al. 2009, section
7.10).
"""

from functools import cache
from typing import Any, Callable, Dict, NamedTuple, Sequence

import numpy as np
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example

from ..corpora.stored import copy_tokens
from ..errors import Errors, SkdError
from ..pipeline.readings import ReadingPipe
from .calibration import Reliability, reliability, verdicts
from .scorers import METRICS

RANGE = (0.1, 10.0)
POINTS, ROUNDS = 9, 4  # the last ones are 1 % apart
SURE = 1e-6  # what was said with more is as wrong as that
BATCH = 256
FOLDS = 5
Shown = Callable[[float], np.ndarray]


class Fit(NamedTuple):
    """The temperature of a component, the one that fits best, and reliability curves at 1 and at
    its own. Its own is 1 where it is not certain that the other is better.
    """

    temperature: float
    best: float
    before: Reliability
    after: Reliability


def calibrate(nlp: Language, references: Sequence[Doc]) -> Dict[str, Fit]:
    """Give each component with confidences the temperature that fits these sentences.

    references (Sequence[Doc]): Annotated, and not those that the pipeline was trained on.
    RETURNS: {name of the component: what was found}; none where no component has confidences.
    Raises `SkdError` where nothing can be fitted because all that a component says is right, or all
        is wrong, or it says nothing.
    """
    pipes = {name: pipe for name, pipe in nlp.pipeline if isinstance(pipe, ReadingPipe)}
    docs = list(nlp.pipe(copy_tokens(doc, nlp.vocab) for doc in references))
    examples = [Example(*both) for both in zip(docs, references)]
    fits = {name: fit(name, pipe, examples) for name, pipe in pipes.items()}
    for name, found in fits.items():
        pipes[name].temperature = found.temperature
    return fits


def fit(name: str, pipe: Any, examples: Sequence[Example]) -> Fit:
    """The temperature for a component, of examples that its pipeline has labelled."""
    nothing = np.zeros(0, dtype=bool)
    metric = next(metric for metric in METRICS if metric in pipe.score([]))
    judged = [verdicts(example, metric) for example in examples]
    counted, right = (np.concatenate([*(of[i] for of in judged), nothing]) for i in (0, 1))
    right = right[counted]
    if not 0 < right.sum() < len(right):
        raise SkdError(Errors.SKD236.format(name=name, right=right.sum(), total=len(right)))
    shown = confidences_of(pipe, [example.predicted for example in examples], counted)
    sentences = np.repeat(np.arange(len(judged)), [len(of) for of, _ in judged])[counted]
    losses = cache(lambda t: log_losses(shown(t), right))
    best = best_of(losses, np.full(len(right), True))
    temperature = best if is_better(losses, sentences) else 1.0
    return Fit(temperature, best, *(reliability(shown(t), right) for t in (1.0, temperature)))


def is_better(losses: Shown, sentences: np.ndarray) -> bool:
    """Whether temperatures that are fitted to other sentences surely lower the loss of a sentence.

    losses (Callable): The losses at a temperature, (n,).
    sentences (ndarray): (n,) int, the sentence of each. Those of a sentence go together: they are
        right and wrong together.
    """
    names, sentences = np.unique(sentences, return_inverse=True)
    if len(names) < FOLDS:
        return False
    gains = losses(1.0).copy()
    for fold in range(FOLDS):
        held = sentences % FOLDS == fold
        gains[held] -= losses(best_of(losses, ~held))[held]
    of_sentences = np.bincount(sentences, gains)
    error = of_sentences.std(ddof=1) * np.sqrt(len(names))
    return bool(of_sentences.sum() > error)


def best_of(losses: Shown, chosen: np.ndarray) -> float:
    """The temperature that is best for some of the losses, (n,) bool."""
    return minimum(lambda t: float(losses(t)[chosen].sum()))


def confidences_of(pipe: ReadingPipe, docs: Sequence[Doc], counted: np.ndarray) -> Shown:
    """The confidences that count, at any temperature."""
    batches = [pipe.confidences(docs[i : i + BATCH]) for i in range(0, len(docs), BATCH)]
    return lambda temperature: np.concatenate([of(temperature) for of in batches])[counted]


def log_losses(confidences: np.ndarray, right: np.ndarray) -> np.ndarray:
    """The negative logarithm of how probable it was called that what is right is right, and what is
    wrong is wrong, (n,) all.
    """
    sure = confidences.clip(SURE, 1 - SURE)
    return -np.log(np.where(right, sure, 1 - sure))


def minimum(loss: Callable[[float], float]) -> float:
    """The temperature within `RANGE` where a loss is least, looked for in ever narrower ranges."""
    low, high = np.log(RANGE)
    for _ in range(ROUNDS):
        points = np.linspace(low, high, POINTS)
        best = int(np.argmin([loss(float(np.exp(point))) for point in points]))
        low, high = points[max(best - 1, 0)], points[min(best + 1, POINTS - 1)]
    return float(np.exp(points[best]))
