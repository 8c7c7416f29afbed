"""The fine-tuned encoder under a component: what is trained of it, and what is saved."""

import shutil

import numpy as np
import pytest
import spacy
import srsly
from spacy.tokens import Doc
from spacy.util import fix_random_seed

from spacy_skd.encoders import reading
from spacy_skd.encoders.finetuned import Reading, transformer_of, windows
from spacy_skd.errors import SkdError

from ..conftest import SENTENCES, make_examples


@pytest.fixture
def encoder(tiny_transformer, tmp_path):
    return shutil.copytree(tiny_transformer(), tmp_path / "encoder")


def make_pipeline(encoder, **settings):
    pytest.importorskip("spacy_transformers")
    nlp = spacy.blank("xx")
    tok2vec = {
        "@architectures": "spacy-skd.FineTunedEncoder.v1",
        "name": None if encoder is None else str(encoder),
        "window": 32,
        "stride": 24,
        **settings,
    }
    model = {"@architectures": "spacy-skd.CRFTagger.v1", "tok2vec": tok2vec}
    nlp.add_pipe("crf_ner", name="pipe", config={"model": model})
    return nlp


def train(nlp, steps=40):
    examples = make_examples(nlp)
    optimizer = nlp.initialize(lambda: examples)
    optimizer.learn_rate = 0.01
    return [nlp.update(examples, sgd=optimizer)["pipe"] for _ in range(steps)]


def weights_of(nlp):
    nodes = nlp.get_pipe("pipe").model.walk()
    transformer = next(node for node in nodes if node.name == "transformer").transformer
    return {name: w.detach().numpy().copy() for name, w in transformer.state_dict().items()}


def scores(nlp):
    docs = [Doc(nlp.vocab, words=words) for words, _ in SENTENCES]
    return np.concatenate(nlp.get_pipe("pipe").score_docs(docs))


def changed(before, after):
    return {name for name in before if not np.array_equal(before[name], after[name])}


EMBEDDINGS = "embeddings.word_embeddings.weight"
LAYER = "encoder.layer.0.output.dense.weight"


@pytest.mark.parametrize(
    ("settings", "trained", "still"),
    [
        ({}, {LAYER}, {EMBEDDINGS}),
        ({"frozen_embeddings": False}, {LAYER, EMBEDDINGS}, set()),
        ({"frozen_layers": 1}, set(), {LAYER, EMBEDDINGS}),
    ],
)
def test_what_is_trained(encoder, settings, trained, still):
    nlp = make_pipeline(encoder, **settings)
    examples = make_examples(nlp)
    nlp.initialize(lambda: examples)
    before = weights_of(nlp)
    losses = train(nlp)
    assert np.isfinite(losses).all() and losses[-1] < 0.3 * losses[0]
    names = changed(before, weights_of(nlp))
    assert trained <= names and not still & names


def test_saved_it_needs_no_folder_and_names_none(encoder, tmp_path):
    nlp = make_pipeline(encoder)
    train(nlp, steps=5)
    expected = scores(nlp)
    nlp.config["components"]["pipe"]["model"]["tok2vec"]["name"] = None
    nlp.to_disk(tmp_path / "nlp")
    shutil.rmtree(encoder)
    loaded = spacy.load(tmp_path / "nlp")
    np.testing.assert_allclose(scores(loaded), expected, atol=1e-5)
    for file in (tmp_path / "nlp").rglob("*"):
        assert not file.is_file() or str(tmp_path).encode() not in file.read_bytes(), file


def test_a_loaded_one_is_trained_on_with_its_embeddings_frozen(encoder, tmp_path):
    nlp = make_pipeline(encoder)
    train(nlp, steps=2)
    nlp.to_disk(tmp_path / "nlp")
    loaded = spacy.load(tmp_path / "nlp")
    before = weights_of(loaded)
    optimizer = loaded.resume_training()
    for _ in range(3):
        loaded.update(make_examples(loaded), sgd=optimizer)
    names = changed(before, weights_of(loaded))
    assert LAYER in names and EMBEDDINGS not in names


