"""A sentence has the same vectors alone and among others."""

import numpy as np
import spacy
from spacy.ml.models import MaxoutWindowEncoder, MultiHashEmbed
from spacy.ml.models.tok2vec import build_Tok2Vec_model
from spacy.tokens import Doc
from thinc.api import Model, fix_random_seed

from spacy_skd import bounded
from spacy_skd.sentences import build_sentence_tok2vec

WIDTH = 8
VOCAB = spacy.blank("xx").vocab


def make_model(docs, build=build_sentence_tok2vec):
    fix_random_seed(0)
    embed = MultiHashEmbed(WIDTH, ["NORM"], [50], False)
    model = build(embed, MaxoutWindowEncoder(WIDTH, 1, 3, 2))
    model.initialize(X=docs)
    return model


def doc_of(*sentences):
    words = [word for sentence in sentences for word in sentence.split()]
    lengths = [len(sentence.split()) for sentence in sentences]
    starts = [i in np.cumsum([0, *lengths]) for i in range(len(words))]
    return Doc(VOCAB, words=words, sent_starts=starts)


def test_sentences_do_not_see_each_other():
    texts = ["Der Hund bellt", "The dog barks at me", "Ja"]
    alone, together = [doc_of(text) for text in texts], doc_of(*texts)
    model = make_model(alone)
    for docs in ([together], [doc_of("Hallo"), together, doc_of()]):
        found = np.concatenate([x for x, doc in zip(model.predict(docs), docs) if doc is together])
        expected = np.concatenate(model.predict(alone))
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    unknown = Doc(VOCAB, words=[token.text for token in together])
    assert not np.allclose(model.predict([unknown])[0], model.predict([together])[0])


def test_it_goes_over_long_documents_piece_by_piece(monkeypatch):
    docs = [doc_of("Der Hund bellt", "The dog barks at me", "Ja"), doc_of("Hallo", "du da")]
    model = make_model(docs)
    whole, _ = model(docs, True)
    monkeypatch.setattr(bounded, "PIECE", 4)
    for found, expected in zip(bounded.predict(model, docs), whole):
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_of_single_sentences_it_is_spacys():
    """So that one can be put in place of the other in a trained pipeline."""
    docs = [doc_of("Der Hund bellt"), doc_of(), Doc(VOCAB, words=["no", "boundaries", "known"])]
    ours, spacys = make_model(docs), make_model(docs, build_Tok2Vec_model)
    (found, backprop), (expected, spacy_backprop) = ours(docs, True), spacys(docs, True)
    for left, right in zip(found, expected):
        np.testing.assert_array_equal(left, right)
    backprop(found)
    spacy_backprop(expected)
    for left, right in zip(ours.walk(), spacys.walk()):
        for name in left.param_names:
            np.testing.assert_array_equal(left.get_grad(name), right.get_grad(name))
    assert spacys.from_bytes(ours.to_bytes()) is spacys
    assert ours.get_dim("nO") == WIDTH and ours.get_ref("embed") is ours.layers[0]


def test_the_gradient_is_that_of_the_sentences_alone():
    texts = ["a b c", "d", "e f"]
    gradients = []

    def embed(model, docs, is_train):
        vectors = [rng_of(doc) for doc in docs]
        return vectors, lambda d: gradients.append(np.concatenate(d))

    for docs in ([doc_of(text) for text in texts], [doc_of(*texts)]):
        fix_random_seed(0)
        encode = MaxoutWindowEncoder(WIDTH, 1, 3, 2)
        model = build_sentence_tok2vec(Model("embed", embed), encode)
        model.initialize(X=docs)
        out, backprop = model(docs, True)
        backprop(out)
    np.testing.assert_allclose(*gradients, rtol=1e-5)
    assert gradients[0].any()


def rng_of(doc):
    """A vector for each word, the same wherever it stands."""
    rows = [np.random.default_rng(ord(token.text[0])).normal(size=WIDTH) for token in doc]
    return np.array(rows, dtype="float32").reshape(len(doc), WIDTH)


def test_empty_documents_among_others():
    model = make_model([doc_of("a b")])
    docs = [doc_of(), doc_of("a"), doc_of()]
    assert [vectors.shape for vectors in model.predict(docs)] == [(len(d), WIDTH) for d in docs]
