import spacy
from hypothesis import given
from hypothesis import strategies as st
from spacy.tokens import Doc
from spacy.vocab import Vocab

from spacy_skd.targets.fingerprints import sentence_fingerprint, teacher_manifest, text_fingerprint

from .samples import make_doc, save_teacher

words_and_spaces = st.lists(
    st.tuples(st.text("ab .\n", min_size=1, max_size=3), st.booleans()), min_size=1, max_size=5
)


@given(words_and_spaces, words_and_spaces)
def test_sentences_have_the_same_fingerprint_if_words_and_spaces_are_the_same(one, other):
    docs = [make_doc(*zip(*tokens)) for tokens in (one, other)]
    same = sentence_fingerprint(docs[0]) == sentence_fingerprint(docs[1])
    assert same == (one == other)
    assert sentence_fingerprint(Doc(Vocab(), *map(list, zip(*one)))) == sentence_fingerprint(
        docs[0]
    )


@given(words_and_spaces, words_and_spaces)
def test_texts_have_the_same_fingerprint_if_only_whitespace_differs(one, other):
    docs = [make_doc(*zip(*tokens)) for tokens in (one, other)]
    same = text_fingerprint(docs[0]) == text_fingerprint(docs[1])
    assert same == ("".join(docs[0].text.split()) == "".join(docs[1].text.split()))


def test_teacher_fingerprint_survives_saving_again_but_not_training(tmp_path):
    nlp = save_teacher(tmp_path / "one")
    before = teacher_manifest(tmp_path / "one")
    loaded = spacy.load(tmp_path / "one")
    loaded("Words that no vocabulary has met: xylotomous, Quisquilien.")
    loaded.meta["description"] = "saved again"
    loaded.to_disk(tmp_path / "two")
    (tmp_path / "two" / ".DS_Store").write_text("of a file manager", encoding="utf-8")
    assert teacher_manifest(tmp_path / "two") == before
    nlp.get_pipe("pipe").model.get_param("start")[0] += 1
    nlp.to_disk(tmp_path / "one")
    assert teacher_manifest(tmp_path / "one") != before
