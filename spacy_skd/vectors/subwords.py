"""SubwordVectors: the vector of any word is the mean of the vectors of its pieces, or its own.

A table of words knows the words that it was made with. A table of pieces, with the tokenizer that
cuts words into them, has a vector for nearly every word, and is smaller. Beside the pieces it may
have words, each with a vector of its own.
"""

import warnings
from pathlib import Path
from typing import (
    TYPE_CHECKING,
    Any,
    Callable,
    ClassVar,
    Dict,
    Iterable,
    Iterator,
    List,
    NoReturn,
    Optional,
    Sequence,
    Tuple,
    Union,
    cast,
)

import numpy as np
import srsly
from spacy import util
from spacy.attrs import ORTH
from spacy.strings import StringStore, get_string_id
from spacy.vectors import BaseVectors, Mode
from spacy.vocab import Vocab
from thinc.api import NumpyOps, Ops, get_current_ops
from thinc.types import Floats1d, Floats2d
from thinc.util import is_cupy_array, to_numpy

from ..errors import Errors, SkdError, Warnings

if TYPE_CHECKING:
    from tokenizers import Tokenizer

CACHE_SIZE = 50_000  # words; at 128 dimensions 30 MB
HOST = NumpyOps()
DATA, CFG, TOKENIZER = "subwords.npy", "subwords.cfg", "subwords.json"


@util.registry.vectors("spacy-skd.SubwordVectors.v1")
def make_subword_vectors() -> Callable[[Vocab], "SubwordVectors"]:
    """For `[nlp.vectors]`. The vectors are empty until they are loaded, as spaCy's own are:
    `[initialize] vectors` names a pipeline that has some, see `python -m spacy skd vectors`.
    """
    return lambda vocab: SubwordVectors(strings=vocab.strings)


