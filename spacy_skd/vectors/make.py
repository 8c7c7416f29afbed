"""From a pretrained encoder, or a corpus alone, to a pipeline of word vectors and nothing else."""

from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Dict, List, Optional, Set, Tuple

import numpy as np
import spacy
from spacy.language import Language
from spacy.vectors import BaseVectors
from thinc.api import get_current_ops

from ..errors import Errors, SkdError
from ..folders import Kind, MadeFolder
from ..locks import locked
from .contextual import Reading, in_context
from .encoder import read_encoder
from .floret import train_floret
from .pieces import Pieces
from .subwords import SubwordVectors
from .table import principal_axes, quantize
from .words import count_words

FLORET = "floret"
VECTORS = Kind(
    "vectors.json",
    "spacy-skd vectors",
    1,
    frozenset({"vectors.json", "config.cfg", "meta.json", "tokenizer", "vocab"}),
)


@dataclass
class VectorsReport:
    """What was made.

    rows, dims, bytes: Of the stored table; its rows are those of pieces, or of hashed n-grams.
    words (Optional[int]): How many of the rows are those of whole words.
    variance (Optional[float]): The share of the rows' variance that the dimensions keep.
    pieces_per_word (Optional[float]): Mean over the words of the corpus, as often as they occur.
    neighbours (Dict[str, List[str]]): A few words, and the words with the most similar vectors.
    """

    rows: int = 0
    dims: int = 0
    bytes: int = 0
    words: Optional[int] = None
    variance: Optional[float] = None
    pieces_per_word: Optional[float] = None
    neighbours: Dict[str, List[str]] = field(default_factory=dict)


def make_vectors(
    source: str,
    output: Path,
    *,
    corpus: Optional[Path] = None,
    most: Optional[int] = None,
    dims: int = 128,
    dtype: str = "float16",
    lang: str = "xx",
    contextual: bool = False,
    layer: Optional[int] = None,
) -> VectorsReport:
    """Write a pipeline that holds word vectors, in place of an earlier one.

    source (str): A Hugging Face encoder (a folder, or a name on the Hub), whose pieces make the
        vectors; or "floret": vectors are trained on the corpus.
    corpus (Optional[Path]): If given, only the pieces that the words of its training and unlabelled
        text need are kept, and those of one character.
    most (Optional[int]): So many pieces, those that the corpus needs and then the most frequent
        ones: of languages that the corpus lacks, too. Of pieces that the corpus needs none is left
        out.
    dims (int): Dimensions of the vectors.
    dtype (str): Of the stored pieces: "float16", "float32", or "int8" with a scale a dimension.
        floret has float32.
    lang (str): Language of the pipeline, which is that of those that will load it.
    contextual (bool): What the encoder says of words in the sentences of the corpus, in place of
        its input embeddings, see `contextual.py`. Frequent words have vectors of their own.
    layer (Optional[int]): Of the encoder, whose outputs these are; None: two thirds of the way up.
    Raises `SkdError` for an encoder, corpus or output that will not do.
    """
    nlp = blank_pipeline(lang)
    report = VectorsReport(dims=dims)
    folder = MadeFolder(output, VECTORS)
    with locked(folder.place):
        folder.check_place()
        folder.clear()
        if most is not None and most < 1:
            raise SkdError(Errors.SKD179.format(value=most))
        reading = what_to_read(source, corpus, contextual, layer)
        counts = {} if corpus is None else count_words(corpus)
        if corpus is not None and not counts:
            raise SkdError(Errors.SKD280.format(path=corpus, problem="no text"))
        if source == FLORET:
            if corpus is None:
                raise SkdError(Errors.SKD178)
            train_floret(nlp, corpus, dims)
        else:
            nlp.config["nlp"]["vectors"] = {"@vectors": "spacy-skd.SubwordVectors.v1"}
            nlp.vocab.vectors = encoder_vectors(source, counts, most, dims, dtype, reading, report)
        nlp.vocab.vectors.name = f"{nlp.lang}_{nlp.meta['name']}.vectors"
        report.neighbours = neighbours(nlp.vocab.vectors, counts)
        try:
            nlp.to_disk(folder.unfinished)
            report.rows = len(nlp.vocab.vectors)
            report.bytes = sum(file.stat().st_size for file in folder.unfinished.rglob("*"))
            folder.publish({"report": asdict(report)})
        finally:
            folder.clear()
    return report


