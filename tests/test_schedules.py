"""kd_weight from numbers, our schedule and all of thinc's, and in copies; the learning rate."""

import copy
import pickle
from itertools import islice

import pytest
from spacy import registry
from thinc.api import Adam, warmup_linear

from spacy_skd.errors import SkdError
from spacy_skd.schedules import HORIZON, make_linear, make_warmup_linear, make_weight

from .conftest import make_examples, make_pipeline

OF_THINC = [
    {"@schedules": "constant.v1", "rate": 0.5},
    {"@schedules": "constant_then.v1", "rate": 1.0, "steps": 3,
     "schedule": {"@schedules": "decaying.v1", "base_rate": 1.0, "decay": 0.1}},
    {"@schedules": "decaying.v1", "base_rate": 1.0, "decay": 0.1},
    {"@schedules": "compounding.v1", "start": 1.0, "stop": 0.1, "compound": 0.9},
    {"@schedules": "warmup_linear.v1", "initial_rate": 1.0, "warmup_steps": 2, "total_steps": 10},
    {"@schedules": "slanted_triangular.v1", "max_rate": 1.0, "num_steps": 100},
    {"@schedules": "cyclic_triangular.v1", "min_lr": 0.1, "max_lr": 0.9, "period": 4},
]  # fmt: skip


def resolve(schedule):
    return registry.resolve({"schedule": schedule})["schedule"]


def distillation(kd_weight):
    return {"@misc": "spacy-skd.Distillation.v1", "kd_weight": kd_weight}


def weight_of(nlp):
    return nlp.get_pipe("pipe").distillation.kd_weight


@pytest.mark.parametrize("schedule", OF_THINC, ids=lambda schedule: schedule["@schedules"])
def test_schedules_of_thinc_in_a_component(schedule):
    expected = list(islice(resolve(schedule), 12))
    nlp = make_pipeline("crf_ner", distillation=distillation(schedule))
    assert [weight_of(nlp)(step) for step in range(12)] == expected
    # A step is asked for again, and out of order, by the loss, the logger, and whoever copied it.
    copies = [
        copy.deepcopy(nlp.get_pipe("pipe").distillation).kd_weight,
        pickle.loads(pickle.dumps(nlp.get_pipe("pipe").distillation)).kd_weight,
    ]
    for weight in (weight_of(nlp), *copies):
        assert [weight(step) for step in (11, 0, 5, 5)] == [expected[i] for i in (11, 0, 5, 5)]


def test_copies_know_the_first_steps_and_the_original_all():
    weight = make_weight(resolve({"@schedules": "decaying.v1", "base_rate": 1.0, "decay": 1e-5}))
    twin = copy.deepcopy(weight)
    assert twin(HORIZON - 1) == weight(HORIZON - 1)
    assert twin(HORIZON + 5) == twin(HORIZON - 1) > weight(HORIZON + 5)


def test_pipelines_with_a_generator_go_through_everything(tmp_path):
    nlp = make_pipeline("crf_ner", distillation=distillation(OF_THINC[4]))
    nlp.initialize(lambda: make_examples(nlp))
    texts = ["Ada lives in London .", "Nobody calls ."]
    expected = [[ent.text for ent in doc.ents] for doc in nlp.pipe(texts)]
    nlp.to_disk(tmp_path / "nlp")
    for twin in (copy.deepcopy(nlp), pickle.loads(pickle.dumps(nlp))):
        assert [[ent.text for ent in doc.ents] for doc in twin.pipe(texts)] == expected
        assert weight_of(twin)(1) == 0.5
    twin = make_pipeline("crf_ner", distillation=distillation(OF_THINC[4]))
    twin.from_bytes(nlp.to_bytes())
    assert [[ent.text for ent in doc.ents] for doc in twin.pipe(texts, n_process=2)] == expected


def test_a_schedule_that_ends_keeps_its_last_value():
    weight = make_weight(iter([1.0, 0.25]))
    assert [weight(step) for step in range(4)] == [1.0, 0.25, 0.25, 0.25]


