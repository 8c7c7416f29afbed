"""A tokenizer that is cut down cuts words as before."""

import json

import pytest
from tokenizers import Tokenizer

from spacy_skd.errors import SkdError
from spacy_skd.vectors.pieces import Pieces

from .encoders import SPECIAL, TOKENIZERS, UNSEEN, WORDS

# Half of the words, so that there is something to leave out.
WANTED = WORDS[::2]


@pytest.fixture(params=TOKENIZERS)
def kind(request):
    return request.param


@pytest.fixture
def pieces(kind, tmp_path):
    path = tmp_path / "tokenizer.json"
    TOKENIZERS[kind]().save(str(path))
    return Pieces(path)


def wanted_ids(pieces):
    return {i for ids in pieces.of_words(WANTED) for i in ids}


def reduced(pieces):
    text, ids = pieces.reduced(wanted_ids(pieces) | pieces.characters())
    return Tokenizer.from_str(text), ids


def cut(pieces, tokenizer, word):
    return tokenizer.encode(pieces.prefix + word, add_special_tokens=False)


def test_words_whose_pieces_are_kept_are_cut_the_same(pieces):
    tokenizer, ids = reduced(pieces)
    assert tokenizer.get_vocab_size() < len(pieces.by_id)
    for word, old in zip(WANTED, pieces.of_words(WANTED)):
        new = cut(pieces, tokenizer, word).ids
        assert [ids[i] for i in new if i < len(ids)] == old, word


def test_a_piece_is_the_same_under_its_new_number(pieces):
    tokenizer, ids = reduced(pieces)
    for new, old in enumerate(ids):
        assert tokenizer.id_to_token(new) == pieces.by_id[old]


def test_all_pieces_kept_change_nothing(pieces):
    text, ids = pieces.reduced(pieces.usable)
    tokenizer = Tokenizer.from_str(text)
    words = WORDS + UNSEEN
    for word, old in zip(words, pieces.of_words(words)):
        assert [ids[i] for i in cut(pieces, tokenizer, word).ids if i < len(ids)] == old, word


def test_unseen_words_are_made_of_what_there_is(pieces, kind):
    tokenizer, ids = reduced(pieces)
    checked = 0
    for word in UNSEEN:
        old, new = cut(pieces, pieces.tokenizer, word), cut(pieces, tokenizer, word)
        if old.ids and set(old.ids) <= pieces.usable:
            checked += 1
            assert new.ids and all(i < len(ids) for i in new.ids), (word, new.tokens)
    assert checked >= 3 or kind == "word_level"


def test_words_are_cut_as_within_a_sentence(pieces):
    for first, second in (("in", "Bonn"), ("Anna", "lives")):
        sentence = pieces.tokenizer.encode(f"{first} {second}", add_special_tokens=False).ids
        alone = pieces.of_words([second])[0]
        assert sentence[-len(alone) :] == alone


def test_pieces_of_bytes_need_a_blank_before_the_word(pieces, kind):
    assert pieces.prefix == (" " if kind == "byte_bpe" else "")


def test_marks_alone_say_nothing(pieces):
    words = ["京東", "in", "xyz", "☃"]
    assert "" not in {pieces.surface(i) for ids in pieces.of_words(words) for i in ids}
    _, ids = reduced(pieces)
    assert not [i for i in ids if not pieces.surface(i)]


def test_names_of_special_tokens_are_ordinary_text(pieces):
    text, ids = pieces.reduced(range(len(pieces.by_id)))
    assert not {pieces.by_id[i] for i in ids} & set(SPECIAL)
    spec = json.loads(text)
    assert spec["added_tokens"] == [] and spec["post_processor"] is None


def test_a_character_of_several_bytes_is_kept(tmp_path):
    path = tmp_path / "tokenizer.json"
    TOKENIZERS["byte_bpe"]().save(str(path))
    pieces = Pieces(path)
    characters = {pieces.surface(i) for i in pieces.characters()}
    assert "ø" in characters and "o" in characters


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", '{"model": 3}', json.dumps({"version": "1.0", "model": {"type": "Novel"}})],
)
def test_what_is_no_tokenizer_is_one_line(content, tmp_path):
    path = tmp_path / "tokenizer.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(SkdError, match=f"SKD173.*{path.name}") as caught:
        Pieces(path)
    assert "\n" not in str(caught.value)
