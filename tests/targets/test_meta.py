import json

import numpy as np
import pytest

from spacy_skd.errors import SkdError
from spacy_skd.records import sealed
from spacy_skd.targets import open_targets
from spacy_skd.targets.meta import Chain, Meta, read_meta, write_meta

from .samples import TAGS, make_plan, make_teacher


@pytest.fixture
def path(targets):
    return targets / "de" / "meta.json"


def test_meta_describes_plan_teacher_and_shards(path):
    meta = read_meta(path)
    assert meta.plan == make_plan()
    teacher, original = meta.teacher.to_teacher(), make_teacher()
    assert (teacher.tags, teacher.scheme) == (TAGS, "BILOU")
    for name in ("transitions", "start", "end"):
        np.testing.assert_array_equal(getattr(teacher, name), getattr(original, name))
    assert [shard.sentences for shard in meta.shards] == [4, 4, 2]
    for shard in meta.shards:
        assert (path.parent / shard.file).stat().st_size == shard.bytes
    assert {file.name for file in path.parent.iterdir()} == {
        "meta.json",
        *(shard.file for shard in meta.shards),
    }


def test_every_digit_counts(path):
    """A score of the teacher's chain that has changed is noticed, and so is everything else."""
    text = path.read_text()
    digits = [i for i, character in enumerate(text) if character.isdigit()]
    for i in digits[:: max(1, len(digits) // 300)]:
        path.write_text(text[:i] + str((int(text[i]) + 1) % 10) + text[i + 1 :])
        with pytest.raises(SkdError, match=r"SKD06[57]"):
            read_meta(path)


@pytest.mark.parametrize(
    "text",
    [b"", b"{", b"[]", b"\xff\xfe{}", b"[" * 100_000, b'{"a":' * 100_000, b"9" * 10_000, b"NaN"],
)
def test_what_is_no_record_is_one_line(path, text):
    path.write_bytes(text)
    with pytest.raises(SkdError, match="SKD065.*meta.json"):
        open_targets(path.parent.parent)


def without(meta, *keys):
    for key in keys[:-1]:
        meta = meta[key]
    del meta[keys[-1]]


def put(value, *keys):
    def change(meta):
        for key in keys[:-1]:
            meta = meta[key]
        meta[keys[-1]] = value

    return change


CHANGES = {
    **{
        f"no {'.'.join(map(str, keys))}": lambda meta, keys=keys: without(meta, *keys)
        for keys in [
            ("plan",),
            ("teacher",),
            ("shards",),
            ("plan", "lang"),
            ("plan", "teacher", "files"),
            ("teacher", "tags"),
            ("teacher", "end"),
            ("teacher", "end", 0),
            ("shards", 0, "checksum"),
        ]
    },
    "plan of another type": put([], "plan"),
    "language of another type": put(5, "plan", "lang"),
    "no tags": put([], "teacher", "tags"),
    "tags twice": put(["O", "O", "I-PER", "L-PER", "U-PER"], "teacher", "tags"),
    "tags of another type": put([1, 2, 3, 4, 5], "teacher", "tags"),
    "an unknown scheme": put("BIO", "teacher", "scheme"),
    "a ragged matrix": put([0.0], "teacher", "transitions", 2),
    "a score that is text": put("0", "teacher", "start", 0),
    "a score that is true": put(True, "teacher", "start", 0),
    "a score too large for float32": put(1e300, "teacher", "start", 0),
    "a huge number of sentences": put(10**400, "shards", 0, "sentences"),
    "sentences below 0": put(-4, "shards", 0, "sentences"),
    "sentences that are text": put("4", "shards", 0, "sentences"),
    "a shard twice": lambda meta: meta["shards"].append(meta["shards"][0]),
    "a shard in another folder": put("../nl/shard-00000.arrow", "shards", 0, "file"),
    "a shard by its absolute path": put("/etc/passwd", "shards", 0, "file"),
    "another file as a shard": put("meta.json", "shards", 0, "file"),
    "a shard with a line end": put("shard-00000.arrow\n", "shards", 0, "file"),
    "a type of numbers that there is not": put("float64", "shards", 0, "dtype"),
    "an absolute path to the teacher": put("/", "plan", "teacher", "path"),
    "a path with NUL": put("a\0b", "plan", "teacher", "path"),
    "a file outside of the teacher": put(
        {"../../etc/passwd": {"bytes": 1, "checksum": "0" * 64}}, "plan", "teacher", "files"
    ),
    "something that nobody knows": put(1, "extra\x1b[31m"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_crafted_content_with_a_right_checksum_is_one_line(path, change):
    content = json.loads(path.read_text())
    del content["checksum"]
    change(content)
    path.write_text(sealed(content))
    with pytest.raises(SkdError, match="SKD065.*meta.json") as error:
        open_targets(path.parent.parent)
    assert str(error.value).isprintable()


@pytest.mark.parametrize("version", [1, 3, None, "2", [2], 10**400])
def test_other_versions_are_refused_with_the_remedy(path, version):
    content = json.loads(path.read_text())
    content["version"] = version  # as in an older store, which has no checksum, or a newer one
    path.write_text(json.dumps(content))
    with pytest.raises(SkdError, match="SKD067.*spacy skd label") as error:
        read_meta(path)
    assert len(str(error.value)) < 500


def test_other_files_of_this_name_are_told_apart(path):
    path.write_text('{"lang": "xx", "name": "pipeline"}')
    with pytest.raises(SkdError, match="SKD066.*targets/de' holds 'meta.json'"):
        open_targets(path.parent.parent)


def test_links_and_folders_are_not_followed(path, tmp_path):
    path.rename(tmp_path / "elsewhere.json")
    path.symlink_to(tmp_path / "elsewhere.json")
    with pytest.raises(SkdError, match="SKD065.*symbolic link"):
        read_meta(path)
    path.unlink()
    path.mkdir()
    with pytest.raises(SkdError, match="SKD065"):
        read_meta(path)


def test_a_chain_of_no_numbers_is_not_written():
    teacher = make_teacher()
    teacher.start[0] = np.nan
    with pytest.raises(ValueError):
        Chain.of(teacher)


def test_numbers_survive_to_the_last_bit(tmp_path):
    meta = Meta(plan=make_plan(), teacher=Chain.of(make_teacher()), shards=[])
    write_meta(tmp_path / "meta.json", meta)
    assert read_meta(tmp_path / "meta.json") == meta
