import json
import os
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_skd.records import (
    Damaged,
    difference,
    first_difference,
    make_manifest,
    read_record,
    sealed,
    stays_inside,
    unsealed,
    write_record,
)

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)
contents = st.dictionaries(st.text().filter(lambda key: key != "checksum"), json_values, max_size=4)


@given(contents)
def test_what_is_sealed_is_read(content):
    assert unsealed(sealed(content).encode()) == content


@given(contents, st.integers(0, 2**32))
def test_no_altered_byte_is_read_over(content, seed):
    rng = random.Random(seed)
    text = sealed(content).encode()
    i = rng.randrange(len(text))
    altered = text[:i] + bytes([(text[i] + rng.randrange(1, 256)) % 256]) + text[i + 1 :]
    with pytest.raises(Damaged):
        unsealed(altered)


def test_a_digit_beyond_the_precision_of_numbers_counts():
    text = sealed({"score": 0.1257302165031433})
    same = text.replace("0.1257302165031433", "0.12573021650314331")
    assert same != text and json.loads(same) == json.loads(text)
    with pytest.raises(Damaged):
        unsealed(same.encode())


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"n": ' + b"9" * 10_000 + b"}",
        b'{"n": NaN}',
        b'{"n": 1e999}',
        b'{"checksum": 5}',
        b'{"checksum": {"a": []}, "a": "\\ud800"}',
    ],
)
def test_what_was_never_sealed_is_damaged(text):
    with pytest.raises(Damaged):
        unsealed(text)


def test_an_older_content_put_in_without_its_checksum_is_damaged():
    data = json.loads(sealed({"scores": [0.25, 1]}))
    data["scores"][0] = 0.26
    with pytest.raises(Damaged, match="checksum"):
        unsealed(json.dumps(data).encode())


def test_a_record_is_replaced_as_a_whole(tmp_path):
    path = tmp_path / "record.json"
    for content in ({"a": 1}, {"ä": None}):
        write_record(path, content)
        assert read_record(path) == content
    assert os.listdir(tmp_path) == ["record.json"]


def test_manifest_tells_what_differs(tmp_path):
    (tmp_path / "sub").mkdir()
    files = [tmp_path / "one", tmp_path / "sub" / "two"]
    for path in files:
        path.write_text("content")
    manifest = make_manifest(tmp_path, files)
    assert list(manifest) == ["one", "sub/two"]
    assert first_difference(tmp_path, manifest) is None
    files[1].write_text("Content")
    assert first_difference(tmp_path, manifest) == "sub/two has another checksum"
    files[1].write_text("more content")
    assert "12 bytes instead of 7" in first_difference(tmp_path, manifest)
    files[1].unlink()
    assert first_difference(tmp_path, manifest) == "sub/two is missing"
    files[1].mkdir()
    assert first_difference(tmp_path, manifest) == "sub/two is no file"
    files[0].write_text("content" * 2)
    assert first_difference(tmp_path, manifest).startswith("one has 14 bytes")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFO on this system")
def test_a_fifo_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert difference(tmp_path, "pipe", {"bytes": 0, "checksum": ""}) == "is no file"


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "../x", "a/../../x", "/etc/passwd", "//x", "C:\\x", "C:x", "a\\..\\x", "\0"],
)
def test_names_that_lead_out_are_not_opened(tmp_path, name):
    assert not stays_inside(name)
    assert "no name" in difference(tmp_path, name, {"bytes": 0, "checksum": ""})


def test_names_that_stay_inside():
    assert all(map(stays_inside, ("model", "ner/model", ".hidden", "a..b", "vocab/strings.json")))
