"""What an encoder says of words where they stand in sentences, in place of its input embeddings.

The mean of what it says of a word wherever the corpus has it is a better static vector than the
embeddings of its pieces (Bommasani, Davis & Cardie 2020, "Interpreting Pretrained Contextualized
Representations via Reductions to Static Equivalents", section 4): what a name names, say, is in
none of its pieces. Of words that are rare or missing only the pieces are known. What the encoder
would say of them is foretold from the embeddings of these, by the linear map that does it best for
the frequent words.
"""

from collections import Counter
from itertools import islice
from pathlib import Path
from typing import Iterator, List, NamedTuple, Optional, Tuple

import numpy as np
from tqdm import tqdm

from ..encoders.pretrained import Pretrained, open_pretrained
from ..encoders.reading import MEAN, read_words
from ..errors import Errors, SkdError
from .pieces import Pieces
from .words import sentences

# Words that occur less often, or are not among the most frequent, are left to their pieces.
MIN_COUNT = 3
MOST_WORDS = 100_000
# Of how many occurrences what is foretold is worth as much as what was seen.
FORETOLD = 2.0
# More occurrences of a word do not tell more of the map.
MOST_OCCURRENCES = 20
RIDGE = 0.01
BATCH = 256


class Reading(NamedTuple):
    """The corpus that the encoder reads, and the layer whose outputs are taken; None: that which is
    two thirds of the way up.
    """

    corpus: Path
    layer: Optional[int]


class InContext(NamedTuple):
    """The words that have vectors of their own, and vectors (pieces, width) and (words, width)."""

    words: List[str]
    of_pieces: np.ndarray
    of_words: np.ndarray


def in_context(
    source: str,
    reading: Reading,
    counts: Counter,
    pieces: Pieces,
    kept: List[int],
    embeddings: np.ndarray,
) -> InContext:
    """Vectors of pieces and of frequent words, of the kind that a layer of the encoder has.

    source (str): A Hugging Face encoder, a folder or a name on the Hub.
    counts (Counter): How often words occur in the corpus.
    kept (List[int]): Ids of the pieces that are wanted, all that these words have among them.
    embeddings (np.ndarray): (all pieces, width), of the input.
    Raises `SkdError` without transformers, for an encoder that will not do, and for a corpus
    without frequent words.
    """
    frequent = [word for word, n in counts.most_common(MOST_WORDS) if n >= MIN_COUNT]
    ids = {word: of_word for word, of_word in zip(frequent, pieces.of_words(frequent)) if of_word}
    words = list(ids)
    if not words:
        problem = f"no word that occurs {MIN_COUNT} times"
        raise SkdError(Errors.SKD280.format(path=reading.corpus, problem=problem))
    encoder = open_encoder(source, reading.layer)
    n_seen, means = read_means(encoder, reading.corpus, words, total=sum(counts.values()))
    centre = embeddings[kept].mean(axis=0)
    of_pieces = np.stack([embeddings[ids[word]].mean(axis=0) for word in words]) - centre
    mean, projection = linear_map(of_pieces, means, np.minimum(n_seen, MOST_OCCURRENCES))
    known = n_seen[:, None]
    of_words = (known * means + FORETOLD * (mean + of_pieces @ projection)) / (known + FORETOLD)
    return InContext(words, mean + (embeddings[kept] - centre) @ projection, of_words)


def open_encoder(source: str, layer: Optional[int]) -> Pretrained:
    """The encoder up to the layer that is asked."""
    if layer is None:
        depth = open_pretrained(source, "AutoModel").config.num_hidden_layers
        layer = max(round(depth * 2 / 3), 1)
    return open_pretrained(source, "AutoModel", layer)


def read_means(
    encoder: Pretrained, corpus: Path, words: List[str], total: int
) -> Tuple[np.ndarray, np.ndarray]:
    """How often each word was read, (words,), and the mean of what was said, (words, width)."""
    rows = {word: row for row, word in enumerate(words)}
    n_seen = np.zeros(len(words), dtype="f")
    sums: Optional[np.ndarray] = None
    with tqdm(total=total, unit="word", unit_scale=True, disable=None) as bar:
        for batch in batches(corpus):
            said = read_words(encoder, batch, lambda output: output.last_hidden_state, MEAN)
            for text, vectors in zip(batch, said):
                if sums is None:
                    sums = np.zeros((len(words), vectors.shape[1]), dtype="f")
                at = [i for i, word in enumerate(text) if word in rows]
                chosen = [rows[text[i]] for i in at]
                np.add.at(sums, chosen, vectors[at])
                np.add.at(n_seen, chosen, 1)
            bar.update(sum(map(len, batch)))
    return n_seen, sums / np.maximum(n_seen, 1)[:, None]


def batches(corpus: Path) -> Iterator[List[List[str]]]:
    texts = (words for _, words in sentences(corpus) if words)
    while batch := list(islice(texts, BATCH)):
        yield batch


def linear_map(X: np.ndarray, Y: np.ndarray, weights: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
    """The weighted mean of Y, (width of Y,), and what times X comes nearest to the rest of Y, by
    ridge regression, (width of X, width of Y).
    """
    shares = (weights / weights.sum())[:, None]
    mean = (shares * Y).sum(axis=0)
    weighted = (shares * X).T.astype("d")
    squares = weighted @ X
    squares += np.eye(len(squares)) * max(RIDGE * np.trace(squares) / len(squares), 1e-12)
    return mean, np.linalg.solve(squares, weighted @ (Y - mean)).astype("f")
