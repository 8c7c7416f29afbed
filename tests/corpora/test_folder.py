import pytest

from spacy_skd.corpora.folder import find_corpus
from spacy_skd.errors import SkdError


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


def test_evaluation_only(corpus):
    assert set(find_corpus(corpus("de/test.tsv", "fr/dev.tsv")).files) == {"de", "fr"}


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
