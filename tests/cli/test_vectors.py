"""`skd vectors` through its real entry point, and a student trained with what it makes."""

import spacy

from ..vectors.encoders import save_encoder


def test_it_makes_a_pipeline_and_says_what_it_is_like(skd_here, corpus, tmp_path):
    save_encoder(tmp_path / "encoder")
    result = skd_here("vectors", "encoder", "vectors", "-c", corpus, "--dims", 6, "--dtype", "int8")
    assert result.returncode == 0, result.stderr
    for line in ("Rows", "Dimensions", "Size", "Variance kept", "Pieces a word"):
        assert line in result.stdout
    assert "Vectors written to vectors" in result.stdout
    vectors = spacy.load(tmp_path / "vectors").vocab.vectors
    assert vectors.shape[1] == 6 and vectors.data.dtype == "int8" and "Anna" in vectors


def test_the_language_is_a_setting(skd_here, tmp_path):
    save_encoder(tmp_path / "encoder")
    assert skd_here("vectors", "encoder", "out", "--dims", 6, "--lang", "de").returncode == 0
    assert spacy.load(tmp_path / "out").lang == "de"


def test_bad_input_is_one_line(fails, corpus, tmp_path):
    encoder = save_encoder(tmp_path / "encoder")
    assert "SKD172" in fails("vectors", tmp_path / "none", "out")
    assert "SKD176" in fails("vectors", "encoder", "out", "--dims", 99)
    assert "SKD178" in fails("vectors", "floret", "out")
    assert "SKD121" in fails("vectors", "encoder", "out", "--dims", 6, "--corpus", "none")
    assert "SKD133" in fails("vectors", "encoder", corpus, "--dims", 6)
    assert "SKD100" in fails("vectors", "encoder", "out", "--dims", 6, "--lang", "klingon")
    (encoder / "model.safetensors").unlink()
    assert "SKD174" in fails("vectors", "encoder", "out")
    (encoder / "tokenizer.json").unlink()
    assert "SKD174" in fails("vectors", "encoder", "out")
    assert not (tmp_path / "out").exists()


def test_its_help_stands_alone(skd_here):
    result = skd_here("vectors", "--help")
    assert "--corpus" in result.stdout and "Hugging Face" in result.stdout