class SubwordVectors(BaseVectors):
    """Vectors (pieces + words, dims), and the tokenizer that cuts words into pieces.

    strings (Optional[StringStore]): Turns keys into words. None: an empty one.
    data (Optional[np.ndarray]): Vectors (pieces + words, dims), float32, float16 or int8.
    scale (Optional[np.ndarray]): Factor of each dimension of `data`, (dims,), float32. None: 1.
    tokenizer (str): A `tokenizer.json`, whose ids are the rows of `data`.
    prefix (str): What comes before a word that is given to the tokenizer, e.g. a blank.
    words (Sequence[str]): Those of the last rows of `data`, which are not cut into pieces.
    name (Optional[str]): Of the vectors, for the pipeline's meta data.
    """

    attr = ORTH
    key2row: ClassVar[Dict[int, int]] = {}  # asked for by spaCy: words are not looked up by it
    n_keys = -1  # as of floret vectors: any word is a key
    is_full = True
    # spaCy asks for the mode to learn whether vectors are looked up ("default") or made from parts
    # of any word ("floret"), and debug-data for the lengths of the parts, in characters.
    mode = Mode.floret.value
    minn = 1

    def __init__(
        self,
        *,
        strings: Optional[StringStore] = None,
        data: Optional[np.ndarray] = None,
        scale: Optional[np.ndarray] = None,
        tokenizer: str = "",
        prefix: str = "",
        words: Sequence[str] = (),
        name: Optional[str] = None,
    ) -> None:
        self.strings = StringStore() if strings is None else strings
        self.name = name
        self.ops: Ops = get_current_ops()
        self._set(
            np.zeros((0, 0), dtype="f") if data is None else data,
            scale,
            tokenizer,
            prefix,
            words,
        )

    def _set(
        self,
        data: np.ndarray,
        scale: Optional[np.ndarray],
        tokenizer: str,
        prefix: str,
        words: Sequence[str],
    ) -> None:
        self.data = data
        self.scale = np.ones(data.shape[1], dtype="f") if scale is None else scale
        self.tokenizer_json = tokenizer
        self.prefix = prefix
        self.n_pieces = len(data) - len(words)
        self._rows = {word: self.n_pieces + i for i, word in enumerate(words)}
        self._tokenizer: Optional[Tokenizer] = None
        self._cache: Dict[int, Floats1d] = {}

    # What the vectors are like

    @property
    def shape(self) -> Tuple[int, int]:
        return self.data.shape

    @property
    def size(self) -> int:
        return self.data.size

    @property
    def vectors_length(self) -> int:
        return self.data.shape[1]

    def __len__(self) -> int:
        return self.data.shape[0]

    @property
    def maxn(self) -> int:
        return max(map(len, self.tokenizer.get_vocab())) if len(self) else 0

    def keys(self) -> Iterable[int]:
        return self.key2row.keys()

    def __iter__(self) -> Iterator[int]:
        return iter(self.keys())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SubwordVectors) and (
            self.tokenizer_json == other.tokenizer_json
            and self.prefix == other.prefix
            and self._rows == other._rows
            and np.array_equal(self.data, other.data)
            and np.array_equal(self.scale, other.scale)
        )

    # Words to vectors

    def __contains__(self, key: Union[int, str]) -> bool:
        """Whether a word has a vector other than zeros: at least one known piece."""
        return len(self) > 0 and bool(self._find([key])[0].any())

    def __getitem__(self, key: Union[int, str]) -> Floats1d:
        """The vector (dims,) of a word; of one without any known piece, zeros."""
        return self.get_batch([key])[0]

    def get_batch(self, keys: Iterable[Union[int, str]]) -> Floats2d:
        """The vectors (keys, dims), float32, on the current device."""
        if is_cupy_array(keys):
            keys = to_numpy(keys)
        if not isinstance(keys, np.ndarray):
            keys = list(keys)
            return self._to_device(self._find(keys))
        unique, inverse = np.unique(keys, return_inverse=True)
        return self._to_device(self._find(unique.tolist()), inverse)

    def _to_device(
        self, vectors: List[Floats1d], rows: Union[slice, np.ndarray] = slice(None)
    ) -> Floats2d:
        stacked: Any = np.array(vectors, dtype="f").reshape(len(vectors), self.vectors_length)
        return self.ops.asarray2f(stacked[rows])

    def _find(self, keys: List[Union[int, str]]) -> List[Floats1d]:
        """The vectors of words, from the cache or new."""
        ids = [get_string_id(key) for key in keys]
        cache = self._cache
        new = {i: key for i, key in zip(ids, keys) if i not in cache}
        if new and len(cache) + len(new) > CACHE_SIZE:
            # A new one and not the old one emptied: other threads may be reading that.
            cache = self._cache = {}
            new = dict(zip(ids, keys))
        if new:
            words = [key if isinstance(key, str) else self.strings[key] for key in new.values()]
            cache.update(zip(new, self._compose(words)))
        return [cache[i] for i in ids]

    def _compose(self, words: List[str]) -> Floats2d:
        """The means of the words' pieces, (words, dims)."""
        pieces = [self.pieces(word) for word in words]
        rows = [row for of_word in pieces for row in of_word]
        if not rows:
            return HOST.alloc2f(len(words), self.vectors_length)
        lengths = HOST.asarray1i([len(of_word) for of_word in pieces])
        means: Any = HOST.reduce_mean(cast(Floats2d, self.data[rows].astype("f")), lengths)
        return means * self.scale

    def pieces(self, word: str) -> List[int]:
        """The known pieces of a word, or itself where it is one of the words: rows of `data`."""
        if not len(self):
            return []
        if word in self._rows:
            return [self._rows[word]]
        ids = self.tokenizer.encode(self.prefix + word, add_special_tokens=False).ids
        return [piece for piece in ids if piece < self.n_pieces]

    @property
    def tokenizer(self) -> "Tokenizer":
        """Made when it is asked for the first time. Raises `SkdError` if it is none."""
        if self._tokenizer is None:
            try:
                self._tokenizer = load_tokenizer(self.tokenizer_json)
            except SkdError:
                raise
            except Exception as error:  # tokenizers raises plain exceptions
                raise SkdError(Errors.SKD170.format(path=TOKENIZER, reason=error)) from error
        return self._tokenizer

    # The table cannot be changed: in this, too, it behaves as floret vectors do.

    def add(self, key: Union[int, str], *, vector: Any = None, row: Optional[int] = None) -> int:
        warnings.warn(Warnings.W070, stacklevel=2)
        return -1

    def resize(self, shape: Tuple[int, int], inplace: bool = False) -> int:
        return -1

    def __setitem__(self, key: Union[int, str], vector: Any) -> None:
        warnings.warn(Warnings.W070, stacklevel=2)

    # Nor is it one of words, that rows and words could be found in.

    def find(self, **wanted: Any) -> NoReturn:
        raise SkdError(Errors.SKD281.format(method="find"))

    def most_similar(self, queries: Any, **settings: Any) -> NoReturn:
        raise SkdError(Errors.SKD281.format(method="most_similar"))

    def values(self) -> NoReturn:
        raise SkdError(Errors.SKD281.format(method="values"))

    def items(self) -> NoReturn:
        raise SkdError(Errors.SKD281.format(method="items"))

    def to_ops(self, ops: Ops) -> None:
        self.ops = ops

    # Saving and loading

    def _cfg(self) -> Dict[str, Any]:
        return {"scale": self.scale.tolist(), "prefix": self.prefix, "words": list(self._rows)}

    def to_bytes(self, *, exclude: Iterable[str] = ()) -> bytes:
        return srsly.msgpack_dumps(
            {
                "data": np.ascontiguousarray(self.data),
                "cfg": self._cfg(),
                "tokenizer": self.tokenizer_json,
            }
        )

    def from_bytes(self, data: bytes, *, exclude: Iterable[str] = ()) -> "SubwordVectors":
        message = srsly.msgpack_loads(data)
        cfg = message["cfg"]
        scale = np.asarray(cfg["scale"], dtype="f")
        self._set(message["data"], scale, message["tokenizer"], cfg["prefix"], cfg["words"])
        self.to_ops(get_current_ops())
        return self

    def __reduce__(self) -> Tuple[Callable, Tuple]:
        words = list(self.strings)
        return unpickle_subword_vectors, (self.to_bytes(), words, self.name)

    def to_disk(self, path: Union[str, Path], *, exclude: Iterable[str] = ()) -> None:
        """Writes three files into the folder, which is the pipeline's `vocab`."""
        folder = util.ensure_path(path)
        with (folder / DATA).open("wb") as file:
            np.save(file, self.data, allow_pickle=False)
        srsly.write_json(folder / CFG, self._cfg())
        (folder / TOKENIZER).write_text(self.tokenizer_json, encoding="utf-8")

    def from_disk(self, path: Union[str, Path], *, exclude: Iterable[str] = ()) -> "SubwordVectors":
        """Reads them again. Raises `SkdError` if one is missing or broken."""
        folder = util.ensure_path(path)
        try:
            data = np.load(folder / DATA, allow_pickle=False)
            cfg = srsly.read_json(folder / CFG)
            tokenizer = (folder / TOKENIZER).read_text(encoding="utf-8")
            scale = np.asarray(cfg["scale"], dtype="f").reshape(data.shape[1])
            prefix, words = cfg["prefix"], cfg["words"]
        except (OSError, ValueError, KeyError, IndexError) as error:
            raise SkdError(Errors.SKD170.format(path=folder, reason=error)) from error
        self._set(data, scale, tokenizer, prefix, words)
        self.to_ops(get_current_ops())
        return self


def unpickle_subword_vectors(data: bytes, words: List[str], name: Optional[str]) -> SubwordVectors:
    return SubwordVectors(strings=StringStore(words), name=name).from_bytes(data)


def load_tokenizer(text: str) -> "Tokenizer":
    """A tokenizer from the text of its `tokenizer.json`."""
    try:
        from tokenizers import Tokenizer
    except ImportError as error:
        what, package = "Subword vectors", "tokenizers"
        raise SkdError(Errors.SKD171.format(what=what, package=package, extra="vectors")) from error
    return Tokenizer.from_str(text)
