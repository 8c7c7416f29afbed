import os
import socket
from pathlib import Path

import pytest

from spacy_skd.corpora.folder import find_corpus
from spacy_skd.errors import SkdError

from .samples import posix


@pytest.fixture
def corpus(tmp_path):
    def make(*names):
        for name in names:
            path = tmp_path / "raw" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("x\tO\n")
        return tmp_path / "raw"

    return make


def test_layout(corpus):
    path = corpus(
        "fr/test.tsv", "fr/train.conllu", "de/train.txt", "de/unlabelled.txt", "README.md",
        ".git/config", "de/LICENSE",
    )  # fmt: skip
    assert find_corpus(path).files == {
        "de": {"train": path / "de/train.txt", "unlabelled": path / "de/unlabelled.txt"},
        "fr": {"train": path / "fr/train.conllu", "test": path / "fr/test.tsv"},
    }
    assert list(find_corpus(path).files) == ["de", "fr"]
    assert find_corpus(path).size == 4 * len("x\tO\n")


def test_single_file(corpus):
    path = corpus("train.tsv") / "train.tsv"
    assert find_corpus(path, "de", "dev").files == {"de": {"dev": path}}
    for lang, split in [(None, "dev"), ("de", None), ("de", "other")]:
        with pytest.raises(SkdError, match="SKD085"):
            find_corpus(path, lang, split)


def test_folder_takes_no_language(corpus):
    with pytest.raises(SkdError, match="SKD110"):
        find_corpus(corpus("de/train.tsv"), "de", None)


@pytest.mark.parametrize(
    "names, place",
    [
        (["dataset_dict.json", "train/dataset_info.json", "train/data-0.arrow"], "."),
        (["dataset_info.json", "state.json", "data-0.arrow"], "."),
        (["de/dataset_dict.json", "de/train/dataset_info.json"], "de"),
        (["de/train/dataset_info.json", "de/train/data-0.arrow"], "de/train"),
        (["de/train.tsv", "nl/train/dataset_info.json"], "nl/train"),
    ],
)
def test_a_folder_of_save_to_disk_is_called_that(corpus, names, place):
    """It was told to add a file train.<extension> to a language called train."""
    path = corpus(*names)
    with pytest.raises(SkdError, match="SKD112.*docs/own-data.md") as caught:
        find_corpus(path)
    assert f" {path / place} is a dataset" in str(caught.value)


def test_evaluation_only(corpus):
    assert set(find_corpus(corpus("de/test.tsv", "fr/dev.tsv")).files) == {"de", "fr"}


def test_text_that_teachers_of_other_languages_label(corpus):
    path = corpus("de/train.tsv", "fr/unlabelled.txt", "tr/raw.txt", "tr/test.tsv")
    assert find_corpus(path).files == {
        "de": {"train": path / "de/train.tsv"},
        "fr": {"unlabelled": path / "fr/unlabelled.txt"},
        "tr": {"test": path / "tr/test.tsv", "raw": path / "tr/raw.txt"},
    }


@pytest.mark.parametrize(
    "names, code",
    [
        (["README.md"], "SKD081"),
        (["train.tsv"], "SKD081"),
        (["de/train.tsv", "fr/test.tsv"], "SKD082.*'fr'"),
        (["de/train.tsv", "fr/notes.md"], "SKD082.*'fr'"),
        (["fr/unlabelled.txt"], "SKD082.*'fr'"),
        (["de/train.tsv", "de/train.xml"], "SKD084.*train.tsv, train.xml"),
    ],
)
def test_no_corpus(corpus, names, code):
    with pytest.raises(SkdError, match=code):
        find_corpus(corpus(*names))


def test_missing(tmp_path):
    with pytest.raises(SkdError, match="SKD080"):
        find_corpus(tmp_path / "nowhere")


@posix
@pytest.mark.parametrize(
    "name",
    [
        "de.partial",
        "de.stale",
        "meta.json",
        "__init__",
        "d e",
        "\x1b[31m",
        "de\n",
        "x" * 100,
        "café",
    ],
)
def test_folders_that_are_no_language(corpus, name):
    with pytest.raises(SkdError, match="SKD083") as error:
        find_corpus(corpus("de/train.tsv", f"{name}/train.tsv"))
    assert str(error.value).isprintable()


@posix
def test_languages_that_differ_in_case_alone(corpus):
    with pytest.raises(SkdError, match="SKD192.*DE, de"):
        find_corpus(corpus("de/train.tsv", "DE/train.tsv"))


@posix
@pytest.mark.parametrize("link", ["de/train.tsv", "fr"])
def test_links_out_of_the_corpus(corpus, tmp_path, link):
    path = corpus("de/test.tsv", "de/x/train.tsv", "it/train.tsv")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "train.tsv").write_text("x\tO\n")
    (path / link).symlink_to(outside / "train.tsv" if "." in link else outside)
    with pytest.raises(SkdError, match=f"SKD194.*{link}.*outside.*--follow-links"):
        find_corpus(path)
    if link == "de/train.tsv":
        assert find_corpus(path, follow_links=True).files["de"]["train"] == path / link


@posix
def test_links_within_the_corpus_and_to_it(corpus, tmp_path):
    path = corpus("de/train.tsv", "de/all/test.tsv")
    (path / "de" / "dev.tsv").symlink_to("train.tsv")
    (path / "de" / "test.tsv").symlink_to(path / "de" / "all" / "test.tsv")
    (path / "nl").symlink_to("de")
    (tmp_path / "link").symlink_to(path)
    assert set(find_corpus(path).files["nl"]) == {"train", "dev", "test"}
    assert set(find_corpus(tmp_path / "link").files["de"]) == {"train", "dev", "test"}


@posix
@pytest.mark.parametrize(
    "link, target", [("de/dev.tsv", "nowhere"), ("fr", "fr"), ("de/dev.tsv", "dev.tsv")]
)
def test_links_to_nothing(corpus, link, target):
    path = corpus("de/train.tsv")
    (path / link).symlink_to(target)
    for follow_links in (False, True):
        with pytest.raises(SkdError, match=f"SKD193.*{link}"):
            find_corpus(path, follow_links=follow_links)


@posix
def test_a_corpus_in_a_circle(tmp_path):
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(SkdError, match="SKD080"):
        find_corpus(tmp_path / "a")


@posix
def test_pipes_devices_and_sockets(corpus, tmp_path):
    path = corpus("de/train.tsv")
    os.mkfifo(path / "de" / "dev.tsv")
    with pytest.raises(SkdError, match="SKD195.*dev.tsv"):
        find_corpus(path)
    for special in (path / "de" / "dev.tsv", Path("/dev/null"), Path("/dev/zero")):
        with pytest.raises(SkdError, match="SKD195"):
            find_corpus(special, "de", "train")
    (path / "de" / "dev.tsv").unlink()
    server = socket.socket(socket.AF_UNIX)
    here = os.getcwd()
    try:
        os.chdir(path / "de")  # the names of sockets must be short
        server.bind("dev.tsv")
        with pytest.raises(SkdError, match="SKD195"):
            find_corpus(path)
    finally:
        os.chdir(here)
        server.close()


@posix
@pytest.mark.parametrize("name", ["x" * 300, "a\x00b", "\udc80"])
def test_impossible_names(tmp_path, name):
    with pytest.raises(SkdError, match="SKD080") as error:
        find_corpus(tmp_path / name)
    assert str(error.value).isprintable()