def blank_pipeline(lang: str) -> Language:
    try:
        return spacy.blank(lang, meta={"name": "vectors"})
    except ImportError as error:  # no such language, or its tokenizer is not installed
        reason = next(iter(str(error).splitlines()), "")
        raise SkdError(Errors.SKD100.format(lang=lang, reason=reason)) from error


def what_to_read(
    source: str, corpus: Optional[Path], contextual: bool, layer: Optional[int]
) -> Optional[Reading]:
    """Of a corpus by an encoder; None: nothing. Raises `SkdError` where one of them is missing."""
    if layer is not None and (not contextual or layer < 1):
        raise SkdError(Errors.SKD283.format(value=layer))
    if not contextual:
        return None
    if corpus is None or source == FLORET:
        raise SkdError(Errors.SKD282)
    return Reading(corpus, layer)


def encoder_vectors(
    source: str,
    counts: Dict[str, Counter],
    most: Optional[int],
    dims: int,
    dtype: str,
    reading: Optional[Reading],
    report: VectorsReport,
) -> SubwordVectors:
    """Vectors from the input embeddings of an encoder, see `table.py`, or from what a layer of it
    says of the words of a corpus.
    """
    pieces, embeddings = read_encoder(source)
    if not 1 <= dims <= embeddings.shape[1]:
        most_dims = f"from 1 to {embeddings.shape[1]}, the width of the encoder's embeddings"
        raise SkdError(Errors.SKD176.format(value=dims, range=most_dims))
    tokenizer, kept = pieces.reduced(wanted_pieces(pieces, counts, most, report))
    words: List[str] = []
    usable = sorted(pieces.usable)
    if reading is not None:
        found = in_context(source, reading, together(counts), pieces, kept, embeddings)
        words, embeddings = found.words, np.concatenate([found.of_pieces, found.of_words])
        usable, kept = list(range(len(kept), len(embeddings))), list(range(len(embeddings)))
        report.words = len(words)
    table, report.variance = principal_axes(embeddings, usable, kept, dims)
    data, scale = quantize(table, dtype)
    return SubwordVectors(
        data=data, scale=scale, tokenizer=tokenizer, prefix=pieces.prefix, words=words
    )


def wanted_pieces(
    pieces: Pieces, counts: Dict[str, Counter], most: Optional[int], report: VectorsReport
) -> Set[int]:
    wanted = pieces.usable if most is None else pieces.characters()
    if counts:
        wanted, report.pieces_per_word = needed(pieces, together(counts))
    if most is not None:
        others = [piece for piece in pieces.most_frequent() if piece not in wanted]
        wanted = wanted.union(others[: max(0, most - len(wanted))])
    return wanted


def together(counts: Dict[str, Counter]) -> Counter:
    return sum(counts.values(), Counter())


def needed(pieces: Pieces, counts: Counter) -> Tuple[Set[int], float]:
    """The pieces of these words and those of one character, and how many a word has on average."""
    wanted = pieces.characters()
    total = 0
    for word, ids in zip(counts, pieces.of_words(counts)):
        wanted.update(ids)
        total += len(ids) * counts[word]
    return wanted, total / sum(counts.values())


def neighbours(
    vectors: BaseVectors, counts: Dict[str, Counter], *, shown: int = 8, n: int = 5
) -> Dict[str, List[str]]:
    """For the most frequent word of each language that is long enough to be a name or a noun: the
    words of the whole corpus that are nearest by cosine.
    """
    known = [word for word, _ in together(counts).most_common(20_000) if word.isalpha()]
    rows = {word: row for row, word in enumerate(known)}
    table = get_current_ops().to_numpy(vectors.get_batch(known))
    table /= np.maximum(np.linalg.norm(table, axis=1, keepdims=True), 1e-12)
    found = {}
    for of_language in list(counts.values())[:shown]:
        frequent = [word for word, _ in of_language.most_common() if word in rows]
        long = [word for word in frequent if len(word) >= 6]
        for word in (long or frequent)[:1]:
            best = np.argsort(-(table @ table[rows[word]]))[1 : n + 1]
            found[word] = [known[row] for row in best]
    return found
