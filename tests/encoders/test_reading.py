"""What a model says of words: the same however they are batched and cut into windows."""

import numpy as np
import pytest

from spacy_skd.encoders import reading
from spacy_skd.encoders.pieces import Window
from spacy_skd.encoders.pretrained import Pretrained, open_pretrained, ready
from spacy_skd.encoders.reading import pool, read_words

from ..conftest import SENTENCES

WORDS = [words for words, _ in SENTENCES]


@pytest.fixture
def encoder(tiny_transformer, monkeypatch):
    monkeypatch.setattr(reading, "half_precision", lambda device: no_autocast())
    return open_pretrained(str(tiny_transformer()), "AutoModel")


def no_autocast():
    import torch

    return torch.autocast("cpu", enabled=False)


def last_layer(output):
    return output.last_hidden_state


def test_a_row_a_word(encoder):
    found = read_words(encoder, [*WORDS, []], last_layer, "mean")
    assert [len(rows) for rows in found] == [*map(len, WORDS), 0]
    assert all(rows.shape[1] == 32 and rows.dtype == np.float32 for rows in found[:-1])


@pytest.mark.parametrize("limit", [1, 16, 10_000])
def test_batches_change_nothing(encoder, limit, monkeypatch):
    one_by_one = [read_words(encoder, [words], last_layer, "mean")[0] for words in WORDS]
    monkeypatch.setattr(reading, "CPU_PIECES", limit)
    for found, expected in zip(read_words(encoder, WORDS, last_layer, "mean"), one_by_one):
        np.testing.assert_allclose(found, expected, atol=1e-5)


def test_it_says_what_transformers_says(encoder):
    import torch

    tokenizer = encoder.subwords.tokenizer
    ids = torch.tensor([[2, *(tokenizer.token_to_id(word) for word in WORDS[0]), 3]])
    with torch.no_grad():
        expected = encoder.model(input_ids=ids).last_hidden_state[0, 1:-1].numpy()
    # The tiny tokenizer adds no special pieces by itself, so that the model sees words alone.
    with torch.no_grad():
        bare = encoder.model(input_ids=ids[:, 1:-1]).last_hidden_state[0].numpy()
    (found,) = read_words(encoder, WORDS[:1], last_layer, "first")
    np.testing.assert_allclose(found, bare, atol=1e-5)
    assert np.abs(found - expected).max() > 1e-3


def test_a_text_longer_than_the_encoder_reads_at_once(encoder):
    long = WORDS[0] * 40  # 240 words, the encoder reads 64
    (found,) = read_words(encoder, [long], last_layer, "mean")
    assert found.shape == (240, 32) and np.isfinite(found).all()
    (start,) = read_words(encoder, [long[:64]], last_layer, "mean")
    np.testing.assert_allclose(found[:50], start[:50], atol=1e-5)


def test_pooling():
    torch = pytest.importorskip("torch")
    hidden = torch.arange(2 * 5 * 2, dtype=torch.float32).reshape(2, 5, 2)
    batch = [
        Window(0, 0, [2, 4, 5, 6, 3], np.array([1, 3, 4])),
        Window(1, 0, [2, 4, 3], np.array([1, 2])),
    ]
    rows = hidden.numpy()
    first = [rows[0, 1], rows[0, 3], rows[1, 1]]
    np.testing.assert_array_equal(pool(hidden, batch, "first"), first)
    mean = [rows[0, 1:3].mean(axis=0), rows[0, 3], rows[1, 1]]
    np.testing.assert_array_equal(pool(hidden, batch, "mean"), mean)


def test_half_precision_is_close(tiny_transformer):
    encoder = open_pretrained(str(tiny_transformer()), "AutoModel")
    for found in read_words(encoder, WORDS, last_layer, "mean"):
        assert np.isfinite(found).all()


# Of transformers, where it defines the model.
@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:DeprecationWarning")
def test_deberta_in_full_precision(tiny_transformer, monkeypatch):
    import torch
    from transformers import DebertaConfig, DebertaModel

    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: True)
    config = DebertaConfig(
        vocab_size=100,
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
    )
    subwords = open_pretrained(str(tiny_transformer()), "AutoModel").subwords
    encoder = Pretrained("AutoModel", ready(DebertaModel(config)), subwords)
    assert all(np.isfinite(found).all() for found in read_words(encoder, WORDS, last_layer, "mean"))
