"""What an encoder says of the words of a corpus, as vectors."""

import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import spacy
from spacy.tokens import Doc, DocBin
from spacy.vocab import Vocab

from spacy_skd.encoders.pretrained import open_pretrained
from spacy_skd.encoders.reading import read_words
from spacy_skd.errors import SkdError
from spacy_skd.vectors import contextual
from spacy_skd.vectors.contextual import MIN_COUNT, Reading, in_context, linear_map, read_means
from spacy_skd.vectors.make import make_vectors
from spacy_skd.vectors.pieces import Pieces

from ..conftest import SENTENCES

TEXTS = [words for words, _ in SENTENCES]
DIMS = 4


@pytest.fixture
def encoder(tiny_transformer, tmp_path):
    return str(shutil.copytree(tiny_transformer(), tmp_path / "encoder"))


@pytest.fixture
def corpus(tmp_path):
    """Two languages, of which the second has one sentence twice, and text without labels."""
    for lang, split, texts in (
        ("de", "train", TEXTS),
        ("de", "dev", [["York"] * 9]),
        ("en", "train", TEXTS[:1]),
        ("en", "unlabelled", [*TEXTS[:1], []]),
    ):
        (tmp_path / "corpus" / lang).mkdir(parents=True, exist_ok=True)
        docs = [Doc(Vocab(), words=words) for words in texts]
        path = tmp_path / "corpus" / lang / f"{split}.spacy"
        DocBin(docs=docs, store_user_data=True).to_disk(path)
    return tmp_path / "corpus"


def seen():
    return [*TEXTS, TEXTS[0], TEXTS[0]]


def frequent():
    counts = Counter(word for words in seen() for word in words)
    return [word for word, n in counts.most_common() if n >= MIN_COUNT]


def said(encoder, texts):
    """What layer 1 says."""
    opened = open_pretrained(encoder, "AutoModel")
    return read_words(
        opened, texts, lambda o: o.hidden_states[1], "mean", output_hidden_states=True
    )


def test_means_are_of_all_places_where_a_word_stands(encoder, corpus, monkeypatch):
    monkeypatch.setattr(contextual, "BATCH", 2)
    words = ["Ada", "York", "absent"]
    opened = open_pretrained(encoder, "AutoModel")
    n_seen, means = read_means(opened, corpus, words, total=0)
    places = [
        (word, vector)
        for text, vectors in zip(seen(), said(encoder, seen()))
        for word, vector in zip(text, vectors)
    ]
    assert n_seen.tolist() == [sum(word == w for word, _ in places) for w in words]
    for word, mean in zip(words[:2], means):
        wanted = np.mean([vector for other, vector in places if other == word], axis=0)
        np.testing.assert_allclose(mean, wanted, atol=1e-2)  # of 16 bits, in batches of their own
    assert not means[2].any()


def test_the_map_finds_what_is_linear_and_weighs():
    rng = np.random.default_rng(0)
    X, true = rng.normal(size=(200, 5)), rng.normal(size=(5, 3))
    Y, weights = X @ true + 7, rng.integers(1, 9, size=200)
    Y[:20], weights[:20] = 1e3, 0
    mean, projection = linear_map(X.astype("f"), Y.astype("f"), weights)
    np.testing.assert_allclose(mean, np.average(Y, axis=0, weights=weights), rtol=1e-5)
    # Where the weighted mean of X is not 0, what is fitted is the rest of Y.
    np.testing.assert_allclose(projection, true, atol=0.2)


def test_the_map_of_words_that_are_all_the_same():
    mean, projection = linear_map(np.zeros((3, 2)), np.ones((3, 4)), np.ones(3))
    assert mean.tolist() == [1] * 4 and not projection.any()


