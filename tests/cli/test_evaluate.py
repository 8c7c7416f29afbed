import json
import shutil
import subprocess
import sys

import pytest
import spacy
from spacy.tokens import Doc, DocBin, Span
from spacy.training import Example
from spacy.vocab import Vocab

from spacy_skd.evaluation.evaluate import Candidate
from spacy_skd.evaluation.html import render_page
from spacy_skd.folders import RUN, MadeFolder


@pytest.fixture
def pipeline(corpus, tmp_path):
    """Trains spaCy's own components on some languages and saves the pipeline."""

    def train(name, languages, pipes=("ner", "tagger"), steps=15):
        nlp = spacy.blank("xx")
        for pipe in pipes:
            nlp.add_pipe(pipe)
        examples = []
        for language in languages:
            docs = DocBin().from_disk(corpus / language / "train.spacy").get_docs(nlp.vocab)
            examples += [Example(nlp.make_doc(doc.text), doc) for doc in docs]
        nlp.initialize(lambda: examples)
        for _ in range(steps):
            nlp.update(examples)
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        nlp.to_disk(path)
        return path

    return train


def columns(output: str) -> dict:
    """The printed table as {row: [numbers]}."""
    lines = [line.split() for line in output.splitlines()]
    return {line[0]: line[1:] for line in lines if line and not line[0].startswith("[")}


def test_raw_text_beside_the_words_of_the_corpus(skd, pipeline, tmp_path):
    pipeline("student", ["de", "en"])
    result = skd(
        *("evaluate", "student", "--corpus", "corpus", "--raw"),
        *("--output", "metrics/evaluation.json"),
    )
    assert result.returncode == 0, result.stdout + result.stderr
    header = next(line for line in result.stdout.splitlines() if line.startswith("student: ents_f"))
    assert " ".join(header.split()[2:]) == "words given raw text lost words simple lost"
    report = json.loads((tmp_path / "metrics/evaluation.json").read_text())
    scores = report["pipelines"]["student"]
    for of_language in (*scores["languages"].values(), scores["average"]):
        raw = of_language["raw"]
        assert raw["ents_f"] == pytest.approx(of_language["ents_f"])  # the rules find all words
        assert raw["words_f"] == raw["simple"]["words_f"] == 1.0
        assert raw["simple"]["tag_acc"] == pytest.approx(of_language["tag_acc"])


def test_ner_pipelines_are_compared(skd, pipeline, tmp_path):
    for language in ("de", "en"):
        pipeline(f"teachers/{language}", [language], ["ner"])
    pipeline("student", ["de"], ["ner"])
    result = skd(
        *("evaluate", "teachers=teachers/{lang}", "untrained=student", "student"),
        *("--corpus", "corpus", "--output", "metrics/new/evaluation.json", "--show", 2),
    )
    assert result.returncode == 0, result.stdout + result.stderr
    table = columns(result.stdout)
    assert table["ents_f"] == ["teachers", "untrained", "student"]
    assert table["de"] == ["100.00", "100.00", "100.00"]
    assert table["en"][0] == "100.00"
    assert "[de] [PER Anna] wohnt in [LOC Bonn]." in result.stdout
    assert len([line for line in result.stdout.splitlines() if line.startswith("[en] ")]) == 2

    report = json.loads((tmp_path / "metrics/new/evaluation.json").read_text("utf-8"))
    assert sorted(path.name for path in (tmp_path / "metrics/new").iterdir()) == ["evaluation.json"]
    student = report["pipelines"]["student"]
    de, en = student["languages"]["de"], student["languages"]["en"]
    assert de["ents_p"] == de["ents_r"] == de["ents_per_type"]["LOC"]["f"] == 1.0
    assert de["sentences"] == 6 and de["words"] == 30 and de["words_per_second"] > 0
    assert student["average"]["ents_f"] == pytest.approx((de["ents_f"] + en["ents_f"]) / 2)
    assert student["average"]["words"] == 60
    assert f"{100 * student['average']['ents_f']:.2f}" == table["average"][2]


def test_a_language_without_teacher_leaves_a_gap(skd_here, pipeline, tmp_path):
    pipeline("teachers/de", ["de"], ["ner"])
    pipeline("student", ["de", "en"], ["ner"])
    options = ("--corpus", "corpus", "--output", "e.json")
    result = skd_here("evaluate", "teachers=teachers/{lang}", "student", *options)
    assert result.returncode == 0, result.stderr
    table = columns(result.stdout)
    assert table["en"] == ["-", "100.00"]
    assert table["average"] == table["de"] == ["100.00", "100.00"]
    assert "teachers: the average is that of de alone" in result.stdout
    report = json.loads((tmp_path / "e.json").read_text("utf-8"))
    assert list(report["pipelines"]["teachers"]["languages"]) == ["de"]


