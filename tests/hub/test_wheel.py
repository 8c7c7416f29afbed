"""Which file is the wheel, and what is in it; what is none is refused."""

import zipfile

import pytest
import spacy

from spacy_skd.errors import SkdError
from spacy_skd.hub.wheel import find_wheel, read_wheel

from .wheels import make_wheel


def test_a_wheel_gets_the_name_that_its_content_has(tmp_path):
    wheel = read_wheel(make_wheel(tmp_path, name="xx_skd-any-py3-none-any.whl"))
    assert (wheel.package, wheel.version) == ("xx_skd", "1.0")
    assert wheel.name == "xx_skd-1.0-py3-none-any.whl"


def test_what_is_unpacked_is_a_pipeline(tmp_path):
    wheel = read_wheel(make_wheel(tmp_path))
    wheel.unpack(tmp_path / "unpacked")
    assert spacy.load(tmp_path / "unpacked").get_pipe("ner").labels == ("LOC", "PER")


def test_folders_of_packages(tmp_path):
    (tmp_path / "packages" / "xx_skd-1.0" / "dist").mkdir(parents=True)
    wheel = make_wheel(tmp_path).rename(
        tmp_path / "packages" / "xx_skd-1.0" / "dist" / "xx_skd-1.0-py3-none-any.whl"
    )
    line = f"{wheel.as_uri()} --hash=sha256:00\n"
    (tmp_path / "packages" / "requirements.txt").write_text(line)
    for folder in (wheel, wheel.parent, wheel.parents[1], tmp_path / "packages"):
        assert find_wheel(folder) == wheel
    wheel.with_name("xx_skd-2.0-py3-none-any.whl").touch()
    with pytest.raises(SkdError, match="several"):
        find_wheel(wheel.parents[1])
    for folder, reason in (("nowhere", "not exist"), ("pipeline", "itself"), (".", "none in it")):
        with pytest.raises(SkdError, match=f"SKD260.*{reason}"):
            find_wheel(tmp_path / folder)


def rewritten(path, change):
    """The wheel with other files in it: {name: content}."""
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in change(files).items():
            archive.writestr(name, content)
    return path


META = "xx_skd/xx_skd-1.0/meta.json"


@pytest.mark.parametrize(
    "change",
    [
        lambda files: {},
        lambda files: {**files, "../x": b""},
        lambda files: {**files, META: b"{"},
        lambda files: {**files, META: b"[]"},
        lambda files: {**files, META: b'{"lang": "xx", "name": "skd", "version": 1}'},
        lambda files: {**files, "xx_skd/xx_skd-1.0/config.cfg": b"[nlp\n"},
        lambda files: {**files, "xx_skd-1.0.dist-info/WHEEL": b""},
        lambda files: {**files, "xx_skd-1.0.dist-info/METADATA": b"Name: xx_skd\nVersion: x\n"},
        lambda files: {**files, "xx_skd-1.0.dist-info/METADATA": b"\xff\xff"},
        lambda files: {n: c for n, c in files.items() if not n.endswith("config.cfg")},
    ],
)
def test_what_is_no_wheel_of_a_pipeline(tmp_path, change):
    with pytest.raises(SkdError, match="SKD260"):
        read_wheel(rewritten(make_wheel(tmp_path), change))


def test_a_damaged_wheel(tmp_path):
    wheel = make_wheel(tmp_path)
    content = bytearray(wheel.read_bytes())
    content[len(content) // 2] ^= 1
    wheel.write_bytes(content)
    with pytest.raises(SkdError, match="SKD260"):
        read_wheel(wheel)
    wheel.write_bytes(b"PK")
    with pytest.raises(SkdError, match="SKD260"):
        read_wheel(wheel)
