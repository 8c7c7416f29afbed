"""`spacy-skd.FineTunedEncoder.v1`: a pretrained encoder of spacy-transformers, trained further."""

from functools import partial
from typing import Any, Callable, Iterator, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np
from spacy import registry
from spacy.tokens import Doc, Span
from thinc.api import Model, get_torch_default_device, reduce_mean
from thinc.types import Floats2d

from ..errors import Errors, SkdError
from ..models import LR_FACTOR, MAX_LR_FACTOR, chain_lengths
from ..settings import check_number
from .pieces import by_length
from .pretrained import import_transformers, max_pieces, one_line, quiet
from .reading import batch_size


@registry.architectures("spacy-skd.FineTunedEncoder.v1")
def build_fine_tuned_encoder(
    name: Optional[str],
    encoder_lr: float = 1.0,
    frozen_embeddings: bool = True,
    frozen_layers: int = 0,
    mixed_precision: bool = True,
    window: int = 128,
    stride: int = 96,
) -> Model[List[Doc], List[Floats2d]]:
    """The mean vector of each token's pieces in the last layer of a Hugging Face encoder.

    name (Optional[str]): A folder, or a name of the Hub. Read when the model is initialized.
    encoder_lr (float): Factor on the learning rate of the encoder, which knows much already and
        wants less than what starts from nothing: Wang et al. (2020) use 5e-5 beside 0.5.
    frozen_embeddings (bool): Do not train the embeddings of pieces. In a multilingual encoder most
        of its numbers are there, few of them for the pieces of a training corpus, and an optimizer
        takes longer over all of them than the encoder over a batch.
    frozen_layers (int): Nor its lowest layers.
    mixed_precision (bool): On a GPU, matrix products of the encoder in 16 bits. The scores above it
        and the chain are in full precision in any case.
    window (int): Tokens of a sentence that the encoder reads at once; fewer if their pieces are too
        many for it.
    stride (int): From the start of a window to that of the next. Where they overlap, the mean.
    RETURNS: Documents -> one array (n, width) each. Sentences are those of the CRF: the whole
        document where boundaries are not known. Each has the same vectors alone and among others.
    """
    check_number("encoder_lr", encoder_lr, 0, MAX_LR_FACTOR)
    check_number("frozen_layers", frozen_layers, 0, whole=True)
    check_number("window", window, 1, whole=True)
    check_number("stride", stride, 1, window, whole=True)
    import_transformers()
    build_encoder = registry.architectures.get("spacy-transformers.Tok2VecTransformer.v3")
    on_gpu = get_torch_default_device().type == "cuda"
    encoder = build_encoder(
        name,
        get_spans=each_by_itself,
        tokenizer_config={"use_fast": True},
        pooling=reduce_mean(),
        # Without a GPU torch warns at every step.
        mixed_precision=mixed_precision and on_gpu,
    )
    for node in encoder.walk():
        node.attrs[LR_FACTOR] = encoder_lr
    return Model(
        "fine_tuned_encoder",
        partial(
            forward,
            reading=Reading(window, stride),
            frozen_embeddings=frozen_embeddings,
            frozen_layers=frozen_layers,
        ),
        init=init,
        layers=[encoder],
        dims={"nO": None},
    )


class Reading(NamedTuple):
    """How long sentences are read: in windows of so many tokens, each so many after the last."""

    window: int
    stride: int


def each_by_itself(spans: Sequence[Span]) -> List[List[Span]]:
    """What spacy-transformers reads of "documents" that are windows of them. As documents of their
    own: of windows that overlap it would read the tokens of both once."""
    return [[span.as_doc()[:]] for span in spans]


def windows(doc: Doc, reading: Reading) -> Iterator[Span]:
    """What the encoder reads of a document: its sentences, long ones in windows that overlap."""
    size, stride = reading
    end = 0
    for length in chain_lengths(doc):
        first, end = end, end + length
        for start in range(first, max(end - size + stride, first + 1), stride):
            if start < end:
                yield doc[start : min(start + size, end)]


