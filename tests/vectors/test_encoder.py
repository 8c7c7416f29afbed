"""Tokenizer and input embeddings are found in whatever form an encoder is saved."""

import json

import huggingface_hub
import numpy as np
import pytest
from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError
from safetensors.numpy import load_file, save_file

from spacy_skd.errors import SkdError
from spacy_skd.vectors.encoder import choose, read_encoder

from .encoders import NAMES, TOKENIZERS, WIDTH, save_encoder

NAME = NAMES["unigram"][0]


@pytest.fixture
def folder(tmp_path):
    return save_encoder(tmp_path / "encoder")


def table_of(folder, name=NAME):
    return load_file(folder / "model.safetensors")[name]


def fails(source):
    with pytest.raises(SkdError) as caught:
        read_encoder(str(source))
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize("kind", TOKENIZERS)
def test_the_table_of_the_pieces_is_found(kind, tmp_path):
    folder = save_encoder(tmp_path / kind, kind)
    pieces, embeddings = read_encoder(str(folder))
    np.testing.assert_array_equal(embeddings, table_of(folder, NAMES[kind][0]))
    assert len(pieces.by_id) + 3 == len(embeddings)


@pytest.mark.parametrize(
    "name",
    [
        "embeddings.word_embeddings.weight",
        "electra.embeddings.word_embeddings.weight",
        "deberta.embeddings.word_embeddings.weight",
        "albert.embeddings.word_embeddings.weight",
        "model.embeddings.tok_embeddings.weight",
        "transformer.word_embedding.weight",
        "gpt_neox.embed_in.weight",
        "encoder.embed_tokens.weight",
        "model.decoder.embed_tokens.weight",
        "distilbert.embeddings.word_embeddings.weight",
    ],
)
def test_names_of_other_architectures(name):
    others = [
        "cls.predictions.decoder.weight",
        "embeddings.position_embeddings.weight",
        "lm_head.weight",
    ]
    assert choose([*others, name], "encoder") == name


def test_the_shared_table_comes_before_those_of_encoder_and_decoder():
    names = ["decoder.embed_tokens.weight", "encoder.embed_tokens.weight", "shared.weight"]
    assert choose(names, "encoder") == "shared.weight"


def test_half_precision(folder):
    table = table_of(folder)
    save_file({NAME: table.astype(np.float16)}, folder / "model.safetensors")
    _, embeddings = read_encoder(str(folder))
    assert embeddings.dtype == np.float32
    np.testing.assert_array_equal(embeddings, table.astype(np.float16))


def test_bfloat16(folder):
    torch = pytest.importorskip("torch")
    from safetensors.torch import save_file as save_torch

    table = torch.from_numpy(table_of(folder)).bfloat16()
    save_torch({"a.weight": torch.ones(3), NAME: table}, folder / "model.safetensors")
    _, embeddings = read_encoder(str(folder))
    np.testing.assert_array_equal(embeddings, table.float().numpy())


def test_pytorch_weights(folder):
    torch = pytest.importorskip("torch")
    table = table_of(folder)
    (folder / "model.safetensors").unlink()
    torch.save({NAME: torch.from_numpy(table)}, folder / "pytorch_model.bin")
    _, embeddings = read_encoder(str(folder))
    np.testing.assert_array_equal(embeddings, table)


def test_shards(folder):
    table = table_of(folder)
    (folder / "model.safetensors").unlink()
    save_file({"layer.weight": np.ones(3, "f")}, folder / "model-00001-of-00002.safetensors")
    save_file({NAME: table}, folder / "model-00002-of-00002.safetensors")
    shards = {
        "layer.weight": "model-00001-of-00002.safetensors",
        NAME: "model-00002-of-00002.safetensors",
    }
    index = folder / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": shards}), encoding="utf-8")
    _, embeddings = read_encoder(str(folder))
    np.testing.assert_array_equal(embeddings, table)
    (folder / "model-00002-of-00002.safetensors").unlink()
    assert "model-00002-of-00002.safetensors" in fails(folder)
    index.write_text("{", encoding="utf-8")
    assert "[SKD173]" in fails(folder) and "model.safetensors.index.json" in fails(folder)


def test_without_a_config_any_width_will_do(folder):
    (folder / "config.json").unlink()
    assert read_encoder(str(folder))[1].shape[1] == WIDTH


def test_embeddings_of_a_width_of_their_own(folder):
    config = {"hidden_size": 64, "embedding_size": WIDTH}  # as ELECTRA and ALBERT have
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    assert read_encoder(str(folder))[1].shape[1] == WIDTH


def test_what_is_missing_or_wrong_is_one_line(folder, tmp_path):
    config = folder / "config.json"
    config.write_text(json.dumps({"hidden_size": 64}), encoding="utf-8")
    assert "[SKD175]" in fails(folder) and "64" in fails(folder) and f"x {WIDTH}" in fails(folder)
    config.write_text("{", encoding="utf-8")
    assert "[SKD173]" in fails(folder) and "config.json" in fails(folder)
    config.unlink()
    weights = folder / "model.safetensors"
    save_file({NAME: table_of(folder)[:5]}, weights)
    assert "[SKD175]" in fails(folder) and "tokenizer.json" in fails(folder)
    save_file({"classifier.weight": np.ones((3, 3), "f")}, weights)
    assert "[SKD174]" in fails(folder) and "input embeddings" in fails(folder)
    weights.write_bytes(b"\x10\x00\x00\x00\x00\x00\x00\x00{not json")
    assert "[SKD173]" in fails(folder) and "model.safetensors" in fails(folder)
    weights.unlink()
    assert "[SKD174]" in fails(folder) and "model.safetensors" in fails(folder)
    (folder / "tokenizer.json").unlink()
    assert "[SKD174]" in fails(folder) and "tokenizer.json" in fails(folder)
    assert "[SKD172]" in fails(tmp_path / "no" / "such" / "folder")
    assert "[SKD172]" in fails(tmp_path / "encoder.json")


def test_a_hub_name_is_downloaded_file_by_file(folder, monkeypatch):
    asked = []

    def hf_hub_download(repository, name):
        asked.append((repository, name))
        if not (folder / name).exists():
            raise EntryNotFoundError("404 Client Error")
        return str(folder / name)

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", hf_hub_download)
    _, embeddings = read_encoder("some/encoder")
    np.testing.assert_array_equal(embeddings, table_of(folder))
    assert {repository for repository, _ in asked} == {"some/encoder"}
    assert "pytorch_model.bin" not in {name for _, name in asked}


def test_a_hub_name_without_network_is_one_line(monkeypatch):
    def hf_hub_download(repository, name):
        raise LocalEntryNotFoundError("An error happened\nwhile trying to locate the file")

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", hf_hub_download)
    assert "[SKD172]" in fails("some/encoder") and "cannot be reached" in fails("some/encoder")


def test_a_hub_name_that_does_not_exist_is_one_line(monkeypatch):
    def hf_hub_download(repository, name):
        raise ValueError("401 Client Error.\n\nRepository Not Found for url: ...")

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", hf_hub_download)
    assert "[SKD172]" in fails("no-such/encoder") and "401" in fails("no-such/encoder")
