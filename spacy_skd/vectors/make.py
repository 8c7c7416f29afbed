"""From a pretrained encoder to a pipeline that holds word vectors, and nothing else."""

import shutil
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Dict, Iterator, List, Optional, Tuple

import numpy as np
import spacy
from spacy.vocab import Vocab

from ..corpora.layout import find_languages
from ..corpora.stored import read_split
from ..errors import Errors, SkdError
from ..locks import locked
from .encoder import read_encoder
from .subwords import SubwordVectors

DTYPES = ("float16", "int8", "float32")
SPLITS = ("train", "unlabelled")  # what may be known before the test


@dataclass
class VectorsReport:
    """What was made.

    pieces, dims, bytes: Of the stored table.
    variance (float): The share of the pieces' variance that the dimensions keep.
    pieces_per_word (float): Mean over the words of the corpus, as often as they occur.
    neighbours (Dict[str, List[str]]): A few words, and the words with the most similar vectors.
    """

    pieces: int
    dims: int
    bytes: int
    variance: float
    pieces_per_word: Optional[float] = None
    neighbours: Dict[str, List[str]] = field(default_factory=dict)


def encoder_vectors(
    encoder: str, words: Dict[str, Counter], *, dims: int, dtype: str
) -> Tuple[SubwordVectors, VectorsReport]:
    """Vectors from the input embeddings of an encoder.

    They are centred over all pieces of the encoder and turned to their first principal axes, each
    scaled to unit variance.

    encoder (str): A folder, or a name on the Hugging Face Hub.
    words (Dict[str, Counter]): For each language its words and how often they occur. If there are
        any, only the pieces that they need are kept, and those of one character.
    dims (int): Principal axes.
    dtype (str): "float16", "float32", or "int8" with a scale for each dimension.
    """
    pieces, embeddings = read_encoder(encoder)
    if not 1 <= dims <= embeddings.shape[1]:
        raise SkdError(Errors.SKD176.format(value=dims, most=embeddings.shape[1]))
    counts = sum(words.values(), Counter())
    cut = dict(zip(counts, pieces.of_words(counts)))
    wanted = pieces.usable
    if counts:
        wanted = {piece for of_word in cut.values() for piece in of_word} | pieces.characters()
    tokenizer, kept = pieces.reduced(wanted)
    table, variance = principal_axes(embeddings, sorted(pieces.usable), kept, dims)
    data, scale = quantize(table, dtype)
    vectors = SubwordVectors(data=data, scale=scale, tokenizer=tokenizer, prefix=pieces.prefix)
    report = VectorsReport(len(kept), dims, data.nbytes + len(tokenizer.encode()), variance)
    if counts:
        total = sum(len(cut[word]) * count for word, count in counts.items())
        report.pieces_per_word = total / sum(counts.values())
        report.neighbours = neighbours(vectors, words)
    return vectors, report


def principal_axes(
    embeddings: np.ndarray, usable: List[int], kept: List[int], dims: int
) -> Tuple[np.ndarray, float]:
    """Rows `kept` (pieces, dims) on the principal axes of all usable rows; the variance kept."""
    rows = embeddings[usable]
    mean = rows.mean(axis=0, dtype=np.float64)
    centred = rows - mean.astype("f")
    covariance = (centred.T @ centred).astype(np.float64) / len(rows)
    variances, axes = np.linalg.eigh(covariance)
    variances, axes = variances[::-1], axes[:, ::-1]
    axes = axes[:, :dims] / np.sqrt(np.maximum(variances[:dims], 1e-12))
    # The direction of an axis is arbitrary; that of its largest coordinate is not.
    largest = np.abs(axes).argmax(axis=0)
    axes *= np.sign(axes[largest, np.arange(dims)])
    table = (embeddings[kept] - mean) @ axes
    return table.astype("f"), float(variances[:dims].sum() / variances.sum())


def quantize(table: np.ndarray, dtype: str) -> Tuple[np.ndarray, Optional[np.ndarray]]:
    """The table as another type, and for int8 the scale (dims,) that gives the values back."""
    if dtype != "int8":
        return table.astype(dtype), None
    scale = np.maximum(np.abs(table).max(axis=0), 1e-12) / 127
    return np.rint(table / scale).astype(np.int8), scale.astype("f")


def corpus_words(corpus: Optional[Path]) -> Dict[str, Counter]:
    """The words of each language's training and unlabelled text, and how often they occur."""
    if corpus is None:
        return {}
    words = {}
    for language in find_languages(corpus, []):
        vocab = Vocab()
        counter: Counter = Counter()
        for split in SPLITS:
            for doc in read_split(corpus, language, split, vocab):
                counter.update(token.text for token in doc)
        words[language] = counter
    return words


def neighbours(
    vectors: SubwordVectors, words: Dict[str, Counter], *, shown: int = 8, n: int = 5
) -> Dict[str, List[str]]:
    """For a word of each language, the most frequent one that is long enough to be a name or a
    noun, the words of the whole corpus that are nearest by cosine.
    """
    counts = sum(words.values(), Counter())
    known = [word for word, _ in counts.most_common(20_000) if word.isalpha()]
    rows = {word: row for row, word in enumerate(known)}
    table = vectors.get_batch(known)
    table /= np.maximum(np.linalg.norm(table, axis=1, keepdims=True), 1e-12)
    found = {}
    for counter in list(words.values())[:shown]:
        frequent = [word for word, _ in counter.most_common() if word in rows]
        long = [word for word in frequent if len(word) >= 6]
        for word in (long or frequent)[:1]:
            best = np.argsort(-(table @ table[rows[word]]))[1 : n + 1]
            found[word] = [known[row] for row in best]
    return found


def write_pipeline(vectors: SubwordVectors, path: Path, lang: str) -> None:
    """A pipeline without components, written beside its place and renamed."""
    config = {"nlp": {"vectors": {"@vectors": "spacy-skd.SubwordVectors.v1"}}}
    nlp = spacy.blank(lang, config=config, meta={"name": "vectors"})
    vectors.name = "subwords"
    nlp.vocab.vectors = vectors
    with locked(path), replaced_folder(path) as new:
        nlp.to_disk(new)


@contextmanager
def replaced_folder(path: Path) -> Iterator[Path]:
    """Give a folder beside `path` to write to, which takes its place when all went well."""
    path = path.resolve()
    new, old = (path.with_name(f".{path.name}.{state}") for state in ("new", "old"))
    for leftover in (new, old):
        shutil.rmtree(leftover, ignore_errors=True)
    yield new
    if path.exists():
        path.rename(old)
    new.rename(path)
    shutil.rmtree(old, ignore_errors=True)
