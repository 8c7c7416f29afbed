import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_skd.corpora.columns import read_columns
from spacy_skd.corpora.documents import ReadOptions
from spacy_skd.errors import SkdError
from spacy_skd.schemes import IOB2

from .samples import CONLL2002, CONLL2003, TWO_COLUMNS, write


def ents(doc):
    return [(ent.text, ent.label_) for ent in doc.ents]


def test_conll2002_latin1(tmp_path):
    path = write(tmp_path / "train.txt", CONLL2002, "latin-1")
    converted = read_columns(path, "es", ReadOptions(encoding="latin-1"))
    first, second = converted.docs
    assert ents(first) == [("Sevilla", "LOC"), ("José Núñez\xa0II", "PER")]
    assert len(first) == 6 and [t.text for t in second] == ["Él", "calla"]
    assert [t.ent_iob_ for t in second] == ["O", "O"]
    assert (converted.repaired, converted.notes) == (0, [])


def test_latin1_is_an_error_in_utf8(tmp_path):
    path = write(tmp_path / "train.txt", CONLL2002, "latin-1")
    with pytest.raises(SkdError, match=r"SKD089.*train.txt:6: .*utf-8.*latin-1"):
        read_columns(path, "es", ReadOptions())


def test_conll2003_iob1_is_converted_and_not_called_a_repair(tmp_path):
    converted = read_columns(write(tmp_path / "eng.train", CONLL2003), "en", ReadOptions())
    first, second = converted.docs
    assert ents(first) == [("Ana Lee", "PER"), ("Bo", "PER"), ("Acme", "ORG"), ("Bonn", "LOC")]
    assert [t.text for t in second] == ["It", "rained"]
    assert converted.repaired == 0
    assert converted.notes == ["IOB1: 3 tags written as IOB2"]


def test_broken_iob2_is_repaired_and_counted(tmp_path):
    content = "A\tB-PER\nB\tO\nC\tI-PER\n\nD\tB-LOC\nE\tI-ORG\nF\tI-ORG\n"
    converted = read_columns(write(tmp_path / "train.tsv", content), "en", ReadOptions())
    assert [ents(doc) for doc in converted.docs] == [
        [("A", "PER"), ("C", "PER")],
        [("D", "LOC"), ("E F", "ORG")],
    ]
    assert (converted.repaired, converted.notes) == (2, [])


def test_two_columns_keep_spaces_in_tokens_and_missing_annotation(tmp_path):
    converted = read_columns(write(tmp_path / "x.iob2", TWO_COLUMNS), "nb", ReadOptions())
    first, second = converted.docs
    assert first[0].text == "t ex" and first.has_unknown_spaces
    assert [t.text for t in second] == ["Kiwi-butikk", "\u3000x"]
    assert [t.ent_iob_ for t in second] == ["", "O"]
    assert converted.notes == ["1 tokens without annotation"]


def test_tags_without_type_get_one(tmp_path):
    path = write(tmp_path / "train.tsv", "good\tO\npad\tB\nthai\tI\nsoup\tB\n")
    converted = read_columns(path, "en", ReadOptions(default_type="ASPECT"))
    assert ents(converted.docs[0]) == [("pad thai", "ASPECT"), ("soup", "ASPECT")]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_byte_order_mark_and_windows_line_ends(tmp_path, encoding):
    path = write(tmp_path / "train.tsv", "Ö\tB-LOC\r\n\r\nx\tO\r\n", encoding)
    docs = read_columns(path, "de", ReadOptions()).docs
    assert [doc[0].text for doc in docs] == ["Ö", "x"]


@pytest.mark.parametrize(
    "content, code, line",
    [
        ("a\tO\nb\tx\tO\n", "SKD091", 2),
        ("a\n", "SKD091", 1),
        ("a x O\n\nb O\n", "SKD091", 3),
        ("a\tO\nb\tS-PER\n", "SKD092", 2),
        ("a\tO\nb\tB-\n", "SKD092", 2),
        ("a\tO\n\tO\n", "SKD093", 2),
    ],
)
def test_broken_lines_are_named(tmp_path, content, code, line):
    with pytest.raises(SkdError) as error:
        read_columns(write(tmp_path / "dev.tsv", content), "en", ReadOptions())
    assert code in str(error.value) and f"dev.tsv:{line}:" in str(error.value)


@pytest.mark.parametrize("content", ["", "\n \n", "-DOCSTART- O\n\n"])
def test_empty_file(tmp_path, content):
    with pytest.raises(SkdError, match="SKD088"):
        read_columns(write(tmp_path / "dev.tsv", content), "en", ReadOptions())


@st.composite
def annotated(draw):
    """Sentences with adjacent spans: (number of tokens, spans)."""
    sentences = []
    for _ in range(draw(st.integers(1, 4))):
        labels = st.sampled_from(["", "PER", "LOC"])
        parts = draw(st.lists(st.tuples(st.integers(1, 3), labels), min_size=1, max_size=6))
        ends = [sum(size for size, _ in parts[: i + 1]) for i in range(len(parts))]
        spans = [(end - n, end, label) for end, (n, label) in zip(ends, parts) if label]
        sentences.append((ends[-1], spans))
    return sentences


def to_iob1(n, spans):
    tags = IOB2.encode(spans, n)
    ends = {(end, label) for _, end, label in spans}
    for start, _, label in spans:
        if (start, label) not in ends:
            tags[start] = f"I-{label}"
    return tags


@settings(max_examples=50, deadline=None)
@given(annotated(), st.booleans())
def test_both_schemes_give_the_spans_back(tmp_path_factory, sentences, iob1):
    encode = to_iob1 if iob1 else lambda n, spans: IOB2.encode(spans, n)
    blocks = ["".join(f"w {tag}\n" for tag in encode(*sentence)) for sentence in sentences]
    path = write(tmp_path_factory.mktemp("iob") / "train.txt", "\n".join(blocks))
    converted = read_columns(path, "en", ReadOptions())
    assert converted.repaired == 0
    read = [(len(d), [(e.start, e.end, e.label_) for e in d.ents]) for d in converted.docs]
    assert read == sentences
