import sys

import pytest

from spacy_skd.corpora.documents import ReadOptions
from spacy_skd.corpora.text import read_raw_text, read_text
from spacy_skd.errors import SkdError

from .samples import TEXT, write


def test_sentences_carry_words_and_nothing_else(tmp_path):
    docs = list(read_text(write(tmp_path / "unlabelled.txt", TEXT), "de", ReadOptions()).docs)
    assert [[t.text for t in doc] for doc in docs] == [
        ["Ein", "Satz", "."],
        ["Noch", "einer\u2028hier", "."],
    ]
    for attribute in ("ENT_IOB", "TAG", "POS", "SENT_START"):
        assert not docs[0].has_annotation(attribute)
    assert docs[0].user_data == {"lang": "de"}


def test_tab_is_the_wrong_format(tmp_path):
    with pytest.raises(SkdError, match="SKD105.*unlabelled.txt:2:"):
        list(read_text(write(tmp_path / "unlabelled.txt", "a b\nc\tO\n"), "de", ReadOptions()).docs)


def test_raw_text_is_split_into_sentences_and_tokens(tmp_path):
    lines = "Det är bra.  Är det?\n\nEn rad\u2028till\tutan slut\r\n \n- Ja!\n"
    converted = read_raw_text(write(tmp_path / "raw.txt", lines), "sv", ReadOptions())
    docs = list(converted.docs)
    assert [[t.text for t in doc] for doc in docs] == [
        ["Det", "är", "bra", "."],
        ["Är", "det", "?"],
        ["En", "rad", "till", "utan", "slut"],
        ["-", "Ja", "!"],
    ]
    assert [doc.text for doc in docs][:2] == ["Det är bra. ", "Är det?"]
    for doc in docs:
        assert doc.user_data == {"lang": "sv"} and not doc.has_unknown_spaces
        assert not doc.has_annotation("SENT_START") and not doc.has_annotation("ENT_IOB")
    assert converted.notes == []


def test_raw_text_of_a_language_without_tokenizer(tmp_path):
    path = write(tmp_path / "raw.txt", "Maayong buntag. Salamat!\n")
    converted = read_raw_text(path, "ceb", ReadOptions())
    assert [len(doc) for doc in converted.docs] == [3, 2]
    assert "'xx' used" in converted.notes[0]


def test_raw_text_of_a_language_whose_tokenizer_needs_a_package(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "sudachipy", None)
    with pytest.raises(SkdError, match="SKD100.*'ja'.*[Ss]udachi"):
        read_raw_text(write(tmp_path / "raw.txt", "x\n"), "ja", ReadOptions())


def test_a_line_may_be_longer_than_spacy_takes_by_default(tmp_path):
    path = write(tmp_path / "raw.txt", "Ett ord. " * 120_000)
    docs = read_raw_text(path, "sv", ReadOptions()).docs
    assert [t.text for t in next(iter(docs))] == ["Ett", "ord", "."]


@pytest.mark.parametrize("read", [read_text, read_raw_text])
def test_text_without_a_word_is_an_error(tmp_path, read):
    path = write(tmp_path / "raw.txt", "\ufeff \n\n")
    with pytest.raises(SkdError, match="SKD088.*raw.txt"):
        list(read(path, "sv", ReadOptions()).docs)


@pytest.mark.parametrize("read", [read_text, read_raw_text])
def test_text_is_read_as_it_is_needed(tmp_path, read):
    docs = read(write(tmp_path / "raw.txt", "a b .\n" * 10_000), "sv", ReadOptions()).docs
    assert len(next(iter(docs))) == 3
    assert sum(1 for _ in docs) == 9_999
