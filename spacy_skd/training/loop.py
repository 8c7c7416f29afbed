"""The training of `spacy train`, from the same parts, which goes on where it was interrupted.

    python -m spacy_skd.training.loop CONFIG OUTPUT FINGERPRINT [--code FILE] [--gpu-id N]
        [--SETTING VALUE ...]

is one training in a process of its own; `execution.py` starts it.
"""

import shutil
import sys
from argparse import ArgumentParser
from pathlib import Path
from timeit import default_timer
from typing import IO, Any, Callable, Dict, Iterator, List, Tuple

from spacy import registry
from spacy.cli._util import (
    import_code,
    parse_config_overrides,
    setup_gpu,
    show_validation_error,
)
from spacy.language import Language
from spacy.schemas import ConfigSchemaTraining
from spacy.training import Example
from spacy.training.initialize import init_nlp
from spacy.training.loop import (
    create_before_to_disk_callback,
    create_evaluation_callback,
    create_train_batches,
    subdivide_batch,
    update_meta,
)
from spacy.util import fix_random_seed, load_config, resolve_dot_names
from thinc.api import Model, Optimizer, constant, set_dropout_rate, set_gpu_allocator
from wasabi import msg

from ..memory import peak_memory
from ..products import use_numpys
from .checkpoints import Checkpoint, Progress, python_random, set_python_random
from .logger import kd_weight
from .runs import BEST, LAST, MEMORY

Settings = Dict[str, Any]


def train(
    nlp: Language,
    output: Path,
    fingerprint: str,
    *,
    gpu_id: int = -1,
    stdout: IO[str] = sys.stdout,
    stderr: IO[str] = sys.stderr,
) -> None:
    """Train an initialized pipeline as `spacy.training.loop.train` does, to the same parameters.

    Besides each `eval_frequency` steps it evaluates after the last one, so that model-best is never
    worse than model-last, least of all an untrained one. At each evaluation the state of the
    training is saved beside model-best and model-last. If a training of the same fingerprint left
    one in `output`, it goes on from there, and ends with the parameters, byte by byte, and with the
    table of one that was never interrupted. For that, on a GPU the noise of dropout is another than
    spaCy's after each evaluation: the state of cupy's generator cannot be saved.

    fingerprint (str): Changes with all that the training is made from.
    """
    settings, train_corpus, dev_corpus = resolve(nlp, gpu_id)
    optimizer: Optimizer = settings["optimizer"]
    steps = Steps(nlp, settings, optimizer, train_corpus)
    evaluate = create_evaluation_callback(nlp, dev_corpus, settings["score_weights"])
    checkpoint = Checkpoint(output, fingerprint)
    progress = checkpoint.load(nlp, optimizer, steps.skip) or Progress()
    with nlp.select_pipes(disable=settings["frozen_components"]):
        log, finalize = settings["logger"](nlp, stdout, stderr)

    def measure() -> None:
        with nlp.use_params(optimizer.averages):
            score, scores = evaluate()
        progress.seconds = default_timer() - begin
        row = progress.add_row(score, scores, kd_weight(nlp))
        describe(nlp, settings, row)
        if len(progress.rows) == 1:
            remove_others(checkpoint)
        save(nlp, settings, output, is_best=score == max(progress.results)[0])
        log({**row, "output_path": str(output / LAST)})
        checkpoint.save(nlp, optimizer, progress)

    try:
        for row in progress.rows:
            log(row)
            describe(nlp, settings, row)
        begin = default_timer() - progress.seconds
        while not is_done(settings, progress) and steps.update(progress):
            if (progress.steps - 1) % settings["eval_frequency"]:
                log(None)
            else:
                measure()
        if not is_measured(progress):
            measure()
    finally:
        finalize()


def resolve(nlp: Language, gpu_id: int) -> Tuple[Settings, Callable, Callable]:
    """The objects of [training], and the readers that it names."""
    config = nlp.config.interpolate()
    if config["training"]["seed"] is not None:
        fix_random_seed(config["training"]["seed"])
    if gpu_id >= 0 and config["training"]["gpu_allocator"]:
        set_gpu_allocator(config["training"]["gpu_allocator"])
    settings = registry.resolve(config["training"], schema=ConfigSchemaTraining)
    names = [settings["train_corpus"], settings["dev_corpus"]]
    return (settings, *resolve_dot_names(config, names))


