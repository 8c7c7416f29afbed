"""No process outlives the one that started it, however that one ended."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

# A parent that starts a long command, tells the ids of it and of what that started, and waits.
PARENT = """
import sys
from spacy_skd.work.processes import LocalProcesses
LocalProcesses().run([sys.argv[1]], lambda line: print(line, flush=True))
"""
CHILD = """
import os, subprocess, sys, time
inner = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(os.getpid(), inner.pid, flush=True)
time.sleep(600)
"""
# What `spacy project run` does with a step.
STEP = """
import subprocess, sys
code = (
    "import os, time\\n"
    "from spacy_skd.lifeline import end_with_parent\\n"
    "end_with_parent()\\n"
    "print(os.getpid(), flush=True)\\n"
    "time.sleep(600)\\n"
)
subprocess.run([sys.executable, "-c", code])
"""
KILL = getattr(signal, "SIGKILL", signal.SIGTERM)


@pytest.fixture
def start(tmp_path, monkeypatch):
    (tmp_path / "child.py").write_text(CHILD)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    started = []

    def run(code, *arguments):
        command = [sys.executable, "-c", code, *arguments]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, encoding="utf-8")
        started.append(process)
        return process, [int(word) for word in process.stdout.readline().split()]

    yield run
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


def wait_for_end(ids):
    deadline = time.monotonic() + 30
    while any(is_running(number) for number in ids):
        assert time.monotonic() < deadline, ids
        time.sleep(0.05)


def is_running(number):
    try:
        return psutil.Process(number).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_a_killed_parent_takes_all_that_it_started_along(start):
    process, ids = start(PARENT, "child")
    assert len(ids) == 2 and all(map(is_running, ids))
    process.send_signal(KILL)
    wait_for_end(ids if os.name == "posix" else ids[:1])


def test_a_step_of_the_project_ends_with_it(start):
    process, ids = start(STEP)
    assert all(map(is_running, ids))
    process.send_signal(KILL)
    wait_for_end(ids)


@pytest.mark.skipif(os.name != "posix", reason="sessions are POSIX")
def test_a_step_whose_parent_is_gone_already_ends_at_once(tmp_path):
    """Killed while the step still imports spaCy: nobody is left to wait for."""
    code = (
        "import os, time\n"
        "while os.getppid() == int(os.environ['PARENT']): time.sleep(0.01)\n"
        "from spacy_skd.lifeline import end_with_parent\n"
        "end_with_parent()\n"
        "open('lives', 'w').close()\n"
    )
    parent = (
        "import os, subprocess, sys\n"
        "os.environ['PARENT'] = str(os.getpid())\n"
        "print(subprocess.Popen([sys.executable, '-c', sys.argv[1]]).pid, flush=True)\n"
    )
    command = [sys.executable, "-c", parent, code]
    result = subprocess.run(
        command, cwd=tmp_path, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    wait_for_end([int(result.stdout)])
    assert not Path(tmp_path, "lives").exists()


@pytest.mark.skipif(os.name != "posix", reason="sessions are POSIX")
def test_a_command_in_the_background_lives_on(start):
    """`nohup python -m spacy skd teachers ... &`, and the shell ends."""
    code = STEP.replace("end_with_parent()", "None")
    process, ids = start(code)
    process.send_signal(KILL)
    process.wait()
    time.sleep(1)
    assert all(map(is_running, ids))
    for number in ids:
        os.kill(number, KILL)
