"""The kernels of the CRF as different compilers and processors get them, in turn in one process.

    python benchmarks/builds.py

The widest vectors that a processor has are chosen when the package is imported. On x86-64 all
compilers get the same intrinsics; on others gcc and clang have vector types, and the rest plain
loops. Needs gcc or clang, and builds the package three times.
"""

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from types import ModuleType
from typing import Any, Callable, Dict, List

import numpy as np
import typer
from crf import CLAIMED, SIZES, make_batch
from side_by_side import Claim, Ratio, Result, Table, figure, in_turn, ratio

from spacy_skd import crf
from spacy_skd.crf.backend import NATIVE

ROOT = Path(__file__).parents[1]
SOURCES = ("spacy_skd", "setup.py", "setup.cfg", "pyproject.toml", "README.md", "LICENSE")
WIDEST, NARROW, PLAIN = "widest vectors", "vectors of two", "plain loops"
COMPARED = ((NARROW, WIDEST), (PLAIN, NARROW))
FLAGS = {
    WIDEST: "",
    NARROW: "-DBASELINE_ONLY",
    PLAIN: "-DNO_INTRINSICS -DNO_VECTOR_TYPES",
}


def build(flags: str, folder: Path) -> Dict[str, ModuleType]:
    """The extensions, compiled with more flags, beside those of this process."""
    source = folder / "source"
    for name in SOURCES:
        if (ROOT / name).is_dir():
            ignored = shutil.ignore_patterns("*.so", "*.c", "__pycache__")
            shutil.copytree(ROOT / name, source / name, ignore=ignored)
        else:
            shutil.copy(ROOT / name, source)
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", str(folder), "."]
    subprocess.run(command, cwd=source, env={**os.environ, "CFLAGS": flags}, check=True)
    (wheel,) = folder.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(folder)
    kernels = folder / "spacy_skd" / "crf"
    modules = {}
    # What rests on another one finds that under its name.
    for name in (
        "decoding", "path_finder", "gap_finder", "lazy_finder", "best_paths",
        "chains", "posterior", "native",
    ):  # fmt: skip
        modules[name] = load(f"spacy_skd.crf.{name}", next(kernels.glob(f"{name}.*.so")))
        sys.modules[modules[name].__name__] = modules[name]
    return modules


def load(name: str, path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def operations(
    build: Dict[str, Any], p: crf.Potentials, tags: np.ndarray
) -> Dict[str, Callable[[], Any]]:
    native, decoding = build["native"], build["decoding"]
    p, weights = p.checked(), np.ones(len(p.lengths))
    tags, log_z = np.ascontiguousarray(tags, dtype=np.int64), native.log_partition(p)
    target = np.ascontiguousarray(crf.marginals(p).unary)
    return {
        "NLL": lambda: native.nll(p, tags, weights),
        "marginals": lambda: native.marginals(p),
        "posterior": lambda: native.posterior_cross_entropy(p, target, weights, 1.0),
        "Viterbi": lambda: decoding.viterbi(p),
        "10-best": lambda: build["best_paths"].kbest(p, 10, log_z),
    }


def main(rounds: int = typer.Option(15, min=2)) -> None:
    """Print ratios, and write them to results/builds.json."""
    if not NATIVE:
        raise SystemExit("The extensions were not built here: there is no C compiler.")
    result = Result(
        "Builds",
        "The same kernels with the widest vectors of this processor, with those of two numbers, "
        "which every x86-64 has, and as plain loops. On x86-64 all is written in intrinsics, so "
        "that a compiler without vector types (MSVC) gets the same code as gcc and clang; what it "
        "makes of that is not measured here. Plain loops are what such a compiler gets on another "
        "processor, whose vectors have two numbers. Random scores, as under CRF operations; of "
        "three sizes of batches the worst is claimed.",
    )
    rows: List[List[str]] = []
    with tempfile.TemporaryDirectory() as temporary:
        builds = {name: build(flags, Path(temporary, name)) for name, flags in FLAGS.items()}
        for n_labels in CLAIMED:
            worst: Dict[str, Ratio] = {}
            for size in SIZES[:3]:
                p, tags = make_batch(n_labels, *size)
                calls = {name: operations(modules, p, tags) for name, modules in builds.items()}
                for what in calls[WIDEST]:
                    times = in_turn({name: calls[name][what] for name in builds}, rounds)
                    ratios = {
                        f"{one} / {other}": ratio(times[one], times[other])
                        for one, other in COMPARED
                    }
                    micro = figure(sorted(times[WIDEST])[rounds // 2] * 1e6)
                    where = f"{what}, L = {n_labels}, {size[0]} x {size[1]}"
                    rows.append([where, micro, *map(str, ratios.values())])
                    for name, found in ratios.items():
                        claim = f"{name}: {what}, L = {n_labels}"
                        if claim not in worst or found.median > worst[claim].median:
                            worst[claim] = found
            for claim, found in worst.items():
                if not claim.startswith(NARROW):
                    result.claims.append(Claim(claim, found, at_most=2.0))
    result.claims.sort(key=lambda claim: claim.what)
    header = ["", f"{WIDEST}, µs", *(f"{one} / {other}" for one, other in COMPARED)]
    result.tables.append(Table("Times", header, rows))
    result.finish()


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    typer.run(main)