def test_sentences_do_not_see_each_other(encoder):
    nlp = make_pipeline(encoder, window=4, stride=3)
    train(nlp, steps=2)
    words = [word for of_sentence, _ in SENTENCES for word in of_sentence]
    starts = [i == 0 for of_sentence, _ in SENTENCES for i in range(len(of_sentence))]
    together = Doc(nlp.vocab, words=words, sent_starts=starts)
    unknown = Doc(nlp.vocab, words=words)
    pipe = nlp.get_pipe("pipe")
    (found,), (other,) = (pipe.score_docs([doc]) for doc in (together, unknown))
    np.testing.assert_allclose(found, scores(nlp), atol=1e-5)
    assert np.abs(other - scores(nlp)).max() > 1e-3


@pytest.mark.parametrize(("size", "stride"), [(1, 1), (5, 5), (7, 3), (32, 24)])
def test_windows_of_one_sentence_are_those_of_spacy_transformers(size, stride):
    getters = pytest.importorskip("spacy_transformers.span_getters")
    vocab = spacy.blank("xx").vocab
    docs = [Doc(vocab, words=["a"] * n) for n in (0, 1, 3, 4, 5, 7, 24, 31, 32, 33, 56, 57, 100)]
    spans_of = getters.configure_strided_spans(size, stride)
    for doc, theirs in zip(docs, spans_of(docs)):
        ours = windows(doc, Reading(size, stride))
        assert [(s.start, s.end) for s in ours] == [(s.start, s.end) for s in theirs if len(s)]


def vectors_and_gradients(layer, docs, torch_module):
    """What a layer says of documents in training, and the gradients of its weights."""
    torch_module.zero_grad()
    vectors, backprop = layer(docs, is_train=True)
    backprop([np.cos(np.arange(v.size, dtype="f")).reshape(v.shape) for v in vectors])
    named = torch_module.named_parameters()
    gradients = {name: w.grad.numpy().copy() for name, w in named if w.grad is not None}
    return vectors, gradients