def test_what_was_seen_of_a_word_counts_as_often_as_it_was_seen(encoder, monkeypatch):
    """What the pieces foretell counts twice; of a word of one piece it is what that piece has."""
    rng = np.random.default_rng(0)
    words = ["Ada", "London", "calls", "Nobody"]
    counts = Counter({word: n for n, word in enumerate(words, start=3)})
    n_seen, means = np.array([30, 7, 4, 3], dtype="f"), rng.normal(size=(4, 5)).astype("f")
    monkeypatch.setattr(contextual, "open_encoder", lambda source, layer: None)
    monkeypatch.setattr(contextual, "read_means", lambda *args, total: (n_seen, means))
    pieces = Pieces(Path(encoder) / "tokenizer.json")
    kept = sorted(pieces.usable)
    embeddings = rng.normal(size=(max(kept) + 1, 8)).astype("f")
    found = in_context(encoder, Reading(Path("-"), None), counts, pieces, kept, embeddings)
    assert found.words == words[::-1] and len(found.of_pieces) == len(kept)
    of_word = [kept.index(ids[0]) for ids in pieces.of_words(found.words)]
    foretold, weights = found.of_pieces[of_word], n_seen[:, None]
    wanted = (weights * means + 2 * foretold) / (weights + 2)
    np.testing.assert_allclose(found.of_words, wanted, rtol=1e-4, atol=1e-5)
    # As near as a ridge that is small can bring it, where there are more dimensions than words.
    assert np.abs(foretold - means).max() < 0.2 and np.ptp(found.of_pieces, axis=0).min() > 0.1


def test_frequent_words_have_vectors_of_their_own(encoder, corpus, tmp_path):
    report = make_vectors(encoder, tmp_path / "out", corpus=corpus, dims=DIMS, contextual=True)
    vectors = spacy.load(tmp_path / "out").vocab.vectors
    assert report.words == len(frequent()) and report.rows == len(vectors)
    assert vectors.n_pieces == report.rows - report.words
    own = [vectors.pieces(word) for word in frequent()]
    assert own == [[vectors.n_pieces + i] for i in range(report.words)]
    # Words of training text that are rare have those of their pieces, words of dev text none.
    assert vectors.pieces("Nobody")[0] < vectors.n_pieces
    assert vectors["Nobody"].any() and not vectors["Absent"].any()


def test_no_more_than_the_most_frequent(encoder, corpus, tmp_path, monkeypatch):
    monkeypatch.setattr(contextual, "MOST_WORDS", 2)
    report = make_vectors(encoder, tmp_path / "out", corpus=corpus, dims=DIMS, contextual=True)
    assert report.words == 2


def test_they_say_what_the_layer_says(encoder, corpus, tmp_path):
    """Their first axes hold most of it."""
    folders = [tmp_path / "layer", tmp_path / "default", tmp_path / "input"]
    for folder, settings in zip(folders, ({"layer": 1}, {}, None)):
        own = {} if settings is None else {"contextual": True, **settings}
        make_vectors(encoder, folder, corpus=corpus, dims=DIMS, dtype="float32", **own)
    one, default, plain = (spacy.load(folder).vocab.vectors for folder in folders)
    assert one == default and one != plain
    known = [word for word in frequent() if one.pieces(word)]
    _, means = read_means(open_pretrained(encoder, "AutoModel"), corpus, known, total=0)
    table = one.get_batch(known)
    # The axes are those of the words, each scaled to unit variance.
    np.testing.assert_allclose(one.data[one.n_pieces :].mean(axis=0), 0, atol=1e-3)
    np.testing.assert_allclose(one.data[one.n_pieces :].std(axis=0), 1, rtol=1e-2)
    # An affine image of what was said: the residual of the best one is small.
    inputs = np.hstack([table, np.ones((len(known), 1))])
    left = means - inputs @ np.linalg.lstsq(inputs, means, rcond=None)[0]
    assert (left**2).sum() < 0.4 * ((means - means.mean(axis=0)) ** 2).sum()


def test_one_line_for_what_cannot_be(encoder, corpus, tmp_path):
    def fails(code, source=encoder, **settings):
        with pytest.raises(SkdError, match=code):
            make_vectors(source, tmp_path / "out", dims=DIMS, **settings)

    fails("SKD282", contextual=True)
    fails("SKD282", source="floret", corpus=corpus, contextual=True)
    fails("SKD283", corpus=corpus, layer=1)
    fails("SKD283", corpus=corpus, contextual=True, layer=0)
    fails("SKD153", corpus=corpus, contextual=True, layer=2)
    shutil.rmtree(corpus / "en")
    DocBin(docs=[Doc(Vocab(), words=["Ada", "Ada"])]).to_disk(corpus / "de" / "train.spacy")
    fails("SKD280", corpus=corpus, contextual=True)
    assert not (tmp_path / "out").exists()
