import pytest

from spacy_skd.corpora.documents import ReadOptions
from spacy_skd.corpora.semeval import read_semeval
from spacy_skd.errors import SkdError

from .samples import SEMEVAL, write


def test_offsets_become_spans(tmp_path):
    path = write(tmp_path / "train.xml", SEMEVAL, "latin-1")
    converted = read_semeval(path, "en", ReadOptions())
    spans = [[(e.text, e.label_) for e in doc.ents] for doc in converted.docs]
    assert spans == [[("crème brûlée", "TARGET"), ("sushi-rolls", "TARGET")], [], []]
    assert all(doc.has_annotation("ENT_IOB", require_complete=True) for doc in converted.docs)
    assert converted.docs[0].text == "The crème brûlée & the sushi-rolls were great."
    assert converted.notes == [
        "1 targets widened to whole tokens",
        "1 targets left out, inside others",
    ]


def test_type_can_be_named(tmp_path):
    path = write(tmp_path / "train.xml", SEMEVAL, "latin-1")
    doc = read_semeval(path, "en", ReadOptions(default_type="ASPECT")).docs[0]
    assert {ent.label_ for ent in doc.ents} == {"ASPECT"}


def test_language_without_tokenizer_uses_the_neutral_one(tmp_path):
    path = write(tmp_path / "train.xml", SEMEVAL, "latin-1")
    converted = read_semeval(path, "qaa", ReadOptions())
    assert converted.docs[0].user_data["lang"] == "qaa"
    assert "'xx' used" in converted.notes[0]


def test_target_spelt_otherwise_is_counted(tmp_path):
    path = write(tmp_path / "t.xml", SEMEVAL.replace('"Sushi-roll"', '"maki"'), "latin-1")
    assert "1 targets spelt otherwise" in read_semeval(path, "en", ReadOptions()).notes[-1]


@pytest.mark.parametrize(
    "old, new, code, line",
    [
        ('to="33"', 'to="330"', "SKD099", 11),
        ('from="23"', 'from="33"', "SKD099", 11),
        ('from="23"', "", "SKD099", 11),
        ("</Opinions>", "</Opinion>", "SKD097", 12),
        ("ISO-8859-1", "utf-8", "SKD097", 6),
    ],
)
def test_broken_lines_are_named(tmp_path, old, new, code, line):
    path = write(tmp_path / "t.xml", SEMEVAL.replace(old, new, 1), "latin-1")
    with pytest.raises(SkdError) as error:
        read_semeval(path, "en", ReadOptions())
    assert code in str(error.value) and f"t.xml:{line}:" in str(error.value)


def test_other_xml(tmp_path):
    with pytest.raises(SkdError, match="SKD098"):
        read_semeval(write(tmp_path / "t.xml", "<html/>"), "en", ReadOptions())
