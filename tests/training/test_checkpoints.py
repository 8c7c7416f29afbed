"""The state of a training; that trainings go on from it is tested with the loop."""

from types import SimpleNamespace

import numpy as np
import pytest
import spacy
from thinc.api import Adam, CupyOps, PyTorchWrapper

from spacy_skd.training import checkpoints
from spacy_skd.training.checkpoints import (
    Checkpoint,
    Progress,
    dump_component,
    gradient_scalers,
    load_component,
    random_states,
    set_random_states,
)


def test_scores_that_no_file_can_hold_do_not_end_a_training(tmp_path):
    pairs = {("PER", "LOC"): 3}
    plain = {"ents_f": 0.5, "ents_per_type": {"PER": {"f": 0.5}}, "speed": None}
    progress = Progress(steps=1)
    progress.add_row(0.5, {**plain, "confusion": pairs, "seen": {"PER"}}, None)
    checkpoint = Checkpoint(tmp_path, "f")
    checkpoint.save(spacy.blank("xx"), Adam(0.1), progress)
    assert progress.rows[0]["other_scores"]["confusion"] == pairs
    loaded = checkpoint.load(spacy.blank("xx"), Adam(0.1), lambda progress: None)
    assert loaded is not None and loaded.rows[0]["other_scores"] == plain


def test_the_random_state_of_cuda_is_saved_where_it_is_in_use(tmp_path, monkeypatch):
    torch = pytest.importorskip("torch")
    generator = torch.Generator().manual_seed(1)
    checkpoint = Checkpoint(tmp_path, "f")
    assert "cuda" not in random_states()
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_rng_state", generator.get_state)
    monkeypatch.setattr(torch.cuda, "set_rng_state", generator.set_state)
    checkpoint.save(spacy.blank("xx"), Adam(0.1), Progress(steps=1))
    then = torch.rand(9, generator=generator)
    checkpoint.load(spacy.blank("xx"), Adam(0.1), lambda progress: None)
    assert torch.equal(torch.rand(9, generator=generator), then)


def test_the_noise_of_cupy_goes_on_from_a_number_of_its_own(monkeypatch):
    of_a_gpu = SimpleNamespace(random=np.random.RandomState(1))

    class Ops(CupyOps):
        xp = of_a_gpu

    assert "cupy" not in random_states()
    monkeypatch.setattr(checkpoints, "get_current_ops", Ops)
    states = [random_states()]
    then = [of_a_gpu.random.uniform(size=9)]
    states.append(random_states())
    then.append(of_a_gpu.random.uniform(size=9))
    assert not np.array_equal(*then)
    for state, expected in zip(states, then):
        set_random_states(state)
        assert np.array_equal(of_a_gpu.random.uniform(size=9), expected)
    monkeypatch.undo()
    set_random_states(states[0])  # as someone who goes on without the GPU


def test_gradient_scalers_keep_their_scale():
    torch = pytest.importorskip("torch")

    def make():
        return SimpleNamespace(model=PyTorchWrapper(torch.nn.Linear(2, 2)))

    trained, begun = make(), make()
    ((_, scaler),) = gradient_scalers(trained)
    scaler._scale.fill_(2.0**13)
    scaler._growth_tracker.fill_(1999)
    load_component(begun, dump_component(trained))
    ((_, loaded),) = gradient_scalers(begun)
    assert (loaded._scale, loaded._growth_tracker) == (2.0**13, 1999)
