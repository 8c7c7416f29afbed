"""A language that nobody has labelled, from its text to a pipeline that reads it."""

import json
import zipfile

import pytest
from spacy.tokens import DocBin

from spacy_skd.packaging import Details, describe

from .conftest import tiny_docs
from .test_compare import SPEC

STEPS = ("--training.max_steps", 10, "--training.eval_frequency", 10)
TEACHERS = ("teachers", "corpus", "--config", "teacher.cfg", *STEPS, "--kind", "multilingual")
TAUGHT = ("--paths.targets", "targets", "--corpora.train.unlabelled_ratio", 1.0)
STUDENT = ("train", "student.cfg", "--paths.corpus", "corpus", "--output", "student", *STEPS)
EVALUATE = ("evaluate", "student=student/model-best", "--corpus", "corpus", "--output", "s.json")


@pytest.fixture
def project(corpus, small_configs, tmp_path):
    """Dutch has text, and a test set that shows what was learned from it."""
    folder = corpus / "nl"
    folder.mkdir()
    for split in ("unlabelled", "test"):
        docs = tiny_docs("de", split)
        for doc in docs:
            doc.user_data["lang"] = "nl"
        DocBin(docs=docs, store_user_data=True).to_disk(folder / f"{split}.spacy")
    return tmp_path


def test_a_teacher_of_other_languages_labels_its_text(skd_here, fails, project):
    line = fails("teachers", "corpus", "--config", "teacher.cfg", *STEPS)
    assert "SKD224" in line and "'nl'" in line and not (project / "training").exists()
    for command in (
        (*TEACHERS, "--folds", 2, "--jobs", 2),
        ("label", "corpus", "--output", "targets"),
        (*STUDENT, *TAUGHT, "--baseline", "baseline"),
        (*EVALUATE, "teacher=training/teachers/{lang}/model-best"),
    ):
        result = skd_here(*command)
        assert result.returncode == 0, result.stdout + result.stderr
    stores = sorted(path.name for path in (project / "targets").iterdir() if path.name[:2] == "nl")
    assert stores == ["nl.fold-1-of-2", "nl.fold-2-of-2"]
    report = json.loads((project / "s.json").read_text("utf-8"))
    assert report["languages"] == ["de", "en", "nl"]
    assert set(report["pipelines"]["teacher"]["languages"]) == {"de", "en", "nl"}
    package = ("package", "student/model-best", "packages", "--name", "skd", "--version", "1.0")
    result = skd_here(*package, "--corpus", "corpus")
    assert result.returncode == 0, result.stderr
    (wheel,) = (project / "packages").glob("*/dist/*.whl")
    with zipfile.ZipFile(wheel) as files:
        meta = json.loads(files.read("xx_skd/meta.json"))
    assert meta["languages"] == ["de", "en", "nl"]
    assert meta["languages_without_labels"] == ["nl"]
    baseline = describe(project / "baseline" / "model-best", Details(), project / "corpus")
    assert baseline["languages"] == ["de", "en"]  # it has learned nothing of that text


def test_in_a_comparison_it_is_found_before_the_work(fails, project):
    spec = SPEC.replace("[rows]", 'adapts = "baseline"\n\n[rows]')
    (project / "spec.cfg").write_text(spec, encoding="utf-8")
    line = fails("compare", "spec.cfg", "out")
    assert "SKD224" in line and "'nl'" in line and not (project / "out").exists()


def test_text_that_teaches_nothing(skd_here, fails, project):
    assert skd_here(*TEACHERS).returncode == 0
    assert skd_here("label", "corpus", "--output", "targets").returncode == 0
    line = fails(*STUDENT, "--paths.targets", "targets")
    assert "SKD076" in line and "'nl'" in line and "unlabelled_ratio" in line
    assert not (project / "student").exists()
