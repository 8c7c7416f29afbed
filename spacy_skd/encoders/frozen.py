"""`spacy-skd.FrozenEncoder.v1`: the vectors of a pretrained encoder that is not trained."""

from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple, cast

import numpy as np
import srsly
from spacy import registry
from spacy.tokens import Doc
from thinc.api import Maxout, Model, Optimizer
from thinc.shims import Shim
from thinc.types import Floats2d

from ..errors import Errors, SkdError
from ..ragged import split_rows
from ..settings import check_number
from .features import Features
from .pretrained import Pretrained, import_torch, open_pretrained
from .reading import FIRST, MEAN, read_words

GIGABYTE = 10**9


@registry.architectures("spacy-skd.FrozenEncoder.v1")
def build_frozen_encoder(
    name: Optional[str],
    width: int,
    layers: Sequence[int],
    pooling: str = MEAN,
    features: Optional[Path] = None,
    max_gigabytes: float = 20.0,
) -> Model[List[Doc], List[Floats2d]]:
    """What some layers of a Hugging Face encoder say of each word, through a trained projection.

    The encoder itself is not trained, so each sentence passes it once in a training, whatever the
    number of epochs. Its weights, in 16 bits and up to the highest of `layers`, are saved with the
    pipeline, which then needs nothing else.

    name (Optional[str]): A folder, or a name of the Hub. Read when the model is initialized.
    width (int): Of the vectors.
    layers (Sequence[int]): Whose outputs are taken, side by side; 0 is the input embeddings. The
        middle ones tell most of a word.
    pooling (str): Of a word's pieces: "mean", or the "first".
    features (Optional[Path]): Folder in which what the encoder says is kept, for later trainings
        and for others at the same time; None: for this training alone, in a temporary file.
    max_gigabytes (float): Of that file, 2 bytes a number. What it has no room for is computed anew.
    RETURNS: Documents -> one array (n, width) each.
    """
    check_number("width", width, 1, whole=True)
    check_number("max_gigabytes", max_gigabytes, 0)
    if pooling not in (FIRST, MEAN):
        raise SkdError(Errors.SKD157.format(pooling=pooling))
    if not layers or min(layers) < 0:
        raise SkdError(Errors.SKD158.format(layers=list(layers)))
    settings = {"layers": sorted(set(layers)), "pooling": pooling}
    places = {"encoder": name, "features": features}
    return Model(
        "frozen_encoder",
        forward,
        init=init,
        layers=[Maxout(nO=width, nP=3, normalize=True, dropout=0.0)],
        shims=[FrozenShim(settings, places, limit=int(max_gigabytes * GIGABYTE))],
        dims={"nO": width},
    )


def init(model: Model, X: Optional[List[Doc]] = None, Y: Optional[List[Floats2d]] = None) -> None:
    encoder, (projection,) = encoder_of(model), model.layers
    encoder.open()
    projection.initialize(X=model.ops.alloc2f(1, encoder.width))


def forward(
    model: Model[List[Doc], List[Floats2d]], docs: List[Doc], is_train: bool
) -> Tuple[List[Floats2d], Callable[[List[Floats2d]], List[Doc]]]:
    encoder, (projection,) = encoder_of(model), model.layers
    ops = model.ops
    found = encoder.read([[token.text for token in doc] for doc in docs], keep=is_train)
    vectors, backprop_projection = projection(ops.asarray2f(found, dtype="float32"), is_train)

    def backprop(d_vectors: List[Floats2d]) -> List[Doc]:
        backprop_projection(ops.flatten(d_vectors))
        return []  # thinc's concatenate adds to the list that it gets

    return split_rows(vectors, [len(doc) for doc in docs]), backprop


def encoder_of(model: Model) -> "FrozenShim":
    return cast(FrozenShim, model.shims[0])


class FrozenShim(Shim):
    """The encoder, saved and loaded with the model around it; and what it said in this training.

    settings (Dict): "layers" and "pooling", saved with it.
    places (Dict): Name or folder of the "encoder", and the folder of "features"; not saved.
    limit (int): Bytes of features to keep.
    """

    _model: Any  # Optional[Pretrained]

    def __init__(self, settings: Dict[str, Any], places: Dict[str, Any], limit: int) -> None:
        super().__init__(None, settings)
        self.places = places
        self.limit = limit
        self._features: Optional[Features] = None

    @property
    def layers(self) -> List[int]:
        return self.cfg["layers"]

    @property
    def width(self) -> int:
        """Of what it says of a word: the layers side by side."""
        return self._model.config.hidden_size * len(self.layers)

    def open(self) -> None:
        """Open the encoder, unless it came with the pipeline."""
        if self._model is None:
            name = self.places["encoder"]
            self._model = open_pretrained(name, "AutoModel", depth=max(self.layers)).rounded()

    def read(self, sentences: Sequence[Sequence[str]], keep: bool) -> Floats2d:
        """What the layers say of each word of some sentences, (N, width).

        keep (bool): From the first training step on everything is kept, the evaluations between the
            steps included. A pipeline that only predicts keeps nothing.
        """
        if keep and self._features is None:
            self._features = self._open_features()
        if self._features is None:
            found: List[Any] = self._compute(sentences)
        else:
            kept = self._features.find(sentences)
            new = [words for words, rows in zip(sentences, kept) if rows is None]
            computed = self._compute(new)
            self._features.add(new, computed)
            rest = iter(computed)
            found = [next(rest) if rows is None else rows for rows in kept]
        nothing = np.zeros((0, self.width), dtype=np.float16)
        return cast(Floats2d, np.concatenate([*found, nothing]))

    def _compute(self, sentences: Sequence[Sequence[str]]) -> List[np.ndarray]:
        def outputs(output):
            chosen = [output.hidden_states[layer] for layer in self.layers]
            # Each layer on its own scale, which differs by an order of magnitude between them.
            normalized = [layer_norm(hidden.float(), hidden.shape[-1:]) for hidden in chosen]
            return import_torch().cat(normalized, dim=-1)

        layer_norm = import_torch().nn.functional.layer_norm
        pooling = self.cfg["pooling"]
        found = read_words(self._model, sentences, outputs, pooling, output_hidden_states=True)
        return [rows.reshape(-1, self.width).astype(np.float16) for rows in found]

    def _open_features(self) -> Features:
        folder = self.places["features"]
        layers = "-".join(map(str, self.layers))
        kind = f"{self._model.fingerprint()[:16]}-{layers}-{self.cfg['pooling']}.sqlite"
        path = None if folder is None else Path(folder) / kind
        return Features(path, self.width, self.limit)

    def finish_update(self, optimizer: Optimizer) -> None:
        """Nothing: it is frozen."""

    def to_device(self, device_type: str, device_id: int) -> None:
        if self._model is not None:
            name = "cpu" if device_type == "cpu" else f"cuda:{device_id}"
            self._model.model.to(name)

    def to_bytes(self) -> bytes:
        packed = None if self._model is None else self._model.to_bytes()
        return srsly.msgpack_dumps({"settings": self.cfg, "encoder": packed})

    def from_bytes(self, data: bytes) -> "FrozenShim":
        msg = srsly.msgpack_loads(data)
        self.cfg = msg["settings"]
        self._model = None if msg["encoder"] is None else Pretrained.from_bytes(msg["encoder"])
        self._features = None
        return self

    def __getstate__(self) -> Dict[str, Any]:
        return {**self.__dict__, "_features": None}
