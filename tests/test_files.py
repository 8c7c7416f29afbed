import os
from pathlib import Path

import pytest

from spacy_skd.errors import SkdError
from spacy_skd.files import check_writable, write_text
from spacy_skd.records import write_record


def test_replaced_as_a_whole(tmp_path):
    path = tmp_path / "deep" / "file.json"
    for text in ("1", "2"):
        write_text(path, text)
        assert path.read_text("utf-8") == text
    assert [entry.name for entry in path.parent.iterdir()] == ["file.json"]


def test_what_cannot_be_written_is_known_before(tmp_path):
    check_writable(tmp_path / "new" / "deep" / "file.json")
    (tmp_path / "file").touch()
    check_writable(tmp_path / "file")
    (tmp_path / "link").symlink_to("nowhere")
    for name in (".", "file/below", "link"):
        with pytest.raises(SkdError, match="SKD140"):
            check_writable(tmp_path / name)
    with pytest.raises(OSError):
        check_writable(tmp_path / ("x" * 300))
    assert sorted(os.listdir(tmp_path)) == ["file", "link"]


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
def test_read_only_folders(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(SkdError, match="SKD140.*read-only"):
        check_writable(tmp_path / "file.json")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a full device is Linux's")
@pytest.mark.parametrize(
    "write, old, new", [(write_text, "old", "new"), (write_record, {"a": "old"}, {"a": "new"})]
)
def test_nothing_is_left_where_the_disk_is_full(tmp_path, monkeypatch, write, old, new):
    path = tmp_path / "scores.json"
    write(path, old)
    before = path.read_bytes()

    def write_to_full(self, text, **kwargs):
        self.touch()
        with open("/dev/full", "w", encoding="utf-8") as full:
            full.write(text)

    monkeypatch.setattr(Path, "write_text", write_to_full)
    with pytest.raises(OSError, match="No space left"):
        write(path, new)
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]
