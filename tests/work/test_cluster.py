import socket
from threading import Thread

import pytest

from spacy_skd.work import cluster
from spacy_skd.work.cluster import Cluster, check_address


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
