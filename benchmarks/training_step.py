"""What soft targets cost a training step: ours with and without them, in turn, in one process.

    python benchmarks/training_step.py corpus targets --config configs/ner_student.cfg

The targets of so many teachers are those of the store, again and again: what a teacher says costs
the same whatever it says.

All rows start from the same parameters and see the same batches. In each round every row takes one
step on the same batch; the figure of a row is the median over rounds of its time divided by that of
plain training in the same round, which cancels what else the machine is doing.
"""

import shutil
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any, Dict, List, Tuple

import typer
from spacy.training.initialize import init_nlp
from spacy.util import fix_random_seed, load_config, registry
from wasabi import table

# Objective, and how many teachers each sentence has.
ROWS: Dict[str, Tuple[Any, int]] = {
    "plain": (None, 0),
    "structural": ("structural", 1),
    "structural, 4 teachers": ("structural", 4),
    "posterior": ("posterior", 1),
    "posterior, 4 teachers": ("posterior", 4),
    "top_wk, k = 50": ("top_wk", 1),
    "top_wk + posterior": ({"top_wk": 1.0, "posterior": 1.0}, 1),
}

COMPARED = ("plain", "structural", "posterior")


def copies(targets: Path, n: int, folder: Path) -> Path:
    """The targets of n teachers who say the same."""
    for i in range(n):
        shutil.copytree(targets, folder / str(n) / str(i), dirs_exist_ok=True)
    return folder / str(n)


def prepare(config: Path, corpus: Path, targets: Path, objective: Any, steps: int) -> Tuple:
    """A pipeline, its optimizer and its batches."""
    overrides = {
        "paths.corpus": str(corpus),
        "paths.targets": None if objective is None else str(targets),
        "distillation.objective": objective or "structural",
        "distillation.k": 50,
        # Teachers and gold side by side at every step, as in most of a run.
        "training.max_steps": 2 * steps,
        "training.before_update": None,
    }
    nlp = init_nlp(load_config(config, overrides, interpolate=True))
    training = registry.resolve(nlp.config["training"], schema=None, validate=False)
    reader = registry.resolve(nlp.config["corpora"], validate=False)["train"]
    reader._epoch = 0  # all rows in the same order
    return nlp, training["optimizer"], list(training["batcher"](reader(nlp)))


def main(
    corpus: Path = typer.Argument(..., help="Converted corpus folder"),
    targets: Path = typer.Argument(..., help="Soft targets of its languages"),
    config: Path = typer.Option(Path("configs/ner_student.cfg"), help="Training config"),
    steps: int = typer.Option(60, help="Rounds; the first five do not count"),
) -> None:
    """Print the time of a step for each objective, as a ratio against plain training."""
    with tempfile.TemporaryDirectory() as folder:
        runs = {
            name: prepare(config, corpus, copies(targets, n, Path(folder)), objective, steps)
            for name, (objective, n) in ROWS.items()
        }
        times = measure(runs, steps)
    counted = {name: row[5:] for name, row in times.items()}
    data = [
        (name, f"{1000 * median(row):.1f}", *(ratio(row, counted[other]) for other in COMPARED))
        for name, row in counted.items()
    ]
    header = ("objective", "ms a step", *(f"ratio to {other}" for other in COMPARED))
    print(table(data, header=header, divider=True))


def measure(runs: Dict[str, Tuple], steps: int) -> Dict[str, List[float]]:
    """The seconds of each step, of all rows in turn."""
    times: Dict[str, List[float]] = {name: [] for name in runs}
    for i in range(steps):
        for name, (nlp, optimizer, batches) in runs.items():
            fix_random_seed(i)
            start = time.perf_counter()
            nlp.update(batches[i % len(batches)], drop=0.1, sgd=optimizer, losses={})
            times[name].append(time.perf_counter() - start)
    return times


def ratio(row: List[float], other: List[float]) -> str:
    return f"{median(a / b for a, b in zip(row, other)):.3f}"


if __name__ == "__main__":
    typer.run(main)
