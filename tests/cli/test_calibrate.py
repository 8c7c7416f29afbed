import json

import numpy as np
import pytest
import spacy
from spacy.tokens import DocBin
from spacy.training import Example
from spacy.vocab import Vocab

from spacy_skd.corpora.stored import copy_tokens
from spacy_skd.records import read_record

from ..conftest import SMALL_TOK2VEC


@pytest.fixture
def student(corpus, tmp_path):
    """A pipeline of both components; dev is annotated with mistakes, so that none are all right."""
    nlp = spacy.blank("xx")
    model = {"@architectures": "spacy-skd.CRFTagger.v1", "tok2vec": SMALL_TOK2VEC}
    for name, factory in (("ner", "crf_ner"), ("tagger", "crf_tagger")):
        nlp.add_pipe(factory, name=name, config={"model": model})
    docs = list(DocBin().from_disk(corpus / "de" / "train.spacy").get_docs(nlp.vocab))
    examples = [Example(copy_tokens(doc, nlp.vocab), doc) for doc in docs]
    nlp.initialize(lambda: examples)
    for _ in range(15):
        nlp.update(examples)
    path = corpus / "de" / "dev.spacy"
    wrong = list(DocBin().from_disk(path).get_docs(Vocab()))
    wrong[0].ents = []
    wrong[1][1].tag_ = "NOUN"
    DocBin(docs=wrong, store_user_data=True).to_disk(path)
    nlp.to_disk(tmp_path / "student")
    return nlp


def test_a_pipeline_is_calibrated(skd, student, tmp_path):
    result = skd("calibrate", "student", "corpus", "out/calibrated", "--languages", "de")
    assert result.returncode == 0, result.stdout + result.stderr
    header, _, *rows = [
        line.split() for line in result.stdout.split("\n\n")[0].strip().splitlines()
    ]
    assert header == ["temperature", "error", "on", "dev", "calibrated"]
    assert [row[0] for row in rows] == ["ner", "tagger"]
    calibrated = spacy.load(tmp_path / "out" / "calibrated")
    record = read_record(tmp_path / "out" / "calibrated" / "calibration.json")
    assert (record["split"], record["languages"]) == ("dev", ["de"])
    for name, temperature, before, after in rows:
        found = record["components"][name]
        assert calibrated.get_pipe(name).temperature == found["temperature"] != 1
        assert float(temperature) == pytest.approx(found["temperature"], abs=0.006)
        assert float(before) == pytest.approx(100 * found["error_before"], abs=0.006)
        assert float(after) == pytest.approx(100 * found["error"], abs=0.006)
    text = "Anna wohnt in Kiel."
    for name, nlp in (("disk", calibrated), ("bytes", reloaded(calibrated))):
        doc, other = nlp(text), student(text)
        assert doc.to_json() == other.to_json(), name
        pipe, was = nlp.get_pipe("ner"), student.get_pipe("ner")
        assert np.abs(pipe.confidence(doc) - was.confidence(other)).max() > 1e-3
    again = skd("calibrate", "student", "corpus", "out/calibrated", "--languages", "de")
    assert again.returncode == 0, again.stderr
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["calibrated"]


def reloaded(nlp):
    return spacy.blank("xx").from_config(nlp.config).from_bytes(nlp.to_bytes())


def test_one_without_confidences_and_other_mistakes(fails, student, corpus, tmp_path):
    nlp = spacy.blank("xx")
    nlp.add_pipe("tagger").add_label("X")
    nlp.initialize()
    nlp.to_disk(tmp_path / "plain")
    assert "SKD235" in fails("calibrate", "plain", "corpus", "out")
    assert "SKD123" in fails("calibrate", "student", "corpus", "out", "--split", "other")
    assert "SKD126" in fails("calibrate", "nowhere", "corpus", "out")
    line = fails("calibrate", "student", "corpus", "out", "--languages", "de", "--split", "train")
    assert "SKD236" in line
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "mine.txt").write_text("x")
    assert "SKD133" in fails("calibrate", "student", "corpus", "taken")
    assert "SKD133" in fails("calibrate", "student", "corpus", "student")
    assert not (tmp_path / "out").exists()
    assert json.loads((tmp_path / "student" / "meta.json").read_text("utf-8"))["lang"] == "xx"
