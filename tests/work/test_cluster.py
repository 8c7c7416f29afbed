import socket
from threading import Thread

import pytest

from spacy_skd.work import cluster
from spacy_skd.work.cluster import (
    Cluster,
    Done,
    File,
    Lacking,
    Line,
    RayTasks,
    Refused,
    check_address,
    versions,
    work,
)
from spacy_skd.work.parcels import Parcel
from spacy_skd.work.tasks import Task


@pytest.mark.parametrize("address", ["nonsense", "ray://127.0.0.1:10001", "host:", "host:x"])
def test_addresses_that_are_none(address):
    with pytest.raises(ValueError, match="HOST:PORT"):
        check_address(address)


@pytest.fixture
def server():
    """A port at which something answers, what it is told to."""
    answers = []
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve():
            connection, _ = listening.accept()
            with connection:
                connection.recv(100)
                connection.sendall(answers[0])

        thread = Thread(target=serve)
        thread.start()
        yield listening.getsockname()[1], answers
        thread.join()


def test_another_server_is_no_cluster(server):
    port, answers = server
    answers.append(b"HTTP/1.0 400 Bad request\r\n\r\n")
    with pytest.raises(ValueError, match="no Ray cluster"):
        check_address(f"127.0.0.1:{port}")


def test_what_speaks_as_ray_does_may_be_one(server):
    port, answers = server
    answers.append(bytes([0, 0, 0, 4, 0, 0, 0, 0, 0]))
    check_address(f"127.0.0.1:{port}")


@pytest.mark.parametrize(
    "cpus, gpus, room", [(1, 0, 6), (2, 0, 2), (3, 0, 1), (0.5, 0, 12), (1, 1, 2), (1, 0.5, 3)]
)
def test_room_is_counted_machine_by_machine(monkeypatch, cpus, gpus, room):
    found = [{"CPU": 3.0, "GPU": 2.0}, {"CPU": 2.0}, {"CPU": 1.0, "memory": 1e9}, {}]
    monkeypatch.setattr(cluster, "machines", lambda: found)
    assert Cluster(cpus, gpus).room() == room


def said_by(task, **changed):
    given = {"contents": None, "theirs": versions(), "threads": 1, **changed}
    return list(work(task, Parcel.of(task.reads), **given))


def test_a_machine_with_other_releases_refuses(tmp_path):
    theirs = {**versions(), "thinc": "7.0"}
    (refused,) = said_by(Task("de", ["this"]), theirs=theirs)
    assert isinstance(refused, Refused) and "thinc" in refused.reason and "7.0" in refused.reason


def test_a_task_says_what_it_prints_and_how_it_ended(tmp_path, monkeypatch):
    """As on another machine, whose files are elsewhere."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "data.txt"
    path.write_text("here")
    task = Task(
        "de",
        ["runpy", "program.py", path, "--end"],
        settings={"paths.data": path},
        reads=[tmp_path / "program.py", path],
        writes=tmp_path / "out",
    )
    (tmp_path / "program.py").write_text(
        "import sys\nfrom pathlib import Path\n"
        "print(open(sys.argv[1]).read(), sys.argv[2:], flush=True)\n"
        "Path('out').mkdir(exist_ok=True)\nPath('out/made').write_text('x')\nsys.exit(4)\n"
    )
    _, line, done = said_by(task)
    assert (line, done) == (Line("here ['--end']"), Done(4, ["made"]))

    parcel = Parcel.of(task.reads)
    contents = {name: name.read_bytes() for name in parcel.files}
    monkeypatch.setattr(cluster, "fetch", bytes)
    path.write_text("changed")
    (tmp_path / "out" / "made").unlink()
    assert list(work(task, parcel, None, versions(), 1)) == [Lacking()]
    _, line, made, done = work(task, parcel, contents, versions(), 1)
    assert line.text.startswith("here ['--end', '--paths.data', '") and done.code == 4
    assert (made.name, made.content, done.names) == ("made", b"x", ["made"])
    assert not (tmp_path / "out" / "made").exists()


def test_what_is_carried_out_again_gets_the_state_that_was_left(tmp_path, monkeypatch):
    folder, data = tmp_path / "run", tmp_path / "data"
    folder.mkdir()
    (folder / "state.1").write_text("1")
    data.write_text("data")
    tasks, seen, lines = RayTasks(Cluster()), [], []

    def dies_once(task, parcel, contents):
        seen.append({path.name for path in parcel.files})
        if len(seen) == 1:
            (folder / "state.1").unlink()
            yield File("state.2", b"2")
            return
        yield Line("there")
        yield Done(3, ["state.2"])

    monkeypatch.setattr(tasks, "_messages", dies_once)
    monkeypatch.setattr(cluster, "INTERVAL", 0)
    task = Task("de", ["train"], reads=[data], writes=folder, state="state")
    assert tasks.carry_out(task, lines.append) == 3
    assert seen == [{"data", "state.1"}, {"data", "state.2"}] and lines == ["there"]
    assert [path.name for path in tmp_path.rglob("*.*")] == ["state.2"]


def test_a_task_that_always_dies_is_given_up(tmp_path, monkeypatch):
    tasks, attempts = RayTasks(Cluster()), []
    monkeypatch.setattr(tasks, "_messages", lambda *given: iter(attempts.append(1) or ()))
    monkeypatch.setattr(cluster, "INTERVAL", 0)
    assert tasks.carry_out(Task("de", ["train"]), print) < 0
    assert len(attempts) == cluster.ATTEMPTS