def test_taggers_and_pipelines_with_both(skd_here, pipeline, tmp_path):
    pipeline("both", ["de", "en"])
    pipeline("tagger", ["de", "en"], ["tagger"])
    result = skd_here(
        *("evaluate", "both", "tagger", "--corpus", "corpus", "--split", "dev"),
        *("--languages", "en", "--show", 1, "--output", "e.json"),
    )
    assert result.returncode == 0, result.stdout + result.stderr
    # two tables: ents_f, which one of them has, and tag_acc
    assert "[en] Alice/PROPN lives/VERB in/ADP Leeds/PROPN ./PUNCT" in result.stdout
    rows = [line.split() for line in result.stdout.splitlines()]
    assert [row[1:] for row in rows if row and row[0] == "en"] == [
        ["100.00", "-"],
        ["100.00", "100.00"],
    ]
    report = json.loads((tmp_path / "e.json").read_text("utf-8"))
    assert report["languages"] == ["en"]
    scores = report["pipelines"]["tagger"]["languages"]["en"]
    assert scores["tag_acc"] == 1.0
    assert scores["tag_per_type"]["VERB"] == {"p": 1.0, "r": 1.0, "f": 1.0}


def test_tokens_are_those_of_the_corpus(skd_here, pipeline, corpus, tmp_path):
    pipeline("ner", ["de"], ["ner"])
    docs = list(DocBin().from_disk(corpus / "de" / "test.spacy").get_docs(Vocab()))
    for doc in docs:  # "Bonn." in one token: the pipeline's tokenizer would split it
        with doc.retokenize() as retokenizer:
            retokenizer.merge(doc[3:5])
    DocBin(docs=docs, store_user_data=True).to_disk(corpus / "de" / "test.spacy")
    result = skd_here("evaluate", "ner", "--corpus", corpus, "--languages", "de", "-o", "e.json")
    assert result.returncode == 0, result.stderr
    report = json.loads((tmp_path / "e.json").read_text("utf-8"))
    assert report["pipelines"]["ner"]["languages"]["de"]["words"] == 4 * 6


def test_without_gold_there_is_no_score(skd_here, pipeline):
    pipeline("ner", ["de"], ["ner"])
    result = skd_here("evaluate", "ner", "--corpus", "corpus", "--split", "unlabelled")
    assert result.returncode == 0, result.stderr
    assert columns(result.stdout)["average"] == ["-"]


def test_installed_package(pipeline, tmp_path):
    """A package name is taken as `spacy.load` takes it."""
    path = pipeline("packed", ["de"], ["ner"], steps=1)
    package = tmp_path / "site" / "xx_tiny"
    package.mkdir(parents=True)
    path.rename(package / "xx_tiny-1.0")
    (package / "meta.json").write_text((package / "xx_tiny-1.0" / "meta.json").read_text("utf-8"))
    meta = json.loads((package / "meta.json").read_text("utf-8"))
    meta.update(lang="xx", name="tiny", version="1.0")
    (package / "meta.json").write_text(json.dumps(meta))
    (package / "__init__.py").write_text(
        "from spacy.util import load_model_from_init_py\n"
        "def load(**overrides):\n"
        "    return load_model_from_init_py(__file__, **overrides)\n"
    )
    info = tmp_path / "site" / "xx_tiny-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: xx_tiny\nVersion: 1.0\n")
    code = "import sys; sys.path.insert(0, 'site'); from spacy.cli import setup_cli; setup_cli()"
    command = [sys.executable, "-c", code, "skd", "evaluate", "xx_tiny", "--corpus", "corpus"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, encoding="utf-8")
    assert result.returncode == 0, result.stdout + result.stderr
    assert columns(result.stdout)["ents_f"] == ["xx_tiny"]


def test_bad_input(fails, pipeline, corpus, tmp_path):
    pipeline("ner", ["de"], ["ner"], steps=1)
    spacy.blank("xx").to_disk(tmp_path / "blank")
    (tmp_path / "empty").mkdir()
    assert "SKD121" in fails("evaluate", "ner", "--corpus", "nowhere")
    assert "SKD122" in fails("evaluate", "ner", "--corpus", "empty")
    assert "SKD123" in fails("evaluate", "ner", "--corpus", corpus, "--split", "final")
    assert "SKD123" in fails("evaluate", "ner", "--corpus", corpus, "--languages", "xy")
    assert "SKD125" in fails("evaluate", "a=no_such_pipeline", "--corpus", corpus)
    assert "teachers/de" in fails("evaluate", "teachers=teachers/{lang}", "--corpus", corpus)
    assert "SKD126" in fails("evaluate", "empty", "--corpus", corpus)
    assert "SKD127" in fails("evaluate", "blank", "--corpus", corpus, "-o", "metrics/e.json")
    assert "SKD128" in fails("evaluate", "ner", "ner", "--corpus", corpus)
    assert not (tmp_path / "metrics").exists()


