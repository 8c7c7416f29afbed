"""Hugging Face's token classifiers: any of them can teach, without a training of ours."""

import hashlib
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any, List, Optional, Sequence

import numpy as np
import srsly
from spacy.tokens import Doc

from ..encoders.pretrained import Pretrained, open_pretrained
from ..encoders.reading import read_words
from ..errors import Errors, SkdError
from ..schemes import OUTSIDE
from ..transfer import Teacher
from ..work.tasks import Place
from .fit import check_labels
from .labels import ClassifierSettings, Tagset, meant_names, read_labels, split_name
from .protocol import FindTeachers, Source

# Spans that a classifier must have begun before it is judged by how.
ENOUGH = 20


def find_token_classifier(name: str, settings: ClassifierSettings, corpus: Path) -> FindTeachers:
    """One classifier for all languages.

    name (str): A folder, or a name of the Hub.
    Raises `SkdError` if it cannot be opened (see `open_pretrained`), if its labels cannot be
    understood (see `read_labels`), or if they are not those of the corpus (see `check_labels`).
    """
    scorer = open_token_classifier(name, settings)
    spans = scorer.tagset.scheme != "plain"
    check_labels(scorer.tagset.labels, corpus, spans, wanted=settings.renamed.values())
    fingerprint = scorer.fingerprint()
    files = Path(name).absolute() if Path(name).is_dir() else None
    opened_at = partial(open_at, name, files, settings)
    return lambda language: [
        Source(language, lambda: scorer, opened_at, files=files, fingerprint=fingerprint)
    ]


def open_at(
    name: str, files: Optional[Path], settings: ClassifierSettings, place: Place
) -> "TokenClassifierScorer":
    return open_token_classifier(name if files is None else str(place(files)), settings)


def open_token_classifier(name: str, settings: ClassifierSettings) -> "TokenClassifierScorer":
    """Raises `SkdError` if it cannot be opened, or if its labels cannot be understood."""
    pretrained = open_pretrained(name, "AutoModelForTokenClassification")
    found = pretrained.config.id2label
    names = [found[i] for i in range(len(found))]
    tagset = read_labels(names, settings, name)
    guessed = settings.scheme is None and tagset.scheme == "IOB2"
    meant = meant_names(names, settings)
    return TokenClassifierScorer(name, pretrained, tagset, settings.pooling, meant, guessed)


def logits_of(output: Any) -> Any:
    return output.logits


class TokenClassifierScorer:
    """Its scores of a word are log probabilities, each word's for itself: the chain scores are 0,
    and the scheme's constraints leave its distribution over legal sequences.

    names (Sequence[str]): The tags that its logits are of, as it or its user calls them.
    guessed (bool): Whether it is IOB2 by its names alone, and nobody has said so.
    """

    def __init__(
        self,
        name: str,
        pretrained: Pretrained,
        tagset: Tagset,
        pooling: str,
        names: Sequence[str],
        guessed: bool,
    ) -> None:
        self.name = name
        self.pretrained = pretrained
        self.tagset = tagset
        self.pooling = pooling
        self.names = names
        self.guessed = guessed
        self._begun: Counter = Counter()

    @property
    def teacher(self) -> Teacher:
        n = len(self.tagset.tags)
        chain = (np.zeros(shape, dtype=np.float32) for shape in ((n, n), n, n))
        return Teacher(self.tagset.tags, self.tagset.scheme, *chain)

    def fingerprint(self) -> str:
        how = [self.tagset.scheme, self.tagset.tags, self.tagset.columns, self.pooling]
        text = self.pretrained.fingerprint() + srsly.json_dumps(how)
        return hashlib.sha256(text.encode("utf8")).hexdigest()

    def score(self, docs: Sequence[Doc]) -> List[np.ndarray]:
        sentences = [[token.text for token in doc] for doc in docs]
        found = read_words(self.pretrained, sentences, logits_of, self.pooling)
        logits = [rows.reshape(-1, self.pretrained.config.num_labels) for rows in found]
        if self.guessed:
            self._check_scheme(logits)
        return [self.tagset.scores(rows) for rows in logits]

    def _check_scheme(self, logits: Sequence[np.ndarray]) -> None:
        """The names are the same in IOB1, but there spans begin with I."""
        for rows in logits:
            previous = ""
            for best in rows.argmax(axis=1):
                position, label = split_name(self.names[int(best)]) or (OUTSIDE, "")
                if position == "B" or (position == "I" and label != previous):
                    self._begun[position] += 1
                previous = label
        total = sum(self._begun.values())
        if total >= ENOUGH and self._begun["I"] > total / 2:
            raise SkdError(
                Errors.SKD165.format(source=self.name, number=self._begun["I"], total=total)
            )
