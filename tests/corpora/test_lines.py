"""What is no text, and where a line ends."""

import bz2
import codecs
import gzip
import lzma
import zipfile

import pytest

from spacy_skd.corpora.lines import check_encoding, read_blocks, read_lines
from spacy_skd.errors import SkdError


@pytest.fixture
def file(tmp_path):
    def make(content: bytes):
        (tmp_path / "x.txt").write_bytes(content)
        return tmp_path / "x.txt"

    return make


@pytest.mark.parametrize(
    "encoding",
    ["utf-8", "UTF8", "latin-1", "cp1252", "utf-16", "gb18030", "utf-7", "koi8_r", "cp037"],
)
def test_encodings_of_text(encoding):
    check_encoding(encoding)


@pytest.mark.parametrize(
    "encoding",
    [
        "punycode", "undefined", "idna", "base64", "rot13", "rot_13", "hex", "zlib", "bz2", "uu",
        "quopri", "unicode_escape", "raw-unicode-escape", "UNDEFINED", "utf-42", "", " ", "os",
        "../utf-8", "aliases",
        "x" * 10_000, "utf\x008", "\udc80", "\x1b[31m", "\n",
    ],
)  # fmt: skip
def test_other_encodings(file, encoding):
    with pytest.raises(SkdError, match="SKD090.*Unknown encoding") as error:
        read_lines(file(b"a\tO\n"), encoding)
    assert str(error.value).isprintable() and len(str(error.value)) < 600


@pytest.mark.parametrize(
    "end", [b"\n", b"\r\n", b"\r", b"\r\r\n"], ids=["Unix", "Windows", "Mac", "Windows twice"]
)
def test_line_ends(file, end):
    path = file(b"a b" + end + end + "c\u2028d\x85\x0b".encode() + end)
    assert list(read_blocks(path, "utf-8")) == [[(1, "a b")], [(3, "c\u2028d\x85\x0b")]]


def test_mixed_line_ends(file):
    assert [line for _, line in read_lines(file(b"a\rb\r\nc\nd"), "utf-8")] == ["a", "b", "c", "d"]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_byte_order_mark_outranks_the_option(file, encoding):
    assert read_lines(file("é\n".encode(encoding)), "latin-1") == [(1, "é"), (2, "")]
    assert read_lines(file(codecs.BOM_UTF32_BE + "é".encode("utf-32-be")), "ascii") == [(1, "é")]


def test_utf8_outranks_the_option(file):
    """With --encoding latin-1 for one language, the letters of another became two each."""
    assert read_lines(file("é ü".encode()), "latin-1") == [(1, "é ü")]
    assert read_lines(file("é ü".encode("latin-1")), "latin-1") == [(1, "é ü")]
    assert read_lines(file("aç".encode("utf-16-le")), "utf-16-le") == [(1, "aç")]
    assert read_lines(file("\u0101\u0102".encode("utf-16-be")), "utf-16-be") == [(1, "āĂ")]
    data = b"\xc3\xa9\0a"
    assert read_lines(file(data), "utf-16-le") == [(1, data.decode("utf-16-le"))]
    assert read_lines(file("aç".encode("utf-7")), "utf-7") == [(1, "aç")]


@pytest.mark.parametrize(
    "content, encoding, line",
    [
        (b"a\nb\xff", "utf-8", 2),
        (b"a\r\rb\xff", "utf-8", 3),
        ("a\nb\n".encode("utf-16-le"), "utf-8", 1),
        ("\u0a0a\n".encode("utf-16-le") + b"\x00", "utf-16-le", 2),
        (b"a\n+2AA-\n", "utf-7", 2),
        (b"a\nb\0c\n", "latin-1", 2),
        (b"\xed\xa0\x80", "utf-8", 1),
    ],
)
def test_what_is_no_text(file, content, encoding, line):
    with pytest.raises(SkdError, match=f"SKD089.*x.txt:{line}: not encoded in {encoding}"):
        read_lines(file(content), encoding)


@pytest.mark.parametrize(
    "kind, compress", [("gzip", gzip.compress), ("bzip2", bz2.compress), ("xz", lzma.compress)]
)
def test_text_that_is_compressed(file, kind, compress):
    with pytest.raises(SkdError, match=f"SKD111.*x.txt is compressed by {kind}, not text"):
        read_lines(file(compress(b"a\tO\n")), "latin-1")


def test_text_in_an_archive(tmp_path):
    path = tmp_path / "train.conllu"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("train.conllu", "a")
    with pytest.raises(SkdError, match="SKD111.*a zip archive"):
        read_lines(path, "utf-8")


def test_tables_of_datasets(tmp_path):
    datasets = pytest.importorskip("datasets")
    table = datasets.Dataset.from_dict({"tokens": [["a"]], "ner_tags": [[0]]})
    table.to_parquet(tmp_path / "train.parquet")
    with pytest.raises(SkdError, match="SKD111.*train.parquet is a parquet file"):
        read_lines(tmp_path / "train.parquet", "utf-8")


def test_words_as_such_files_begin(file):
    assert read_lines(file(b"PAR1 O\n"), "utf-8")[0] == (1, "PAR1 O")
