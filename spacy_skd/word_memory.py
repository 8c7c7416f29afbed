"""What an embedding said of words, kept for the predictions to come.

Most words of a text are those of texts before it, and what an embedding says of a word wherever it
stands is the same each time, as long as its parameters are.
"""

import os
from threading import RLock
from typing import Any, Callable, Dict, List, Tuple

import numpy as np
from spacy.vectors import Mode
from spacy.vocab import Vocab
from thinc.api import Model
from thinc.types import Floats2d

from .tokens import Tokens, attributes_read

# Words of an embedding that are kept, some 600 bytes each where it has 96 dimensions.
WORDS_KEPT = 20_000

# Of whoever adds words to a memory. A process that forks waits for that: its child, in which no
# other thread lives on, would wait for ever. RLock: a handler of signals may fork, too.
ADDING = RLock()
if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(
        before=ADDING.acquire, after_in_parent=ADDING.release, after_in_child=ADDING.release
    )


class WordMemory:
    """Vectors of words by all that an embedding is told of them, as long as it does not change. If
    there are more than WORDS_KEPT it begins anew.

    embed (Model): Tokens -> one array (n, width) each, of each token by itself.
    vocab (Vocab): That of the tokens. A memory has nothing where an embedding looks words up in a
        table that anyone may write into, or in vectors of a kind that is not known.
    """

    def __init__(self, embed: Model[List[Tokens], List[Floats2d]], vocab: Vocab) -> None:
        self.embed = embed
        self.params = [(layer, name) for layer in embed.walk() for name in layer.param_names]
        self.has_table = any(
            layer._func.__module__ == "spacy.ml.staticvectors" and layer.has_param("W")
            for layer in embed.walk()
        )
        self.attributes = attributes_read(embed, vocab)
        self.arrays = self.present_arrays(vocab)
        mode = getattr(vocab.vectors, "mode", None)
        self.is_closed = self.has_table and mode != Mode.floret
        # Replaced together, as other threads may be reading them.
        self.kept: Tuple[Dict[bytes, int], Floats2d] = ({}, np.zeros((0, 0), dtype="f"))
        self.n_rows = 0

    def present_arrays(self, vocab: Vocab) -> List[Any]:
        """All that what is said of a word depends on, besides the word."""
        arrays = [layer.get_param(name) for layer, name in self.params if layer.has_param(name)]
        return [*arrays, getattr(vocab.vectors, "data", None)] if self.has_table else arrays

    def is_of(self, embed: Model, vocab: Vocab) -> bool:
        """Whether it is of an embedding as it is now: parameters are replaced when they are loaded
        or averaged.
        """
        if embed is not self.embed:
            return False
        arrays = self.present_arrays(vocab)
        pairs = zip(arrays, self.arrays)
        return len(arrays) == len(self.arrays) and all(now is then for now, then in pairs)

    def recall(self, words: Tokens, predict: Callable[[Tokens], Floats2d]) -> Floats2d:
        """The vectors (n, width) of n different words, of which `predict` is asked for new ones."""
        if self.is_closed:
            return predict(words)
        seen = Tokens(words.vocab, self.attributes, words.to_array(self.attributes))
        keys = seen.keys().tolist()
        row_of, vectors = self.kept
        rows = np.array([row_of.get(key, -1) for key in keys], dtype=np.int64)
        new = np.flatnonzero(rows < 0)
        if not len(new) and len(keys):
            return vectors[rows]
        predicted = predict(words[new])
        self.keep([keys[i] for i in new.tolist()], predicted)
        if len(new) == len(keys):
            return predicted
        found = vectors[rows]
        found[new] = predicted
        return found

    def keep(self, keys: List[bytes], predicted: Floats2d) -> None:
        n_new = min(len(keys), WORDS_KEPT)
        with ADDING:
            row_of, vectors = self.kept
            if self.n_rows + n_new > len(vectors):
                row_of, vectors = {}, np.empty((WORDS_KEPT, predicted.shape[1]), predicted.dtype)
                self.kept, self.n_rows = (row_of, vectors), 0
            rows = range(self.n_rows, self.n_rows + n_new)
            # Taken first: Ctrl-C may end this anywhere, and no row must be another word's too.
            self.n_rows = rows.stop
            vectors[rows.start : rows.stop] = predicted[:n_new]
            # A word is found only once its vector is there. One that two threads add has two rows.
            row_of.update(zip(keys, rows))
