"""The frozen encoder under a component: read once, trained above, saved with the pipeline."""

import pickle
import shutil

import numpy as np
import pytest
import spacy
from spacy import registry
from spacy.tokens import Doc

from spacy_skd.embedding import build_joined_embed
from spacy_skd.encoders import frozen
from spacy_skd.errors import SkdError

from ..conftest import SENTENCES, make_examples


@pytest.fixture
def encoder(tiny_transformer, tmp_path):
    return shutil.copytree(tiny_transformer(), tmp_path / "encoder")


def make_pipeline(encoder, layers=(0, 1), features=None, **settings):
    pytest.importorskip("transformers")
    nlp = spacy.blank("xx")
    embed = {
        "@architectures": "spacy-skd.FrozenEncoder.v1",
        "name": None if encoder is None else str(encoder),
        "width": 24,
        "layers": list(layers),
        "features": None if features is None else str(features),
        **settings,
    }
    encode = {
        "@architectures": "spacy.MaxoutWindowEncoder.v2",
        "width": 24,
        "depth": 1,
        "window_size": 1,
        "maxout_pieces": 2,
    }
    tok2vec = {"@architectures": "spacy.Tok2Vec.v2", "embed": embed, "encode": encode}
    model = {"@architectures": "spacy-skd.CRFTagger.v1", "tok2vec": tok2vec}
    nlp.add_pipe("crf_ner", name="pipe", config={"model": model})
    return nlp


def train(nlp, steps=60):
    examples = make_examples(nlp)
    optimizer = nlp.initialize(lambda: examples)
    optimizer.learn_rate = 0.01
    return [nlp.update(examples, sgd=optimizer, drop=0.1)["pipe"] for _ in range(steps)]


def scores(nlp):
    docs = [Doc(nlp.vocab, words=words) for words, _ in SENTENCES]
    return np.concatenate(nlp.get_pipe("pipe").score_docs(docs))


def encoder_of(nlp):
    (shim,) = next(n for n in nlp.get_pipe("pipe").model.walk() if n.name == "frozen_encoder").shims
    return shim


def test_it_learns_and_the_encoder_stays_as_it_is(encoder):
    nlp = make_pipeline(encoder)
    examples = make_examples(nlp)
    nlp.initialize(lambda: examples)
    before = encoder_of(nlp)._model.fingerprint()
    losses = train(nlp)
    assert np.isfinite(losses).all() and losses[-1] < 0.2 * losses[0]
    assert encoder_of(nlp)._model.fingerprint() == before


@pytest.mark.parametrize("kind", ["FrozenEncoder", "FineTunedEncoder"])
def test_joined_with_another_it_leaves_the_batch_as_it_is(encoder, kind):
    nlp = make_pipeline(encoder)
    own = {"width": 24, "layers": [0]} if kind == "FrozenEncoder" else {}
    build = registry.architectures.get(f"spacy-skd.{kind}.v1")
    docs = [Doc(nlp.vocab, words=words) for words, _ in SENTENCES]
    model = build_joined_embed(build(str(encoder), **own), build(str(encoder), **own), 24)
    model.initialize(X=docs)
    batch = list(docs)
    vectors, backprop = model.begin_update(batch)
    backprop(vectors)
    assert batch == docs


@pytest.mark.parametrize("features", [False, True])
def test_each_sentence_passes_the_encoder_once_in_a_training(
    encoder, tmp_path, features, monkeypatch
):
    read = []
    original = frozen.read_words

    def spy(pretrained, sentences, *args, **settings):
        read.extend(map(tuple, sentences))
        return original(pretrained, sentences, *args, **settings)

    def read_in_a_training(**settings):
        nlp = make_pipeline(encoder, features=tmp_path / "f" if features else None, **settings)
        examples = make_examples(nlp)
        optimizer = nlp.initialize(lambda: examples)
        read.clear()  # initializing shows some to all layers, to see what fits what
        for _ in range(3):
            nlp.update(examples, sgd=optimizer)
            scores(nlp)
        return sorted(read)

    monkeypatch.setattr(frozen, "read_words", spy)
    once = sorted(tuple(words) for words, _ in SENTENCES)
    assert read_in_a_training() == once
    assert read_in_a_training() == ([] if features else once)
    # Another way to ask is another file.
    assert read_in_a_training(layers=[1]) == once


