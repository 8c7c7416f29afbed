import numpy as np
import pyarrow as pa
import pytest

from spacy_skd.errors import SkdError
from spacy_skd.records import open_plain
from spacy_skd.targets.meta import ShardEntry
from spacy_skd.targets.shard import Buffer, OpenFiles, Row, Shard, file_xxh3

from .samples import TAGS, numbered_docs, scores_of

NAME = "shard-00000.arrow"
N_TAGS = len(TAGS)


@pytest.fixture
def entry(tmp_path):
    buffer = Buffer()
    for doc in numbered_docs(6):
        buffer.add(Row.of(doc), scores_of(doc))
    return buffer.write(tmp_path, NAME, "float16")


def entry_of(path, **changes):
    """An entry with the right size and checksum, as someone could make who means harm."""
    with open_plain(path) as file:
        checksum = file_xxh3(file)
    entry = {"file": NAME, "sentences": 2, "tokens": 3, "dtype": "float16"}
    return ShardEntry(**{**entry, "bytes": path.stat().st_size, "checksum": checksum, **changes})


def write_columns(path, batches=1, **changes):
    columns = {
        "fingerprint": pa.array([1, 2], pa.uint64()),
        "text_fingerprint": pa.array([1, 2], pa.uint64()),
        "n_tokens": pa.array([1, 2], pa.int32()),
        "emissions": emissions([0, N_TAGS, 3 * N_TAGS]),
        **changes,
    }
    batch = pa.record_batch(
        {name: column for name, column in columns.items() if column is not None}
    )
    with path.open("wb") as file, pa.ipc.new_stream(file, batch.schema) as stream:
        for _ in range(batches):
            stream.write_batch(batch)


def emissions(offsets, dtype=np.float16):
    values = pa.array(np.zeros(3 * N_TAGS, dtype=dtype))
    buffers = [None, pa.array(offsets, pa.int32()).buffers()[1]]  # as they are, checked by nobody
    return pa.Array.from_buffers(pa.list_(values.type), 2, buffers, children=[values])


def test_rows_are_read_as_they_were_written(tmp_path, entry):
    shard = Shard(tmp_path, entry, N_TAGS, OpenFiles())
    for row, doc in enumerate(numbered_docs(6)):
        scores = shard.emissions(row)
        assert scores.dtype == np.float16 and not scores.flags.writeable
        np.testing.assert_array_equal(scores, scores_of(doc).astype(np.float16))
    assert [path.name for path in tmp_path.iterdir()] == [NAME]


def test_right_columns_are_read(tmp_path):
    write_columns(tmp_path / NAME)
    shard = Shard(tmp_path, entry_of(tmp_path / NAME), N_TAGS, OpenFiles())
    assert shard.emissions(1).shape == (2, N_TAGS)
    assert shard.fingerprints.tolist() == shard.text_fingerprints().tolist() == [1, 2]


COLUMNS = {
    "none of them": dict(fingerprint=None),
    "another number of tokens": dict(n_tokens=pa.array([2, 1], pa.int32())),
    "tokens below 0": dict(n_tokens=pa.array([-1, 4], pa.int32())),
    "a sentence without tokens": dict(n_tokens=pa.array([0, 3], pa.int32())),
    "tokens unknown": dict(n_tokens=pa.array([1, None], pa.int32())),
    "fingerprints of another type": dict(fingerprint=pa.array([1, 2], pa.int64())),
    "fingerprints as text": dict(fingerprint=pa.array(["1", "2"])),
    "scores of another type": dict(emissions=emissions([0, N_TAGS, 3 * N_TAGS], np.float32)),
    "scores without lists": dict(emissions=pa.array(np.zeros(2, dtype=np.float16))),
    "offsets that go back": dict(emissions=emissions([0, 3 * N_TAGS, N_TAGS])),
    "offsets that begin late": dict(emissions=emissions([1, N_TAGS, 3 * N_TAGS])),
    "scores that belong to no sentence": dict(emissions=emissions([0, N_TAGS, 2 * N_TAGS])),
}


@pytest.mark.parametrize("columns", COLUMNS.values(), ids=COLUMNS)
def test_a_right_checksum_is_not_enough(tmp_path, columns):
    write_columns(tmp_path / NAME, **columns)
    with pytest.raises(SkdError, match="SKD064.*does not hold what meta.json says"):
        Shard(tmp_path, entry_of(tmp_path / NAME), N_TAGS, OpenFiles())


