import pickle
import shutil
import subprocess
import sys

import numpy as np
import pytest

from spacy_skd.errors import SkdError
from spacy_skd.targets import open_targets
from spacy_skd.targets.fingerprints import sentence_fingerprint, text_fingerprint
from spacy_skd.transfer import Teacher

from .samples import TAGS, make_doc, make_teacher, numbered_docs, scores_of, write_store


def test_what_is_written_is_read_whatever_the_order(targets):
    opened = open_targets(targets)
    assert opened.languages == ("de",)
    teacher = make_teacher()
    found = {doc: opened.find(doc, "de") for doc in reversed(numbered_docs(10))}
    for doc, (target,) in found.items():
        emissions = target.emissions()
        assert emissions.dtype == np.float16 and not emissions.flags.writeable
        np.testing.assert_array_equal(emissions, scores_of(doc).astype(np.float16))
    assert len({id(target.teacher) for (target,) in found.values()}) == 1
    assert (target.teacher.tags, target.teacher.scheme) == (TAGS, "BILOU")
    for name in ("transitions", "start", "end"):
        scores = getattr(target.teacher, name)
        assert scores.dtype == np.float32
        np.testing.assert_array_equal(scores, getattr(teacher, name))


def test_shards_open_as_memory_mapped_datasets(targets):
    datasets = pytest.importorskip("datasets")
    shards = sorted((targets / "de").glob("shard-*.arrow"))
    assert [path.name for path in shards] == [f"shard-0000{i}.arrow" for i in range(3)]
    rows = [row for path in shards for row in datasets.Dataset.from_file(str(path))]
    for row, doc in zip(rows, numbered_docs(10), strict=True):
        assert row["fingerprint"] == sentence_fingerprint(doc)
        assert row["text_fingerprint"] == text_fingerprint(doc)
        assert row["n_tokens"] == len(doc)
        assert row["emissions"] == scores_of(doc).astype(np.float16).ravel().tolist()
    dataset = datasets.Dataset.from_file(str(shards[0]))
    assert dataset.cache_files == [{"filename": str(shards[0])}]


def test_float32_is_kept_exactly(tmp_path):
    docs = numbered_docs(3)
    write_store(tmp_path / "de", docs, dtype="float32")
    opened = open_targets(tmp_path)
    for doc in docs:
        np.testing.assert_array_equal(opened.find(doc, "de")[0].emissions(), scores_of(doc))


def test_scores_beyond_float16_make_their_shard_float32(tmp_path):
    docs = numbered_docs(8)

    def scores(doc):
        emissions = scores_of(doc)
        emissions[0, 0] = -np.inf
        if doc[1].text == "5":
            emissions[0, 1] = -65536.0
        return emissions

    write_store(tmp_path / "de", docs, scores)
    opened = open_targets(tmp_path)
    for doc in docs:
        dtype = np.float16 if int(doc[1].text) < 4 else np.float32
        emissions = opened.find(doc, "de")[0].emissions()
        assert emissions.dtype == dtype
        np.testing.assert_array_equal(emissions, scores(doc).astype(dtype))


def test_a_language_may_have_several_teachers_or_none(tmp_path):
    docs = numbered_docs(3)
    write_store(tmp_path / "de" / "small", docs)
    write_store(tmp_path / "de" / "large" / "v2", docs, lambda doc: scores_of(doc, 1))
    write_store(tmp_path / "nl", docs, lang="nl")
    opened = open_targets(tmp_path)
    assert opened.languages == ("de", "nl")
    large, small = opened.find(docs[2], "de")
    assert large.teacher is not small.teacher
    np.testing.assert_array_equal(small.emissions(), scores_of(docs[2]).astype(np.float16))
    np.testing.assert_array_equal(large.emissions(), scores_of(docs[2], 1).astype(np.float16))
    assert len(opened.find(docs[2], "nl")) == 1
    assert opened.find(docs[2], "en") == []


