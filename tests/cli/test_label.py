import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import spacy
from spacy.tokens import Doc, DocBin
from spacy.training import Example
from spacy.vocab import Vocab
from typer.testing import CliRunner

from spacy_skd.cli import app
from spacy_skd.targets import open_targets

TOK2VEC = {
    "@architectures": "spacy.HashEmbedCNN.v2",
    "pretrained_vectors": None,
    "width": 16,
    "depth": 1,
    "embed_size": 100,
    "window_size": 1,
    "maxout_pieces": 2,
    "subword_features": False,
}
LABEL = ("label", "corpus", "--teachers", "teachers", "--output", "targets")


def save_teacher(path, start=0.0):
    nlp = spacy.blank("xx")
    model = {"@architectures": "spacy-skd.CRFTagger.v1", "tok2vec": TOK2VEC}
    pipe = nlp.add_pipe("crf_tagger", config={"model": model})
    doc = Doc(nlp.vocab, words=["a", "b"], tags=["PROPN", "VERB"])
    nlp.initialize(lambda: [Example(Doc(nlp.vocab, words=["a", "b"]), doc)])
    pipe.model.get_param("start")[:] = start
    path.mkdir(parents=True, exist_ok=True)
    nlp.to_disk(path)


@pytest.fixture
def project(corpus, tmp_path):
    for lang in ("de", "en"):
        save_teacher(tmp_path / "teachers" / lang / "model-best")
    return tmp_path


def rows_of(result):
    """The cells of each language's row in the table."""
    rows = [line.split() for line in result.stdout.splitlines()]
    return {row[0]: row for row in rows if row and row[0] in ("de", "en")}


def test_labels_and_says_when_nothing_changed(skd, project):
    result = skd(*LABEL)
    assert result.returncode == 0, result.stdout + result.stderr
    # sentences repeat: 3 names and 2 places make 6
    assert rows_of(result)["de"][1:5] == ["6", "30", "2", "float16"]
    assert rows_of(result)["en"][-1] == "labelled"
    assert open_targets(project / "targets").languages == ("de", "en")

    result = skd(*LABEL)
    assert result.returncode == 0 and "Nothing changed" in result.stdout

    save_teacher(project / "teachers" / "en" / "model-best", start=1.0)
    result = skd(*LABEL)
    assert rows_of(result)["de"][-2:] == ["nothing", "changed"]
    assert rows_of(result)["en"][-1] == "labelled"


SLOWLY = (*LABEL, "--languages", "de", "--shard-size", "10", "--batch-size", "2")


def many_sentences(project):
    vocab = Vocab()
    docs = [Doc(vocab, words=["sentence", str(i)]) for i in range(3000)]
    DocBin(docs=docs).to_disk(project / "corpus" / "de" / "train.spacy")
    return docs


def interrupt(project, end):
    """End the process that labels many sentences; returns what it says."""
    process = subprocess.Popen(
        [sys.executable, "-m", "spacy", "skd", *SLOWLY],
        cwd=project,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        # Tests that nohup has started do not hear it, and nor would this.
        preexec_fn=hear_hangup if os.name == "posix" else None,
    )
    while len(list((project / "targets" / "de.partial").glob("shard-*.arrow"))) < 5:
        assert process.poll() is None
        time.sleep(0.01)
    end(process)
    return process.communicate()[1]


def hear_hangup():
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.mark.skipif(os.name != "posix", reason="processes are ended otherwise")
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_an_ended_run_says_that_it_goes_on(project, name):
    """It was gone without a line, and its lock files stayed."""
    many_sentences(project)
    number = getattr(signal, name)
    said = interrupt(project, lambda process: process.send_signal(number))
    assert said.splitlines()[-1].endswith("the same command goes on where this one was.")
    assert [path.name for path in (project / "targets").iterdir()] == ["de.partial"]


def test_a_killed_run_is_completed(skd, project):
    docs = many_sentences(project)
    interrupt(project, lambda process: process.kill())
    partial = project / "targets" / "de.partial"
    lines = map(json.loads, (partial / "shards.jsonl").read_text().splitlines())
    recorded = [partial / line["shard"]["file"] for line in lines]
    kept = {path: path.stat().st_ino for path in recorded}
    assert not (project / "targets" / "de").exists()

    result = skd(*SLOWLY)
    assert rows_of(result)["de"][1] == str(3000 + 4) and rows_of(result)["de"][-1] == "resumed"
    store = project / "targets" / "de"
    assert {store / path.name: inode for path, inode in kept.items()}.items() <= {
        path: path.stat().st_ino for path in store.iterdir()
    }.items()
    targets = open_targets(project / "targets")
    for doc in docs:
        assert np.isfinite(targets.find(doc, "de")[0].emissions()).all()
    assert [path.name for path in (project / "targets").iterdir()] == ["de"]


