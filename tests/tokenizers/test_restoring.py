from spacy.tokens import Doc
from spacy.vocab import Vocab

from spacy_skd.tokenizers.restoring import Spacing, starts_of

# A preposition and a conjunction that are written with the word after them, a full stop with the
# one before; "house" and "garden" are mostly seen after them, but not because of themselves.
KNOWN = 3 * [
    *["in|house|. and|garden", "in|garden sits", "in|house|.", "and|sun|.", "and|moon|.", "in|sun"]
]


def sentence(text):
    words = [piece.split("|") for piece in text.split()]
    spaces = [i == len(piece) - 1 for piece in words for i in range(len(piece))]
    return Doc(Vocab(), words=[word for piece in words for word in piece], spaces=spaces)


def as_piece(*words):
    return "".join(words), starts_of(words).tobytes()


def test_a_word_is_not_attached_because_the_one_before_it_is():
    spacing = Spacing(sentence(text) for text in KNOWN)
    found = spacing.pieces(Doc(Vocab(), words=["big", "house", "in", "big", "garden", "."]))
    pieces = ["big", "house", "in|big", "garden|."]
    assert list(found) == [as_piece(*piece.split("|")) for piece in pieces]


def test_what_is_as_often_attached_as_not_is_left_out():
    spacing = Spacing(sentence(text) for text in ["so - a", "so|- a"] * 3)
    found = list(spacing.pieces(Doc(Vocab(), words=["so", "-", "a"])))
    assert found == [as_piece("a")]


def test_words_with_spaces_in_them_are_several_pieces():
    words = ["Tôi", "làm việc", "."]
    known = [Doc(Vocab(), words=words, spaces=[True, False, False])] * 3
    found = Spacing(known).pieces(Doc(Vocab(), words=words))
    assert list(found) == [as_piece("Tôi"), as_piece("làm"), as_piece("việc", ".")]