@pytest.mark.parametrize("offsets", [(0, 5, 20), (-5, 5, 15), (0, 2**31 - 1, 15)])
def test_offsets_that_lead_out_of_the_scores(tmp_path, offsets):
    """Arrow would not write them."""
    path = tmp_path / NAME
    write_columns(path)
    before, after = (np.array(n, dtype=np.int32).tobytes() for n in ((0, 5, 15), offsets))
    assert path.read_bytes().count(before) == 1
    path.write_bytes(path.read_bytes().replace(before, after))
    with pytest.raises(SkdError, match="SKD064"):
        Shard(tmp_path, entry_of(path), N_TAGS, OpenFiles())


@pytest.mark.parametrize(
    "changes", [{"sentences": 3}, {"tokens": 4}, {"dtype": "float32"}], ids=lambda c: next(iter(c))
)
def test_an_entry_of_another_shard(tmp_path, changes):
    write_columns(tmp_path / NAME)
    with pytest.raises(SkdError, match="SKD064"):
        Shard(tmp_path, entry_of(tmp_path / NAME, **changes), N_TAGS, OpenFiles())


@pytest.mark.parametrize("content", [b"", b"ARROW1\0\0", b"\xff" * 64, bytes(4096)])
def test_what_is_no_arrow_file(tmp_path, content):
    (tmp_path / NAME).write_bytes(content)
    with pytest.raises(SkdError, match="SKD064"):
        Shard(tmp_path, entry_of(tmp_path / NAME), N_TAGS, OpenFiles())


def test_a_stream_without_rows(tmp_path):
    write_columns(tmp_path / NAME, batches=0)
    with pytest.raises(SkdError, match="SKD064"):
        Shard(tmp_path, entry_of(tmp_path / NAME), N_TAGS, OpenFiles())


def test_nothing_is_parsed_before_its_checksum_is_right(tmp_path, entry, monkeypatch):
    path = tmp_path / NAME
    data = path.read_bytes()
    monkeypatch.setattr(pa.ipc, "open_stream", lambda source: pytest.fail("parsed"))
    for damaged in (data[:-1], data + b"\0", data[:-1] + b"\1", b""):
        path.write_bytes(damaged)
        with pytest.raises(SkdError, match="SKD064"):
            Shard(tmp_path, entry, N_TAGS, OpenFiles())


def test_links_are_not_followed(tmp_path, entry):
    path = tmp_path / NAME
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SkdError, match="SKD064.*symbolic link"):
        Shard(tmp_path, entry, N_TAGS, OpenFiles())


def test_an_open_file_stays_what_it_was(tmp_path, entry):
    """A store may be replaced while a training reads it: it goes on with what it has opened."""
    shard = Shard(tmp_path, entry, N_TAGS, OpenFiles())
    before = shard.emissions(3).copy()
    (tmp_path / NAME).unlink()
    write_columns(tmp_path / NAME)
    np.testing.assert_array_equal(shard.emissions(3), before)


def test_files_are_closed_with_what_was_opened(tmp_path, entry):
    files = OpenFiles()
    file = files.get(Shard(tmp_path, entry, N_TAGS, files))
    assert not file.closed
    del files
    assert file.closed


def test_more_shards_than_files_may_be_open(tmp_path, entry):
    """Files are opened again in turn, and must still be the same."""
    files = OpenFiles(2)
    shards = []
    for i in range(5):
        folder = tmp_path / str(i)
        folder.mkdir()
        (folder / NAME).write_bytes((tmp_path / NAME).read_bytes())
        shards.append(Shard(folder, entry, N_TAGS, files))
    for _ in range(2):
        for shard in shards:
            expected = scores_of(numbered_docs(3)[2]).astype(np.float16)
            np.testing.assert_array_equal(shard.emissions(2), expected)
    (tmp_path / "0" / NAME).unlink()
    with pytest.raises(SkdError, match="SKD182.*0/shard-00000.arrow"):
        shards[0].emissions(2)
    write_columns(tmp_path / "0" / NAME)
    with pytest.raises(SkdError, match="SKD182"):
        shards[0].emissions(2)


def test_a_file_that_is_cut_short_while_it_is_read(tmp_path, entry):
    """Through a memory map the process would be killed by SIGBUS."""
    shard = Shard(tmp_path, entry, N_TAGS, OpenFiles())
    with (tmp_path / NAME).open("r+b") as file:
        file.truncate(100)
    with pytest.raises(SkdError, match="SKD182"):
        shard.emissions(5)
