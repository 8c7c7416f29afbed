import pytest

from spacy_skd.corpora import formats
from spacy_skd.corpora.documents import ReadOptions
from spacy_skd.errors import SkdError

from .samples import CONLL2002, CONLL2003, CONLLU, SEMEVAL, TEXT, TWO_COLUMNS, UNER, WIKIANN, write

# As `fetch` writes them before each token of WikiAnn.
CODES = ("pt_BR", "es-419", "x")


@pytest.mark.parametrize(
    "name, content, expected",
    [
        ("train.conllu", CONLLU, "conllu"),
        ("train.txt", CONLLU, "conllu"),
        ("train.txt", CONLL2002, "conll"),
        ("train.txt", CONLL2003, "conll"),
        ("train.iob2", TWO_COLUMNS, "conll"),
        ("train.tsv", "#\tO\n" + TWO_COLUMNS, "conll"),
        ("train.tsv", WIKIANN, "wikiann"),
        ("train.iob2", UNER, "uner"),
        ("train.iob2", UNER.replace("4\t", "four\t"), "uner"),
        # in the wrong folder: to be complained about, not to be read with prefixes in the tokens
        ("train.tsv", WIKIANN.replace("de:", "fr:"), "wikiann"),
        *(("train.tsv", WIKIANN.replace("de:", f"{code}:"), "wikiann") for code in CODES),
        ("train.txt", SEMEVAL, "semeval"),
        ("train.gold", "\ufeff" + SEMEVAL, "semeval"),
        ("train.xml", "<broken", "semeval"),
        ("train.tsv", "<\tO\nb\tB-LOC\n", "conll"),
    ],
)
def test_format_is_told_by_the_content(tmp_path, name, content, expected):
    assert formats.detect(write(tmp_path / name, content), ReadOptions()) == expected


@pytest.mark.parametrize("content", ["no\ncolumns\n", "a,O\n\nb,O\n"])
def test_no_known_format(tmp_path, content):
    with pytest.raises(SkdError, match="SKD087"):
        formats.detect(write(tmp_path / "train.csv", content), ReadOptions())


def test_unlabelled_is_text_whatever_the_format(tmp_path):
    path = write(tmp_path / "unlabelled.txt", TEXT)
    reader = formats.find_reader(path, "unlabelled", "conllu", ReadOptions())
    assert reader is formats.read_text


def test_text_has_no_labels(tmp_path):
    with pytest.raises(SkdError, match="SKD108"):
        formats.find_reader(tmp_path / "train.txt", "train", "text", ReadOptions())


@pytest.mark.parametrize(
    "content, encoding, code",
    [("x\tO\n", "utf-42", "SKD090"), ("\xff\tO\n", "ascii", "SKD089"), (" \n", "utf-8", "SKD088")],
)
def test_what_is_no_text_is_an_error(tmp_path, content, encoding, code):
    path = tmp_path / "train.txt"
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(SkdError, match=code):
        formats.detect(path, ReadOptions(encoding=encoding))
