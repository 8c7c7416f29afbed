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
        ("ISO-8859-1", "utf-8", "SKD190", 6),
        ("Too loud!", "Too <b>loud</b>!", "SKD097", 18),
        ("Too loud!</text>", "Too loud!</text><text>Or not</text>", "SKD097", 18),
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


@pytest.mark.parametrize(
    "doctype",
    [
        '<!DOCTYPE Reviews [<!ENTITY a "b">]>',
        '<!DOCTYPE Reviews [<!ENTITY a "aaaaaaaa"><!ENTITY b "&a;&a;&a;"><!ENTITY c "&b;&b;&b;">]>',
        '<!DOCTYPE Reviews [<!ENTITY a SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE Reviews [<!ENTITY % p SYSTEM "http://localhost/x.dtd">%p;]>',
        '<!DOCTYPE Reviews [<!ENTITY a SYSTEM "x.gif" NDATA gif>]>',
    ],
)
def test_entities_are_refused_where_they_are_declared(tmp_path, doctype):
    path = write(
        tmp_path / "t.xml", f"{doctype}<Reviews><sentence><text>&a;</text></sentence></Reviews>"
    )
    with pytest.raises(SkdError, match="SKD097.*t.xml:1: .*entity '. ?' is declared"):
        read_semeval(path, "en", ReadOptions())


def test_a_document_type_is_not_fetched(tmp_path):
    (tmp_path / "x.dtd").write_text('<!ENTITY a "stolen">')
    head = '<!DOCTYPE Reviews SYSTEM "x.dtd">'
    whole = "<Reviews><sentence><text>Fine.</text></sentence></Reviews>"
    (doc,) = read_semeval(write(tmp_path / "t.xml", head + whole), "en", ReadOptions()).docs
    assert doc.text == "Fine."
    path = write(tmp_path / "t.xml", head + whole.replace("Fine", "Fine &a;"))
    with pytest.raises(SkdError, match="SKD097.*entity 'a'.*elsewhere"):
        read_semeval(path, "en", ReadOptions())


@pytest.mark.parametrize(
    "encoding", ["utf-16", "utf-16-le", "utf-16-be", "gb18030", "shift_jis", "utf-8-sig", "koi8-r"]
)
def test_every_encoding_of_text_can_be_declared(tmp_path, encoding):
    text = f'<?xml version="1.0" encoding="{encoding}"?><Reviews><sentence><text>Да.</text>'
    path = write(tmp_path / "t.xml", text + "</sentence></Reviews>", encoding)
    assert read_semeval(path, "ru", ReadOptions()).docs[0].text == "Да."


@pytest.mark.parametrize(
    "encoding", ["klingon", "hex", "punycode", "undefined", "idna", "unicode_escape", "\x1b[2J", ""]
)
def test_odd_encodings(tmp_path, encoding):
    text = f'<?xml version="1.0" encoding="{encoding}"?><Reviews/>'
    with pytest.raises(SkdError, match="SKD191") as error:
        read_semeval(write(tmp_path / "t.xml", text), "ru", ReadOptions())
    assert str(error.value).isprintable()


def test_deep_nesting(tmp_path):
    deep = "<a>" * 200_000 + "<sentence><text>Deep.</text></sentence>" + "</a>" * 200_000
    (doc,) = read_semeval(write(tmp_path / "t.xml", deep), "en", ReadOptions()).docs
    assert doc.text == "Deep."
    with pytest.raises(SkdError, match="SKD097"):
        read_semeval(write(tmp_path / "t.xml", deep[:-1]), "en", ReadOptions())


@pytest.mark.parametrize("place", ["9" * 5000, "1_0", "-3", "４", "4.0", "", "0x4", "+4"])
def test_offsets_are_plain_numbers(tmp_path, place):
    content = SEMEVAL.replace("ISO-8859-1", "utf-8").replace('from="4"', f'from="{place}"', 1)
    path = write(tmp_path / "t.xml", content)
    with pytest.raises(SkdError, match="SKD099.*t.xml:8:"):
        read_semeval(path, "en", ReadOptions())


def test_a_target_between_words_is_none(tmp_path):
    path = write(
        tmp_path / "t.xml", SEMEVAL.replace('from="23" to="33"', 'from="3" to="4"'), "latin-1"
    )
    with pytest.raises(SkdError, match="SKD099.*t.xml:11:"):
        read_semeval(path, "en", ReadOptions())


@pytest.mark.parametrize("lang", ["punctuation", "char_classes", "tokenizer_exceptions", "os"])
def test_no_module_is_taken_for_a_language(tmp_path, lang):
    path = write(tmp_path / "train.xml", SEMEVAL, "latin-1")
    assert "'xx' used" in read_semeval(path, lang, ReadOptions()).notes[0]
