"""Prediction piece by piece gives what prediction of the whole does, in little memory."""

import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from spacy.ml.models import (
    MaxoutWindowEncoder,
    MishWindowEncoder,
    MultiHashEmbed,
    build_hash_embed_cnn_tok2vec,
    build_Tok2Vec_model,
)
from spacy.tokens import Doc
from spacy.vocab import Vocab
from thinc.api import Linear, fix_random_seed, list2padded, padded2list, with_array
from thinc.api import chain as thinc_chain

from spacy_skd import bounded, fused
from spacy_skd.context import build_sentence_context
from spacy_skd.embedding import build_multi_hash_embed
from spacy_skd.ragged import Rows

WIDTH, PIECE = 8, 7
LENGTHS = (1, 0, PIECE - 1, PIECE, PIECE + 1, 3, 3 * PIECE + 2, 0, 2, 2 * PIECE)


@pytest.fixture
def vocab():
    fix_random_seed(0)
    vocab = Vocab()
    rng = np.random.default_rng(0)
    for i in range(0, 40, 2):
        vocab.set_vector(f"w{i}", rng.normal(size=5).astype("float32"))
    return vocab


@pytest.fixture
def docs(vocab):
    rng = np.random.default_rng(0)
    return [Doc(vocab, words=[f"w{i}" for i in rng.integers(40, size=n)]) for n in LENGTHS]


@pytest.fixture
def small_pieces(monkeypatch):
    monkeypatch.setattr(bounded, "PIECE", PIECE)


def watch_fused(monkeypatch, **functions):
    """Have `bounded` call these in place of those of `fused`."""
    monkeypatch.setattr(bounded, "fused", SimpleNamespace(**{**vars(fused), **functions}))


ATTRIBUTES, ROWS = ["NORM", "SHAPE"], [50, 20]


def windows(size=1, depth=3):
    return MaxoutWindowEncoder(WIDTH, window_size=size, maxout_pieces=2, depth=depth)


def hash_embed_cnn(vectors=False):
    return build_hash_embed_cnn_tok2vec(
        width=WIDTH, depth=3, embed_size=50, window_size=1, maxout_pieces=2,
        subword_features=True, pretrained_vectors=vectors,
    )  # fmt: skip


ENCODERS = {
    "spaCy's": lambda: hash_embed_cnn(),
    "spaCy's, with vectors": lambda: hash_embed_cnn(vectors=True),
    "wide windows": lambda: build_Tok2Vec_model(
        MultiHashEmbed(WIDTH, ATTRIBUTES, ROWS, False), windows(size=2)
    ),
    "ours, with vectors": lambda: build_Tok2Vec_model(
        build_multi_hash_embed(WIDTH, ATTRIBUTES, ROWS), windows()
    ),
    "with context": lambda: build_Tok2Vec_model(
        build_sentence_context(build_multi_hash_embed(WIDTH, ATTRIBUTES, ROWS), WIDTH), windows()
    ),
    "documents that see each other": lambda: build_Tok2Vec_model(
        MultiHashEmbed(WIDTH, ATTRIBUTES, ROWS, False), MishWindowEncoder(WIDTH, 1, 3)
    ),
}


@pytest.mark.parametrize("name", ENCODERS)
def test_pieces_give_what_the_whole_gives(docs, small_pieces, monkeypatch, name):
    model = ENCODERS[name]()
    model.initialize(X=docs)
    found = bounded.predict(model, docs)
    monkeypatch.setattr(bounded, "PIECE", 10**9)
    whole = model.predict(docs)
    assert [vectors.shape for vectors in found] == [(n, WIDTH) for n in LENGTHS]
    for one, other in zip(found, whole):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


def test_arrays_in_pieces(small_pieces):
    """A list of them, or one after the other in one."""
    model = windows(size=2)
    rng = np.random.default_rng(0)
    arrays = [rng.normal(size=(n, WIDTH)).astype("f") for n in LENGTHS]
    model.initialize(X=arrays)
    whole = model.predict(arrays)
    for X in (arrays, Rows(np.concatenate(arrays), LENGTHS)):
        found = bounded.predict(model, X)
        assert [vectors.shape for vectors in found] == [(n, WIDTH) for n in LENGTHS]
        for one, other in zip(found, whole):
            np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


