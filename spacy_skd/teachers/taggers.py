"""spaCy's own `tagger`, which scores each token for itself."""

from dataclasses import dataclass
from typing import List, Sequence

import numpy as np
from spacy.pipeline import Tagger
from spacy.tokens import Doc

from ..transfer import Teacher
from .labels import log_sum


@dataclass(frozen=True)
class TaggerScores:
    """What a trained tagger says, with the names that a CRF component has for it."""

    pipe: Tagger

    @property
    def teacher(self) -> Teacher:
        n = len(self.pipe.labels)
        chain = (np.zeros(shape, dtype=np.float32) for shape in ((n, n), n, n))
        return Teacher(tuple(self.pipe.labels), "plain", *chain)

    def score_docs(self, docs: Sequence[Doc]) -> List[np.ndarray]:
        """Log probabilities (n, L) of the tags of each document."""
        model = self.pipe.model
        output = model.get_ref("softmax")
        scores = [model.ops.to_numpy(rows) for rows in model.predict(list(docs))]
        if output.attrs["softmax_normalize"]:  # else the output is what the softmax would take
            scores = [np.log(np.maximum(rows, np.finfo(np.float32).tiny)) for rows in scores]
        return [rows - log_sum(rows) for rows in scores]
