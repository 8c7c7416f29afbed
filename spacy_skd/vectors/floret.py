"""Vectors trained from the text of a corpus alone, where no encoder can be had.

floret (https://github.com/explosion/floret) is fastText with words and character n-grams hashed
into one small table; spaCy's own vectors can hold it.
"""

import errno
import logging
import warnings
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

from spacy.language import Language
from spacy.training.initialize import convert_vectors

from ..errors import Errors, SkdError
from .words import sentences

# As in spaCy's documentation; n-grams from 3, as not all languages have long words.
MIN_COUNT = 2
ROWS = 50_000
SETTINGS = dict(
    model="cbow", mode="floret", minn=3, maxn=5, hashCount=2, bucket=ROWS, minCount=MIN_COUNT
)


def train_floret(nlp: Language, corpus: Path, dims: int) -> None:
    """Give a pipeline floret vectors (50,000 rows, dims) trained on a corpus, float32.

    One thread, so that the same corpus gives the same vectors. Raises `SkdError` without the
    package floret, for dims below 1, and for a corpus without a word that is frequent enough, and
    `OSError` where the folder for temporary files has no room.
    """
    if dims < 1:
        raise SkdError(Errors.SKD176.format(value=dims, range="1 or more"))
    try:
        import floret
    except ImportError as error:
        message = Errors.SKD171.format(what="Vectors of floret", package="floret", extra="train")
        raise SkdError(message) from error
    with TemporaryDirectory() as folder:
        text, table = Path(folder) / "text", Path(folder) / "table"
        counts: Counter = Counter()
        with text.open("w", encoding="utf-8") as file:
            for _, words in sentences(corpus):
                counts.update(words)
                file.write(" ".join("_".join(word.split()) for word in words) + "\n")
        # floret itself would count the ends of lines as a word, and leave every vector random.
        if max(counts.values(), default=0) < MIN_COUNT:
            problem = "no word that occurs twice"
            raise SkdError(Errors.SKD280.format(path=corpus, problem=problem))
        model = floret.train_unsupervised(str(text), dim=dims, thread=1, verbose=0, **SETTINGS)
        model.save_floret_vectors(str(table))
        check_whole(table)
        logging.getLogger("spacy").setLevel(logging.WARNING)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)  # spaCy leaves the file to be closed
            convert_vectors(nlp, table, truncate=0, prune=-1, mode="floret")


def check_whole(table: Path) -> None:
    """Raises `OSError` for a table of which a part is missing: floret does not say that it could
    not write, and where lines are missing spaCy leaves rows of zeros.
    """
    n_lines = 0
    is_ended = False
    with table.open("rb") as file:
        for line in file:
            n_lines += 1
            is_ended = line.endswith(b"\n")
    if n_lines != ROWS + 1 or not is_ended:
        raise OSError(errno.EIO, "floret could not write all of it", str(table))
