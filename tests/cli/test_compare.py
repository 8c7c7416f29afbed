"""A comparison from spec to tables, interrupted and changed, through its real entry point."""

import json

import pytest
from spacy.tokens import DocBin
from spacy.vocab import Vocab

SPEC = """
[comparison]
about = "Which is better?"
corpus = "corpus"
config = "student.cfg"
seeds = [3]
baseline = "baseline"

[settings]
training.max_steps = 6
training.eval_frequency = 3

[teachers]

[teachers.small]
config = "teacher.cfg"
training.max_steps = 4
training.eval_frequency = 2

[rows]

[rows.baseline]
teachers = null

[rows.structural]
distillation.objective = "structural"
"""


@pytest.fixture
def spec(tmp_path, small_configs):
    path = tmp_path / "spec.cfg"
    path.write_text(SPEC, encoding="utf-8")
    return path


def trained(output):
    """When each training of a comparison was finished, by its folder."""
    runs = output.rglob("run.json")
    return {path.parent.relative_to(output).as_posix(): path.stat().st_mtime_ns for path in runs}


def test_a_comparison_goes_on_and_does_again_what_is_changed(skd, spec, corpus, tmp_path):
    output = tmp_path / "out"
    result = skd("compare", spec, output, "--jobs", 2, "--comparison.zero_shot", "corpus")
    assert result.returncode == 0, result.stdout + result.stderr
    first = trained(output)
    assert sorted(first) == [
        "rows/baseline/seed-3",
        "rows/structural/seed-3",
        "teachers/small/seed-3/de",
        "teachers/small/seed-3/en",
    ]

    found = json.loads((output / "comparison.json").read_text("utf-8"))
    assert list(found["rows"]) == ["small", "baseline", "structural"]
    student = found["rows"]["structural"]
    assert list(student["languages"]) == ["de", "en"] and len(student["average"]["runs"]) == 1
    assert set(student["difference"]) == {"mean", "low", "high", "p"}
    assert list(found["zero_shot"]["small"]["languages"]) == ["de", "en"]
    (cost,) = found["costs"]["structural"]
    assert cost["parameters"] > 1000 and cost["bytes"] > 1000 and cost["peak_memory"] > 10**7
    assert [step for step, _ in cost["curves"]["structural 3"]] == [0, 3, 6]
    assert found["spec"]["seeds"] == [3] and found["versions"]["spacy"]
    assert set(found["data"]["corpus"]) >= {"de/train.spacy", "en/test.spacy"}
    assert (output / "comparison.md").read_text("utf-8").startswith("# Which is better?")
    assert "| structural |" in result.stdout

    # A damaged and a changed cell are made again, all others are kept.
    (output / "rows/baseline/seed-3/model-best/meta.json").write_text("{}")
    changed = SPEC.replace('objective = "structural"', 'objective = "top_k"')
    spec.write_text(changed, encoding="utf-8")
    result = skd("compare", spec, output, "--comparison.zero_shot", "corpus")
    assert result.returncode == 0, result.stdout + result.stderr
    again = trained(output)
    redone = {name for name in first if again[name] != first[name]}
    assert redone == {"rows/baseline/seed-3", "rows/structural/seed-3"}
    second = json.loads((output / "comparison.json").read_text("utf-8"))
    assert second["rows"]["small"] == found["rows"]["small"]
    assert second["rows"]["baseline"]["languages"] == found["rows"]["baseline"]["languages"]


def test_mistakes_are_found_before_the_work(fails, spec, corpus, tmp_path):
    assert "SKD231" in fails("compare", tmp_path / "nowhere.cfg", "out")
    assert "SKD231" in fails("compare", spec, "out", "--comparison.seds", "[0]")
    assert "SKD121" in fails("compare", spec, "out", "--comparison.corpus", "nowhere")
    assert "no.cfg" in fails("compare", spec, "out", "--comparison.config", "no.cfg")
    text = SPEC.replace('objective = "structural"', 'objective = "strctural"')
    spec.write_text(text, encoding="utf-8")
    assert "strctural" in fails("compare", spec, "out")
    assert not (tmp_path / "out" / "teachers").exists()


