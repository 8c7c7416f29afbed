"""What layers ask of tokens, and which tokens are different."""

import numpy as np
import spacy
from spacy.tokens import Doc

from spacy_skd.tokens import as_tokens, different

VOCAB = spacy.blank("xx").vocab
DOCS = [
    Doc(VOCAB, words=words) for words in (["a", "b", "a"], [], ["b", "c", "b", "a"], ["C", "c"])
]


def test_different_words_and_which_of_them_a_token_is():
    texts = as_tokens(DOCS, [spacy.attrs.ORTH, spacy.attrs.LENGTH])
    words, word_of = different(texts)
    assert len(words) == 4
    values = np.concatenate([tokens.values for tokens in texts])
    np.testing.assert_array_equal(words.values[word_of], values)
