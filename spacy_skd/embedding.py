"""Hashed features of a token, and its word vector where the vocabulary has vectors."""

from typing import Any, Callable, List, Optional, Sequence, Tuple

from spacy import registry
from spacy.ml.staticvectors import StaticVectors
from spacy.tokens import Doc
from thinc.api import (
    Dropout,
    HashEmbed,
    Maxout,
    Model,
    chain,
    concatenate,
    list2ragged,
    ragged2list,
    with_array,
)
from thinc.types import Floats2d, Ragged

from .errors import Errors, SkdError
from .lexical import Feature, WordFeatures
from .tokens import Tokens
from .words import each_word_once


@registry.architectures("spacy-skd.MultiHashEmbed.v1")
def build_multi_hash_embed(
    width: int, attrs: List[Feature], rows: List[int]
) -> Model[List[Doc], List[Floats2d]]:
    """spaCy's MultiHashEmbed, with static vectors if and only if the vocabulary has some when the
    model is initialized. So one config serves with and without `--paths.vectors`. Each different
    word of a batch is embedded once.

    width (int): Of the output, of each embedding table and of the projected vectors.
    attrs (List[Feature]): Features of a token: spaCy's, such as NORM, PREFIX, SUFFIX, SHAPE, and
        affixes of other lengths in lower case, such as PREFIX2 and SUFFIX4.
    rows (List[int]): Of the table of each feature.
    RETURNS: Documents -> one array (n, width) each.
    """
    if len(rows) != len(attrs):
        raise ValueError(f"{len(attrs)} features need as many tables, not {len(rows)}")
    tables: List[Model] = [
        HashEmbed(width, n_rows, column=i, seed=8 + i, dropout=0.0) for i, n_rows in enumerate(rows)
    ]
    hashed: Model[List[Tokens], Ragged] = chain(
        WordFeatures(attrs), list2ragged(), with_array(concatenate(*tables))
    )
    static = StaticVectors(width, dropout=0.0)
    features: Model[List[Tokens], Ragged] = Model(
        "hashed_and_static", forward, init=init, layers=[hashed, static]
    )
    mix = Maxout(nO=width, nP=3, normalize=True)
    of_words: Model[List[Any], List[Floats2d]] = chain(features, with_array(mix), ragged2list())
    return chain(each_word_once(of_words), Dropout())


@registry.architectures("spacy-skd.JoinedEmbed.v1")
def build_joined_embed(
    encoder: Model[List[Doc], List[Floats2d]], words: Model[List[Doc], List[Floats2d]], width: int
) -> Model[List[Doc], List[Floats2d]]:
    """What an encoder says of a token, and what it is written like: the pieces of encoders tell
    little of endings, on which parts of speech depend in many languages.

    encoder, words (Model): Documents -> one array (n, any width) each.
    width (int): Of the output.
    RETURNS: Documents -> one array (n, width) each.
    """
    joined: Model[List[Doc], List[Floats2d]] = concatenate(encoder, words)
    mix = Maxout(nO=width, nP=3, dropout=0.0, normalize=True)
    return chain(joined, with_array(mix))


def init(model: Model, X: Optional[Sequence[Tokens]] = None, Y: Optional[Ragged] = None) -> None:
    hashed, static = model.layers
    hashed.initialize(X=X)
    if X and X[0].vocab.vectors_length > 0:
        static.initialize(X=X)


def forward(
    model: Model[List[Tokens], Ragged], texts: List[Tokens], is_train: bool
) -> Tuple[Ragged, Callable[[Ragged], List[Tokens]]]:
    """Hashed features (tokens, tables * width), and projected vectors (tokens, width) beside them
    if the model was initialized with some.
    """
    hashed, static = model.layers
    features, backprop_features = hashed(texts, is_train)
    if not static.has_param("W"):
        return features, backprop_features
    check_width(static, texts)
    vectors, backprop_vectors = static(texts, is_train)
    width = features.dataXd.shape[1]

    def backprop(gradient: Ragged) -> List[Tokens]:
        # A word without a vector gives 0, which spaCy's layer forgets on the way back: it would
        # learn from the last vector of the table.
        of_vectors = gradient.data[:, width:] * vectors.dataXd.any(axis=1, keepdims=True)
        backprop_vectors(Ragged(of_vectors, gradient.lengths))
        of_features = model.ops.as_contig(gradient.data[:, :width])
        return backprop_features(Ragged(of_features, gradient.lengths))

    joined = model.ops.xp.hstack([features.dataXd, vectors.dataXd])
    return Ragged(joined, features.lengths), backprop


def check_width(static: Model, texts: List[Tokens]) -> None:
    known = static.get_dim("nM")
    for text in texts[:1]:  # a pipeline has one vocabulary
        found = text.vocab.vectors_length
        if found != known:
            raise SkdError(Errors.SKD177.format(known=known, found=found))
