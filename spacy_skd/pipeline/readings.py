"""What a component makes of a document beyond its best analysis, and how sure it is of it.

All of it is about the tokens as if nothing had been written yet: entities and tags that are there,
whoever set them, are what is asked about and never what is known.

The scores are divided by the component's temperature, 1 unless it was calibrated (see
`evaluation/temperature.py`). The best analysis is the same at any.
"""

from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple, Union

import numpy as np
from spacy.tokens import Doc, Span, Token

from ..crf import Potentials, best_together, kbest, messages, part_log_probs, sample
from ..ragged import split_rows
from .storage import StoredPipe
from .upstream import as_before

EXTENSION = "confidence"
# By what name the confidences of tags are in a document's user data.
OF_TOKENS = "token_confidence"


class Parts(NamedTuple):
    """What a document says, each entity or token as the tags that it stands for."""

    first: np.ndarray  # (S,) the first token of each part
    lengths: np.ndarray  # (S,) its tokens
    labels: np.ndarray  # (sum of lengths,) indices of tags, one part after the other; -1: unknown


class Prediction(NamedTuple):
    """What a component that writes confidences predicts of a document."""

    tags: np.ndarray  # (n,)
    confidence: np.ndarray  # (entities,), or (n,) of a tagger


Scores = Sequence[Union[np.ndarray, Prediction]]


def as_prediction(of_doc: Union[np.ndarray, Prediction]) -> Tuple[np.ndarray, Optional[np.ndarray]]:
    """Predicted tags, and confidences where there are any."""
    return of_doc if isinstance(of_doc, Prediction) else (of_doc, None)


