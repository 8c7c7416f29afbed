"""A file comes whole and as it should be, or there is none and one line says why."""

import hashlib
import socket

import pytest

from spacy_skd.errors import SkdError
from spacy_skd.tasks import download as module
from spacy_skd.tasks.download import checksum_of, download

CONTENT = b"a\tO\n" * 50_000
GIT = "git:" + hashlib.sha1(b"blob %d\0" % len(CONTENT) + CONTENT).hexdigest()
SHA256 = "sha256:" + hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def path(server, tmp_path):
    server.files["/a b.tsv"] = CONTENT
    (tmp_path / "there").mkdir()
    return tmp_path / "there" / "train.tsv"


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("checksum", [None, GIT, SHA256])
def test_whole(server, path, checksum, chunked):
    server.chunked = chunked
    download(f"{server.url}/a b.tsv", path, checksum)
    assert path.read_bytes() == CONTENT
    assert [file.name for file in path.parent.iterdir()] == ["train.tsv"]


def test_gits_own_id_of_a_file(tmp_path):
    (tmp_path / "file").write_bytes(b"hello\n")  # as `git hash-object` says
    expected = "git:ce013625030ba8dba906f756967f9e9ca394464a"
    assert checksum_of(tmp_path / "file", "git:") == expected


def closed_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


FAULTS = {
    "404": ("/none", None, "SKD241", "404 Not Found"),
    "cut short": ("/broken/a b.tsv", GIT, "SKD241", "the connection broke"),
    "another file": ("/a b.tsv", "git:" + 40 * "0", "SKD242", "not git:0000"),
}


@pytest.mark.parametrize("before", [None, b"earlier"])
@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("fault", FAULTS)
def test_faults_leave_what_was_there(server, path, fault, chunked, before):
    place, checksum, code, reason = FAULTS[fault]
    server.chunked = chunked
    if before is not None:
        path.write_bytes(before)
    with pytest.raises(SkdError, match=code) as error:
        download(server.url + place, path, checksum)
    assert reason in str(error.value) and "\n" not in str(error.value)
    assert [file.read_bytes() for file in path.parent.iterdir()] == ([before] if before else [])


@pytest.mark.parametrize(
    "url",
    [f"http://127.0.0.1:{closed_port()}/a", "http://nowhere.invalid/a", "http://["],
    ids=["a closed port", "an unknown host", "no address"],  # alike in every process that collects
)
def test_no_network(path, url):
    with pytest.raises(SkdError, match="SKD241") as error:
        download(url, path)
    assert "0x" not in str(error.value) and not list(path.parent.iterdir())


def test_a_server_that_says_nothing(path, monkeypatch):
    monkeypatch.setattr(module, "PATIENCE", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        with pytest.raises(SkdError, match="SKD241.*no answer within 0.2 seconds"):
            download(f"http://127.0.0.1:{silent.getsockname()[1]}/a", path)
    assert not list(path.parent.iterdir())


def test_no_space_left(server, path, limited_files):
    with limited_files(100_000), pytest.raises(OSError):
        download(f"{server.url}/a b.tsv", path)
    assert not list(path.parent.iterdir())
