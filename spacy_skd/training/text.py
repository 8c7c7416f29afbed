"""Text as a stream: piece by piece, pass after pass, in an order that a seed decides."""

from functools import cached_property
from itertools import count
from pathlib import Path
from typing import Iterable, Iterator, List, Optional, Sequence, Tuple

import numpy as np
from spacy.tokens import Doc
from spacy.vocab import Vocab

from ..corpora.stored import open_docs, read_docs
from ..errors import Errors, SkdError
from ..targets.folds import LeftOut

# Sentences that wait to be drawn: each comes this far from its neighbours, give or take.
BUFFER = 2000


class TextStream:
    """The sentences of one language's files, without end. In every pass each of them comes once,
    the files in another order and their sentences through a shuffle buffer: what is held at a time
    is `BUFFER` sentences and one file, however much text there is.

    files (List[Path]): `.spacy` files, all but the last of about the same number of sentences.
    seed (Sequence[int]): Of all passes.
    left_out (Optional[LeftOut]): Which of the sentences do not belong to it.
    Raises `SkdError` where a file is not the one that was there when the stream was made.
    """

    def __init__(
        self,
        files: List[Path],
        lang: str,
        vocab: Vocab,
        seed: Sequence[int],
        left_out: Optional[LeftOut] = None,
    ) -> None:
        self.files = files
        self.lang = lang
        self.vocab = vocab
        self.seed = seed
        self.left_out = left_out
        self._found = [identity(path) for path in files]
        self._docs = self._passes()

    @cached_property
    def size(self) -> int:
        """The number of sentences in a pass, found without reading all of them."""
        first, last = (len(open_docs(self.files[i])) for i in (0, -1))
        left_out = 0 if self.left_out is None else self.left_out.sentences.get(self.lang, 0)
        return (len(self.files) - 1) * first + last - left_out

    def __iter__(self) -> Iterator[Doc]:
        """Goes on where it was left."""
        return self._docs

    def _passes(self) -> Iterator[Doc]:
        for n in count():
            rng = np.random.default_rng([*self.seed, n])
            empty = True
            for doc in shuffled(self._pass(rng), rng):
                empty = False
                yield doc
            if empty:
                raise SkdError(Errors.SKD220.format(path=self.files[0].parent))

    def _pass(self, rng: np.random.Generator) -> Iterator[Doc]:
        for i in rng.permutation(len(self.files)):
            # A training on two corpora would pass for one on the first, were that put back.
            if identity(self.files[i]) != self._found[i]:
                raise SkdError(Errors.SKD186.format(path=self.files[i]))
            for doc in read_docs(self.files[i], self.lang, self.vocab):
                if self.left_out is None or doc not in self.left_out:
                    yield doc


def identity(path: Path) -> Optional[Tuple[int, int, int]]:
    """By what a file is recognised; None where there is none."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns


def shuffled(docs: Iterable[Doc], rng: np.random.Generator) -> Iterator[Doc]:
    """The same documents in another order: each takes the place of a random one that waits."""
    waiting: List[Doc] = []
    for doc in docs:
        if len(waiting) < BUFFER:
            waiting.append(doc)
        else:
            i = rng.integers(BUFFER)
            yield waiting[i]
            waiting[i] = doc
    yield from (waiting[i] for i in rng.permutation(len(waiting)))
