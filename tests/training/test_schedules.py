"""The learning rate, in a run and where a pipeline is trained on by hand."""

import pickle
from itertools import islice

import pytest
from thinc.api import Adam, warmup_linear

from spacy_skd.errors import SkdError
from spacy_skd.training.schedules import make_warmup_linear


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
        ("total_steps", "40"),
        ("total_steps", "${training.max_steps} or so"),
        ("warmup_steps", -1),
        ("initial_rate", 0.0),
        ("initial_rate", -0.1),
        ("initial_rate", float("nan")),
        ("initial_rate", float("inf")),
    ],
)
def test_settings_out_of_range(name, value):
    settings = {"initial_rate": 0.02, "warmup_steps": 10, "total_steps": 40, name: value}
    with pytest.raises(SkdError, match=f"SKD048.*{name} = "):
        make_warmup_linear(**settings)
