import socket
from threading import Event, Thread

import pytest

from spacy_skd.work import cluster
from spacy_skd.work.cluster import Cluster, check_address, watched


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


def test_a_cluster_whose_last_machine_has_gone_says_that_it_waits(monkeypatch):
    rooms = iter([2, 0, 0, 1, 1, 0])
    said = []
    looked = Event()

    def room(self):
        try:
            return next(rooms)
        except StopIteration:
            looked.set()
            return 0

    monkeypatch.setattr(Cluster, "room", room)
    monkeypatch.setattr(cluster, "show", lambda name, text: said.append(text))
    with watched(Cluster(2, 1), interval=0.001):
        assert looked.wait(10)
    assert [text.split(";")[0] for text in said] == [
        "no machine with 2 CPUs and 1 GPUs is left",
        "there is a machine again",
        "no machine with 2 CPUs and 1 GPUs is left",
    ]
