import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from spacy.tokens import Doc
from spacy.vocab import Vocab

from spacy_skd.corpora.conllu import read_conllu
from spacy_skd.corpora.documents import ReadOptions
from spacy_skd.corpora.multiword import Spellings, merge_multiword, written

from .samples import write

# What treebanks have: multiword token, its words, the tokens of a text.
HEBREW = [
    ("בבית", "ב ה_ בית", "ב בית"),  # an article that is not written
    ("שבבית", "ש ב ה בית", "ש ב בית"),
    ("להודו", "ל ה הודו", "ל הודו"),  # the h is the country's
    ("בביתו", "ב בית_ _של_ _הוא", "ב ביתו"),  # a pronoun as a suffix
    ("להזמנתם", "ל הזמנה_ _של_ _הם", "ל הזמנתם"),  # before which the host changes
    ("שלו", "של_ _הוא", "שלו"),
    ("להם", "ל_ _הם", "ל הם"),
]
SPLIT = [
    ("dámelo", "da me lo", "dá me lo"),
    ("Vámonos", "Vamos nos", "Vámo nos"),
    ("farlo", "fare lo", "far lo"),
    ("tornou-se", "tornou se", "tornou- se"),
    ("fazê-lo", "fazer lo", "fazê- lo"),
    ("معلمتهم", "معلمة هم", "معلمت هم"),
    ("نامه\u200cات", "نامه ات", "نامه\u200c ات"),
    ("ettei", "että ei", "ett ei"),
    ("kdybych", "když bych", "kdy bych"),
]
WHOLE = {
    "fr": "du=de le, des=de les, au=à le, aux=à les, desquels=de lesquels, DU=DE le",
    "es": "al=a el, del=de el",
    "it": "della=di la, sulla=su la, dalla=da la, dei=di i, degli=di gli, nell'=in l'",
    "de": "im=in dem, zum=zu dem, zur=zu der, beim=bei dem, ins=in das, vom=von dem",
    "pt": "nas=em as, dele=de ele, deste=de este, pelo=por o, num=em um, à=a a",
    "cs": "abych=aby bych",
    "ta": "இடையிலான=இடையில் ஆன, விழாவும்=விழாவ் உம்",
    "ar": "للبيت=ل البيت",
}
CONTRACTIONS = [case.split("=") for cases in WHOLE.values() for case in cases.split(", ")]


@pytest.mark.parametrize("form, words, tokens", HEBREW + SPLIT)
def test_what_is_written_is_a_token(form, words, tokens):
    assert [part.text for part in written(words.split(), form)] == tokens.split()


@pytest.mark.parametrize("form, words", CONTRACTIONS)
def test_what_is_written_in_one_stays_one_token(form, words):
    assert [tuple(part) for part in written(words.split(), form)] == [(0, 2, form)]


def test_a_word_that_is_not_written_joins_the_one_before_it_or_else_the_first():
    assert [tuple(part) for part in written(["b", "h", "byt"], "bbyt")] == [
        (0, 2, "b"),
        (2, 3, "byt"),
    ]
    assert [tuple(part) for part in written(["h", "b", "byt"], "bbyt")] == [
        (0, 2, "b"),
        (2, 3, "byt"),
    ]


letters = st.text(st.sampled_from("abéAה_ு்க\u0301-"), min_size=1, max_size=8)


@st.composite
def multiword_tokens(draw):
    """Words, and a text that has some of them, shortened, changed or not at all."""
    words = draw(st.lists(letters, min_size=1, max_size=5))
    pieces = [draw(st.sampled_from([word, word[:-1], word.upper(), ""])) for word in words]
    return words, "".join(pieces) + draw(st.text("abה", max_size=2)) or "x"


@given(multiword_tokens())
@example((["a"], "\u0301a"))
def test_the_tokens_are_all_of_the_text_and_have_all_of_the_words(case):
    words, form = case
    parts = written(words, form)
    assert "".join(part.text for part in parts) == form
    assert [i for part in parts for i in range(part.first, part.end)] == list(range(len(words)))
    assert all(part.text and part.first < part.end for part in parts)


TAGS = ["ADP", "DET", "NOUN", "PRON", "VERB", "PUNCT"]


