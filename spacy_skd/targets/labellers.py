"""A teacher at work on the shards of a store: in this process, or in those of a cluster."""

from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Callable, Iterator, List, Optional, Sequence, Tuple

import numpy as np
from spacy import require_gpu
from spacy.tokens import Doc
from spacy.util import minibatch
from spacy.vocab import Vocab

from ..corpora.stored import words_and_spaces
from ..ragged import split_rows
from ..records import file_names
from ..teachers import Scorer, Source
from ..transfer import Teacher
from ..work.cluster import Cluster
from ..work.pool import Call, Pool
from ..work.tasks import Place
from .writer import Score

Sentence = Tuple[List[str], List[bool]]


@dataclass(frozen=True)
class Labeller:
    """What a store is written with; see `TargetWriter.write`."""

    teacher: Teacher
    score: Score
    ahead: int = 0


@contextmanager
def opened(source: Source, batch_size: int, cluster: Optional[Cluster]) -> Iterator[Labeller]:
    """A teacher put to work. Raises `SkdError` if it cannot work.

    batch_size (int): Sentences that it scores at a time.
    """
    if cluster is None:
        scorer = source.open()
        yield Labeller(scorer.teacher, partial(in_batches, scorer, batch_size))
        return
    folder = source.files
    reads = [] if folder is None else [folder / name for name in file_names(folder)]
    make = partial(make_worker, source.open_at, batch_size, cluster.gpu_id)
    pool = Pool(cluster, make, reads, source.name)
    try:
        teacher = pool.submit("teacher").result()
        yield Labeller(teacher, partial(on_cluster, pool), pool.ahead)
    finally:
        pool.close()


def in_batches(scorer: Scorer, batch_size: int, docs: Sequence[Doc]) -> Iterator[np.ndarray]:
    for batch in minibatch(docs, batch_size):
        yield from scorer.score(batch)


def on_cluster(pool: Pool, docs: Sequence[Doc]) -> Iterator[np.ndarray]:
    """Hands over at once what the scores are waited for when they are read."""
    call = pool.submit("score", [words_and_spaces(doc) for doc in docs])
    return rows_of(call, [len(doc) for doc in docs])


def rows_of(call: Call, lengths: Sequence[int]) -> Iterator[np.ndarray]:
    yield from split_rows(call.result(), lengths)


class Worker:
    """A teacher on a machine of the cluster, which sees words and spaces alone, as all do."""

    def __init__(self, scorer: Scorer, batch_size: int) -> None:
        self.scorer = scorer
        self.batch_size = batch_size

    def teacher(self) -> Teacher:
        return self.scorer.teacher

    def score(self, sentences: Sequence[Sentence]) -> np.ndarray:
        """The emission scores of all tokens, (sum of lengths, L)."""
        vocab = Vocab()
        docs = [Doc(vocab, words=words, spaces=spaces) for words, spaces in sentences]
        return np.concatenate(list(in_batches(self.scorer, self.batch_size, docs)))


def make_worker(
    open_at: Callable[[Place], Scorer], batch_size: int, gpu_id: int, place: Place
) -> Worker:
    if gpu_id >= 0:
        require_gpu(gpu_id)
    return Worker(open_at(place), batch_size)