KINDS = """
[comparison]
corpus = "corpus"
config = "student.cfg"
seeds = [3]
baseline = "baseline"

[settings]
training.max_steps = 2
training.eval_frequency = 1

[teachers]

[teachers.shared]
config = "teacher.cfg"
kind = "multilingual"
training.max_steps = 2
training.eval_frequency = 1

[teachers.adapted]
config = "teacher_adapted.cfg"
adapts = "baseline"
training.max_steps = 2
training.eval_frequency = 1

[teachers.published]
source = "hf:classifier"
map = {"X": ""}

[rows]

[rows.baseline]
teachers = null
"""


def test_a_language_without_dev_is_noticed_before_any_training(fails, corpus, tmp_path):
    (corpus / "en" / "dev.spacy").unlink()
    (tmp_path / "spec.cfg").write_text(KINDS, encoding="utf-8")
    line = fails("compare", "spec.cfg", "out")
    assert "SKD123" in line and "'en'" in line and "dev" in line
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("metric", ["ents_f", "tag_acc"])
def test_a_language_with_nothing_to_find_is_noticed_before_any_training(
    fails, small_configs, corpus, tmp_path, metric
):
    path = corpus / "en" / "test.spacy"
    docs = list(DocBin().from_disk(path).get_docs(Vocab()))
    for doc in docs:
        doc.set_ents([], default="outside")
        for token in doc:
            token.tag = 0
    DocBin(docs=docs, store_user_data=True).to_disk(path)
    (tmp_path / "spec.cfg").write_text(SPEC, encoding="utf-8")
    line = fails("compare", "spec.cfg", "out", f"--comparison.metric={metric}")
    assert "SKD238" in line and "'en'" in line and metric in line
    assert not (tmp_path / "out").exists()


def test_teachers_of_all_languages_and_published_ones(
    skd_here, small_configs, corpus, make_classifier, tmp_path
):
    make_classifier(("O", "B-PER", "I-PER", "B-LOC", "I-LOC", "B-X"), trained=True)
    (tmp_path / "spec.cfg").write_text(KINDS, encoding="utf-8")
    result = skd_here("compare", "spec.cfg", "out", "--comparison.zero_shot", "corpus")
    assert result.returncode == 0, result.stdout + result.stderr
    assert trained(tmp_path / "out").keys() == {
        "rows/baseline/seed-3",
        "teachers/shared/seed-3/multilingual",
        "teachers/adapted/seed-3/de",
        "teachers/adapted/seed-3/en",
    }
    stores = {path.parent.name for path in (tmp_path / "out/targets").glob("*/seed-3/*/meta.json")}
    assert stores == {"de", "en"}
    found = json.loads((tmp_path / "out" / "comparison.json").read_text("utf-8"))
    for rows in (found["rows"], found["zero_shot"]):
        assert all(list(row["languages"]) == ["de", "en"] for row in rows.values())
    assert list(found["rows"]) == ["shared", "adapted", "published", "baseline"]
    (shared,), (published,) = found["costs"]["shared"], found["costs"]["published"]
    assert shared["training_memory"] > 10**7 and shared["peak_memory"] > 10**7
    assert published["training_memory"] is None and published["training_seconds"] == 0
    assert published["parameters"] > 1000 and published["bytes"] > 4000
    calibration = found["calibration"]["published"]
    assert calibration is None or sum(calibration["counts"]) > 0

    # Teachers that are there already, as a folder.
    steps = "training.max_steps = 2\ntraining.eval_frequency = 1\n"
    shared = f'config = "teacher.cfg"\nkind = "multilingual"\n{steps}'
    text = KINDS.replace(shared, 'source = "mine"\n')
    (tmp_path / "out/teachers/shared/seed-3").rename(tmp_path / "mine")
    (tmp_path / "spec.cfg").write_text(text, encoding="utf-8")
    result = skd_here("compare", "spec.cfg", "out")
    assert result.returncode == 0, result.stdout + result.stderr
    again = json.loads((tmp_path / "out" / "comparison.json").read_text("utf-8"))
    scores = again["rows"]["shared"]["average"]["runs"]
    assert scores == found["rows"]["shared"]["average"]["runs"]
