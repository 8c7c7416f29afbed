"""Bad frames and lists of names are told by file and line."""

import pytest

from frame_files import AssetError, read_assets

from .conftest import write_language


@pytest.mark.parametrize(
    "files, message",
    [
        ({"frames": "Hello .\n{SHIP} calls ."}, r"frames\.txt:2: a slot has nothing .* SHIP\.txt"),
        ({"frames": "{PER calls ."}, r"frames\.txt:1: '{PER' is no slot"),
        ({"frames": "A .\nB .\nA ."}, r"frames\.txt:3: the same as line 1"),
        ({"frames": "\n\n"}, r"frames\.txt is empty"),
        ({"names": "Ada\nBob\nAda"}, r"PER\.txt:3: the same as line 1"),
        ({"frames": "{PER:family} calls ."}, r"PER\.txt holds no name under \[family\]"),
    ],
)
def test_bad_lists(tmp_path, files, message):
    with pytest.raises(AssetError, match=message):
        read_assets(write_language(tmp_path / "en", **files))


def test_an_encoding_that_is_not_utf8(tmp_path):
    folder = write_language(tmp_path / "en")
    (folder / "PER.txt").write_bytes("Ada\nJosé".encode("latin-1"))
    with pytest.raises(AssetError, match=r"PER\.txt:2: not UTF-8"):
        read_assets(folder)


def test_a_missing_file(tmp_path):
    folder = write_language(tmp_path / "en")
    (folder / "frames.txt").unlink()
    with pytest.raises(AssetError, match=r"frames\.txt cannot be read: No such file"):
        read_assets(folder)
