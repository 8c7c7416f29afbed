"""What is said of a word wherever it stands is asked once for each different word.

A batch of a thousand tokens has some six hundred different ones, a document of many thousands only
a tenth; and of a text that follows others only a few are new.
"""

from typing import Any, Callable, List, Optional, Sequence, Tuple
from weakref import WeakKeyDictionary

from spacy.tokens import Doc
from thinc.api import Model
from thinc.types import Floats2d

from .ragged import split_rows
from .tokens import Tokens, are_distinct, as_tokens, attributes_read, different
from .word_memory import WordMemory


def each_word_once(
    embed: Model[List[Any], List[Floats2d]],
) -> Model[List[Any], List[Floats2d]]:
    """An embedding that is asked for each different word of a batch once, in training too. It has
    no dropout that differs from token to token.

    RETURNS: Documents -> one array (n, width) each.
    """
    return Model("each_word_once", EachWordOnce(), init=init, layers=[embed])


def init(
    model: Model, X: Optional[Sequence[Doc]] = None, Y: Optional[List[Floats2d]] = None
) -> None:
    (embed,) = model.layers
    embed.initialize(X=as_tokens(X, attributes_read(embed, X[0].vocab)) if X else None)


class EachWordOnce:
    """The way forward of `each_word_once`, and the words that it has met in predictions.

    thinc's `Model.copy` gives a copy the same function, and spaCy copies an encoder for each
    component whose listener it replaces: so each model has a memory of its own, as long as it
    lives.
    """

    def __init__(self) -> None:
        # By what serves the parameters of a model, which each has one of: a Model cannot be
        # referred to weakly.
        self.memories: WeakKeyDictionary[Any, WordMemory] = WeakKeyDictionary()

    def __call__(
        self, model: Model[List[Any], List[Floats2d]], docs: List[Any], is_train: bool
    ) -> Tuple[List[Floats2d], Callable[[List[Floats2d]], List[Any]]]:
        (embed,) = model.layers
        ops = model.ops
        if not docs:
            return [], lambda _: []
        if are_distinct(docs):
            return embed(docs, is_train)
        words, index = different(as_tokens(docs, attributes_read(embed, docs[0].vocab)))
        word_of = ops.asarray1i(index)
        if is_train:
            self.forget(model, words)
        [vectors], backprop_embed = embed([words], is_train)

        def backprop(gradients: List[Floats2d]) -> List[Any]:
            of_words = ops.alloc2f(*vectors.shape)
            ops.scatter_add(of_words, word_of, ops.flatten(gradients))
            backprop_embed([of_words])
            return []  # as spaCy's do: thinc's concatenate adds to the list that it gets

        return split_rows(vectors[word_of], [len(doc) for doc in docs]), backprop

    def recall(
        self,
        model: Model[List[Any], List[Floats2d]],
        words: Tokens,
        predict: Callable[[Tokens], Floats2d],
    ) -> Floats2d:
        """What the embedding says of n different words, (n, width), as `predict` has it for those
        that it was not asked for before.
        """
        (embed,) = model.layers
        memory = self.memories.get(model._params)
        if memory is None or not memory.is_of(embed, words.vocab):
            memory = self.memories[model._params] = WordMemory(embed, words.vocab)
        return memory.recall(words, predict)

    def forget(self, model: Model[List[Any], List[Floats2d]], words: Tokens) -> None:
        """Remember nothing of the present parameters: an optimizer may write into them."""
        (embed,) = model.layers
        memory = self.memories[model._params] = WordMemory(embed, words.vocab)
        memory.is_closed = True

    # What is copied or pickled by itself begins anew.

    def __deepcopy__(self, _: Any) -> "EachWordOnce":
        return EachWordOnce()

    def __reduce__(self) -> Tuple[Callable, Tuple]:
        return EachWordOnce, ()