class ReadingPipe(StoredPipe):
    """The questions to ask of a component; a subclass says what its tags mean."""

    def confidence(self, doc: Doc) -> np.ndarray:
        """How probable what the document says is under the CRF, whoever wrote it: a number for each
        of `doc.ents`, that just this span with this label is an entity; of a tagger a number for
        each token, that it has its tag. Exact, by one forward-backward over each sentence.

        A label that the component does not know has probability 0, and so has a token without tag.

        doc (Doc): Processed or not. If the component listens to an encoder, that runs on a copy.
        RETURNS (ndarray): (entities,) or (tokens,), between 0 and 1.
        Raises `SkdError` where an encoder cannot be run.
        """
        potentials = self._potentials([doc])
        return self._probabilities(potentials, [doc], [self.parts_of(doc)])[0]

    def confidences(self, docs: Sequence[Doc]) -> Callable[[float], np.ndarray]:
        """What `confidence` would give of some documents, one after the other, at any temperature.
        Their scores are computed once.
        """
        scores = self._scores(docs)
        parts = [self.parts_of(doc) for doc in docs]

        def at(temperature: float) -> np.ndarray:
            tempered = scores.tempered(temperature)
            return np.concatenate([*self._probabilities(tempered, docs, parts), []])

        return at

    def marginals(self, doc: Doc) -> np.ndarray:
        """The probability of each tag at each token, (tokens, L), with the columns of `tags`."""
        potentials = self._potentials([doc])
        alpha, beta, log_z = messages(potentials)
        return np.exp(alpha + beta - np.repeat(log_z, potentials.lengths)[:, None])

    def kbest(self, doc: Doc, k: int) -> List[Tuple[List[Any], float]]:
        """The k most probable analyses of a document, best first, and their probabilities.

        k (int): At least 1, else `SkdError`. There may be fewer.
        RETURNS: Of each analysis its entities, as spans of the document, or of a tagger the tag of
            each token; and its probability, the product over the sentences.
        """
        lists = list(kbest(self._potentials([doc]), k))
        choices, log_probs = best_together([log_probs for _, log_probs in lists], k)
        paths = [
            np.concatenate([of_chain[i] for (of_chain, _), i in zip(lists, choice)] or [[]])
            for choice in choices
        ]
        return [
            (self.reading(doc, path.astype(int)), float(np.exp(log_prob)))
            for path, log_prob in zip(paths, log_probs)
        ]

    def sample(self, doc: Doc, n: int, seed: int = 0) -> List[List[Any]]:
        """n analyses of a document, drawn independently as often as they are probable.

        n (int): At least 1. seed (int): From 0 up; the same seed gives the same analyses.
        RETURNS: Analyses as those of `kbest`.
        Raises `SkdError` for other numbers.
        """
        drawn = sample(self._potentials([doc]), n, seed)
        return [self.reading(doc, path) for path in drawn]

    # What a subclass says.

    def parts_of(self, doc: Doc) -> Parts:
        """What a document says."""
        raise NotImplementedError

    def parts_with(self, doc: Doc, path: np.ndarray) -> Parts:
        """What a document will say when predicted tags, (n,) indices, have been written."""
        raise NotImplementedError

    def reading(self, doc: Doc, path: np.ndarray) -> List[Any]:
        """An analysis for a user, from its tags, (n,) indices."""
        raise NotImplementedError

    # How it is computed.

    def _potentials(self, docs: Sequence[Doc]) -> Potentials:
        """Those of the probabilities that are shown."""
        return self._tempered(self._scores(docs))

    def _tempered(self, scores: Potentials) -> Potentials:
        return scores if self.temperature == 1 else scores.tempered(self.temperature)

    def _scores(self, docs: Sequence[Doc]) -> Potentials:
        before = as_before(self, docs)
        if not any(len(doc) for doc in docs):
            chain, lengths = self.teacher, np.zeros(len(docs), dtype=int)
            nothing = np.zeros((0, len(self.tags)))
            return Potentials(nothing, lengths, chain.transitions, chain.start, chain.end)
        return self.constrained(self.model.predict(before), before, preset=False)

    def _probabilities(
        self, potentials: Potentials, docs: Sequence[Doc], parts: Sequence[Parts]
    ) -> List[np.ndarray]:
        """The probabilities of the parts of each document, for the potentials of all of them."""
        offsets = np.cumsum([0, *(len(doc) for doc in docs)])
        first = np.concatenate([of.first + offset for of, offset in zip(parts, offsets)])
        lengths = np.concatenate([of.lengths for of in parts])
        labels = np.concatenate([of.labels for of in parts])
        result = np.zeros(len(first))
        if len(first):
            known = np.minimum.reduceat(labels, np.cumsum(lengths) - lengths) >= 0
            labels = labels[np.repeat(known, lengths)]
            # What ends where it is said to end is followed by a tag that continues nothing.
            opening = self.scheme.constraints(self.tags)[1]
            asked = (first[known], lengths[known], labels, opening)
            result[known] = np.exp(part_log_probs(potentials, *asked))
        return split_rows(result, [len(of.first) for of in parts])

    def _predictions(
        self, potentials: Potentials, docs: Sequence[Doc], best: Sequence[np.ndarray]
    ) -> List[Prediction]:
        """Predicted tags and the confidence in what a document says with them, by potentials that
        allow anything in its place."""
        register_extension()  # a component that was pickled may be the first of its process
        parts = [self.parts_with(doc, tags) for doc, tags in zip(docs, best)]
        confidences = self._probabilities(self._tempered(potentials), docs, parts)
        return [Prediction(*both) for both in zip(best, confidences)]


def register_extension() -> None:
    """`span._.confidence` and `token._.confidence`, None where nothing is known."""
    if not Span.has_extension(EXTENSION):
        Span.set_extension(EXTENSION, default=None)
    if not Token.has_extension(EXTENSION):
        Token.set_extension(EXTENSION, getter=token_confidence)
    if not Span.has_extension(OF_TOKENS):
        Span.set_extension(OF_TOKENS, default=None)  # without it `Doc.from_json` is E083


def write_token_confidence(doc: Doc, confidence: np.ndarray) -> None:
    """A number for each token, kept as spaCy keeps what is set of a span: by its characters, which
    a part of a document and several of them together keep. Where tokens are merged or split, theirs
    are of no token any more, and those of their neighbours stay.

    Under a name of its own, because an entity of one token has another confidence; and not by
    `_.set`, which takes as long as half of the labelling.
    """
    places = doc.to_array(["IDX", "LENGTH"])
    starts, ends = places[:, 0].tolist(), places.sum(axis=1).tolist()
    keys = [("._.", OF_TOKENS, start, end) for start, end in zip(starts, ends)]
    user_data: Dict[Any, Any] = doc.user_data
    user_data.update(zip(keys, confidence.tolist()))


def token_confidence(token: Token) -> Optional[float]:
    user_data: Dict[Any, Any] = token.doc.user_data
    return user_data.get(("._.", OF_TOKENS, token.idx, token.idx + len(token)))
