"""An embedding that is asked for each different word once says and learns the same."""

import numpy as np
import spacy
from spacy.ml.models import MultiHashEmbed
from spacy.tokens import Doc
from thinc.api import fix_random_seed

from spacy_skd.tokens import Tokens, as_tokens, attributes_read, different
from spacy_skd.words import each_word_once

VOCAB = spacy.blank("xx").vocab
DOCS = [
    Doc(VOCAB, words=words) for words in (["a", "b", "a"], [], ["b", "c", "b", "a"], ["C", "c"])
]


def embed():
    return MultiHashEmbed(8, ["NORM", "SHAPE"], [50, 20], False)


def test_the_same_vectors_and_gradients():
    plain, once = embed(), each_word_once(embed())
    for model in (plain, once):
        fix_random_seed(0)
        model.initialize(X=DOCS)
    (expected, backprop_plain), (found, backprop_once) = (
        model.begin_update(DOCS) for model in (plain, once)
    )
    assert [len(vectors) for vectors in found] == [3, 0, 4, 2]
    rng = np.random.default_rng(0)
    gradients = [rng.normal(size=vectors.shape).astype("f") for vectors in expected]
    backprop_plain([gradient.copy() for gradient in gradients])
    backprop_once(gradients)
    for one, other in zip(found, expected):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)
    compared = 0
    for one, other in zip(once.layers[0].walk(), plain.walk()):
        for name in other.grad_names:
            np.testing.assert_allclose(one.get_grad(name), other.get_grad(name), 1e-4, 1e-5)
            compared += 1
    assert compared > 4


def test_words_that_are_known_to_differ_are_not_told_apart_again(monkeypatch):
    once = each_word_once(embed())
    once.initialize(X=DOCS)
    attributes = attributes_read(once, VOCAB)
    words, _ = different(as_tokens(DOCS, attributes))
    some = words[1:3]
    expected = once.predict([Tokens(VOCAB, attributes, some.values)])
    monkeypatch.setattr("spacy_skd.words.different", None)
    np.testing.assert_allclose(once.predict([some]), expected, rtol=1e-5, atol=1e-6)


def test_no_documents():
    once = each_word_once(embed())
    once.initialize(X=DOCS)
    assert once.predict([]) == []
