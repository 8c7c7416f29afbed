"""spaCy's own `tagger` and `morphologizer`, which score each token for itself."""

from dataclasses import dataclass
from typing import Dict, List, Sequence, Tuple

import numpy as np
from spacy.parts_of_speech import NAMES
from spacy.pipeline import Morphologizer, Tagger
from spacy.tokens import Doc

from ..transfer import Teacher
from .labels import log_sum


@dataclass(frozen=True)
class TaggerScores:
    """What a trained tagger says, with the names that a CRF component has for it. A morphologizer's
    labels are a part of speech with features each: it says how probable the former is.
    """

    pipe: Tagger

    @property
    def tags(self) -> Tuple[str, ...]:
        return tuple(self._labels_of)

    @property
    def _labels_of(self) -> Dict[str, List[int]]:
        """The places of the labels that mean a tag."""
        places: Dict[str, List[int]] = {}
        for i, label in enumerate(self.pipe.labels):
            if isinstance(self.pipe, Morphologizer):
                label = NAMES[self.pipe.cfg["labels_pos"][label]]
            if label:  # else features of a token without a part of speech
                places.setdefault(label, []).append(i)
        return places

    @property
    def teacher(self) -> Teacher:
        n = len(self.tags)
        chain = (np.zeros(shape, dtype=np.float32) for shape in ((n, n), n, n))
        return Teacher(self.tags, "plain", *chain)

    def score_docs(self, docs: Sequence[Doc]) -> List[np.ndarray]:
        """Log probabilities (n, L) of the tags of each document."""
        model = self.pipe.model
        output = model.get_ref("softmax")
        scores = [model.ops.to_numpy(rows) for rows in model.predict(list(docs))]
        if output.attrs["softmax_normalize"]:  # else the output is what the softmax would take
            scores = [np.log(np.maximum(rows, np.finfo(np.float32).tiny)) for rows in scores]
        of_tags = list(self._labels_of.values())
        summed = [np.hstack([log_sum(rows[:, places]) for places in of_tags]) for rows in scores]
        return [rows - log_sum(rows) for rows in summed]
