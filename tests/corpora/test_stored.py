"""Documents of damaged files, and of files that say odd things."""

import random

import pytest
from spacy.tokens import Doc, DocBin
from spacy.vocab import Vocab

from spacy_skd.corpora.stored import copy_tokens, read_docs
from spacy_skd.errors import SkdError


@pytest.fixture
def file(tmp_path):
    def make(lang="de", n=20):
        docs = []
        for i in range(n):
            docs.append(Doc(Vocab(), words=["Satz", str(i)], user_data={"lang": lang}))
        DocBin(docs=docs, store_user_data=True).to_disk(tmp_path / "x.spacy")
        return tmp_path / "x.spacy"

    return make


def test_a_copy_is_one_sentence_unless_boundaries_are_known():
    words = ["a", ".", "b", "."]
    starts = [True, False, True, False]
    for known, expected in ((None, [4]), (starts, [2, 2])):
        copy = copy_tokens(Doc(Vocab(), words=words, sent_starts=known, tags=words), Vocab())
        assert [len(sentence) for sentence in copy.sents] == expected
        assert [token.text for token in copy] == words and not copy.has_annotation("TAG")
    assert [token.text for token in copy_tokens(Doc(Vocab(), words=["a"]), Vocab())] == ["a"]
    assert len(copy_tokens(Doc(Vocab()), Vocab())) == 0


@pytest.mark.parametrize("lang", ["../de", "de.partial", "\x1b[31m", 7, None, ["de"], "x" * 100])
def test_what_is_no_language(file, lang):
    with pytest.raises(SkdError, match="SKD083.*x.spacy") as error:
        list(read_docs(file(lang), "de", Vocab()))
    assert str(error.value).isprintable()


def test_any_damage_is_one_error(file):
    path = file()
    whole = path.read_bytes()
    rng = random.Random(0)
    for _ in range(200):
        damaged = bytearray(whole)
        for _ in range(rng.randint(1, 3)):
            damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        path.write_bytes(bytes(damaged)[: rng.randint(0, 2 * len(damaged))])
        try:
            docs = list(read_docs(path, "de", Vocab()))
        except SkdError as error:
            assert "SKD078" in str(error)
        else:
            assert [doc[1].text for doc in docs] == [str(i) for i in range(20)]


def test_content_that_does_not_fit_together(file, tmp_path):
    packed = DocBin().from_disk(file())
    packed.strings.clear()
    packed.to_disk(tmp_path / "x.spacy")
    with pytest.raises(SkdError, match="SKD078"):
        list(read_docs(tmp_path / "x.spacy", "de", Vocab()))
