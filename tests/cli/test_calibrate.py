import json

import numpy as np
import pytest
import spacy
from spacy.tokens import DocBin
from spacy.training import Example

from spacy_skd.corpora.stored import copy_tokens
from spacy_skd.records import read_record

from ..conftest import SMALL_TOK2VEC


@pytest.fixture
def student(corpus, tmp_path):
    """A pipeline of both components that knows train by heart. In dev a quarter of that is
    annotated otherwise, "few" are two sentences of dev.
    """
    nlp = spacy.blank("xx")
    model = {"@architectures": "spacy-skd.CRFTagger.v1", "tok2vec": SMALL_TOK2VEC}
    for name, factory in (("ner", "crf_ner"), ("tagger", "crf_tagger")):
        nlp.add_pipe(factory, name=name, config={"model": model})
    docs = list(DocBin().from_disk(corpus / "de" / "train.spacy").get_docs(nlp.vocab))
    examples = [Example(copy_tokens(doc, nlp.vocab), doc) for doc in docs]
    nlp.initialize(lambda: examples)
    for _ in range(40):
        nlp.update(examples)
    wrong = [copy_tokens(doc, nlp.vocab) for doc in docs[:5]]
    for doc in wrong:
        doc.ents = []
        for token in doc:
            token.tag_ = "NOUN"
    for name, some in (("dev", [*docs[:15], *wrong]), ("few", [docs[0], wrong[0]])):
        path = corpus / "de" / f"{name}.spacy"
        DocBin(docs=some, store_user_data=True).to_disk(path)
    nlp.to_disk(tmp_path / "student")
    return nlp


def test_a_pipeline_is_calibrated(skd, student, tmp_path):
    """Its copy says what only the run beside it said, for whoever packages the copy."""
    (tmp_path / "run.cfg").write_text('[paths]\nlanguages = ["de"]\ntargets = "x"\n', "utf-8")
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
    assert (calibrated.meta["languages"], calibrated.meta["distilled"]) == (["de"], True)
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


def test_a_temperature_that_need_not_be_better_is_not_taken(skd, student, tmp_path):
    run = ["calibrate", "student", "corpus", "out", "--languages", "de", "--split", "few"]
    result = skd(*run)
    assert result.returncode == 0, result.stdout + result.stderr
    found = read_record(tmp_path / "out" / "calibration.json")["components"]["tagger"]
    assert found["temperature"] == 1 != found["best_temperature"]
    assert found["error"] == found["error_before"]
    assert spacy.load(tmp_path / "out").get_pipe("tagger").temperature == 1
    (line,) = [line for line in result.stdout.splitlines() if line.startswith("tagger keeps")]
    assert f"few does not show that {found['best_temperature']:.2f}" in line


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
