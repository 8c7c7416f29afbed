"""`skd vectors` through its real entry point, and a student trained with what it makes."""

import re
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
import spacy
from spacy.cli.train import train

from ..vectors.encoders import save_encoder

ROOT = Path(__file__).parents[2]


def test_it_makes_a_pipeline_and_says_what_it_is_like(skd_here, corpus, tmp_path):
    save_encoder(tmp_path / "encoder")
    result = skd_here("vectors", "encoder", "vectors", "-c", corpus, "--dims", 6, "--dtype", "int8")
    assert result.returncode == 0, result.stderr
    for line in ("Rows", "Dimensions", "Size", "Variance kept", "Pieces a word"):
        assert line in result.stdout
    assert "Vectors written to vectors" in result.stdout
    vectors = spacy.load(tmp_path / "vectors").vocab.vectors
    assert vectors.shape[1] == 6 and vectors.data.dtype == "int8" and "Anna" in vectors


def test_what_an_encoder_says_in_context(skd_here, corpus, tiny_transformer, tmp_path):
    shutil.copytree(tiny_transformer(), tmp_path / "encoder")
    result = skd_here("vectors", "encoder", "vectors", "-c", corpus, "--dims", 2, "--contextual")
    assert result.returncode == 0, result.stderr
    assert "Of words" in result.stdout
    vectors = spacy.load(tmp_path / "vectors").vocab.vectors
    assert 0 < vectors.n_pieces < len(vectors)


def test_the_language_is_a_setting(skd_here, tmp_path):
    save_encoder(tmp_path / "encoder")
    assert skd_here("vectors", "encoder", "out", "--dims", 6, "--lang", "de").returncode == 0
    assert spacy.load(tmp_path / "out").lang == "de"


def test_bad_input_is_one_line(fails, corpus, tmp_path):
    encoder = save_encoder(tmp_path / "encoder")
    assert "SKD172" in fails("vectors", tmp_path / "none", "out")
    assert "SKD176" in fails("vectors", "encoder", "out", "--dims", 99)
    assert "SKD178" in fails("vectors", "floret", "out")
    assert "SKD282" in fails("vectors", "encoder", "out", "--contextual")
    assert "SKD283" in fails("vectors", "encoder", "out", "--layer", 3)
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


@pytest.fixture
def trained(skd_here, corpus, tmp_path):
    """A student with vectors, by the project's own config, in a few steps."""
    save_encoder(tmp_path / "encoder")
    assert skd_here("vectors", "encoder", "vectors", "-c", corpus, "--dims", 6).returncode == 0
    overrides = {
        "paths.corpus": str(corpus),
        "paths.vectors": str(tmp_path / "vectors"),
        "training.max_steps": 4,
        "training.eval_frequency": 4,
        "training.batcher.size": 60,
    }
    train(ROOT / "configs" / "ner_student.cfg", tmp_path / "student", overrides=overrides)
    return tmp_path / "student" / "model-best"


def test_the_wheel_requires_what_it_needs_and_scores_as_the_folder(trained, skd, corpus, tmp_path):
    built = skd("package", trained, "packages", "--name", "skd", "--version", "0.1.0")
    assert built.returncode == 0, built.stderr
    (wheel,) = (tmp_path / "packages").glob("*/dist/*.whl")
    with zipfile.ZipFile(wheel) as archive:
        (metadata,) = (name for name in archive.namelist() if name.endswith("/METADATA"))
        required = re.findall(r"^Requires-Dist: (\S+)", archive.read(metadata).decode(), re.M)
        archive.extractall(tmp_path / "site")
    assert [name for name in required if name.startswith("spacy-skd[vectors]")], required
    assert not [name for name in required if name.startswith(("torch", "transformers"))]
    (installed,) = (tmp_path / "site").glob("xx_skd/xx_skd-*")
    folder, package = spacy.load(trained), spacy.load(installed)
    assert folder.vocab.vectors == package.vocab.vectors and len(package.vocab.vectors) > 0
    texts = ["Anna wohnt in Bonn .", "Unseen Bonnleeds"]
    for one, other in zip(folder.pipe(texts), package.pipe(texts)):
        np.testing.assert_array_equal(
            folder.get_pipe("ner").model.predict([one]).unary,
            package.get_pipe("ner").model.predict([other]).unary,
        )
    assert package.config["paths"]["vectors"] is None
