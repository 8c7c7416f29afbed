"""What a comparison's file may say, and what becomes of mistakes in it."""

from pathlib import Path

import pytest

from spacy_skd.comparison.compare import teacher_settings
from spacy_skd.comparison.spec import read_spec
from spacy_skd.errors import SkdError

SPEC = """
[comparison]
corpus = "corpus"
config = "configs/ner_student.cfg"
seeds = [0, 1]
baseline = "baseline"

[settings]
training.max_steps = 400

[teachers.cnn]
config = "configs/ner_teacher.cfg"
training.max_steps = 100

[teachers.published]
source = "hf:some/model"

[rows.baseline]
teachers = null

[rows.top_wk]
distillation.objective = "top_wk"
training.max_steps = 200

[rows.mixed]
teachers = "published"
distillation.objective = {"top_wk": 1.0, "posterior": 0.5}
"""


@pytest.fixture
def read(tmp_path):
    def write_and_read(text=SPEC, **overrides):
        path = tmp_path / "spec.cfg"
        path.write_text("[teachers]\n[rows]\n" + text, encoding="utf-8")
        return read_spec(path, overrides)

    return write_and_read


def test_rows_have_the_common_settings_and_the_first_teachers(read):
    spec = read()
    baseline, top_wk, mixed = spec.rows
    assert (baseline.teachers, top_wk.teachers, mixed.teachers) == (None, "cnn", "published")
    assert spec.overrides(baseline) == {"training.max_steps": 400}
    assert spec.overrides(top_wk) == {
        "training.max_steps": 200,
        "distillation.objective": "top_wk",
    }
    assert spec.overrides(mixed)["distillation.objective"] == {"top_wk": 1.0, "posterior": 0.5}
    # What all share and a row without teachers has no use for would only train it again.
    shared = {"settings.distillation.k": 3, "settings.corpora.train.unlabelled_ratio": 1.0}
    spec = read(**shared)
    assert spec.overrides(spec.rows[0]) == {"training.max_steps": 400}
    assert spec.overrides(spec.rows[1])["corpora.train.unlabelled_ratio"] == 1.0
    assert spec.teachers[0].config == Path("configs/ner_teacher.cfg")
    assert spec.teachers[0].settings == {"training.max_steps": 100}
    assert spec.metric == "ents_f" and spec.split == "test" and spec.zero_shot is None


def test_a_task_names_configs_and_metric(read):
    text = SPEC.replace("configs/ner_", "configs/{task}_")
    for task, metric in (("ner", "ents_f"), ("pos", "pos_acc")):
        spec = read(text, **{"comparison.task": task})
        assert spec.config == Path(f"configs/{task}_student.cfg") and spec.metric == metric
        assert spec.teachers[0].config == Path(f"configs/{task}_teacher.cfg")
    assert read(text, **{"comparison.metric": "tag_acc"}).metric == "tag_acc"


def test_values_are_replaced_from_the_command_line(read):
    changes = {"comparison.seeds": [7], "settings.training.max_steps": 5}
    spec = read(SPEC, **changes)
    assert spec.seeds == [7]
    assert spec.settings == {"training.max_steps": 5}


