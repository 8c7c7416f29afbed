"""Trainings by our loop: as spaCy's own, and gone on with after interruptions."""

import errno
import io
import shutil
from itertools import count
from pathlib import Path

import pytest
import spacy
from spacy.training.initialize import init_nlp
from spacy.training.loop import train as train_by_spacy
from spacy.util import load_config, load_model_from_config
from thinc.api import Config

from spacy_skd.training import loop
from spacy_skd.training.checkpoints import Checkpoint, Progress
from spacy_skd.training.loop import has_model, is_done, train

from ..cli.conftest import CONFIG, corpus  # noqa: F401
from ..test_configs import CONFIGS
from ..test_configs_trained import make_small


class Interruption(BaseException):
    """As unexpected as a kill."""


def make_config(kind, corpus, tiny_transformer):  # noqa: F811
    overrides = {"paths.corpus": str(corpus), "training.max_steps": 14}
    overrides["training.eval_frequency"] = 4
    if isinstance(kind, Path):
        config = load_config(kind, overrides=overrides)
        make_small(config, tiny_transformer)
        return config
    if kind == "accumulate":
        overrides["training.accumulate_gradient"] = 2
    else:  # an end that is no evaluation
        overrides |= {"training.max_steps": 0, "training.max_epochs": 3, "training.patience": 99}
        overrides["training.optimizer.use_averages"] = True
    config = Config().from_str(CONFIG, overrides=overrides)
    return load_model_from_config(config, auto_fill=True).config


def parameters(folder):
    """The files of what was trained, but for the times in them."""
    found = {
        path.relative_to(folder): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "meta.json"
    }
    metas = {path.name: spacy.util.load_meta(path / "meta.json") for path in folder.iterdir()}
    scores = {
        name: {key: value for key, value in meta["performance"].items() if key != "speed"}
        for name, meta in metas.items()
    }
    return found, scores


@pytest.fixture(params=["accumulate", "averages", *CONFIGS], ids=str)
def settings(request, corpus, tiny_transformer):  # noqa: F811
    return make_config(request.param, corpus, tiny_transformer)


def test_it_trains_what_spacy_trains(settings, tmp_path):
    # spaCy evaluates the last step only where eval_frequency says so.
    settings["training"]["eval_frequency"] = 7 if settings["training"]["max_steps"] else 1
    for name, function in (("ours", train), ("spacys", train_by_spacy)):
        (tmp_path / name).mkdir()
        fingerprint = ["f"] if function is train else []
        table = io.StringIO()
        function(init_nlp(settings.copy()), tmp_path / name, *fingerprint, stdout=table)
        if function is train:
            Checkpoint(tmp_path / name, "f").remove()
    assert parameters(tmp_path / "ours") == parameters(tmp_path / "spacys")


def test_the_last_step_is_evaluated_too(corpus, tiny_transformer, tmp_path):  # noqa: F811
    settings = make_config("accumulate", corpus, tiny_transformer)
    settings["training"]["eval_frequency"] = 100
    (output := tmp_path / "run").mkdir()
    table = io.StringIO()
    train(init_nlp(settings), output, "f", stdout=table)
    rows = [line.split() for line in table.getvalue().splitlines()[2:]]
    assert [row[1] for row in rows] == ["0", "14"]
    assert float(rows[1][-1]) > float(rows[0][-1])
    Checkpoint(output, "f").remove()
    found, scores = parameters(output)
    assert scores["model-best"] == scores["model-last"]
    best = {path.relative_to("model-best") for path in found if path.parts[0] == "model-best"}
    assert best
    for path in best:
        assert found["model-best" / path] == found["model-last" / path]


def test_the_environment_changes_no_config_that_was_read(tmp_path, monkeypatch):
    """A baseline would get back the targets that it is to be without."""
    seen = []
    monkeypatch.setenv("SPACY_CONFIG_OVERRIDES", "--paths.targets targets")
    monkeypatch.setattr(loop, "use_numpys", lambda: None)
    monkeypatch.setattr(loop, "init_nlp", lambda config, use_gpu: seen.append(config))
    monkeypatch.setattr(loop, "train", lambda *args, **settings: None)
    Config({"paths": {"targets": None}}).to_disk(tmp_path / "run.cfg")
    loop.main([str(tmp_path / "run.cfg"), str(tmp_path), "f"])
    assert seen[0]["paths"]["targets"] is None