def test_read_in_batches_of_equal_lengths_it_is_as_in_one(encoder, monkeypatch):
    """The vectors of spacy-transformers' layer, and its gradients, whatever the batches are."""
    getters = pytest.importorskip("spacy_transformers.span_getters")
    config = srsly.read_json(encoder / "config.json")
    config.update(hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
    srsly.write_json(encoder / "config.json", config)
    nlp = make_pipeline(encoder, window=7, stride=3)
    nlp.initialize(lambda: make_examples(nlp))
    ours = nlp.get_pipe("pipe").model.get_ref("tok2vec")
    theirs = ours.layers[0]
    layer = transformer_of(ours)
    words = [word for sentence, _ in SENTENCES for word in sentence] * 3
    docs = [Doc(nlp.vocab, words=words[:n]) for n in (20, 1, 5, 0, 40, 6, 6, 2)]
    sizes = []
    forward = layer.layers[0]._func

    def watched(model, X, is_train):
        sizes.append(X.input_ids.shape)
        return forward(model, X, is_train)

    monkeypatch.setattr(layer.layers[0], "_func", watched)
    monkeypatch.setattr(reading, "CPU_PIECES", 20)
    found, gradients = vectors_and_gradients(ours, docs, layer.transformer)
    assert len(sizes) > 10 and all(n * longest <= 20 for n, longest in sizes)
    layer.attrs["get_spans"] = getters.configure_strided_spans(7, 3)
    expected, their_gradients = vectors_and_gradients(theirs, docs, layer.transformer)
    assert [v.shape for v in found] == [(len(doc), 32) for doc in docs]
    np.testing.assert_allclose(
        np.concatenate(found), np.concatenate([v.reshape(-1, 32) for v in expected]), atol=1e-5
    )
    assert gradients.keys() == their_gradients.keys() and LAYER in gradients
    for name, gradient in gradients.items():
        np.testing.assert_allclose(
            gradient, their_gradients[name], rtol=1e-5, atol=1e-4, err_msg=name
        )


@pytest.mark.parametrize("known", [True, False])
def test_what_is_too_long_for_the_encoder_is_read_in_parts(encoder, tmp_path, known):
    """Also where the tokenizer does not know how long that is."""
    path = encoder / "tokenizer_config.json"
    settings = srsly.read_json(path)
    if not known:
        del settings["model_max_length"]
    srsly.write_json(path, settings)
    nlp = make_pipeline(encoder, window=128, stride=96)
    nlp.initialize(lambda: make_examples(nlp))
    nlp.config["components"]["pipe"]["model"]["tok2vec"]["name"] = None
    nlp.to_disk(tmp_path / "nlp")
    nlp = spacy.load(tmp_path / "nlp")
    layer = nlp.get_pipe("pipe").model.get_ref("tok2vec")
    words = [word for sentence, _ in SENTENCES for word in sentence] * 10
    assert len(words) > 100
    texts = [words[:100], words[:50], words[50:100], ["x" * 300, "y"], words[:3]]
    (whole, left, right, *_) = layer.predict([Doc(nlp.vocab, words=text) for text in texts])
    np.testing.assert_allclose(whole, np.concatenate([left, right]), atol=1e-5)
    assert np.abs(whole).sum(axis=1).min() > 0


def test_one_line_for_what_cannot_be_opened(encoder, tmp_path):
    (encoder / "config.json").write_text("{")
    for name, code in ((None, "SKD150"), (tmp_path / "nowhere", "SKD151"), (encoder, "SKD151")):
        nlp = make_pipeline(name)
        with pytest.raises(SkdError, match=code):
            nlp.initialize(lambda nlp=nlp: make_examples(nlp))


@pytest.mark.parametrize(
    "settings",
    [{"encoder_lr": -1.0}, {"frozen_layers": -1}, {"window": 0}, {"stride": 0}, {"stride": 33}],
)
def test_settings_that_cannot_be(encoder, settings):
    with pytest.raises(SkdError, match="SKD029"):
        make_pipeline(encoder, **settings)


def with_bilstm(encoder, **settings):
    """As the configs of the students say."""
    nlp = spacy.blank("xx")
    embed = {"@architectures": "spacy-skd.FineTunedEncoder.v1", "name": str(encoder), **settings}
    encode = {
        "@architectures": "spacy.TorchBiLSTMEncoder.v1",
        "width": 32,
        "depth": 1,
        "dropout": 0.0,
    }
    tok2vec = {"@architectures": "spacy.Tok2Vec.v2", "embed": embed, "encode": encode}
    model = {"@architectures": "spacy-skd.CRFTagger.v1", "tok2vec": tok2vec}
    nlp.add_pipe("crf_ner", name="pipe", config={"model": model})
    return nlp


def test_a_bilstm_above(encoder, tmp_path):
    nlp = with_bilstm(encoder)
    losses = train(nlp)
    assert np.isfinite(losses).all() and losses[-1] < 0.3 * losses[0]
    nlp.to_disk(tmp_path / "nlp")
    np.testing.assert_allclose(scores(spacy.load(tmp_path / "nlp")), scores(nlp), atol=1e-5)


def test_the_encoder_has_a_learning_rate_of_its_own(encoder):
    """What lies above it has that of the training: modules of torch, layers of thinc, the chain."""
    moved = []
    for factor in (1.0, 0.01):
        fix_random_seed(0)
        nlp = with_bilstm(encoder, encoder_lr=factor)
        pipe = nlp.get_pipe("pipe")
        examples = make_examples(nlp)
        optimizer = nlp.initialize(lambda examples=examples: examples)
        optimizer.L2, optimizer.grad_clip = 0.0, 0.0
        nlp.update(examples, sgd=optimizer)
        (lstm,) = [n for n in pipe.model.walk() if n.shims and not n.attrs.get("lr_factor")]
        before = {name: w.detach().numpy().copy() for name, w in parameters(lstm).items()}
        of_encoder = weights_of(nlp)[LAYER]
        emissions = pipe.model.layers[1].get_param("W").copy()
        nlp.update(examples, sgd=optimizer)
        after = parameters(lstm)
        moved.append(
            [
                np.abs(weights_of(nlp)[LAYER] - of_encoder).max(),
                max(np.abs(after[name].detach().numpy() - before[name]).max() for name in before),
                np.abs(pipe.model.layers[1].get_param("W") - emissions).max(),
            ]
        )
    assert moved[1] == pytest.approx(np.multiply(moved[0], [0.01, 1, 1]), rel=0.05)


def parameters(node):
    return dict(node.shims[0]._model.named_parameters())
