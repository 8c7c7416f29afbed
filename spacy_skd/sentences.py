"""An encoder that reads each sentence by itself.

Corpora are made of sentences, so that an encoder learns what is at the edge of one: nothing. In a
text the words of the sentences around are there, which it has never seen in that place.
"""

from typing import Callable, List, Optional, Sequence, Tuple

from spacy import registry
from spacy.tokens import Doc
from thinc.api import Model
from thinc.types import Floats2d

from .bounded import apply
from .models import chain_lengths
from .ragged import flattened, split_rows


@registry.architectures("spacy-skd.SentenceTok2Vec.v1")
def build_sentence_tok2vec(
    embed: Model[List[Doc], List[Floats2d]], encode: Model[List[Floats2d], List[Floats2d]]
) -> Model[List[Doc], List[Floats2d]]:
    """`spacy.Tok2Vec.v2`, but a sentence has the same vectors alone and among others.

    embed (Model[List[Doc], List[Floats2d]]): Any embedding layer, one array (n, any width) a
        document.
    encode (Model[List[Floats2d], List[Floats2d]]): Any encoder of arrays; it gets one a sentence.
    RETURNS: Documents -> one array (n, width) each. Sentences are those of the CRF: the whole
        document where boundaries are not known.
    """
    return Model(
        "sentence_tok2vec",
        forward,
        init=init,
        layers=[embed, encode],
        refs={"embed": embed, "encode": encode},
        dims={"nO": encode.maybe_get_dim("nO")},
    )


def init(model: Model, X: Optional[List[Doc]] = None, Y: Optional[List[Floats2d]] = None) -> None:
    embed, encode = model.layers
    embed.initialize(X=X)
    encode.initialize(X=embed.predict(X) if X else None)
    if model.has_dim("nO") is None:
        model.set_dim("nO", encode.get_dim("nO"))


def forward(
    model: Model[List[Doc], List[Floats2d]], docs: List[Doc], is_train: bool
) -> Tuple[List[Floats2d], Callable[[List[Floats2d]], List[Doc]]]:
    embed, encode = model.layers
    of_docs = [len(doc) for doc in docs]
    of_sentences = [n for doc in docs for n in chain_lengths(doc)]

    def regroup(arrays: Sequence[Floats2d], lengths: List[int]) -> Sequence[Floats2d]:
        if of_docs == of_sentences:
            return arrays
        return split_rows(flattened(model.ops, arrays), lengths)

    vectors, backprop_embed = apply(embed, docs, is_train)
    encoded, backprop_encode = apply(encode, regroup(vectors, of_sentences), is_train)

    def backprop(gradients: List[Floats2d]) -> List[Doc]:
        of_vectors = backprop_encode(regroup(gradients, of_sentences))
        return backprop_embed(regroup(of_vectors, of_docs))

    return list(regroup(encoded, of_docs)), backprop