@given(st.lists(multiword_tokens(), min_size=1, max_size=4), st.data())
def test_every_tag_is_that_of_a_word_and_the_text_that_of_the_multiword_tokens(cases, data):
    words = [word for of_token, _ in cases for word in of_token]
    tags = data.draw(st.lists(st.sampled_from(TAGS), min_size=len(words), max_size=len(words)))
    fused, at = [], 0
    for of_token, form in cases:
        fused.append((at, at + len(of_token), form))
        at += len(of_token)
    doc = sentence(words, tags, fused)
    merged = merge_multiword(doc, "upos")
    assert "".join(token.text for token in merged) == "".join(form for _, form in cases)
    assert merged.user_data == {"lang": "he"}
    parts = [
        range(first + part.first, first + part.end)
        for first, end, form in fused
        for part in written(words[first:end], form)
    ]
    for token, part in zip(merged, parts, strict=True):
        assert token.pos_ in {tags[i] for i in part} and token.tag_ == token.pos_


def sentence(words, tags, fused=()):
    data = {"lang": "he", "multiword": tuple(fused)} if fused else {"lang": "he"}
    return Doc(Vocab(), words=words, pos=tags, tags=tags, user_data=data)


def test_a_sentence_without_multiword_tokens_stays_the_same():
    doc = sentence(["a", "b"], ["NOUN", "VERB"])
    assert merge_multiword(doc, "upos") is doc


def conllu(*tokens):
    """A sentence; each token is (form, [(word, UPOS, XPOS)]) or a single such word."""
    lines, number = [], 0
    for token in tokens:
        form, words = token if isinstance(token[1], list) else (None, [token])
        if form is not None:
            lines.append(f"{number + 1}-{number + len(words)}\t{form}" + "\t_" * 8)
        for word, upos, xpos in words:
            number += 1
            lines.append(f"{number}\t{word}\t_\t{upos}\t{xpos}" + "\t_" * 5)
    return "\n".join(lines) + "\n\n"


def tagged(doc):
    return [(token.text, token.pos_) for token in doc]


IN_THE_HOUSE = ("בבית", [("ב", "ADP", "IN"), ("ה_", "DET", "DT"), ("בית", "NOUN", "NN")])
HIS_HOUSE = ("ביתו", [("בית_", "NOUN", "NN"), ("_של_", "ADP", "POS"), ("_הוא", "PRON", "PRP")])
SUM = ("והבית", [("ו", "CCONJ", "CC"), ("ה", "DET", "DT"), ("בית", "NOUN", "NN")])


def test_the_written_words_keep_their_tags(tmp_path):
    path = write(tmp_path / "dev.conllu", conllu(IN_THE_HOUSE, HIS_HOUSE, SUM))
    (doc,) = read_conllu(path, "he", ReadOptions(merge_subtokens=True)).docs
    assert doc.text == "בבית ביתו והבית "
    assert tagged(doc) == [
        *[("ב", "ADP"), ("בית", "NOUN"), ("ביתו", "NOUN")],
        *[("ו", "CCONJ"), ("ה", "DET"), ("בית", "NOUN")],
    ]
    options = ReadOptions(tag="xpos", merge_subtokens=True)
    (doc,) = read_conllu(path, "he", options).docs
    assert [token.tag_ for token in doc][:3] == ["IN_DT", "NN", "NN_POS_PRP"]


@pytest.fixture
def spellings(tmp_path):
    marked = conllu(*[IN_THE_HOUSE] * 3, *[HIS_HOUSE] * 3, ("ה", "DET", "DT"))
    path = write(tmp_path / "dev.conllu", marked)
    return Spellings(read_conllu(path, "he", ReadOptions()).docs)


def test_words_that_are_never_written_are_known_where_multiword_tokens_are_not_marked(spellings):
    assert spellings.unwritten == {"ה_", "_של_", "_הוא"}
    words = ["ו", "ב", "ה_", "ספר_", "_של_", "_הוא", "ה", "בית_", "_של_", "_הוא"]
    tags = ["CCONJ", "ADP", "DET", "NOUN", "ADP", "PRON", "DET", "NOUN", "ADP", "PRON"]
    assert tagged(spellings.merge(sentence(words, tags), "upos")) == [
        *[("ו", "CCONJ"), ("ב", "ADP"), ("ספרו", "NOUN"), ("ה", "DET"), ("ביתו", "NOUN")],
    ]


def test_nothing_is_told_by_what_is_seen_too_rarely_or_as_often_written(tmp_path):
    plain = sentence(["ב", "ה_", "בית"], ["ADP", "DET", "NOUN"])
    for tokens in ([IN_THE_HOUSE] * 2, [IN_THE_HOUSE] * 3 + [("ה_", "DET", "DT")] * 3):
        path = write(tmp_path / "dev.conllu", conllu(*tokens))
        spellings = Spellings(read_conllu(path, "he", ReadOptions()).docs)
        assert spellings.merge(plain, "upos") is plain
