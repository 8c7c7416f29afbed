import pytest

from spacy_skd.corpora.documents import ReadOptions
from spacy_skd.corpora.text import read_text
from spacy_skd.errors import SkdError

from .samples import TEXT, write


def test_sentences_carry_words_and_nothing_else(tmp_path):
    docs = read_text(write(tmp_path / "unlabelled.txt", TEXT), "de", ReadOptions()).docs
    assert [[t.text for t in doc] for doc in docs] == [
        ["Ein", "Satz", "."],
        ["Noch", "einer\u2028hier", "."],
    ]
    for attribute in ("ENT_IOB", "TAG", "POS", "SENT_START"):
        assert not docs[0].has_annotation(attribute)
    assert docs[0].user_data == {"lang": "de"}


def test_tab_is_the_wrong_format(tmp_path):
    with pytest.raises(SkdError, match="SKD105.*unlabelled.txt:2:"):
        read_text(write(tmp_path / "unlabelled.txt", "a b\nc\tO\n"), "de", ReadOptions())
