import pytest

from spacy_skd.corpora.documents import ReadOptions
from spacy_skd.corpora.wikiann import read_wikiann
from spacy_skd.errors import SkdError

from .samples import WIKIANN, write


def test_prefix_is_taken_off_once(tmp_path):
    docs = read_wikiann(write(tmp_path / "train.tsv", WIKIANN), "de", ReadOptions()).docs
    assert [[t.text for t in doc] for doc in docs] == [
        [":", "Bad", "Ems"],
        ["http://x.de", "lebt"],
    ]
    assert [(e.text, e.label_) for e in docs[0].ents] == [("Bad Ems", "LOC")]


@pytest.mark.parametrize(
    "content, code, line",
    [
        ("de:a\tO\nfr:b\tO\n", "SKD096", 2),
        ("de:a\tO\nb\tO\n", "SKD096", 2),
        ("de:a\tO\nde:\tO\n", "SKD093", 2),
        ("de:a\tx\tO\n", "SKD091", 1),
        ("de:a\tPER\n", "SKD092", 1),
    ],
)
def test_broken_lines_are_named(tmp_path, content, code, line):
    with pytest.raises(SkdError) as error:
        read_wikiann(write(tmp_path / "dev.tsv", content), "de", ReadOptions())
    assert code in str(error.value) and f"dev.tsv:{line}:" in str(error.value)