def init(model: Model, X: Optional[List[Doc]] = None, Y: Optional[List[Floats2d]] = None) -> None:
    transformer = transformer_of(model)
    if not transformer.attrs["has_transformer"]:
        open_transformer(transformer)
    model.set_dim("nO", transformer.get_dim("nO"))


def open_transformer(transformer: Any) -> None:
    """Read the encoder, and forget where from: what is saved names no folder of this machine."""
    name = transformer.attrs["name"]
    if not name:
        raise SkdError(Errors.SKD150)
    try:
        with quiet(import_transformers()):
            transformer.initialize()
    except Exception as error:  # a wrong name, no network, a damaged file: errors of many kinds
        raise SkdError(Errors.SKD151.format(name=name, reason=one_line(error))) from error
    transformer.attrs["name"] = ""
    tokenizer, encoder = transformer.tokenizer, transformer.transformer
    encoder.config._name_or_path = ""
    tokenizer.model_max_length = max_pieces(tokenizer.model_max_length, encoder.config)


def forward(
    model: Model[List[Doc], List[Floats2d]],
    docs: List[Doc],
    is_train: bool,
    *,
    reading: Reading,
    frozen_embeddings: bool,
    frozen_layers: int,
) -> Tuple[List[Floats2d], Callable[[List[Floats2d]], List[Doc]]]:
    (encoder,), layer = model.layers, transformer_of(model)
    if is_train:
        # Not once and for all: loading a pipeline puts another module in this one's place.
        freeze(layer.transformer, frozen_embeddings, frozen_layers)
    of_docs = [(i, span) for i, doc in enumerate(docs) for span in windows(doc, reading)]
    spans, lengths = readable(of_docs, layer.tokenizer)
    shares = [model.ops.asarray2f(share) for share in shares_of_windows(docs, spans)]
    vectors = [model.ops.alloc2f(len(doc), model.get_dim("nO")) for doc in docs]
    batches = []
    for chosen in by_length(lengths, batch_size(layer.transformer.device)):
        places = [(spans[n][0], slice(spans[n][1].start, spans[n][1].end)) for n in chosen]
        found, backprop_batch = encoder([spans[n][1] for n in chosen], is_train)
        if is_train:  # it holds on to all that the encoder computed
            batches.append((places, backprop_batch))
        for (i, place), rows in zip(places, found):
            vectors[i][place] += rows * shares[i][place]

    def backprop(d_vectors: List[Floats2d]) -> List[Doc]:
        weighted = [gradient * share for gradient, share in zip(d_vectors, shares)]
        for places, backprop_batch in batches:
            backprop_batch([weighted[i][place] for i, place in places])
        return []  # thinc's concatenate adds to the list that it gets

    return vectors, backprop


def readable(
    spans: List[Tuple[int, Span]], tokenizer: Any
) -> Tuple[List[Tuple[int, Span]], List[int]]:
    """The windows of documents, those in halves that have more pieces than the encoder can read at
    once, whose end it would leave out; and how many pieces each has. Cutting all once more for it
    costs a hundredth of what reading them in batches of equal lengths saves."""
    while True:
        lengths = pieces_of([span.text for _, span in spans], tokenizer)
        parts = [
            (i, part)
            for (i, span), n in zip(spans, lengths)
            for part in (halves(span) if n > tokenizer.model_max_length else [span])
        ]
        if len(parts) == len(spans):
            return spans, lengths
        spans = parts


def pieces_of(texts: List[str], tokenizer: Any) -> List[int]:
    if not texts:
        return []
    encoded = tokenizer(
        texts, return_attention_mask=False, return_token_type_ids=False, verbose=False
    )
    return [len(pieces) for pieces in encoded["input_ids"]]


def halves(span: Span) -> List[Span]:
    """Of a single word there are none: what it has too many of is left out."""
    middle = len(span) // 2
    return [span[:middle], span[middle:]] if middle else [span]


def shares_of_windows(docs: List[Doc], spans: List[Tuple[int, Span]]) -> List[np.ndarray]:
    """One over how many windows each token of a document is in, (n, 1)."""
    counts = [np.zeros((len(doc), 1), dtype=np.float32) for doc in docs]
    for i, span in spans:
        counts[i][span.start : span.end] += 1
    return [1 / count for count in counts]


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
