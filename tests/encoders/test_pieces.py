import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_skd.encoders.pieces import Subwords, by_length

tokenizers = pytest.importorskip("tokenizers")

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
CLS, SEP, UNKNOWN = 2, 3, 1


def letters():
    """A tokenizer that cuts words into letters, between [CLS] and [SEP]; it skips digits."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    vocabulary = {piece: i for i, piece in enumerate([*SPECIAL, *"abcdefghij"])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Replace(tokenizers.Regex("[0-9]"), "")
    tokenizer.pre_tokenizer = pre_tokenizers.Split(tokenizers.Regex("."), "isolated")
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", CLS), ("[SEP]", SEP)]
    )
    return tokenizer


words = st.lists(st.text("abcdefghij", min_size=1, max_size=12), max_size=40)


def test_a_short_sentence_is_one_window():
    (window,) = Subwords(letters(), 16, 0).windows([["ab", "c"]])
    assert (window.sentence, window.first) == (0, 0)
    assert window.ids == [CLS, 4, 5, 6, SEP]
    assert window.starts.tolist() == [1, 3, 4]


def test_every_word_has_a_piece():
    (window,) = Subwords(letters(), 16, 0).windows([["a", "12", "z"]])
    assert window.ids == [CLS, 4, UNKNOWN, UNKNOWN, SEP]
    assert window.starts.tolist() == [1, 2, 3, 4]


def test_without_pieces_a_word_is_what_is_unknown_in_a_unigram_vocabulary_too():
    from tokenizers import Tokenizer, models, normalizers, processors

    vocabulary = [("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("a", -1.0)]
    tokenizer = Tokenizer(models.Unigram(vocabulary, unk_id=3))
    tokenizer.normalizer = normalizers.Strip()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    (window,) = Subwords(tokenizer, 16, 1).windows([["a", "\n", "a"]])
    assert window.ids == [0, 4, 3, 4, 2]


@given(st.lists(words, max_size=4), st.integers(3, 30))
def test_windows_count_each_word_once_and_hold_its_pieces(sentences, max_pieces):
    windows = Subwords(letters(), max_pieces, 0).windows(sentences)
    room = max_pieces - 2
    for i, sentence in enumerate(sentences):
        counted = []
        for window in (window for window in windows if window.sentence == i):
            assert window.first == len(counted)
            assert len(window.ids) <= max_pieces
            assert (window.ids[0], window.ids[-1]) == (CLS, SEP)
            for start, end in zip(window.starts, window.starts[1:]):
                assert 1 <= start < end < len(window.ids)
                counted.append("".join("abcdefghij"[i - 4] for i in window.ids[start:end]))
        assert counted == [word[:room] for word in sentence]


def test_words_of_an_overlap_count_where_they_have_more_context():
    sentence = ["a"] * 100
    windows = Subwords(letters(), 42, 0).windows([sentence])
    assert len(windows) == 3
    for window in windows:
        last = len(window.starts) - 2
        before, after = window.starts[0] - 1, len(window.ids) - 1 - window.starts[last + 1]
        assert before >= 5 or window.first == 0
        assert after >= 5 or window is windows[-1]


@given(st.lists(st.integers(0, 30), max_size=40), st.integers(1, 200))
def test_batches_hold_everything_once_and_stay_below_the_limit(lengths, limit):
    batches = list(by_length(lengths, limit))
    assert sorted(i for batch in batches for i in batch) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) * max(lengths[i] for i in batch) <= limit or len(batch) == 1
    in_order = [lengths[i] for batch in batches for i in batch]
    assert in_order == sorted(lengths)
