"""Kills at random moments of every step of the main job: the next run ends as if nothing had been.

    python -m pytest -m slow tests/test_kills.py

KILLS (default 60) says how many, of which a quarter falls into the step `student`; SEED which.
"""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
import venv
from collections import Counter
from pathlib import Path
from typing import Any, Dict, List, Tuple

import psutil
import pytest
import srsly

from .test_project import QUICK, ROOT, STEPS, write_raw

KILLS = int(os.environ.get("KILLS", 60))
IN_STUDENT = -(-KILLS // 4)
SEED = int(os.environ.get("SEED", 0))
SETTINGS = {**QUICK, "vars.teacher_steps": 20, "vars.student_steps": 30, "vars.eval_frequency": 10}
PATIENCE = 900

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name != "posix", reason="kill -9 and process groups are POSIX"),
]


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment like this one, into which a package may be installed."""
    environment = tmp_path_factory.mktemp("environment")
    venv.create(environment, symlinks=True)
    (site,) = environment.glob("lib/python*/site-packages")
    folders = [path for path in sys.path if path.endswith("site-packages")]
    lines = [f"import site; site.addsitedir({folder!r})\n" for folder in folders]
    (site / "here.pth").write_text("".join(lines), encoding="utf-8")
    return environment / "bin" / "python"


def start(python: Path, project: Path, step: str) -> "subprocess.Popen[str]":
    command = [str(python), "-m", "spacy", "project", "run", step, str(project)]
    command += [word for name, value in SETTINGS.items() for word in (f"--{name}", str(value))]
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        command,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        start_new_session=True,
    )


def run(python: Path, project: Path, step: str) -> Tuple[str, float]:
    """What a run prints that is not killed, and how many seconds it takes."""
    begin = time.monotonic()
    process = start(python, project, step)
    output, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, output
    assert "Traceback" not in output, output
    return output, time.monotonic() - begin


def scores(project: Path) -> Dict[str, Any]:
    """All that the last step measured but times."""
    report = srsly.read_json(project / "metrics" / "evaluation.json")
    for pipeline in report["pipelines"].values():
        for language in [*pipeline["languages"].values(), pipeline["average"]]:
            for name in ("seconds", "words_per_second"):
                language.pop(name, None)
    return report["pipelines"]


def processes_of(project: Path) -> List[psutil.Process]:
    """What still runs for the project, whoever its parent is."""
    found = []
    for process in psutil.process_iter(["cmdline", "cwd"]):
        words = process.info["cmdline"] or []
        here = process.info["cwd"] == str(project) or str(project) in words
        if here and process.status() != psutil.STATUS_ZOMBIE:
            found.append(process)
    return found


def wait_until_alone(project: Path) -> None:
    deadline = time.monotonic() + 30
    while left := processes_of(project):
        # pip belongs to nobody of ours; what it installs it installs to the end.
        assert time.monotonic() < deadline, [process.cmdline() for process in left]
        time.sleep(0.1)


def kill_once(process: "subprocess.Popen[str]", delay: float, choose: random.Random) -> str:
    """Kill the run, or something that it has started, after `delay` seconds."""
    try:
        process.wait(delay)
        return "ended before"
    except subprocess.TimeoutExpired:
        pass
    descendants = psutil.Process(process.pid).children(recursive=True)
    victim = choose.choice(["leader", "descendant"])
    if victim == "descendant" and descendants:
        try:
            choose.choice(descendants).send_signal(signal.SIGKILL)
        except psutil.NoSuchProcess:
            return "ended before"
    else:
        process.send_signal(signal.SIGKILL)
        victim = "leader"
    process.wait(60)
    return victim


def undo(project: Path, step: str, choose: random.Random) -> None:
    """Make the step necessary again, so that there is something to kill."""
    made = {
        "convert": "corpus",
        "teachers": "training/teachers",
        "label": "targets",
        "student": "training/student",
        "package": "packages",
        "evaluate": "metrics/evaluation.json",
    }
    path = project / made.get(step, "project.lock")
    if path.is_dir():
        if choose.random() < 0.5:  # damaged, or gone
            files = sorted(file for file in path.rglob("*") if file.is_file())
            file = choose.choice(files)
            file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
        else:
            shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def leftovers(project: Path) -> List[str]:
    """Hidden files and unfinished things, which a finished run must not leave."""
    names = [path.relative_to(project).as_posix() for path in project.rglob("*")]
    endings = (".partial", ".tmp", ".stale", ".unfinished", ".replaced", ".lock", ".holder")
    return [
        name
        for name in names
        if (name.endswith(endings) or "/." in f"/{name}") and name != "project.lock"
    ]


def test_runs_that_are_killed_end_like_others(python, tmp_path_factory):
    choose = random.Random(SEED)
    project = tmp_path_factory.mktemp("project")
    write_raw(project / "raw")
    shutil.copy(ROOT / "project.yml", project)
    shutil.copytree(ROOT / "configs", project / "configs")
    shutil.copytree(ROOT / "assets", project / "assets")
    seconds = {step: run(python, project, step)[1] for step in STEPS}
    expected = scores(project)

    plan = ["student"] * IN_STUDENT
    plan += [STEPS[(i + SEED) % len(STEPS)] for i in range(KILLS - IN_STUDENT)]
    choose.shuffle(plan)
    counts: Counter[str] = Counter()
    for step in plan:
        undo(project, step, choose)
        victim = "ended before"
        while victim == "ended before":
            process = start(python, project, step)
            victim = kill_once(process, choose.uniform(0.3, seconds[step]), choose)
            process.communicate()
            if victim == "ended before":
                undo(project, step, choose)
        counts[f"{step}: {victim}"] += 1
        wait_until_alone(project)
        run(python, project, "all")
        assert scores(project) == expected, step
        assert leftovers(project) == [], step
        print(f"{sum(counts.values())} of {KILLS}: {step}, {victim}", flush=True)
    wait_until_alone(project)
    print(dict(sorted(counts.items())))