def test_pages_of_entities(skd_here, pipeline, corpus, tmp_path):
    docs = list(DocBin().from_disk(corpus / "de" / "test.spacy").get_docs(Vocab()))
    odd = Doc(docs[0].vocab, words=["<script>alert(1)</script>", "wohnt", "in", "Bonn", "."])
    DocBin(docs=[odd, *docs], store_user_data=True).to_disk(corpus / "de" / "test.spacy")
    (corpus / "de").rename(corpus / "he")
    pipeline("ner", ["en", "he"], ["ner"])
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / "mine.txt").write_text("kept")
    result = skd_here(
        *("evaluate", "<b>=ner", "--corpus", corpus, "--displacy", "pages"),
        *("--displacy-limit", 2, "--show", 1),
    )
    assert result.returncode == 0, result.stderr
    assert "2 pages written to pages" in result.stdout
    assert len([line for line in result.stdout.splitlines() if line.startswith("[en]")]) == 1
    names = sorted(path.name for path in (tmp_path / "pages").iterdir())
    assert names == ["en.html", "he.html", "mine.txt"]
    he, en = ((tmp_path / "pages" / name).read_text("utf-8") for name in ("he.html", "en.html"))
    assert "<script>" not in he and "&lt;script&gt;" in he and "direction: rtl" in he
    assert "<b>" not in en and "&lt;b&gt; on en" in en and 'lang="en"' in en
    assert en.count('class="entities"') == 2 and "LOC" in en and "Alice" in en


def test_pages_of_tags(skd_here, pipeline, corpus, tmp_path):
    pipeline("tagger", ["de"], ["tagger"])
    result = skd_here(
        *("evaluate", "tagger", "--corpus", corpus, "--languages", "de", "--displacy", "a/b")
    )
    assert result.returncode == 0, result.stderr
    page = (tmp_path / "a" / "b" / "de.html").read_text("utf-8")
    assert "PROPN" in page and "VERB" in page and page.count('class="entities"') == 6


def test_labels_cannot_break_a_page():
    doc = Doc(Vocab(), words=["Ada"])
    doc.ents = [Span(doc, 0, 1, label="<img src=x>")]
    page = render_page([doc], "a & b", "de", "ents_f")
    assert "<img" not in page and "&lt;img src=x&gt;" in page and "a &amp; b" in page


@pytest.mark.parametrize("language, direction", [("ar-EG", "rtl"), ("arz", "rtl"), ("de", "ltr")])
def test_the_direction_of_a_page(language, direction):
    page = render_page([Doc(Vocab(), words=["Ada"])], "a", language, "ents_f")
    assert f"direction: {direction}" in page


def test_pages_that_cannot_be_written(fails, pipeline, corpus, tmp_path):
    pipeline("ner", ["de"], ["ner"], steps=1)
    (tmp_path / "file").write_text("")
    line = fails("evaluate", "ner", "--corpus", corpus, "--displacy", "file", "-o", "e.json")
    assert "file" in line
    assert not (tmp_path / "e.json").exists()


def test_packages_that_are_no_pipeline(fails, corpus):
    """spaCy calls the function `load` of any package: numpy's asks for a file."""
    for name in ("numpy", "pip", "a=", "x" * 300):
        assert fails("evaluate", name, "--corpus", corpus).isprintable()
    assert "SKD125" in fails("evaluate", "numpy", "--corpus", corpus)


