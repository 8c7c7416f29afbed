"""What an embedding is told of a word: as spaCy says it, and affixes of any length."""

import numpy as np
import pytest
import spacy
from spacy.attrs import NORM
from spacy.ml.featureextractor import FeatureExtractor
from spacy.strings import get_string_id
from spacy.tokens import Doc

from spacy_skd.errors import SkdError
from spacy_skd.lexical import WordFeatures
from spacy_skd.tokens import as_tokens, attributes_read

NLP = spacy.blank("xx")


def features_of(names, words):
    model = WordFeatures(names)
    texts = as_tokens([Doc(NLP.vocab, words=words)], attributes_read(model, NLP.vocab))
    return model.predict(texts)[0]


def test_attributes_are_as_spacy_says_them():
    words = ["Anna", "lives", "in", "Rome"]
    names = ["NORM", "PREFIX", "SUFFIX", "SHAPE"]
    expected = FeatureExtractor(names).predict([Doc(NLP.vocab, words=words)])[0]
    np.testing.assert_array_equal(features_of(names, words), expected)
    assert features_of(names, words).dtype == np.uint64
    np.testing.assert_array_equal(features_of(["norm", NORM], words)[:, 1], expected[:, 0])


@pytest.mark.parametrize(
    "name, affixes",
    [
        ("PREFIX2", ["an", "a", "நா", "日本"]),
        ("SUFFIX1", ["a", "a", "ு", "語"]),
        ("suffix3", ["nna", "a", "ாடு", "日本語"]),
        ("PREFIX12", ["anna", "a", "நாடு", "日本語"]),
    ],
)
def test_affixes_are_so_many_characters_in_lower_case(name, affixes):
    """And hashes of all 64 bits, beside attributes of any size."""
    found = features_of(["LENGTH", name], ["Anna", "a", "நாடு", "日本語"])
    assert found[:, 0].tolist() == [4, 1, 4, 3]
    assert found[:, 1].tolist() == [get_string_id(affix) for affix in affixes]
    assert found[:, 1].max() > 2**63


def test_no_tokens():
    assert features_of(["NORM", "SUFFIX2"], []).shape == (0, 2)


@pytest.mark.parametrize("name", ["PREFIX0", "SUFFIX-2", "AFFIX2", "COLOUR", "PREFIX100", 100_000])
def test_what_is_no_feature_is_one_line(name):
    with pytest.raises(SkdError, match=f"SKD036.*'{name}'.*SUFFIX4"):
        WordFeatures(["NORM", name])
