"""The sentences of a corpus, for a tokenizer that learns from them how text is split into words."""

from itertools import islice
from pathlib import Path
from typing import Callable, Iterable, Iterator, List, Optional, Sequence

from spacy import registry
from spacy.tokens import Doc
from spacy.vocab import Vocab

from ..corpora.layout import find_languages
from ..corpora.stored import read_split

SENTENCES = "spacy-skd.Sentences.v1"
# Where a treebank keeps the spaces of its dev set alone, the text of the others is restored by it.
SPLITS = ("train", "dev")
# Of each language and split: more teach a tokenizer little that is new.
MOST = 20_000


@registry.readers(SENTENCES)
def make_sentences(
    path: Optional[Path],
    splits: Sequence[str] = SPLITS,
    languages: Optional[List[str]] = None,
) -> Optional[Callable[[], Iterable[Doc]]]:
    """The sentences of a corpus folder, for the block `[initialize.tokenizer.sentences]`.

    path (Optional[Path]): The corpus folder. None gives None: nothing to learn from.
    splits (Sequence[str]): Which files of each language, as far as they are there.
    languages (Optional[List[str]]): Only these; None: all in the folder.
    Raises `SkdError` for a corpus that is missing or broken, when it is read.
    """
    if path is None:
        return None
    corpus = Path(path)

    def read() -> Iterator[Doc]:
        for lang in find_languages(corpus, [], languages):
            for split in splits:
                yield from islice(read_split(corpus, lang, split, Vocab()), MOST)

    return read