def test_pieces_are_no_larger(docs, small_pieces, monkeypatch):
    """With what they see to each side, which is 3 tokens here."""
    model = ENCODERS["ours, with vectors"]()
    model.initialize(X=docs)
    sizes = []

    def words_counted(model, X):
        sizes.append(sum(map(len, X)))
        return fused.predict(model, X)

    def rows_counted(steps, X):
        sizes.append(len(X))
        return fused.take(steps, X)

    watch_fused(monkeypatch, predict=words_counted, take=rows_counted)
    bounded.predict(model, docs)
    assert max(sizes) <= PIECE + 2 * 3 and sum(sizes) > sum(LENGTHS)


@pytest.mark.parametrize(
    "embed",
    [
        lambda: MultiHashEmbed(WIDTH, ATTRIBUTES, ROWS, True),
        lambda: build_multi_hash_embed(WIDTH, ATTRIBUTES, ROWS),
        lambda: MultiHashEmbed(WIDTH, ["ORTH"], [50], False),
    ],
)
def test_an_embedding_is_asked_for_each_word_once(docs, monkeypatch, embed):
    model = embed()
    model.initialize(X=docs)
    whole = model.predict(docs)
    asked = []

    def counted(model, X):
        asked.extend(word for tokens in X for word in tokens.to_array("ORTH"))
        return fused.predict(model, X)

    watch_fused(monkeypatch, predict=counted)
    found = bounded.predict(model, docs)
    assert sorted(asked) == sorted({token.orth for doc in docs for token in doc})
    for one, other in zip(found, whole):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


def test_words_are_the_same_only_if_all_is_that_a_layer_asks_for(vocab):
    """A norm may be one token's own, and vectors are found by how a word is written."""
    doc = Doc(vocab, words=["w2", "w2", "w4"])
    doc[1].norm_ = "w3"
    doc[2].norm_ = doc[0].norm_
    model = build_multi_hash_embed(WIDTH, ["NORM"], [50])
    model.initialize(X=[doc])
    [found] = bounded.predict(model, [doc])
    np.testing.assert_allclose(found, model.predict([doc])[0], rtol=1e-4, atol=1e-5)
    assert len(np.unique(found.round(4), axis=0)) == 3


def test_documents_without_tokens(docs, vocab):
    model = ENCODERS["ours, with vectors"]()
    model.initialize(X=docs)
    assert bounded.predict(model, []) == []
    found = bounded.predict(model, [Doc(vocab), Doc(vocab)])
    assert [vectors.shape for vectors in found] == 2 * [(0, WIDTH)]


def test_how_far_encoders_see():
    assert bounded.tokens_seen(windows(size=1, depth=4)) == 4
    assert bounded.tokens_seen(windows(size=2, depth=3)) == 6
    assert bounded.tokens_seen(MultiHashEmbed(WIDTH, ATTRIBUTES, ROWS, True)) == 0
    assert bounded.tokens_seen(hash_embed_cnn()) == 3
    # Documents that are not kept apart by as many empty rows, and layers that are not known.
    assert bounded.tokens_seen(MishWindowEncoder(WIDTH, 1, 3)) is None
    assert bounded.tokens_seen(build_sentence_context(hash_embed_cnn(), WIDTH)) is None
    padded = thinc_chain(list2padded(), with_array(Linear(WIDTH, WIDTH)), padded2list())
    assert bounded.tokens_seen(padded) is None


def test_training_still_has_its_gradient(docs, small_pieces):
    model = ENCODERS["with context"]()
    model.initialize(X=docs)
    vectors, backprop = model.begin_update(docs)
    backprop([np.ones_like(rows) for rows in vectors])
    assert all(node.has_grad("W") for node in model.walk() if node.name == "maxout")


GROWTH = """
import spacy
from spacy.tokens import Doc
from spacy_skd.memory import peak_memory

nlp = spacy.blank("xx")
ner = nlp.add_pipe("crf_ner")
ner.add_label("PER")
nlp.initialize()
nlp(Doc(nlp.vocab, words=["w"] * 3000))
before = peak_memory()
nlp(Doc(nlp.vocab, words=[f"w{i % 1000}" for i in range(30_000)]))
print((peak_memory() - before) / 30_000)
"""


def test_memory_of_a_long_document():
    """At most 2 kB a token, of which the document and its vectors are most; 15 kB all at once."""
    result = subprocess.run(
        [sys.executable, "-c", GROWTH], check=True, capture_output=True, encoding="utf-8"
    )
    assert float(result.stdout) < 2000
