"""Damage of any file that a training or a packaging has written is noticed by whoever uses it.

    python -m pytest -m slow tests/test_damaged_runs.py

DAMAGES (default 400) says how many.
"""

import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Dict, List, Tuple

import numpy as np
import pytest
import spacy

from spacy_skd import packaging
from spacy_skd.folders import RUN, MadeFolder
from spacy_skd.packaging import make_package

from .cli.conftest import config, corpus, skd_here  # noqa: F401
from .corruption import corrupt

DAMAGES = int(os.environ.get("DAMAGES", 400))

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


def files_of(folder: Path) -> List[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def contents(folder: Path) -> Dict[Path, bytes]:
    """By name. Spaces around a manifest, which is JSON, mean nothing."""
    return {
        path.relative_to(folder): path.read_bytes().strip()
        if path.name == RUN.manifest
        else path.read_bytes()
        for path in files_of(folder)
    }


def restore(copy: Path, folder: Path) -> None:
    shutil.rmtree(folder)
    shutil.copytree(copy, folder)


def is_noticed(result, folder: Path, intact: Dict[Path, bytes]) -> bool:
    """Whether a command says in one line what is damaged; or needs nothing that is."""
    codes = ["SKD139", "SKD068", "SKD125", "SKD143"]  # without its config or meta it is none
    if result.returncode == 1:
        lines = result.stderr.splitlines()
        assert [line.startswith("Error") for line in lines] == [True], result.stderr
        return any(code in lines[0] for code in codes)
    now = contents(folder)
    damaged = [name for name, content in intact.items() if now.get(name) != content]
    # `label` keeps targets while all that a teacher's scores depend on is the same.
    harmless = ("meta.json", "tokenizer", "strings.json")
    used = [name for name in damaged if name.parts[0] == "model-best"]
    kept = "nothing changed" in result.stdout and all(name.name in harmless for name in used)
    return kept or not used


@pytest.fixture(params=["teacher", "student"])
def trained(request, skd_here, corpus, config) -> Tuple[List[object], Path]:  # noqa: F811
    """The command that trains a teacher or a student for a step, and where it is."""
    if request.param == "teacher":
        command = ["teachers", corpus, "--config", config, "--languages", "de"]
        folder = Path("training", "teachers", "de").absolute()
    else:
        command = ["train", config, "--output", "training/student", "--paths.corpus", corpus]
        folder = Path("training", "student").absolute()
    command += ["--training.max_steps", 1, "--nlp.pipeline", '["ner"]']
    command += ["--components.ner", '{"factory": "crf_ner"}']
    result = skd_here(*command)
    assert result.returncode == 0, result.stderr
    return command, folder


def test_damaged_trainings(trained, skd_here, corpus, tmp_path, monkeypatch):  # noqa: F811
    # What is not refused would be built, which takes half a minute: it ends there without an error.
    monkeypatch.setattr(packaging, "build", lambda *args: sys.exit(0))
    command, folder = trained
    teachers = folder if folder.name == "student" else folder.parent  # of all languages, or of one
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    intact = contents(folder)
    rng = np.random.default_rng(0)
    uses = {
        "label": ("label", corpus, "--languages", "de", "--teachers", teachers),
        "evaluate": ("evaluate", f"{folder}/model-best", "--corpus", corpus),
        "package": ("package", f"{folder}/model-best", "packages", "--name=a", "--version=1"),
    }
    counts: Counter[str] = Counter()
    while sum(counts[use] for use in uses) < DAMAGES:
        what = corrupt(rng, files_of(folder))
        if contents(folder) == intact:
            continue
        use = sorted(uses)[rng.integers(len(uses))]
        if (folder / RUN.manifest).exists():  # else it is a pipeline that nobody vouches for
            assert is_noticed(skd_here(*uses[use]), folder, intact), (what, use)
        if sum(counts[use] for use in uses) % 20 == 0 and (folder / RUN.manifest).exists():
            result = skd_here(*command)  # takes seconds
            if "SKD133" in result.stderr:  # what was added must not be lost
                counts["refused"] += 1
            else:
                assert result.returncode == 0 and "skipped" not in result.stdout, (what, result)
                assert skd_here(*uses["label"]).returncode == 0
                counts["trained again"] += 1
        counts[use] += 1
        restore(copy, folder)
    assert "Nothing changed" in skd_here(*command).stdout
    print(dict(counts))


def test_damaged_packages(tmp_path):
    """pip takes what was built, or nothing."""
    model = MadeFolder(tmp_path / "student", RUN)
    model.unfinished.mkdir()
    spacy.blank("xx").to_disk(model.unfinished / "model-best")
    model.publish({"fingerprint": "", "report": {}})
    output = tmp_path / "packages"
    wheel = make_package(model.path / "model-best", output, "skd", "1.0")
    files = [wheel, output / "requirements.txt"]
    intact = [path.read_bytes() for path in files]
    rng = np.random.default_rng(0)
    refused = 0
    pip = [sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "--dry-run"]
    pip += ["--force-reinstall", "--requirement", str(files[1])]
    for _ in range(DAMAGES // 10):
        what = corrupt(rng, files)
        damaged = [path.read_bytes() if path.is_file() else None for path in files]
        if damaged == intact:
            continue
        result = subprocess.run(pip, capture_output=True, text=True)
        if result.returncode == 0:
            # What is left names what was built, or nothing to install: then the package is missing.
            assert damaged[0] == intact[0], what
        refused += result.returncode != 0
        for path, content in zip(files, intact):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            path.unlink(missing_ok=True)
            path.write_bytes(content)
    assert subprocess.run(pip, capture_output=True).returncode == 0
    print(refused, "of", DAMAGES // 10, "refused by pip")
