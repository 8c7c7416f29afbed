"""What a sentence is like as a whole, told to each of its tokens.

A convolutional encoder sees a few tokens to each side. That is not always enough to know which
language it reads, and the same letters are another word in another language. The mean of a whole
sentence is, and costs little: one small layer a sentence, not a token.
"""

from typing import Callable, List, Optional, Tuple

import numpy as np
from spacy import registry
from spacy.tokens import Doc
from thinc.api import Maxout, Model
from thinc.types import Floats2d

from . import fused
from .bounded import apply
from .errors import Errors, SkdError
from .models import chain_lengths
from .ragged import flattened, split_rows
from .settings import check_number

MAX_WIDTH = 10_000


@registry.architectures("spacy-skd.SentenceContext.v1")
def build_sentence_context(
    embed: Model[List[Doc], List[Floats2d]], width: int
) -> Model[List[Doc], List[Floats2d]]:
    """An embedding layer, and added to the vector of each token: maxout(mean of its sentence).

    embed (Model[List[Doc], List[Floats2d]]): Any embedding layer, one array (n, width) a document.
    width (int): Of its vectors.
    RETURNS: Documents -> one array (n, width) each. Sentences are those of the CRF: the whole
        document where boundaries are not known.
    Raises `SkdError` for a width that is no number of dimensions, and on the first documents if it
    is not that of their vectors: an embedding layer seldom knows it earlier.
    """
    check_number("width of spacy-skd.SentenceContext.v1", width, 1, MAX_WIDTH, whole=True)
    summary = Maxout(nO=width, nI=width, nP=3, normalize=True)
    return Model(
        "sentence_context", forward, init=init, layers=[embed, summary], dims={"nO": width}
    )


def init(model: Model, X: Optional[List[Doc]] = None, Y: Optional[List[Floats2d]] = None) -> None:
    embed, summary = model.layers
    embed.initialize(X=X)
    summary.initialize()


def forward(
    model: Model[List[Doc], List[Floats2d]], docs: List[Doc], is_train: bool
) -> Tuple[List[Floats2d], Callable[[List[Floats2d]], List[Doc]]]:
    embed, summary = model.layers
    ops = model.ops
    vectors, backprop_embed = apply(embed, docs, is_train)
    of_docs = [len(doc) for doc in docs]
    of_sentences = [n for doc in docs for n in chain_lengths(doc) if n]
    lengths = ops.asarray1i(of_sentences)
    sentence = ops.asarray1i(np.repeat(np.arange(len(lengths)), of_sentences))
    flat = flattened(ops, vectors)
    width = model.get_dim("nO")
    if len(flat) and flat.shape[1] != width:
        raise SkdError(Errors.SKD034.format(width=width, embed=flat.shape[1]))
    means = ops.reduce_mean(flat, lengths)
    contexts, backprop_summary = fused.apply(summary, means, is_train)

    def backprop(d_vectors: List[Floats2d]) -> List[Doc]:
        d_flat = ops.flatten(d_vectors)
        d_means = backprop_summary(ops.reduce_sum(d_flat, lengths))
        d_flat = d_flat + ops.backprop_reduce_mean(d_means, lengths)
        return backprop_embed(split_rows(d_flat, of_docs))

    return split_rows(flat + contexts[sentence], of_docs), backprop
