import pytest
from spacy.tokens import Doc
from spacy.vocab import Vocab

from spacy_skd.corpora.conllu import read_conllu
from spacy_skd.corpora.documents import ReadOptions
from spacy_skd.corpora.scripts import is_spaceless, script_of
from spacy_skd.corpora.surface import surface_of

from .samples import CONLLU, write


def test_multiword_tokens_are_the_text(tmp_path):
    docs = read_conllu(write(tmp_path / "x.conllu", CONLLU), "es", ReadOptions()).docs
    surfaces = [surface_of(doc) for doc in docs]
    assert surfaces[0].text == 'Vámonos al mar, "hoy".'
    found = [surfaces[0].text[start:end] for start, end in surfaces[0].spans]
    assert found == ["Vámonos", "Vámonos", "al", "al", "mar", ",", '"', "hoy", '".']
    assert surfaces[0].fused == [True] * 4 + [False] * 5
    assert all(surface.known for surface in surfaces)


@pytest.mark.parametrize(
    "words, text",
    [
        (["東京", "に", "行く", "。"], "東京に行く。"),
        (["Big", "Sur", "に", "行きましたよ", "。"], "Big Surに行きましたよ。"),
        (["ไทย", "สวย"], "ไทยสวย"),
        (["they", "go", "."], "they go ."),
    ],
)
def test_words_without_spaces(words, text):
    surface = surface_of(Doc(Vocab(), words=words))
    assert surface.text == text
    assert [text[start:end] for start, end in surface.spans] == words
    assert surface.known == is_spaceless(text)


def test_spaces_that_are_known_stay_in_any_script():
    doc = Doc(Vocab(), words=["東京", "に", "行く"], spaces=[False, True, False])
    assert surface_of(doc).text == doc.text


@pytest.mark.parametrize(
    "words, spaces",
    [
        (["Good", "food", ".", " "], [True, False, True, False]),
        (["Good", "  "], [False, True]),
        ([" "], [True]),
        ([], []),
    ],
)
def test_words_of_white_space_are_in_the_text(words, spaces):
    surface = surface_of(Doc(Vocab(), words=words, spaces=spaces))
    assert [surface.text[start:end] for start, end in surface.spans] == words


def test_scripts():
    found = [script_of(char) for char in "aЖ東ひカーｶ๑ก1.\u0301"]
    assert found[:6] == ["LATIN", "CYRILLIC", "CJK", "HIRAGANA", "KATAKANA", "KATAKANA"]
    assert found[6] == "KATAKANA" and found[8] == "THAI" and found[9:11] == ["", ""]
