"""Words of any script, cut by each kind of vocabulary, have the pieces that transformers gives."""

import pytest

from spacy_skd.encoders.pieces import Subwords

transformers = pytest.importorskip("transformers")

SENTENCES = [
    ["Ada", "Lovelace", "does", "n't", "live", "in", "New", "York", "."],
    ["東京", "に", "住ん", "で", "い", "ます", "。"],
    ["Überraschung", ",", "ñandú", "и", "Ёлка", "😀", "e\u0301te\u0301"],
    ["x" * 300, "http://example.org/" + "a1" * 200],
    ["don't", "100,000.50", "#tag", "@name"],
]
SPECIAL = ["<s>", "<pad>", "</s>", "<unk>"]


def byte_level():
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    return tokenizer, trainers.BpeTrainer(
        vocab_size=400, special_tokens=SPECIAL, initial_alphabet=alphabet, show_progress=False
    )


def unigram():
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    return tokenizer, trainers.UnigramTrainer(
        vocab_size=120, special_tokens=SPECIAL, unk_token="<unk>", show_progress=False
    )


def word_piece():
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.WordPiece(unk_token="<unk>"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return tokenizer, trainers.WordPieceTrainer(
        vocab_size=200, special_tokens=SPECIAL, show_progress=False
    )


@pytest.mark.parametrize("make", [byte_level, unigram, word_piece])
@pytest.mark.parametrize("template", ["<s> $A </s>", "$A </s>", "$A"])
def test_the_pieces_are_those_of_transformers(make, template):
    from tokenizers.processors import TemplateProcessing

    tokenizer, trainer = make()
    tokenizer.train_from_iterator([" ".join(words) for words in SENTENCES], trainer)
    special = [(piece, tokenizer.token_to_id(piece)) for piece in SPECIAL]
    tokenizer.post_processor = TemplateProcessing(single=template, special_tokens=special)
    fast = transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", unk_token="<unk>", add_prefix_space=True
    )
    expected = [fast(words, is_split_into_words=True) for words in SENTENCES]
    pad = tokenizer.token_to_id("<pad>")
    windows = Subwords(tokenizer, 4000, pad).windows(SENTENCES)
    for words, window, encoded in zip(SENTENCES, windows, expected):
        of_word = encoded.word_ids()
        assert window.ids == encoded["input_ids"]
        firsts = [of_word.index(i) for i in range(len(words))]
        assert window.starts[:-1].tolist() == firsts