def test_nothing_is_unpickled(targets, monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("unpickling")

    for name in ("load", "loads", "Unpickler"):
        monkeypatch.setattr(pickle, name, refuse)
    assert open_targets(targets).find(numbered_docs(1)[0], "de")[0].emissions().shape == (2, 5)


MEMORY = """
import sys
from pathlib import Path
from spacy.tokens import Doc
from spacy.vocab import Vocab
from spacy_skd.targets import open_targets

def resident():
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024

vocab = Vocab()
docs = [Doc(vocab, words=[str(i)] + ["x"] * 499) for i in range(int(sys.argv[2]))]
before = resident()
targets = open_targets(Path(sys.argv[1]))
total, peak = 0.0, 0.0
for i, doc in enumerate(docs):
    total += targets.find(doc, "de")[0].emissions().sum()
    if i % 50 == 49:
        peak = max(peak, resident())
assert total > 0
print(peak - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_memory_does_not_grow_with_the_store(tmp_path):
    tags = tuple(map(str, range(65)))
    chain = [np.zeros((65, 65), np.float32), *np.zeros((2, 65), np.float32)]
    emissions = np.ones((500, 65), dtype=np.float32)
    grown = []
    for size in (50, 1500):  # 6 MB and 195 MB
        folder = tmp_path / str(size)
        docs = (make_doc([str(i)] + ["x"] * 499) for i in range(size))
        teacher = Teacher(tags, "plain", *chain)
        plan = {"dtype": "float32", "shard_size": 500}
        write_store(folder / "de", docs, lambda doc: emissions, teacher, **plan)
        command = [sys.executable, "-c", MEMORY, str(folder), str(size)]
        grown.append(float(subprocess.check_output(command, text=True)))
    assert grown[1] - grown[0] < 100


# What can be wrong with a store


def test_no_targets(tmp_path):
    for path in (tmp_path, tmp_path / "missing"):
        with pytest.raises(SkdError, match="SKD060.*spacy skd label"):
            open_targets(path)


def test_unfinished_stores_do_not_count_where_a_complete_one_is(targets):
    for name in ("de.partial", "de.stale"):
        shutil.copytree(targets / "de", targets / name)
    assert open_targets(targets).languages == ("de",)


@pytest.mark.parametrize("name", ["en.partial", "en.stale"])
def test_a_language_whose_only_store_is_unfinished_is_not_left_out_in_silence(targets, name):
    shutil.copytree(targets / "de", targets / name)
    with pytest.raises(SkdError, match="SKD180.*targets/en'"):
        open_targets(targets)


def test_other_sentences_and_other_tokenisations_are_told_apart(targets):
    opened = open_targets(targets)
    with pytest.raises(SkdError, match=r"SKD061.*\"sentence 10 x x\" \(de\)"):
        opened.find(numbered_docs(1, start=10)[0], "de")
    with pytest.raises(SkdError, match=r"SKD062.*\"sentence 0\" \(de\)"):
        opened.find(make_doc(["sentence 0"], [False]), "de")
    with pytest.raises(SkdError, match="SKD062"):
        opened.find(make_doc(["sentence", "0"], [False, False]), "de")
    with pytest.raises(SkdError, match="SKD061") as error:
        opened.find(make_doc(["long"] * 50 + ["\n"]), "de")
    assert f'"{("long " * 12)}..."' in str(error.value) and "\n" not in str(error.value)


def test_a_truncated_altered_or_missing_shard(targets):
    path = targets / "de" / "shard-00001.arrow"
    data = path.read_bytes()
    altered = bytearray(data)
    altered[len(data) // 2] ^= 1
    for damaged in (data[:-8], b"", bytes(altered)):
        path.write_bytes(damaged)
        with pytest.raises(SkdError, match="SKD064.*shard-00001.arrow"):
            open_targets(targets)
    path.unlink()
    with pytest.raises(SkdError, match="SKD064.*missing"):
        open_targets(targets)
    path.write_bytes(data)
    open_targets(targets)


def test_scores_that_are_no_numbers_are_not_written(tmp_path):
    doc = make_doc(["Ada", "sleeps"])
    for value in (np.nan, np.inf):
        with pytest.raises(SkdError, match=r"SKD071.*\"Ada sleeps\" \(de\)"):
            write_store(tmp_path / "de", [doc], lambda doc: np.full((2, 5), value))
    chain = [np.full((5, 5), np.nan), *np.zeros((2, 5))]
    with pytest.raises(SkdError, match="SKD071.*transitions"):
        write_store(tmp_path / "de", [doc], teacher=Teacher(TAGS, "BILOU", *chain))
    assert not (tmp_path / "de").exists()
