"""A pipeline trained with one of our configs can be trained on, in every way of spaCy's."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import spacy
from spacy.cli._util import app
from spacy.language import Language
from spacy.tokens import DocBin
from spacy.training import Example
from spacy.training.initialize import init_nlp
from spacy.util import load_config, load_model_from_config, registry
from typer.testing import CliRunner

from .conftest import SENTENCES, reference_doc
from .test_configs import CONFIGS

MAX_STEPS = 3
ENCODERS = ("TransformerModel.v3", "FrozenEncoder.v1", "FineTunedEncoder.v1")


@dataclass
class Trained:
    config: Path  # as it stands in configs/, with fewer rows of its embeddings
    saved: Path  # the pipeline that `spacy train` made with it
    corpus: Path
    distilled: bool


@pytest.fixture(scope="module", params=CONFIGS, ids=lambda path: path.stem)
def trained(request, tmp_path_factory, tiny_transformer):
    folder = tmp_path_factory.mktemp("trained")
    vocab = spacy.blank("xx").vocab
    # spaCy's `debug data` makes an error of fewer than 100 documents.
    references = [reference_doc(vocab, *sentence) for sentence in 20 * SENTENCES]
    docs = DocBin(docs=references, store_user_data=True)
    for split in ("train", "dev"):
        (folder / "corpus" / "en").mkdir(parents=True, exist_ok=True)
        docs.to_disk(folder / "corpus" / "en" / f"{split}.spacy")
    config = load_config(request.param, interpolate=False)
    make_small(config, tiny_transformer)
    config.to_disk(folder / "config.cfg")
    train(folder / "config.cfg", folder / "corpus", folder / "output", MAX_STEPS)
    distilled = "student" in request.param.stem
    return Trained(
        folder / "config.cfg", folder / "output" / "model-last", folder / "corpus", distilled
    )


def make_small(block, tiny_transformer):
    """Fewer rows for embeddings, and a transformer that need not be downloaded."""
    for key, value in list(block.items()):
        if key == "rows":
            block[key] = [100 for _ in value]
        elif key == "name" and block.get("@architectures", "").endswith(ENCODERS):
            block[key] = str(tiny_transformer())
        elif key == "layers":
            block[key] = [0, 1]
        elif isinstance(value, dict):
            make_small(value, tiny_transformer)


def spacy_command(*words):
    result = CliRunner().invoke(app, [str(word) for word in words])
    assert result.exit_code == 0, (result.output, result.exception)
    return result.output


def train(config, corpus, output, steps, *more):
    paths = ("--paths.corpus", corpus, "--training.max_steps", steps)
    spacy_command("train", config, "--output", output, *paths, *more)


def schedules(nlp: Language, config):
    """What depends on the length of a run: the learning rate, and the weight of distillation."""
    found = [registry.resolve(config["training"])["optimizer"].schedules["learn_rate"]]
    for _, pipe in nlp.pipeline:
        if distillation := getattr(pipe, "distillation", None):
            found.append(distillation.kd_weight.schedule)
    return found


def examples_of(nlp):
    docs = [reference_doc(nlp.vocab, *sentence) for sentence in SENTENCES]
    return [Example(nlp.make_doc(doc.text), doc) for doc in docs]


def params(nlp):
    return [
        node.get_param(name).copy()
        for _, pipe in nlp.pipeline
        if hasattr(pipe, "model")
        for node in pipe.model.walk()
        for name in node.param_names
        if node.has_param(name)
    ]


def moved(nlp, before):
    return any(not np.array_equal(old, new) for old, new in zip(before, params(nlp)))


@pytest.mark.parametrize("steps", [5, 70])
@pytest.mark.parametrize("what", ["config", "saved"])
def test_max_steps_alone_sets_every_schedule(trained, what, steps):
    path = trained.config if what == "config" else trained.saved / "config.cfg"
    overrides = {"training.max_steps": steps, "paths.corpus": str(trained.corpus)}
    nlp = init_nlp(load_config(path, overrides))
    found = schedules(nlp, nlp.config.interpolate())
    assert [schedule.total_steps for schedule in found] == [steps] * len(found)
    assert len(found) == 1 + trained.distilled


def test_a_saved_config_trains_again(trained, tmp_path):
    train(trained.saved / "config.cfg", trained.corpus, tmp_path, 2)
    assert len(spacy.load(tmp_path / "model-last").pipe_names) == len(
        spacy.load(trained.saved).pipe_names
    )


def test_update_without_an_optimizer(trained):
    nlp = spacy.load(trained.saved)
    before = params(nlp)
    losses = nlp.update(examples_of(nlp))
    assert all(np.isfinite(loss) for loss in losses.values()) and moved(nlp, before)


def test_resume_training_and_rehearse(trained):
    nlp = spacy.load(trained.saved)
    optimizer = nlp.resume_training()
    before = params(nlp)
    nlp.update(examples_of(nlp), sgd=optimizer)
    assert moved(nlp, before)
    before = params(nlp)
    assert sum(nlp.rehearse(examples_of(nlp)).values()) > 0
    assert moved(nlp, before)
    assert optimizer.learn_rate > 0


def test_initialize_anew(trained):
    for nlp in (spacy.load(trained.saved), load_model_from_config(load_config(trained.config))):
        optimizer = nlp.initialize(lambda: examples_of(nlp))
        before = params(nlp)
        nlp.update(examples_of(nlp), sgd=optimizer)
        assert moved(nlp, before)


def test_create_optimizer(trained):
    for nlp in (spacy.load(trained.saved), load_model_from_config(load_config(trained.config))):
        optimizer = nlp.create_optimizer()
        settings = nlp.config.interpolate()["training"]["optimizer"]
        assert optimizer.learn_rate == settings["learn_rate"]["initial_rate"]


def test_a_pipeline_that_is_trained_on_can_be_saved(trained, tmp_path):
    nlp = spacy.load(trained.saved)
    nlp.update(examples_of(nlp), sgd=nlp.resume_training())
    nlp.to_disk(tmp_path / "more")
    again = spacy.load(tmp_path / "more")
    text = " ".join(SENTENCES[0][0])
    assert again(text).to_bytes() == nlp(text).to_bytes()
    again.update(examples_of(again))


def test_its_component_in_another_pipeline(trained, tmp_path):
    """Saved, it has no variable of the config that it came from."""
    source = spacy.load(trained.saved)
    nlp = spacy.blank("xx")
    for name in source.pipe_names:
        nlp.add_pipe(name, source=source)
    nlp.to_disk(tmp_path / "other")
    other = spacy.load(tmp_path / "other")
    other.update(examples_of(other), sgd=other.resume_training())


def test_debug_data(trained):
    for config in (trained.config, trained.saved / "config.cfg"):
        output = spacy_command("debug", "data", config, "--paths.corpus", trained.corpus)
        assert "Pipeline can be initialized with data" in output
        # What docs/in-an-app.md says of it.
        for section in ("Named Entity Recognition", "Part-of-speech Tagging"):
            assert section not in output


def test_spacys_evaluate_scores_and_has_no_pages(trained, tmp_path):
    output = spacy_command(
        *("evaluate", trained.saved, trained.corpus / "en" / "dev.spacy"),
        *("--displacy-path", tmp_path),
    )
    assert "NER F" in output or "POS" in output or "TAG" in output
    assert not list(tmp_path.glob("entities.html"))


def test_debug_model(trained):
    for config in (trained.config, trained.saved / "config.cfg"):
        name = load_config(config)["nlp"]["pipeline"][-1]
        output = spacy_command(
            *("debug", "model", config, name, "-P0", "-P1", "-P2", "-P3"),
            *("--paths.corpus", trained.corpus),
        )
        assert "Successfully ended analysis" in output
