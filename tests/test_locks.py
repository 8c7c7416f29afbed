"""Two processes on one output: one writes, the other says so."""

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest

from spacy_skd import locks
from spacy_skd.errors import SkdError
from spacy_skd.locks import locked

HOLD = """
import sys, time
from pathlib import Path
from spacy_skd.locks import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""
COUNT = """
import sys
from pathlib import Path
from spacy_skd.locks import locked
path = Path(sys.argv[1])
for _ in range(100):
    with locked(path):
        path.write_text(str(int(path.read_text()) + 1))
"""


@contextmanager
def held(target):
    """A process that holds the lock of a path."""
    command = [sys.executable, "-c", HOLD, str(target)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, encoding="utf-8") as process:
        try:
            assert process.stdout.readline() == "held\n"
            yield process
        finally:
            process.kill()


def test_a_held_output_is_refused_with_the_holder(tmp_path, monkeypatch):
    monkeypatch.setattr(locks, "PATIENCE", 0.1)
    with held(tmp_path / "targets") as process:
        with pytest.raises(SkdError, match=rf"SKD130.*targets.*process {process.pid} on "):
            with locked(tmp_path / "targets"):
                pass
        with locked(tmp_path / "other"):
            pass


def test_a_dead_holder_keeps_nothing(tmp_path):
    with held(tmp_path / "targets") as process:
        process.send_signal(getattr(signal, "SIGKILL", signal.SIGTERM))
        start = time.monotonic()
        with locked(tmp_path / "targets"):
            holder = (tmp_path / ".targets.holder").read_text("utf-8")
            assert holder.startswith(f"process {os.getpid()} ")
        assert time.monotonic() - start < locks.PATIENCE
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_left_after_an_error(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        with locked(tmp_path / "deep" / "corpus"):
            raise KeyboardInterrupt
    assert list((tmp_path / "deep").iterdir()) == []


def test_a_link_and_what_it_points_to_are_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr(locks, "PATIENCE", 0.1)
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with locked(tmp_path / "real"), pytest.raises(SkdError, match="SKD130"):
        with locked(tmp_path / "link"):
            pass


def test_no_two_processes_are_ever_inside(tmp_path):
    """The lock file is removed each time, which must not let a second one in."""
    path = tmp_path / "count"
    path.write_text("0")
    command = [sys.executable, "-c", COUNT, str(path)]
    processes = [subprocess.Popen(command, stderr=subprocess.PIPE) for _ in range(3)]
    errors = [process.communicate()[1] for process in processes]
    assert [(process.returncode, error) for process, error in zip(processes, errors)] == [
        (0, b"")
    ] * 3
    assert path.read_text() == "300"
    assert [entry.name for entry in tmp_path.iterdir()] == ["count"]