def test_kept_or_computed_the_features_are_the_same(encoder):
    nlp = make_pipeline(encoder)
    train(nlp, steps=3)
    kept = scores(nlp)
    encoder_of(nlp)._features = None
    np.testing.assert_allclose(scores(nlp), kept, atol=0.02)  # 16 bits, and other batches


def test_saved_it_needs_neither_the_encoders_folder_nor_features(encoder, tmp_path):
    nlp = make_pipeline(encoder, features=tmp_path / "features")
    train(nlp)
    expected = scores(nlp)
    nlp.config["components"]["pipe"]["model"]["tok2vec"]["embed"]["name"] = None
    nlp.config["components"]["pipe"]["model"]["tok2vec"]["embed"]["features"] = None
    nlp.to_disk(tmp_path / "nlp")
    shutil.rmtree(encoder)
    shutil.rmtree(tmp_path / "features")
    loaded = spacy.load(tmp_path / "nlp")
    np.testing.assert_allclose(scores(loaded), expected, atol=0.02)
    for file in (tmp_path / "nlp").rglob("*"):
        assert not file.is_file() or str(tmp_path).encode() not in file.read_bytes(), file
    assert not (tmp_path / "features").exists()


def test_a_loaded_one_is_trained_on(encoder, tmp_path):
    nlp = make_pipeline(encoder)
    train(nlp)
    nlp.to_disk(tmp_path / "nlp")
    loaded = spacy.load(tmp_path / "nlp")
    optimizer = loaded.resume_training()
    losses = [loaded.update(make_examples(loaded), sgd=optimizer)["pipe"] for _ in range(3)]
    assert np.isfinite(losses).all()
    assert encoder_of(loaded)._features is not None


def test_only_training_keeps_features(encoder, tmp_path):
    nlp = make_pipeline(encoder, features=tmp_path / "features")
    examples = make_examples(nlp)
    nlp.initialize(lambda: examples)
    list(nlp.pipe(words[0] for words, _ in SENTENCES))
    assert not (tmp_path / "features").exists()


def test_it_pickles_during_training(encoder, tmp_path):
    nlp = make_pipeline(encoder, features=tmp_path / "features")
    train(nlp, steps=2)
    model = nlp.get_pipe("pipe").model
    copy = model.copy()
    docs = [Doc(nlp.vocab, words=words) for words, _ in SENTENCES]
    expected = model.predict(docs).unary
    np.testing.assert_allclose(copy.predict(docs).unary, expected, atol=0.02)
    assert pickle.loads(pickle.dumps(encoder_of(nlp)))._features is None


def test_documents_without_tokens(encoder):
    nlp = make_pipeline(encoder)
    train(nlp, steps=2)
    docs = [Doc(nlp.vocab), Doc(nlp.vocab, words=["London"]), Doc(nlp.vocab)]
    vectors = nlp.get_pipe("pipe").model.get_ref("tok2vec").predict(docs)
    assert [rows.shape for rows in vectors] == [(0, 24), (1, 24), (0, 24)]


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({"pooling": "max"}, "SKD157"),
        ({"layers": []}, "SKD158"),
        ({"layers": [-1]}, "SKD158"),
        ({"width": 0}, "SKD029"),
        ({"max_gigabytes": -1}, "SKD029"),
    ],
)
def test_settings_that_cannot_be(encoder, settings, code):
    with pytest.raises(SkdError, match=code):
        make_pipeline(encoder, **settings)


def test_an_encoder_that_cannot_be(encoder):
    for name, layers, code in ((None, [1], "SKD150"), (encoder, [1, 2], "SKD153")):
        nlp = make_pipeline(name, layers)
        with pytest.raises(SkdError, match=code):
            nlp.initialize(lambda nlp=nlp: make_examples(nlp))