@pytest.mark.parametrize("file", ["tokenizer", "config.cfg", "meta.json", "ner/model", "ner/moves"])
def test_a_damaged_pipeline(fails, pipeline, corpus, file):
    path = pipeline("ner", ["de"], ["ner"], steps=1) / file
    whole = path.read_bytes()
    for damaged in (b"\x00" * 20, b"\x81\xa1a", b"[[[", whole[: len(whole) // 2], whole[::-1]):
        path.write_bytes(damaged)
        error = fails("evaluate", "ner", "--corpus", corpus)
        assert "SKD126" in error and error.isprintable() and len(error) < 1000


def test_candidate():
    assert Candidate.parse("a=b/c") == Candidate("a", "b/c")
    assert Candidate.parse("b/c") == Candidate("b/c", "b/c")
    assert Candidate.parse("a=b/lr=0.1/c") == Candidate("a", "b/lr=0.1/c")
    assert Candidate.parse("b/lr=0.1/c") == Candidate("b/lr=0.1/c", "b/lr=0.1/c")


def test_token_classifiers_are_asked_as_label_asks_them(
    skd_here, fails, pipeline, corpus, make_classifier, tmp_path
):
    folder = make_classifier(("O", "B-PERSON", "I-PERSON", "B-LOC", "I-LOC", "B-X"))
    pipeline("ner", ["de"], ["ner"], steps=1)
    command = ("evaluate", "ner", f"hf={folder}", "--corpus", corpus)
    assert "SKD169" in fails(*command) and f"name it as hf:{folder}" in fails(*command)
    assert "SKD160" in fails("evaluate", "ner", "--corpus", corpus, "--map", "PERSON=PER")
    command = ("evaluate", "ner", f"hf=hf:{folder}", "--corpus", corpus, "--output", "e.json")
    assert "SKD161" in fails(*command, "--map", "PERSONS=PER")
    assert "SKD168" in fails(*command, "--map", "PERSON")
    how = ("--map", "PERSON=PER,X=", "--pooling", "mean", "--scheme", "IOB2")
    result = skd_here(*command, *how)
    assert result.returncode == 0, result.stderr
    report = json.loads((tmp_path / "e.json").read_text("utf-8"))
    assert "PER" in report["pipelines"]["hf"]["languages"]["de"]["ents_per_type"]


def test_a_teacher_of_all_languages_stands_for_those_without_their_own(
    skd_here, pipeline, corpus, tmp_path
):
    for name in ("teachers/multilingual/model-best", "teachers/de/model-best"):
        shutil.copytree(pipeline("good", ["de", "en"], ["ner"]), tmp_path / name)
    command = ("--corpus", "corpus", "--output", "scores.json")
    result = skd_here("evaluate", "t=teachers/{lang}/model-best", *command)
    assert result.returncode == 0, result.stderr
    report = json.loads((tmp_path / "scores.json").read_text("utf-8"))
    assert sorted(report["pipelines"]["t"]["languages"]) == ["de", "en"]


def test_several_teachers_of_a_language_count_as_their_mean(skd_here, pipeline, corpus, tmp_path):
    good = pipeline("good", ["de", "en"], ["ner"])
    bad = pipeline("bad", ["de"], ["ner"], steps=0)
    for name, source in (
        ("de.fold-1-of-2", good),
        ("de.fold-2-of-2", bad),
        ("en.seed-0", good),
        ("en.seed-0.partial", bad),
    ):
        shutil.copytree(source, tmp_path / "teachers" / name)
    command = ("--corpus", "corpus", "--output", "scores.json")
    result = skd_here("evaluate", "bad", "good", "mean=teachers/{lang}", *command)
    assert result.returncode == 0, result.stderr
    report = json.loads((tmp_path / "scores.json").read_text("utf-8"))
    bad, good, mean = (report["pipelines"][name]["languages"] for name in ("bad", "good", "mean"))
    assert good["de"]["ents_f"] > bad["de"]["ents_f"]
    assert mean["de"]["ents_f"] == pytest.approx((good["de"]["ents_f"] + bad["de"]["ents_f"]) / 2)
    of_type = [one["de"]["ents_per_type"]["PER"]["f"] for one in (good, bad, mean)]
    assert of_type[2] == pytest.approx((of_type[0] + of_type[1]) / 2)
    assert mean["de"]["sentences"] == good["de"]["sentences"]
    assert mean["en"]["ents_f"] == good["en"]["ents_f"]


def test_that_the_scores_cannot_be_written_is_told_before_the_work(
    fails, pipeline, corpus, tmp_path, monkeypatch
):
    pipeline("ner", ["de"], ["ner"], steps=1)
    monkeypatch.setattr("spacy_skd.evaluation.evaluate.evaluate_language", None)
    (tmp_path / "file").touch()
    for output in ("file/e.json", "corpus", "x" * 300 + ".json"):
        line = fails("evaluate", "ner", "--corpus", corpus, "--output", output)
        assert "SKD140" in line or "SKD135" in line


def test_a_pipeline_that_is_not_as_its_training_left_it(fails, pipeline, corpus, tmp_path):
    made = MadeFolder(tmp_path / "student", RUN)
    path = pipeline("made", ["de"], ["ner"], steps=1)
    made.unfinished.mkdir()
    path.rename(made.unfinished / "model-best")
    made.publish({"fingerprint": "", "report": {}})
    model = made.path / "model-best" / "ner" / "model"
    model.write_bytes(model.read_bytes()[:-1] + b"!")
    line = fails("evaluate", "student/model-best", "--corpus", corpus)
    assert "SKD139" in line and "ner/model" in line
