"""Words to the pieces of an encoder's vocabulary, in windows that the encoder can read at once."""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Iterator, List, Optional, Sequence

import numpy as np

if TYPE_CHECKING:
    from tokenizers import Encoding, Tokenizer

# Of how words are cut into pieces and read: another one wherever an encoder says something else of
# the same words than before, so that what was kept of it is computed again.
VERSION = 2


@dataclass(frozen=True)
class Window:
    """Consecutive words of a sentence as pieces.

    sentence (int): Which sentence of the batch.
    first (int): The first of its words that counts. Words of an overlap count in one window only;
        in the other they are context.
    ids (List[int]): The pieces, with the special ones before and after.
    starts (ndarray): (words + 1,) where in `ids` the pieces of each word that counts begin, and
        where those of the last one end.
    """

    sentence: int
    first: int
    ids: List[int]
    starts: np.ndarray


class Subwords:
    """Cuts words, one by one, with the tokenizer of an encoder.

    tokenizer (Tokenizer): Of the package `tokenizers`.
    max_pieces (int): That the encoder can read at once, special ones included.
    pad (int): The piece that fills up short rows of a batch; also stands for a word without pieces
        where the vocabulary knows no piece for what is unknown.
    """

    def __init__(self, tokenizer: "Tokenizer", max_pieces: int, pad: int) -> None:
        tokenizer.no_truncation()
        tokenizer.no_padding()
        self.tokenizer = tokenizer
        self.max_pieces = max_pieces
        self.pad = pad
        self._before, self._after = special_pieces(tokenizer)
        unknown = unknown_piece(tokenizer)
        self._unknown = pad if unknown is None else unknown

    def windows(self, sentences: Sequence[Sequence[str]]) -> List[Window]:
        """The windows of some sentences, at least one for each that has words."""
        encodings = self.tokenizer.encode_batch(
            [list(words) for words in sentences], is_pretokenized=True, add_special_tokens=False
        )
        return [
            window
            for i, (words, encoding) in enumerate(zip(sentences, encodings))
            for window in self._windows_of(i, self._by_word(encoding, len(words)))
        ]

    def _by_word(self, encoding: "Encoding", n_words: int) -> List[List[int]]:
        room = self.max_pieces - len(self._before) - len(self._after)
        pieces: List[List[int]] = [[] for _ in range(n_words)]
        for piece, word in zip(encoding.ids, encoding.word_ids):
            if word is not None and len(pieces[word]) < room:
                pieces[word].append(piece)
        # Control characters and the like have no piece, but every word must get a vector.
        return [of_word or [self._unknown] for of_word in pieces]

    def _windows_of(self, sentence: int, pieces: List[List[int]]) -> Iterator[Window]:
        room = self.max_pieces - len(self._before) - len(self._after)
        ends = np.cumsum([0] + [len(of_word) for of_word in pieces])
        n_words, first, done = len(pieces), 0, 0
        while done < n_words:
            last = int(np.searchsorted(ends, ends[first] + room, side="right")) - 1
            # A quarter is read twice; each word counts where it has more of a context.
            following = int(np.searchsorted(ends, ends[last] - room // 4))
            counts = n_words if last == n_words else max((following + last + 1) // 2, done + 1)
            ids = [piece for of_word in pieces[first:last] for piece in of_word]
            starts = ends[done : counts + 1] - ends[first] + len(self._before)
            yield Window(sentence, done, [*self._before, *ids, *self._after], starts)
            first, done = min(max(following, first + 1), counts), counts
            if done < n_words and ends[done + 1] - ends[first] > room:
                first = done


def unknown_piece(tokenizer: "Tokenizer") -> Optional[int]:
    """The piece of what is unknown, if the vocabulary has one."""
    model = tokenizer.model
    if hasattr(model, "unk_token"):
        return None if model.unk_token is None else tokenizer.token_to_id(model.unk_token)
    # Unigram models, such as XLM-R's, say it in what they are saved as alone.
    return json.loads(tokenizer.to_str())["model"].get("unk_id")


def special_pieces(tokenizer: "Tokenizer") -> "tuple[List[int], List[int]]":
    """What the tokenizer puts before and after every sentence."""
    encoding = tokenizer.encode(["a"], is_pretokenized=True, add_special_tokens=True)
    ids, special = encoding.ids, encoding.special_tokens_mask
    inner = [i for i, mark in enumerate(special) if not mark]
    return ids[: inner[0]], ids[inner[-1] + 1 :]


def by_length(lengths: Sequence[int], limit: int) -> Iterator[List[int]]:
    """Batches of what has these lengths, by its numbers: each of about the same lengths, and of at
    most `limit` in all with what fills up."""
    batch: List[int] = []
    for i in sorted(range(len(lengths)), key=lengths.__getitem__):
        if batch and lengths[i] * (len(batch) + 1) > limit:
            yield batch
            batch = []
        batch.append(i)
    if batch:
        yield batch