def test_one_line_for_bad_input(fails, project):
    assert "SKD121" in fails("label", "nowhere", "--teachers", "teachers")
    assert "SKD068" in fails("label", "corpus", "--teachers", "corpus")
    assert "SKD077" in fails(*LABEL, "--languages", "fr")
    assert "SKD077" in fails(*LABEL, "--splits", "tune")
    path = project / "teachers" / "de" / "model-best" / "crf_tagger" / "model"
    path.write_bytes(path.read_bytes()[:100])
    assert "SKD126" in fails(*LABEL)
    assert not (project / "targets").exists()
    (project / "corpus" / "en" / "train.spacy").write_bytes(b"text")
    assert "SKD078" in fails(*LABEL, "--languages", "en")


def test_settings_out_of_range_are_refused():
    for name, value in (("--dtype", "int8"), ("--shard-size", "0"), ("--batch-size", "-1")):
        result = CliRunner().invoke(app, [*LABEL, name, value])
        assert result.exit_code == 2 and name in result.stderr


def test_help_stands_alone():
    result = CliRunner().invoke(app, ["label", "--help"])
    assert result.exit_code == 0
    for name in ("--teachers", "--output", "--splits", "--dtype", "--shard-size", "Example:"):
        assert name in result.stdout


# Token classifiers of Hugging Face


def test_a_token_classifier_labels_all_languages(skd_here, project, make_classifier):
    folder = make_classifier(("O", "B-PERSON", "I-PERSON", "B-LOC", "I-LOC", "B-X"))
    command = ("label", "corpus", "--teachers", f"hf:{folder}", "--output", "targets")
    command += ("--map", "PERSON=PER, X=", "--pooling", "mean", "--scheme", "IOB1")
    result = skd_here(*command)
    assert result.returncode == 0, result.stdout + result.stderr
    assert rows_of(result)["de"][1:5] == ["6", "30", "5", "float16"]
    targets = open_targets(project / "targets")
    assert targets.languages == ("de", "en")
    (teacher,) = {id(s.teacher): s.teacher for s in targets.stores["de"]}.values()
    assert (teacher.scheme, teacher.tags) == (
        "IOB1",
        ("O", "I-PER", "B-PER", "I-LOC", "B-LOC"),
    )
    assert "Nothing changed" in skd_here(*command).stdout
    command = [word.replace("mean", "first") for word in command]
    assert rows_of(skd_here(*command))["en"][-1] == "labelled"


def test_one_line_for_a_token_classifier_that_cannot_teach(
    fails, project, make_classifier, tiny_transformer
):
    def label(teachers, *more):
        line = fails("label", "corpus", "--teachers", teachers, "--output", "targets", *more)
        assert not (project / "targets").exists()
        return line

    assert "SKD151" in label("hf:no/such/model")
    assert "SKD152" in label(f"hf:{tiny_transformer()}")
    folder = make_classifier(("O", "B-PERSON", "I-PERSON"))
    assert "SKD166" in label(f"hf:{folder}")
    assert "SKD161" in label(f"hf:{folder}", "--map", "PER=PERSON")
    for text in ("PERSON", "=PER", "PERSON=PER,PERSON=LOC"):
        assert "SKD168" in label(f"hf:{folder}", "--map", text)
    assert "SKD160" in label("teachers", "--map", "PERSON=PER")
    assert "SKD169" in label(folder) and f"hf:{folder}" in label(folder, "--map", "PERSON=PER")
    for file in folder.glob("*token*"):
        file.unlink()
    assert "SKD154" in label(f"hf:{folder}", "--map", "PERSON=PER")


def test_one_pipeline_labels_all_languages(skd_here, project):
    save_teacher(project / "multilingual")
    command = ("label", "corpus", "--teachers", "multilingual", "--output", "targets")
    result = skd_here(*command)
    assert result.returncode == 0, result.stdout + result.stderr
    assert open_targets(project / "targets").languages == ("de", "en")
    save_teacher(project / "trained" / "model-best")
    command = ("label", "corpus", "--teachers", "trained", "--output", "targets")
    assert rows_of(skd_here(*command))["en"][-1] == "labelled"
