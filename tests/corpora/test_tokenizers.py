import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_skd.corpora.tokenizers import LONGEST_WORD, load_tokenizer, tokenize


@pytest.fixture(scope="module")
def nlp():
    return load_tokenizer("en")[0]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.sampled_from(["a", " ", "'", "b" * 300, "\n", "東" * 400, "don't.", "  "])))
def test_no_character_is_lost(nlp, parts):
    text = "".join(parts)
    assert tokenize(nlp, text).text == text


def test_words_that_are_not_too_long_are_spacys(nlp):
    text = "Don't cut www.example.com/" + "x" * 200 + " (ever)! " + "y" * LONGEST_WORD
    assert [t.text for t in tokenize(nlp, text)] == [t.text for t in nlp.make_doc(text)]


@pytest.mark.parametrize(
    "lang, code", [("de", "de"), ("fra", "fr"), ("xx", "xx"), ("punctuation", "xx"), ("ceb", "xx")]
)
def test_languages(lang, code):
    nlp, notes = load_tokenizer(lang)
    assert nlp.lang == code and bool(notes) == (code == "xx" != lang)