class Steps:
    """The steps of a training, one batch each."""

    def __init__(
        self, nlp: Language, settings: Settings, optimizer: Optimizer, corpus: Callable
    ) -> None:
        self.nlp = nlp
        self.settings = settings
        self.optimizer = optimizer
        batches = create_train_batches(nlp, corpus, settings["batcher"], settings["max_epochs"])
        self.batches: Iterator[Tuple[int, List[Example]]] = iter(batches)
        dropout = settings["dropout"]
        self.dropouts = constant(dropout) if isinstance(dropout, float) else iter(dropout)

    def skip(self, progress: Progress) -> None:
        """Come to where a training is after its steps, but for what it has learned."""
        shuffles = dict(progress.shuffles)
        for step in range(progress.steps):
            if step in shuffles:
                set_python_random(shuffles[step])
            next(self.batches)
            dropout = next(self.dropouts)
            self.optimizer.step_schedules()
        if progress.steps:
            # It is saved with a model, also where no step is left that would set it.
            for name, component in self.nlp.pipeline:
                if name not in self.settings["frozen_components"] and has_model(component):
                    set_dropout_rate(component.model, dropout)  # type: ignore[attr-defined]

    def update(self, progress: Progress) -> bool:
        """Learn from one batch, if there is another; returns whether there was."""
        before = python_random()
        epoch, batch = next(self.batches, (0, None))
        if batch is None:
            return False
        if epoch > progress.epoch or not progress.steps:
            progress.shuffles.append((progress.steps, before))
        if self.settings["before_update"]:
            self.settings["before_update"](self.nlp, {"step": progress.steps, "epoch": epoch})
        frozen = self.settings["frozen_components"]
        dropout = next(self.dropouts)
        for part in subdivide_batch(batch, self.settings["accumulate_gradient"]):
            self.nlp.update(
                part,
                drop=dropout,
                losses=progress.losses,
                sgd=False,
                exclude=frozen,
                annotates=self.settings["annotating_components"],
            )
        for name, component in self.nlp.pipeline:
            if name not in frozen and has_model(component):
                component.finish_update(self.optimizer)  # type: ignore[attr-defined]
        self.optimizer.step_schedules()
        progress.epoch = epoch
        progress.steps += 1
        progress.words += sum(len(example) for example in batch)
        return True


def has_model(component: Any) -> bool:
    """Whether a component has one that is trained: another may hold one to predict with."""
    is_trained = getattr(component, "is_trainable", False)
    return is_trained and isinstance(getattr(component, "model", None), Model)


def is_done(settings: Settings, progress: Progress) -> bool:
    """As `spacy train` stops: after `max_steps`, or `patience` steps without a better score. What
    was measured after the last step, which is not for `eval_frequency`, begins no new patience.
    """
    step = progress.steps - 1
    if step < 0:
        return False
    frequency = settings["eval_frequency"]
    _, negative = max((score, -at) for score, at in progress.results if not at % frequency)
    too_long = settings["patience"] and step + negative >= settings["patience"]
    return bool(too_long or (settings["max_steps"] and step >= settings["max_steps"]))


def is_measured(progress: Progress) -> bool:
    """Whether the last step was evaluated."""
    _, step = progress.results[-1]
    return step == progress.steps - 1


def describe(nlp: Language, settings: Settings, row: Dict[str, Any]) -> None:
    """Put what an evaluation measured into the pipeline's meta.json."""
    with nlp.select_pipes(disable=settings["frozen_components"]):
        update_meta(settings, nlp, row)


def remove_others(checkpoint: Checkpoint) -> None:
    """Remove what a training of other settings or data has left in the folder, which could be gone
    on with: not before this one has come so far that it has something to put there.
    """
    checkpoint.remove()  # first: without its pipelines no state is of use
    for name in (BEST, LAST):
        shutil.rmtree(checkpoint.folder / name, ignore_errors=True)


def save(nlp: Language, settings: Settings, output: Path, *, is_best: bool) -> None:
    """Write model-last, and model-best if it is."""
    before_to_disk = create_before_to_disk_callback(settings["before_to_disk"])
    with nlp.use_params(settings["optimizer"].averages):
        before_to_disk(nlp).to_disk(output / LAST)
    # Beside the best so far: what is carried out again after a failure may be less good than that.
    unfinished = output / f".{BEST}.unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    if is_best:
        shutil.copytree(output / LAST, unfinished)
        shutil.rmtree(output / BEST, ignore_errors=True)
        unfinished.rename(output / BEST)


def main(arguments: List[str]) -> None:
    parser = ArgumentParser("spacy_skd.training.loop")
    parser.add_argument("config", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("fingerprint")
    parser.add_argument("--code", type=Path)
    parser.add_argument("--gpu-id", type=int, default=-1)
    given, settings = parser.parse_known_args(arguments)
    import_code(given.code)
    setup_gpu(given.gpu_id)
    use_numpys()
    # Without the environment's: the config that was read has them, as far as the run wants them.
    overrides = parse_config_overrides(settings, env_var=None)
    with show_validation_error(given.config):
        config = load_config(given.config, overrides, interpolate=False)
    with show_validation_error(given.config, hint_fill=False):
        nlp = init_nlp(config, use_gpu=given.gpu_id)
    msg.good("Initialized pipeline")
    train(nlp, given.output, given.fingerprint, gpu_id=given.gpu_id)
    (given.output / MEMORY).write_text(str(peak_memory()), encoding="ascii")


if __name__ == "__main__":
    main(sys.argv[1:])
