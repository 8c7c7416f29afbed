"""A component's files are as they were written and fit, or loading says in one line that not."""

import json
import pickle
import random

import pytest
import spacy
import srsly

from spacy_skd.errors import SkdError
from spacy_skd.pipeline.crf_pipe import CRFPipe
from spacy_skd.records import sealed, unsealed

from ..conftest import make_examples, make_pipeline, train


@pytest.fixture
def saved(tmp_path):
    """A folder with a pipeline that had one step of training."""
    nlp = make_pipeline("crf_ner")
    train(nlp, make_examples(nlp), steps=1)
    nlp.to_disk(tmp_path)
    return tmp_path


def load_into(nlp, path, **config):
    """The component of a saved pipeline, loaded by one with other settings."""
    factory = nlp.get_pipe_meta("pipe").factory
    pipe = make_pipeline(factory, **config).get_pipe("pipe")
    return pipe.from_disk(path / "pipe", exclude=["vocab"])


@pytest.mark.parametrize("factory, of_model, of_config", [
    ("crf_ner", {"scheme": "BILOU"}, {"scheme": "IOB2"}),
    ("crf_ner", {"scheme": "IOB2"}, {"scheme": "BILOU"}),
    ("crf_tagger", {"attribute": "pos"}, {"attribute": "tag"}),
    ("crf_tagger", {"attribute": "tag"}, {"attribute": "pos"}),
])  # fmt: skip
def test_other_settings(factory, of_model, of_config, tmp_path):
    nlp = make_pipeline(factory, **of_model)
    train(nlp, make_examples(nlp), steps=1)
    nlp.to_disk(tmp_path)
    [(key, saved)], [(_, given)] = of_model.items(), of_config.items()
    line = f"SKD050.*'pipe' was trained with {key} = '{saved}'.*'{given}'"
    with pytest.raises(SkdError, match=line):
        load_into(nlp, tmp_path, **of_config)
    with pytest.raises(SkdError, match=line):
        spacy.load(tmp_path, config={f"components.pipe.{key}": given})
    pipe = make_pipeline(factory, **of_config).get_pipe("pipe")
    with pytest.raises(SkdError, match=line):
        pipe.from_bytes(nlp.get_pipe("pipe").to_bytes())


def test_the_files_of_another_component(tmp_path):
    for factory in ("crf_ner", "crf_tagger"):
        nlp = make_pipeline(factory)
        train(nlp, make_examples(nlp), steps=1)
        nlp.to_disk(tmp_path / factory)
    with pytest.raises(SkdError, match="SKD050.*scheme = 'plain'"):
        load_into(nlp=spacy.load(tmp_path / "crf_ner"), path=tmp_path / "crf_tagger")
    (tmp_path / "crf_ner" / "pipe" / "model").write_bytes(
        (tmp_path / "crf_tagger" / "pipe" / "model").read_bytes()
    )
    with pytest.raises(SkdError, match="SKD052.*checksum"):
        spacy.load(tmp_path / "crf_ner")


@pytest.mark.parametrize("labels", [["LOC"], ["LOC", "PER", "ORG"], []])
def test_another_number_of_labels_than_the_model_has(labels, saved):
    cfg = saved / "pipe" / "cfg"
    cfg.write_text(sealed({**unsealed(cfg.read_bytes()), "labels": labels}))
    with pytest.raises(SkdError, match=f"SKD051.*has {len(labels)} labels"):
        spacy.load(saved)


def test_a_size_in_the_config_that_is_not_that_of_the_labels():
    nlp = make_pipeline("crf_ner")
    nlp.get_pipe("pipe").model.set_dim("nO", 4)
    with pytest.raises(SkdError, match="SKD051.*2 labels, which make 9 tags.*scores for 4"):
        nlp.initialize(lambda: make_examples(nlp))


