import pytest

from spacy_skd.corpora.conllu import read_conllu
from spacy_skd.corpora.documents import ReadOptions
from spacy_skd.errors import SkdError

from .samples import CONLLU, write


@pytest.fixture
def path(tmp_path):
    return write(tmp_path / "train.conllu", CONLLU)


def test_words_are_tokens_and_empty_nodes_left_out(path):
    docs = read_conllu(path, "es", ReadOptions()).docs
    assert [[t.text for t in doc] for doc in docs] == [
        ["Vamos", "nos", "a", "el", "mar", ",", '"', "hoy", '".'],
        ["da", "melo", "20 000"],
    ]
    assert all(doc.user_data["lang"] == "es" for doc in docs)


def test_multiword_tokens_that_are_not_the_sum_of_their_words_are_kept(path):
    first, second = read_conllu(path, "es", ReadOptions()).docs
    assert first.user_data["multiword"] == ((0, 2, "Vámonos"), (2, 4, "al"))
    assert second.user_data["multiword"] == ((0, 2, "dámelo"),)


def test_they_become_the_tokens_of_a_text_on_request(path):
    options = ReadOptions(tag="xpos", merge_subtokens=True)
    converted = read_conllu(path, "es", options)
    first, second = converted.docs
    assert [t.text for t in first] == ["Vámo", "nos", "al", "mar", ",", '"', "hoy", '".']
    assert [t.text for t in second] == ["dá", "melo", "20 000"]
    assert first.text == 'Vámonos al mar, "hoy". ' and second.text == "dámelo20 000 "
    # Of the words of a token the first of an open class decides; else the first.
    assert [t.pos_ for t in first][:4] == ["VERB", "PRON", "ADP", "NOUN"]
    assert [t.tag_ for t in first][:3] == ["vmip1p0", "", "sps00_da0ms0"]
    assert "multiword" not in first.user_data
    assert converted.multiword == 3 and converted.merged == 1
    assert converted.notes == ["1 tokens without tag"]


def test_those_that_are_the_sum_of_their_words_stay_split(tmp_path):
    row = "{}\t{}\t_\t{}\t_\t_\t_\t_\t_\t_\n".format
    lines = row("1-2", "can't", "_") + row(1, "ca", "AUX") + row(2, "n't", "PART")
    path = write(tmp_path / "train.conllu", lines)
    (doc,) = read_conllu(path, "en", ReadOptions(merge_subtokens=True)).docs
    assert [t.text for t in doc] == ["ca", "n't"]


def test_spaces_follow_space_after_also_of_multiword_tokens(path):
    first, second = read_conllu(path, "es", ReadOptions()).docs
    assert first.text == 'Vamosnos ael mar, "hoy". '
    assert second.text == "damelo20 000 "
    assert not first.has_unknown_spaces


def test_blanks_at_the_end_of_a_line_are_not_of_its_last_column(tmp_path):
    path = write(tmp_path / "train.conllu", CONLLU.replace("SpaceAfter=No\n", "SpaceAfter=No \n"))
    first, _ = read_conllu(path, "es", ReadOptions()).docs
    assert first.text == 'Vamosnos ael mar, "hoy". '


def test_upos_is_the_default_tag_and_underscore_is_missing(path):
    converted = read_conllu(path, "es", ReadOptions())
    doc = converted.docs[0]
    assert [t.pos_ for t in doc][4:8] == ["NOUN", "PUNCT", "PUNCT", ""]
    assert [t.tag_ for t in doc] == [t.pos_ for t in doc]
    assert not doc.has_annotation("ENT_IOB")
    assert converted.notes == ["1 tokens without tag"]


def test_xpos_becomes_tag_on_request(path):
    doc = read_conllu(path, "es", ReadOptions(tag="xpos")).docs[0]
    assert [t.tag_ for t in doc][:4] == ["vmip1p0", "", "sps00", "da0ms0"]
    assert doc[0].pos_ == "VERB"


WORD = "1\tx\tx\tNOUN\t_\t_\t_\t_\t_\t_\n"


@pytest.mark.parametrize(
    "content, code, line",
    [
        (WORD + "2\tx\tNOUN\n", "SKD091", 2),
        (WORD.replace("1", "one", 1), "SKD094", 1),
        (WORD + "\n" + WORD + WORD, "SKD094", 4),
        (WORD + WORD.replace("1", "2-3", 1), "SKD094", 2),
        ("# c\n" + WORD.replace("\tx", "\t", 1), "SKD093", 2),
        (WORD.replace("NOUN", "NN"), "SKD095", 1),
        (WORD.replace("1", "9" * 5000, 1), "SKD094", 1),
        (WORD.replace("1", "1-" + "9" * 5000, 1), "SKD094", 1),
        (WORD.replace("1", "1." + "9" * 5000, 1), "SKD094", 1),
        (WORD.replace("1", "1-999999999999", 1) + WORD, "SKD094", 2),
        (WORD.replace("1", "１", 1), "SKD094", 1),
        (WORD.replace("1", "_", 1), "SKD094", 1),
        (WORD + WORD.replace("1", "1-1", 1), "SKD094", 2),
        (WORD.replace("1", "2-3", 1) + WORD, "SKD094", 1),
        (WORD.replace("1", "1-3", 1) + WORD + WORD.replace("1", "2-3", 1), "SKD094", 3),
        (WORD.replace("1", "1-2", 1) + WORD.replace("1", "1-3", 1), "SKD094", 2),
        (WORD.replace("NOUN\t_", "NOUN\t\x1b[31m"), "SKD094", 1),
        ("1-1\t" + WORD.replace("1\tx", "", 1) + WORD, "SKD093", 1),
    ],
)
def test_broken_lines_are_named(tmp_path, content, code, line):
    path = write(tmp_path / "dev.conllu", content)
    with pytest.raises(SkdError) as error:
        read_conllu(path, "es", ReadOptions())
    assert code in str(error.value) and f"dev.conllu:{line}:" in str(error.value)
    assert len(str(error.value)) < 600


def test_only_comments_is_empty(tmp_path):
    with pytest.raises(SkdError, match="SKD088"):
        read_conllu(write(tmp_path / "dev.conllu", "# text = x\n\n"), "es", ReadOptions())
