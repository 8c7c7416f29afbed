"""What soft targets cost a training step: ours with and without them, in turn, in one process.

    python benchmarks/training_step.py --data ../shared/data

All rows start from the same parameters and see the same batches of the student's config. In each
round every row takes one step on the same batch. The targets of so many teachers are those of one,
again and again: what a teacher says costs the same whatever it says.
"""

import shutil
import tempfile
from itertools import cycle
from pathlib import Path
from statistics import median
from typing import Any, Callable, Dict, Tuple
from unittest.mock import patch

import typer
from pipelines import CONFIGS, DATA, made_teacher, prepared, real_corpus
from side_by_side import Claim, Result, Table, in_turn, ratio
from spacy.util import fix_random_seed
from thinc.api import Config

from spacy_skd import optimizer
from spacy_skd.targets.label import label_corpus

# Objective, how many teachers each sentence has, and what a step may cost.
ROWS: Dict[str, Tuple[Any, int, float]] = {
    "plain": (None, 0, 1.0),
    "structural": ("structural", 1, 1.05),
    "posterior": ("posterior", 1, 1.05),
    "emission": ("emission", 1, 1.05),
    "top_wk, k = 50": ("top_wk", 1, 1.05),
    "top_wk + posterior": ({"top_wk": 1.0, "posterior": 1.0}, 1, 1.05),
    "structural, 4 teachers": ("structural", 4, 1.1),
    "posterior, 4 teachers": ("posterior", 4, 1.1),
}
# The same with thinc's Optimizer as it is, one pass after the other over each parameter.
OF_THINC = "plain, updates as thinc has them"
CONFIG = Config().from_disk(CONFIGS / "ner_student.cfg", interpolate=False)


def copies(targets: Path, n: int, folder: Path) -> Path:
    """The targets of n teachers who say the same."""
    for i in range(n):
        shutil.copytree(targets, folder / str(n) / str(i), dirs_exist_ok=True)
    return folder / str(n)


def stepping(corpus: Path, targets: Path, objective: Any, steps: int) -> Callable[[], object]:
    """What takes one training step when it is called, on one batch after the other."""
    overrides = {
        "paths.corpus": str(corpus),
        "paths.targets": None if objective is None else str(targets),
        "distillation.objective": objective or "structural",
        "distillation.k": 50,
        # Teachers and gold side by side at every step, as in most of a run.
        "training.max_steps": 2 * steps,
        "training.before_update": None,
    }
    nlp, sgd, batches = prepared(CONFIG, overrides)
    numbered = cycle(enumerate(batches))

    def step() -> None:
        i, batch = next(numbered)
        fix_random_seed(i)
        nlp.update(batch, drop=0.1, sgd=sgd, losses={})

    return step


def updated_by_thinc(step: Callable[[], object]) -> Callable[[], object]:
    def changed() -> None:
        with patch.object(optimizer, "adam_step", None):
            step()

    return changed


def main(
    data: Path = typer.Option(DATA, help="Folder of real corpora"),
    rounds: int = typer.Option(50, help="Steps of each row; a first one does not count"),
    limit: int = typer.Option(3000, help="Training sentences"),
) -> None:
    """Print the time of a step for each objective, as a ratio against plain training."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        corpus = real_corpus(data, "ner", "en", folder, limit)
        teachers, targets = made_teacher(corpus, "en", folder / "teachers"), folder / "targets"
        label_corpus(corpus, teachers, targets, languages=["en"], splits=["train"])
        calls = {
            name: stepping(corpus, copies(targets, n, folder / "copies"), objective, rounds)
            for name, (objective, n, _) in ROWS.items()
        }
        calls[OF_THINC] = updated_by_thinc(stepping(corpus, targets, None, rounds))
        times = in_turn(calls, rounds, warm_up=False)
    plain = times["plain"]
    result = Result(
        "A training step",
        "The student's config for entities, batches of 1000 words of Universal NER (English), "
        "dropout 0.1; the loss of gold and that of the teachers at every step.",
        [
            Claim(f"{name} / plain", ratio(times[name], plain), at_most=allowed)
            for name, (_, _, allowed) in list(ROWS.items())[1:]
        ]
        + [Claim(f"{OF_THINC} / plain", ratio(times[OF_THINC], plain), 1)],
        [
            Table(
                "Milliseconds of CPU",
                ["", "a step"],
                [[name, f"{1000 * median(row):.1f}"] for name, row in times.items()],
            )
        ],
    )
    result.finish()


if __name__ == "__main__":
    typer.run(main)
