import json
import shutil

import numpy as np
import pytest

from spacy_skd.encoders import pretrained
from spacy_skd.encoders.pretrained import Pretrained, max_pieces, open_pretrained
from spacy_skd.errors import SkdError


@pytest.fixture
def folder(tiny_transformer, tmp_path):
    return shutil.copytree(tiny_transformer(), tmp_path / "encoder")


def state(opened):
    return {name: weights.numpy() for name, weights in opened.model.state_dict().items()}


def test_saved_and_loaded_it_is_the_same_and_names_no_folder(folder):
    opened = open_pretrained(str(folder), "AutoModel", depth=1).rounded()
    data = opened.to_bytes()
    assert str(folder).encode() not in data
    loaded = Pretrained.from_bytes(data)
    assert loaded.fingerprint() == opened.fingerprint()
    assert loaded.subwords.max_pieces == opened.subwords.max_pieces == 64
    for name, weights in state(opened).items():
        np.testing.assert_array_equal(state(loaded)[name], weights)
        assert weights.dtype != np.float16


def test_the_fingerprint_changes_with_weights_and_config(folder):
    before = open_pretrained(str(folder), "AutoModel")
    other = open_pretrained(str(folder), "AutoModel")
    assert before.fingerprint() == other.fingerprint()
    weights = next(other.model.parameters())
    weights[0, 0] += 1
    assert before.fingerprint() != other.fingerprint()
    shallow = open_pretrained(str(folder), "AutoModel", depth=0)
    assert before.fingerprint() != shallow.fingerprint()


def test_the_fingerprint_changes_with_how_words_are_read(folder, monkeypatch):
    """Features that were kept are not those that it would give now."""
    opened = open_pretrained(str(folder), "AutoModel")
    before = opened.fingerprint()
    monkeypatch.setattr(pretrained, "VERSION", pretrained.VERSION + 1)
    assert opened.fingerprint() != before


def test_nothing_is_trained(folder):
    opened = open_pretrained(str(folder), "AutoModel")
    assert not opened.model.training
    assert not any(weights.requires_grad for weights in opened.model.parameters())


@pytest.mark.parametrize(
    ("of_tokenizer", "positions", "pad", "expected"),
    [
        (512, 514, 1, 512),  # XLM-R
        (10**30, 514, 1, 512),  # the same, from a tokenizer.json alone
        (10**30, 64, 0, 63),
        (8192, 8194, 0, 512),  # ModernBERT and others of long texts
        (10**30, None, None, 511),
    ],
)
def test_what_the_model_can_read_at_once(of_tokenizer, positions, pad, expected):
    config = type("Config", (), {"max_position_embeddings": positions, "pad_token_id": pad})
    assert max_pieces(of_tokenizer, config) == expected


# One line for what cannot be opened


def test_no_name():
    with pytest.raises(SkdError, match=r"SKD150.*--paths.encoder"):
        open_pretrained(None, "AutoModel")


def test_no_such_folder_or_name(tmp_path, monkeypatch):
    for name in (str(tmp_path / "nowhere"), "no/such/folder/at/all", "nobody/nothing"):
        with pytest.raises(SkdError, match="SKD151") as error:
            open_pretrained(name, "AutoModel")
        assert len(str(error.value)) < 500 and "\n" not in str(error.value)


@pytest.mark.parametrize("damage", ["config", "no config", "weights", "no weights", "type"])
def test_a_damaged_folder(folder, damage):
    if damage == "config":
        (folder / "config.json").write_text("{")
    elif damage == "no config":
        (folder / "config.json").unlink()
    elif damage == "weights":
        (folder / "model.safetensors").write_bytes(b"12345")
    elif damage == "no weights":
        (folder / "model.safetensors").unlink()
    else:
        (folder / "config.json").write_text(json.dumps({"model_type": "unheard of"}))
    with pytest.raises(SkdError, match="SKD151"):
        open_pretrained(str(folder), "AutoModel")


def test_no_tokenizer(folder):
    for file in folder.glob("*token*"):
        file.unlink()
    with pytest.raises(SkdError, match="SKD154"):
        open_pretrained(str(folder), "AutoModel")


def test_fewer_layers_than_are_wanted(folder):
    with pytest.raises(SkdError, match=r"SKD153.*has 1 layer.*not 2"):
        open_pretrained(str(folder), "AutoModel", depth=2)


def test_weights_of_another_kind(folder):
    with pytest.raises(SkdError, match=r"SKD152.*classifier"):
        open_pretrained(str(folder), "AutoModelForTokenClassification")


def test_an_encoder_with_a_decoder(folder):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "is_encoder_decoder": True}))
    with pytest.raises(SkdError, match=r"SKD152.*decoder"):
        open_pretrained(str(folder), "AutoModel")


def test_without_the_extra(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(SkdError, match=r"SKD155.*spacy-skd\[transformers\]"):
        pretrained.import_transformers()