@pytest.mark.parametrize(
    "old, new, said",
    [
        ("[settings]", "[setings]", "setings"),
        ("seeds = [0, 1]", "seeds = []", "seeds"),
        ("seeds = [0, 1]", "seeds = [0, 0]", "seeds"),
        ("seeds = [0, 1]", "seeds = [-1]", "seeds"),
        ("seeds = [0, 1]", 'seeds = "all"', "seeds"),
        ("seeds = [0, 1]", "sedes = [0]", "seeds"),
        ("seeds = [0, 1]", 'seeds = [0]\ntask = "srl"', "task"),
        ('"hf:some/model"', '"folder"\nmap = {"A": "B"}', "map, pooling and scheme"),
        ('"hf:some/model"', '"hf:x"\nscheme = "BILOU"', "scheme"),
        ('"hf:some/model"', '"hf:x"\nkind = "one"', "kind"),
        ('baseline = "baseline"', 'baseline = "base"', "baseline, top_wk, mixed"),
        ('baseline = "baseline"', 'baseline = "baseline"\nmetric = "f1"', "metric"),
        ('baseline = "baseline"', 'baseline = "baseline"\ntraining.seed = 1', "training.seed"),
        ('teachers = "published"', 'teachers = "publisht"', "cnn, published"),
        ('teachers = "published"', "teachers = 3", "rows.2.teachers"),
        ('source = "hf:some/model"', "folds = 4", "config or source"),
        ('source = "hf:some/model"', 'source = "a"\nfolds = -1', "folds"),
        ("training.max_steps = 400", "system.seed = 1", "give 'seeds'"),
        ("training.max_steps = 100", 'paths.corpus = "mine"', "give 'corpus'"),
        ("training.max_steps = 200", 'paths.targets = "mine"', "give 'teachers'"),
        ("[rows.mixed]", "[rows.cnn]", "both called 'cnn'"),
        ("[rows.mixed]", "[rows.mixed", "spec.cfg"),
        ("corpus =", "corps =", "corpus"),
    ],
)
def test_mistakes_are_named_in_one_line(read, old, new, said):
    assert old in SPEC
    with pytest.raises(SkdError) as caught:
        read(SPEC.replace(old, new))
    message = caught.value.format_message()
    assert message.startswith("[SKD231]") and said in message and "\n" not in message


def test_the_example_of_the_documentation_can_be_read(tmp_path):
    page = (Path(__file__).parents[2] / "docs" / "comparisons.md").read_text(encoding="utf-8")
    path = tmp_path / "spec.cfg"
    path.write_text(page.split("```ini\n")[1].split("```")[0], encoding="utf-8")
    spec = read_spec(path)
    assert [row.name for row in spec.rows] == ["baseline", "top_wk"]


def test_there_must_be_rows(read):
    with pytest.raises(SkdError, match="rows"):
        read(SPEC[: SPEC.index("[rows.baseline]")])


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(SkdError, match="SKD231"):
        read_spec(tmp_path / "nowhere.cfg")


def test_all_trainings_begin_with_the_same_vectors_and_encoder(read):
    spec = read(SPEC, **{"comparison.vectors": "some_vectors", "comparison.encoder": None})
    assert spec.pretrained == {"paths.vectors": "some_vectors"}
    assert spec.overrides(spec.rows[0])["paths.vectors"] == "some_vectors"
    cnn, _ = spec.teachers
    assert teacher_settings(spec, cnn, 1, Path("out")) == {
        "paths.vectors": "some_vectors",
        "training.max_steps": 100,
        "system.seed": 1,
    }
    encoded = read(SPEC, **{"comparison.encoder": "an_encoder"})
    settings = teacher_settings(encoded, cnn, 1, Path("out"))
    assert settings["paths.encoder"] == "an_encoder"
    assert settings["paths.features"] == str(Path("out/features"))


def test_adapted_teachers_start_from_a_row_that_has_none(read):
    text = SPEC.replace("[teachers.cnn]", '[teachers.cnn]\nadapts = "baseline"')
    spec = read(text)
    settings = teacher_settings(spec, spec.teachers[0], 1, Path("out"))
    assert settings["paths.init"] == str(Path("out/rows/baseline/seed-1/model-best"))


@pytest.mark.parametrize(
    "text, named",
    [
        (SPEC.replace("[teachers.cnn]", '[teachers.cnn]\nadapts = "top_wk"'), "baseline"),
        (SPEC.replace("[teachers.cnn]", '[teachers.cnn]\nadapts = "other"'), "other"),
        (
            SPEC.replace("[teachers.published]", '[teachers.published]\nadapts = "baseline"'),
            "trained",
        ),
    ],
)
def test_teachers_that_cannot_be_adapted(read, text, named):
    with pytest.raises(SkdError, match=f"SKD231.*{named}"):
        read(text)