def test_what_the_last_step_measured_does_not_make_the_training_longer():
    """Where it is interrupted after that, it must not go on."""
    settings = {"eval_frequency": 8, "patience": 10, "max_steps": 0}
    progress = Progress(steps=18)
    measured = [(0.1, 0), (0.5, 8), (0.4, 16)]
    progress.rows = [{"score": score, "step": step} for score, step in measured]
    assert not is_done(settings, progress)
    progress.steps += 1
    assert is_done(settings, progress)
    progress.rows.append({"score": 0.6, "step": 18})
    assert is_done(settings, progress)


def test_a_component_that_only_predicts_with_a_model_is_not_trained():
    nlp = spacy.blank("xx")
    component = nlp.add_pipe("sentencizer")
    component.model = nlp.add_pipe("senter").model
    assert [has_model(pipe) for _, pipe in nlp.pipeline] == [False, True]


def test_interrupted_after_its_last_step_it_saves_the_same_bytes(settings, tmp_path):
    files = []
    for _ in range(2):  # the second time from the state after the last evaluation
        train(init_nlp(settings.copy()), tmp_path, "f", stdout=io.StringIO())
        models = sorted(tmp_path.glob("model-*/*/model"))
        files.append({path: path.read_bytes() for path in models})
    assert files[0] and files[0] == files[1]


def test_what_another_training_has_left_stays_until_there_is_something_in_its_place(
    corpus,  # noqa: F811
    tiny_transformer,
    tmp_path,
    monkeypatch,
):
    settings = make_config("accumulate", corpus, tiny_transformer)
    (output := tmp_path / "run").mkdir()
    train(init_nlp(settings), output, "other", stdout=io.StringIO())
    (output / "model-last" / "theirs").touch()

    def interrupt(*args):
        raise Interruption

    with monkeypatch.context() as context, pytest.raises(Interruption):
        context.setattr(loop, "describe", interrupt)
        train(init_nlp(settings), output, "f", stdout=io.StringIO())
    assert Checkpoint(output, "other").found() and (output / "model-last" / "theirs").exists()
    train(init_nlp(settings), output, "f", stdout=io.StringIO())
    assert Checkpoint(output, "f").found() and len(Checkpoint(output, "f").files()) == 2
    assert not (output / "model-last" / "theirs").exists()


def test_a_full_disk_leaves_the_best_so_far(
    corpus,  # noqa: F811
    tiny_transformer,
    tmp_path,
    monkeypatch,
):
    """Part of a better one was the best when the training was gone on with: what a GPU computes
    again can be less good than before.
    """
    scores = iter([0.5, 0.6, *[0.4] * 9])
    monkeypatch.setattr(
        loop, "create_evaluation_callback", lambda *args: lambda: (next(scores), {"step": 0})
    )
    settings = make_config("accumulate", corpus, tiny_transformer)
    (output := tmp_path / "run").mkdir()
    copies, copytree = count(1), shutil.copytree

    def copy(source, target, *args, **options):
        if Path(source).name == "tagger" and next(copies) == 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        return copytree(source, target, *args, **options)

    with monkeypatch.context() as full:
        full.setattr(shutil, "copytree", copy)
        with pytest.raises(OSError, match="No space"):
            train(init_nlp(settings.copy()), output, "f", stdout=io.StringIO())
    train(init_nlp(settings.copy()), output, "f", stdout=io.StringIO())
    Checkpoint(output, "f").remove()
    assert sorted(path.name for path in output.iterdir()) == ["model-best", "model-last"]
    assert spacy.load(output / "model-best").pipe_names == ["ner", "tagger"]


def test_interrupted_it_ends_as_if_it_had_not_been(settings, tmp_path, monkeypatch):
    tables = {}
    save = Checkpoint.save

    def save_and_stop(self, nlp, optimizer, progress):
        save(self, nlp, optimizer, progress)
        raise Interruption

    for name in ("once", "often"):
        output = tmp_path / name
        output.mkdir()
        for attempt in range(9):
            if name == "often":
                monkeypatch.setattr(Checkpoint, "save", save_and_stop if attempt < 8 else save)
            table = io.StringIO()
            try:
                train(init_nlp(settings.copy()), output, "f", stdout=table)
                break
            except Interruption:
                pass
        tables[name] = table.getvalue()
        Checkpoint(output, "f").remove()
    assert attempt > 1
    assert parameters(tmp_path / "often") == parameters(tmp_path / "once")
    assert tables["often"] == tables["once"]