@pytest.mark.parametrize("content", [
    b"", b"{", b"[]", b"null", b"{}", b"\xff\xfe", b'{"labels": ["PER"]}', b"[" * 100_000,
    b"9" * 9_999,
])  # fmt: skip
@pytest.mark.parametrize("name", ["cfg", "model"])
def test_files_that_hold_something_else(name, content, saved):
    (saved / "pipe" / name).write_bytes(content)
    with pytest.raises(SkdError, match="SKD052.*'pipe'") as raised:
        spacy.load(saved)
    assert "\n" not in str(raised.value)
    for broken in (content, srsly.msgpack_dumps({name: content, "cfg": b"{}"})):
        with pytest.raises(SkdError, match="SKD052"):
            make_pipeline("crf_ner").get_pipe("pipe").from_bytes(broken)


@pytest.mark.parametrize("name", ["cfg", "model"])
def test_a_missing_file(name, saved):
    (saved / "pipe" / name).unlink()
    with pytest.raises(SkdError, match="SKD052.*No such file"):
        spacy.load(saved)


@pytest.mark.parametrize("name", ["cfg", "model"])
def test_no_flipped_bit_and_no_cut_is_taken_for_what_was_saved(name, saved):
    path, rng = saved / "pipe" / name, random.Random(0)
    content = path.read_bytes()
    fresh = make_pipeline("crf_ner").get_pipe("pipe")
    for i in range(60):
        place = rng.randrange(len(content))
        broken = bytearray(content)
        if i % 3:
            broken[place] ^= 1 << rng.randrange(8)
        else:
            del broken[place:]
        path.write_bytes(broken)
        with pytest.raises(SkdError, match="SKD05[02]"):
            fresh.from_disk(saved / "pipe", exclude=["vocab"])
    path.write_bytes(content)
    assert fresh.from_disk(saved / "pipe", exclude=["vocab"]).labels == ("LOC", "PER")


def test_parts_can_be_left_out(saved, tmp_path):
    pipe = spacy.load(saved).get_pipe("pipe")
    for left_out in ("cfg", "model", "vocab"):
        pipe.to_disk(tmp_path / left_out, exclude=[left_out])
        assert left_out not in {path.name for path in (tmp_path / left_out).iterdir()}
        pipe.from_disk(tmp_path / left_out, exclude=[left_out])
        pipe.from_bytes(pipe.to_bytes(exclude=[left_out]))
        assert pipe.labels


def test_a_pipeline_that_was_never_initialized(untrained, tmp_path):
    untrained.get_pipe("pipe").add_label("FIRST")
    untrained.to_disk(tmp_path)
    pipe: CRFPipe = spacy.load(tmp_path).get_pipe("pipe")
    assert pipe.labels == ("FIRST",)


def test_cfg_is_json_that_can_be_read(saved):
    cfg = json.loads((saved / "pipe" / "cfg").read_text())
    assert cfg["labels"] == ["LOC", "PER"] and cfg["scheme"] == "BILOU"


def test_a_temperature_is_kept_and_checked(saved, tmp_path):
    """Pipelines without one, as all were once, have 1, and their files are as they were."""
    nlp = spacy.load(saved)
    assert nlp.get_pipe("pipe").temperature == 1.0
    assert "temperature" not in unsealed((saved / "pipe" / "cfg").read_bytes())
    nlp.get_pipe("pipe").temperature = 1.5
    nlp.to_disk(tmp_path / "warm")
    assert spacy.load(tmp_path / "warm").get_pipe("pipe").temperature == 1.5
    assert pickle.loads(pickle.dumps(nlp)).get_pipe("pipe").temperature == 1.5
    cold = make_pipeline("crf_ner").get_pipe("pipe")
    cold.temperature = 3.0
    cold.from_disk(saved / "pipe", exclude=["vocab"])
    assert cold.temperature == 1.0
    nlp.initialize(lambda: make_examples(nlp))
    assert nlp.get_pipe("pipe").temperature == 1.0
    cfg = tmp_path / "warm" / "pipe" / "cfg"
    for wrong in (0, -1.0, "hot", None):
        content = {**unsealed(cfg.read_bytes()), "temperature": wrong}
        cfg.write_text(sealed(content))
        with pytest.raises(SkdError, match="SKD052.*'pipe'"):
            spacy.load(tmp_path / "warm")
