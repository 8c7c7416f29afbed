"""As many sentences as a task says, drawn at random and kept in their order."""

import random
from pathlib import Path
from typing import Iterable, List, Optional, Sequence, Tuple, TypeVar

from ..corpora.lines import read_blocks
from ..errors import Errors, SkdError

T = TypeVar("T")
Sentence = Tuple[Sequence[str], Sequence[str]]
WORDS, TAGS = "tokens", "ner_tags"


def drawn(sentences: Sequence[T], number: Optional[int], seed: str) -> List[T]:
    """`number` of the sentences; all where there are no more, or it is None.

    seed (str): The same seed draws the same of the same, on every platform.
    """
    if number is None or number >= len(sentences):
        return list(sentences)
    chosen = random.Random(seed).sample(range(len(sentences)), number)
    return [sentences[i] for i in sorted(chosen)]


def draw_lines(path: Path, number: Optional[int], seed: str, encoding: str) -> str:
    """The text of a file that separates sentences by blank lines, with those that are drawn."""
    blocks = list(read_blocks(path, encoding))
    if not blocks:
        raise SkdError(Errors.SKD088.format(path=path))
    chosen = drawn(blocks, number, seed)
    return "\n".join("".join(f"{line}\n" for _, line in block) for block in chosen)


def draw_rows(rows: Iterable[Sentence], number: Optional[int], seed: str, lang: str) -> str:
    """Words and tags as WikiAnn's own files have them, of those sentences that are drawn."""
    usable = [(words, tags) for words, tags in rows if len(words) and all(map(is_word, words))]
    chosen = drawn(usable, number, seed)
    return "\n".join(
        "".join(f"{lang}:{word}\t{tag}\n" for word, tag in zip(words, tags))
        for words, tags in chosen
    )


def is_word(word: str) -> bool:
    """Whether a line of two columns can hold it."""
    return bool(word) and not set(word) & set("\t\r\n")
