"""One config takes subword vectors, spaCy's own of either mode, or none."""

import numpy as np
import pytest
import spacy
from spacy.tokens import Doc
from spacy.training import Example
from spacy.training.initialize import init_nlp
from spacy.util import load_model_from_config, registry
from spacy.vectors import Vectors
from thinc.api import Config

from spacy_skd.errors import SkdError
from spacy_skd.vectors import SubwordVectors
from spacy_skd.vectors.make import make_vectors

from .encoders import save_encoder

DIMS = 6
CONFIG = """
[paths]
vectors = null

[nlp]
lang = "xx"
pipeline = ["tagger"]

[components]

[components.tagger]
factory = "crf_tagger"

[components.tagger.model]
@architectures = "spacy-skd.CRFTagger.v1"

[components.tagger.model.tok2vec]
@architectures = "spacy.Tok2Vec.v2"

[components.tagger.model.tok2vec.embed]
@architectures = "spacy-skd.MultiHashEmbed.v1"
width = 16
attrs = ["NORM"]
rows = [50]

[components.tagger.model.tok2vec.encode]
@architectures = "spacy.MaxoutWindowEncoder.v2"
width = 16
depth = 1
window_size = 1
maxout_pieces = 2

[training]
train_corpus = "corpora.train"
dev_corpus = "corpora.dev"
seed = 0
gpu_allocator = null

[corpora]

[corpora.train]
@readers = "test_initialize.Examples.v1"

[corpora.dev]
@readers = "test_initialize.Examples.v1"

[initialize]
vectors = ${paths.vectors}

[initialize.before_init]
@callbacks = "spacy-skd.PrepareVectors.v1"
"""


@registry.readers("test_initialize.Examples.v1")
def examples():
    def read(nlp):
        words, tags = ["Anna", "wohnt", "in", "Bonn"], ["PROPN", "VERB", "ADP", "PROPN"]
        yield Example(Doc(nlp.vocab, words=words), Doc(nlp.vocab, words=words, tags=tags))

    return read


def initialized(vectors, lang="xx"):
    overrides = {"paths.vectors": vectors, "nlp.lang": lang}
    config = Config().from_str(CONFIG, interpolate=False, overrides=overrides)
    return init_nlp(config)


def subword(path):
    make_vectors(str(save_encoder(path / "encoder")), path / "vectors", dims=DIMS)


def spacys(path):
    nlp = spacy.blank("xx")
    data = np.ones((2, DIMS), "f")
    nlp.vocab.vectors = Vectors(strings=nlp.vocab.strings, data=data, keys=["Anna", "Bonn"])
    nlp.to_disk(path / "vectors")


def floret(path):
    nlp = spacy.blank("xx")
    data = np.random.default_rng(0).normal(size=(50, DIMS)).astype("f")
    nlp.vocab.vectors = Vectors(
        strings=nlp.vocab.strings, data=data, mode="floret", minn=2, maxn=3, hash_count=1
    )
    nlp.to_disk(path / "vectors")


@pytest.mark.parametrize("kind", [subword, spacys, floret])
def test_vectors_of_every_kind_are_taken_and_saved(kind, tmp_path):
    kind(tmp_path)
    nlp = initialized(str(tmp_path / "vectors"))
    assert isinstance(nlp.vocab.vectors, SubwordVectors if kind is subword else Vectors)
    static = [n for n in nlp.get_pipe("tagger").model.walk() if n.name == "static_vectors"]
    assert static[0].get_param("W").shape == (16, DIMS)
    nlp.to_disk(tmp_path / "trained")
    loaded = spacy.load(tmp_path / "trained")
    assert loaded.vocab.vectors == nlp.vocab.vectors
    assert [t.tag_ for t in loaded("Anna wohnt")] == [t.tag_ for t in nlp("Anna wohnt")]


def test_without_vectors_there_are_none(tmp_path):
    nlp = initialized(None)
    assert isinstance(nlp.vocab.vectors, Vectors) and nlp.vocab.vectors_length == 0
    assert "requirements" not in nlp.meta
    static = [n for n in nlp.get_pipe("tagger").model.walk() if n.name == "static_vectors"]
    assert not static[0].has_param("W")
    nlp.to_disk(tmp_path / "trained")
    assert len(spacy.load(tmp_path / "trained")("Anna wohnt")) == 2


def test_the_wheel_will_require_what_they_need(tmp_path):
    subword(tmp_path)
    nlp = initialized(str(tmp_path / "vectors"))
    assert [r.split(">")[0] for r in nlp.meta["requirements"]] == ["spacy-skd[vectors]"]
    nlp.initialize(lambda: examples()(nlp))  # again
    assert len(nlp.meta["requirements"]) == 1
    (tmp_path / "other").mkdir()
    spacys(tmp_path / "other")
    assert "requirements" not in initialized(str(tmp_path / "other" / "vectors")).meta


def test_requirements_of_an_earlier_release_do_not_stay(tmp_path):
    """Together with those of this one nothing could meet them, and pip would refuse the wheel."""
    subword(tmp_path)
    nlp = initialized(str(tmp_path / "vectors"))
    current = nlp.meta["requirements"][0].removeprefix("spacy-skd[vectors]")
    earlier = ["spacy-skd[segmenters]<0.0.2,>=0.0.1", "spacy-skd[vectors]<0.0.2,>=0.0.1"]
    nlp.meta["requirements"] = ["spacy<4,>=3.8", *earlier]
    nlp.initialize(lambda: examples()(nlp))
    ours = f"spacy-skd[segmenters,vectors]{current}"
    assert nlp.meta["requirements"] == ["spacy<4,>=3.8", ours]


def test_a_saved_pipeline_can_be_initialized_again_without_them(tmp_path):
    subword(tmp_path)
    nlp = initialized(str(tmp_path / "vectors"))
    nlp.config["paths"]["vectors"] = None
    nlp.to_disk(tmp_path / "trained")
    again = load_model_from_config(Config().from_disk(tmp_path / "trained" / "config.cfg"))
    again.initialize(lambda: examples()(again))
    assert again.vocab.vectors_length == 0


@pytest.mark.parametrize("content", [None, "", "[nlp]\nlang = 3\n", "nonsense"])
def test_what_holds_no_vectors_is_one_line(content, tmp_path):
    source = tmp_path / "vectors"
    source.mkdir()
    if content is not None:
        (source / "config.cfg").write_text(content, encoding="utf-8")
    with pytest.raises(SkdError, match="SKD170") as caught:
        initialized(str(source))
    assert "\n" not in str(caught.value)


def test_a_pipeline_with_empty_vectors_is_one_line(tmp_path):
    spacy.blank("xx").to_disk(tmp_path / "vectors")
    with pytest.raises(SkdError, match="SKD170"):
        initialized(str(tmp_path / "vectors"))


def test_vectors_for_another_language_are_one_line(tmp_path):
    subword(tmp_path)
    with pytest.raises(SkdError, match="SKD170.*xx.*--lang de"):
        initialized(str(tmp_path / "vectors"), lang="de")
