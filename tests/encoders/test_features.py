import gc
import os
import sqlite3
import subprocess
import sys

import numpy as np
import pytest

from spacy_skd.encoders.features import Features
from spacy_skd.errors import SkdError

WIDTH = 6
SENTENCES = [["a", "b"], ["c"], ["a", "b", "c"], []]


def features_of(words):
    rng = np.random.default_rng(len("".join(words)))
    return rng.normal(size=(len(words), WIDTH)).astype(np.float16)


def filled(path, limit=10**7):
    features = Features(path, WIDTH, limit)
    features.add(SENTENCES, [features_of(words) for words in SENTENCES])
    return features


def test_the_file_is_closed_when_it_is_no_longer_needed(tmp_path):
    features = filled(tmp_path / "features.sqlite")
    file = features._file
    del features
    gc.collect()
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        file.execute("SELECT 1")


@pytest.mark.parametrize("name", [None, "deep/er/features.sqlite"])
def test_what_is_added_is_found(name, tmp_path):
    features = filled(None if name is None else tmp_path / name)
    for words, found in zip(SENTENCES, features.find(SENTENCES)):
        np.testing.assert_array_equal(found, features_of(words))
    assert features.find([["b", "a"], ["a b"]]) == [None, None]


def test_a_later_process_and_one_at_the_same_time_find_them(tmp_path):
    path = tmp_path / "features.sqlite"
    first, second = filled(path), Features(path, WIDTH, 10**7)
    assert all(found is not None for found in second.find(SENTENCES))
    second.add([["new"]], [features_of(["new"])])
    assert first.find([["new"]])[0] is not None
    code = (
        "import sys; from pathlib import Path; from spacy_skd.encoders.features import Features\n"
        f"print(len(Features(Path(sys.argv[1]), {WIDTH}, 10**7).find([['c']])[0]))"
    )
    result = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True)
    assert result.stdout.strip() == "1", result.stderr


def test_a_full_file_takes_no_more_and_keeps_what_it_has(tmp_path):
    features = Features(tmp_path / "features.sqlite", WIDTH, 100_000)
    added = 0
    while not features.is_full:
        features.add([[str(added)] * 300], [np.ones((300, WIDTH), dtype=np.float16)])
        added += 1
        assert added < 100
    assert features.find([["0"] * 300])[0] is not None
    assert features.find([[str(added - 1)] * 300]) == [None]
    close(features)
    assert (tmp_path / "features.sqlite").stat().st_size <= 100_000


def test_damaged_features_are_not_found(tmp_path):
    path = tmp_path / "features.sqlite"
    close(filled(path))
    with sqlite3.connect(path) as file:
        (rows,) = file.execute("SELECT rows FROM features LIMIT 1").fetchone()
        file.execute("UPDATE features SET rows = ?", (bytes([rows[0] ^ 1]) + rows[1:],))
    assert Features(path, WIDTH, 10**7).find(SENTENCES) == [None] * len(SENTENCES)


def test_features_of_another_width_are_not_found(tmp_path):
    close(filled(tmp_path / "features.sqlite"))
    found = Features(tmp_path / "features.sqlite", WIDTH + 1, 10**7).find([["c"]])
    assert found == [None]


def test_a_file_that_is_none(tmp_path):
    path = tmp_path / "features.sqlite"
    path.write_bytes(b"something else" * 100)
    with pytest.raises(SkdError, match="SKD156"):
        Features(path, WIDTH, 10**7)
    (tmp_path / "file").write_text("")
    with pytest.raises(SkdError, match="SKD156"):
        Features(tmp_path / "file" / "features.sqlite", WIDTH, 10**7)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_forked_process_leaves_the_file_alone(tmp_path, monkeypatch):
    features = filled(tmp_path / "features.sqlite")
    monkeypatch.setattr(os, "getpid", lambda: -1)
    features.add([["new"]], [features_of(["new"])])
    assert features.find(SENTENCES) == [None] * len(SENTENCES)
    monkeypatch.undo()
    assert features.find([["new"], ["c"]])[0] is None


def close(features):
    features._file.close()
