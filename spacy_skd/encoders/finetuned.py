"""`spacy-skd.FineTunedEncoder.v1`: a pretrained encoder of spacy-transformers, trained further."""

from functools import partial
from typing import Any, Callable, List, Optional, Sequence, Tuple

import numpy as np
from spacy import registry
from spacy.tokens import Doc, Span
from thinc.api import Model, get_torch_default_device, reduce_mean
from thinc.types import Floats2d

from ..errors import Errors, SkdError
from ..models import chain_lengths
from ..settings import check_number
from .pretrained import import_transformers, one_line, quiet


@registry.architectures("spacy-skd.FineTunedEncoder.v1")
def build_fine_tuned_encoder(
    name: Optional[str],
    frozen_embeddings: bool = True,
    frozen_layers: int = 0,
    mixed_precision: bool = True,
    window: int = 128,
    stride: int = 96,
) -> Model[List[Doc], List[Floats2d]]:
    """The mean vector of each token's pieces in the last layer of a Hugging Face encoder.

    name (Optional[str]): A folder, or a name of the Hub. Read when the model is initialized.
    frozen_embeddings (bool): Do not train the embeddings of pieces. In a multilingual encoder most
        of its numbers are there, few of them for the pieces of a training corpus, and an optimizer
        takes longer over all of them than the encoder over a batch.
    frozen_layers (int): Nor its lowest layers.
    mixed_precision (bool): On a GPU, matrix products of the encoder in 16 bits. The scores above it
        and the chain are in full precision in any case.
    window (int): Tokens of a sentence that the encoder reads at once.
    stride (int): From the start of a window to that of the next. Where they overlap, the mean.
    RETURNS: Documents -> one array (n, width) each. Sentences are those of the CRF: the whole
        document where boundaries are not known. Each has the same vectors alone and among others.
    """
    check_number("frozen_layers", frozen_layers, 0, whole=True)
    check_number("window", window, 1, whole=True)
    check_number("stride", stride, 1, window, whole=True)
    import_transformers()
    build_encoder = registry.architectures.get("spacy-transformers.Tok2VecTransformer.v3")
    on_gpu = get_torch_default_device().type == "cuda"
    encoder = build_encoder(
        name,
        get_spans=partial(windows, size=window, stride=stride),
        tokenizer_config={"use_fast": True},
        pooling=reduce_mean(),
        # Without a GPU torch warns at every step.
        mixed_precision=mixed_precision and on_gpu,
    )
    return Model(
        "fine_tuned_encoder",
        partial(forward, frozen_embeddings=frozen_embeddings, frozen_layers=frozen_layers),
        init=init,
        layers=[encoder],
        dims={"nO": None},
    )


def windows(docs: Sequence[Doc], size: int, stride: int) -> List[List[Span]]:
    """What the encoder reads of each document: its sentences, long ones in windows that overlap."""
    return [
        [
            doc[start : min(start + size, end)]
            for first, end in zip(ends - lengths, ends)
            for start in range(first, max(end - size + stride, first + 1), stride)
        ]
        for doc in docs
        for lengths in [chain_lengths(doc)]
        for ends in [np.cumsum(lengths)]
    ]


def init(model: Model, X: Optional[List[Doc]] = None, Y: Optional[List[Floats2d]] = None) -> None:
    transformer = transformer_of(model)
    if not transformer.attrs["has_transformer"]:
        open_transformer(transformer, X)
    model.set_dim("nO", transformer.get_dim("nO"))


def open_transformer(transformer: Any, X: Optional[List[Doc]]) -> None:
    """Read the encoder, and forget where from: what is saved names no folder of this machine."""
    name = transformer.attrs["name"]
    if not name:
        raise SkdError(Errors.SKD150)
    try:
        with quiet(import_transformers()):
            transformer.initialize(X=X)
    except Exception as error:  # a wrong name, no network, a damaged file: errors of many kinds
        raise SkdError(Errors.SKD151.format(name=name, reason=one_line(error))) from error
    transformer.attrs["name"] = ""
    encoder = transformer.transformer
    encoder.config._name_or_path = ""


def forward(
    model: Model[List[Doc], List[Floats2d]],
    docs: List[Doc],
    is_train: bool,
    *,
    frozen_embeddings: bool,
    frozen_layers: int,
) -> Tuple[List[Floats2d], Callable[[List[Floats2d]], List[Doc]]]:
    if is_train:
        # Not once and for all: loading a pipeline puts another module in this one's place.
        freeze(transformer_of(model).transformer, frozen_embeddings, frozen_layers)
    return model.layers[0](docs, is_train)


def transformer_of(model: Model) -> Any:
    """The layer of spacy-transformers, a `TransformerModel`, that holds the encoder."""
    return next(node for node in model.walk() if node.name == "transformer")


def freeze(encoder: Any, embeddings: bool, n_layers: int) -> None:
    """Exclude the embeddings of pieces, and the lowest layers, from training."""
    if embeddings:
        encoder.get_input_embeddings().requires_grad_(False)
    for layer in layers_of(encoder)[:n_layers]:
        layer.requires_grad_(False)


def layers_of(encoder: Any) -> Sequence[Any]:
    """The layers of an encoder, whatever its kind calls them."""
    depth = encoder.config.num_hidden_layers
    stacks: List[Any] = [
        module for module in encoder.modules() if type(module).__name__ == "ModuleList"
    ]
    return next((stack for stack in stacks if len(stack) == depth), ())
