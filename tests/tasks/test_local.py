"""What a folder of the user's has: under our names, or those of its owners."""

from itertools import chain

import pytest

from spacy_skd.errors import SkdError
from spacy_skd.tasks.local import find_files
from spacy_skd.tasks.spec import Split

from ..corpora.samples import posix, write

SPLITS = {"train": Split(file="esp.train"), "test": Split(file="esp.testb")}


def found(folder, splits=SPLITS):
    files = find_files(folder, "es", splits)
    return {
        split: [str(path.relative_to(folder)) for path in paths] for split, paths in files.items()
    }


@pytest.mark.parametrize(
    "names",
    [
        ["es/train.txt", "es/test.conll"],
        ["esp.train", "esp.testb"],
        ["es/esp.train", "esp.testb"],
        ["es/train-00000-of-00002.parquet", "es/train-00001-of-00002.parquet", "es/test.parquet"],
    ],
)
def test_names(tmp_path, names):
    for name in names:
        write(tmp_path / name, "x")
    files = found(tmp_path)
    assert sorted(chain(*files.values())) == sorted(names)
    assert list(files) == ["train", "test"]


def test_what_is_there_besides(tmp_path):
    for name in ("train.tsv", "test.tsv", "validation-00000-of-00001.parquet", "unlabelled.txt"):
        write(tmp_path / "es" / name, "x")
    assert list(found(tmp_path)) == ["train", "dev", "test", "unlabelled"]
    assert list(found(tmp_path, {})) == ["train", "dev", "test", "unlabelled"]


def test_what_is_missing_is_named(tmp_path):
    write(tmp_path / "es" / "train.txt", "x")
    with pytest.raises(
        SkdError, match=r"SKD243.*no test of language 'es'.*es/test\.\* or esp.testb"
    ):
        found(tmp_path)
    (tmp_path / "es" / "train.txt").unlink()
    with pytest.raises(SkdError, match="SKD243.*no split of language 'es'"):
        found(tmp_path, {})
    with pytest.raises(SkdError, match="SKD080"):
        find_files(tmp_path / "nowhere", "es", {})


def test_two_of_a_split(tmp_path):
    write(tmp_path / "es" / "train.txt", "x")
    write(tmp_path / "es" / "train.tsv", "x")
    with pytest.raises(SkdError, match="SKD084"):
        found(tmp_path)


@posix
@pytest.mark.parametrize("name", ["esp.train", "es/train.txt", "es"])
def test_links_out_of_the_folder(tmp_path, name):
    write(tmp_path / "elsewhere" / "train.txt", "x")
    folder = tmp_path / "mine"
    write(folder / "esp.testb", "x")
    (folder / name).parent.mkdir(exist_ok=True)
    target = tmp_path / "elsewhere" if name == "es" else tmp_path / "elsewhere" / "train.txt"
    (folder / name).symlink_to(target)
    with pytest.raises(SkdError, match="SKD194"):
        found(folder)