def test_any_function_of_the_step():
    assert make_weight(lambda step: 1 / (1 + step))(3) == 0.25
    assert make_weight(1)(7) == 1.0


@pytest.mark.parametrize(
    "kd_weight, code",
    [
        (1.5, "SKD029.*kd_weight is 1.5"),
        (-0.1, "SKD029"),
        (float("nan"), "SKD029"),
        (True, "SKD029.*True"),
        ("0.5", "SKD029.*'0.5'"),
        (None, "SKD029"),
        ([1.0, 0.5], "SKD029"),
        (iter(()), "SKD032.*step 0.*no value"),
        (iter(["1.0"]), "SKD032.*step 0"),
        (iter([2.0]), "SKD029.*kd_weight at step 0 is 2.0"),
        (lambda step: 1 / step, "SKD032.*division by zero"),
        (lambda: 1.0, "SKD032"),
        (lambda step: "half", "SKD029.*'half'"),
    ],
)
def test_what_is_no_weight(kd_weight, code):
    with pytest.raises(SkdError, match=code):
        make_weight(kd_weight)


def test_values_are_checked_when_they_come():
    weight = make_weight(iter([1.0, float("nan"), 0.5, 3.0]))
    assert weight(0) == 1.0 and weight(2) == 0.5
    for step in (1, 3):
        with pytest.raises(SkdError, match=f"SKD029.*kd_weight at step {step} is"):
            weight(step)


@pytest.mark.parametrize(
    "settings, name",
    [
        ({"total_steps": 0}, "total_steps"),
        ({"total_steps": "4"}, "total_steps"),
        ({"total_steps": 4.5}, "total_steps"),
        ({"total_steps": 4, "initial": 1.1}, "initial"),
        ({"total_steps": 4, "final": float("nan")}, "final"),
    ],
)
def test_linear_names_the_setting(settings, name):
    with pytest.raises(SkdError, match=f"SKD029.*{name} of spacy-skd.Linear.v1"):
        make_linear(**settings)


@pytest.mark.parametrize("warmup, total", [(10, 40), (0, 5), (1, 1), (30, 20), (5, 5)])
def test_a_run_has_the_rates_of_thincs_own_schedule(warmup, total):
    ours, theirs = make_warmup_linear(0.02, warmup, total), warmup_linear(0.02, warmup, total)
    assert list(islice(ours, 60)) == pytest.approx(list(islice(theirs, 60)))


def test_without_a_known_end_the_rate_is_level_from_the_first_step():
    optimizer = Adam(make_warmup_linear(0.02, 100, "${training.max_steps}"))
    rates = [optimizer.learn_rate]
    for _ in range(300):
        optimizer.step_schedules()
        rates.append(optimizer.learn_rate)
    assert set(rates) == {0.02}


def test_it_goes_on_where_it_was_when_pickled():
    schedule = make_warmup_linear(0.02, 10, 40)
    list(islice(schedule, 15))
    assert next(pickle.loads(pickle.dumps(schedule))) == next(schedule) > 0


@pytest.mark.parametrize(
    "name, value",
    [
        ("total_steps", 0),
        ("total_steps", -1),
        ("total_steps", 0.5),
        ("total_steps", "40"),
        ("total_steps", "${training.max_steps} or so"),
        ("warmup_steps", -1),
        ("initial_rate", 0.0),
        ("initial_rate", "0.02"),
        ("warmup_steps", "10"),
        ("initial_rate", -0.1),
        ("initial_rate", float("nan")),
        ("initial_rate", float("inf")),
    ],
)
def test_settings_out_of_range(name, value):
    settings = {"initial_rate": 0.02, "warmup_steps": 10, "total_steps": 40, name: value}
    with pytest.raises(SkdError, match=f"SKD029.*{name} of spacy-skd.WarmupLinear.v1"):
        make_warmup_linear(**settings)
