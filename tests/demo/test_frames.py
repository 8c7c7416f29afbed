"""What the demo corpus is made of: enough of it, the splits apart, the spans in place."""

from collections import Counter

import pytest

from frame_files import AssetError, read_assets
from frames import generate, language_folders

from .conftest import ASSETS, write_language

LANGUAGES = ["de", "en", "es", "nl"]
TYPES = ["LOC", "MISC", "ORG", "PER"]
SPLITS = ["train", "dev", "test", "unlabelled"]
LABELLED = ["train", "dev", "test"]


@pytest.fixture(scope="module")
def corpus():
    return {folder.name: generate(folder, seed=0) for folder in language_folders(ASSETS)}


def entities(sentence):
    """The entities of a sentence: their words and their type."""
    found = []
    for word, tag in zip(sentence.words, sentence.tags):
        if tag.startswith("B-"):
            found.append(([word], tag[2:]))
        elif tag != "O":
            assert tag == f"I-{found[-1][1]}"
            found[-1][0].append(word)
    return found


def names(sentences):
    return {" ".join(words).casefold() for s in sentences for words, _ in entities(s)}


@pytest.mark.parametrize("language", LANGUAGES)
def test_there_is_enough_of_it(language):
    assets = read_assets(ASSETS / language)
    assert len(assets.frames) == len(set(assets.frames)) >= 120
    for label in TYPES:
        names = {n for (kind, _), members in assets.names.items() if kind == label for n in members}
        assert len(names) >= 150, label


@pytest.mark.parametrize("language", LANGUAGES)
def test_names_are_ambiguous_and_nested(language):
    assets = read_assets(ASSETS / language)
    types = Counter()
    for name, _ in {(n, kind) for (kind, _), ns in assets.names.items() for n in ns}:
        types[name] += 1
    assert sum(count > 1 for count in types.values()) >= 10
    nested = sum(
        any(f" {name} " in f" {other} " and name != other for other in types) for name in types
    )
    with_slots = [kind for kind, _ in assets.patterns if kind in TYPES]
    assert nested + len(with_slots) >= 5


def test_every_split_of_every_language(corpus):
    assert sorted(corpus) == LANGUAGES
    for language, splits in corpus.items():
        assert sorted(splits) == sorted(SPLITS)
        for split in LABELLED:
            found = {label for sentence in splits[split] for _, label in entities(sentence)}
            assert found == set(TYPES), (language, split)
        for sentences in splits.values():
            assert len({sentence.words for sentence in sentences}) == len(sentences) >= 200
            assert all(len(words) == len(tags) > 0 for words, tags in sentences)


@pytest.mark.parametrize("language", LANGUAGES)
def test_names_of_dev_and_test_never_occur_in_train(corpus, language):
    splits = corpus[language]
    known = names(splits["train"])
    for split in ("dev", "test"):
        assert not names(splits[split]) & known


@pytest.mark.parametrize("language", LANGUAGES)
def test_sentences_around_the_names_are_apart(corpus, language):
    """A frame shows as what is left of a sentence without its entities."""

    def frames(sentences):
        left = (
            [word.casefold() for word, tag in zip(*sentence) if tag == "O"]
            for sentence in sentences
        )
        return {" ".join(words) for words in left if len(words) >= 6}

    splits = corpus[language]
    for split in ("dev", "test"):
        assert not frames(splits[split]) & frames(splits["train"])


@pytest.mark.parametrize("language", LANGUAGES)
def test_entities_begin_with_words(corpus, language):
    for split in LABELLED:
        for sentence in corpus[language][split]:
            for words, _ in entities(sentence):
                assert words[0].strip("\"'«»“”„().,") or len(words) > 1, (sentence, words)


@pytest.mark.parametrize("language", LANGUAGES)
def test_lines_in_one_case_and_sentences_without_names(corpus, language):
    train = corpus[language]["train"]
    assert sum(" ".join(sentence.words).isupper() for sentence in train) >= 10
    assert sum(" ".join(sentence.words).islower() for sentence in train) >= 10
    assert sum(not entities(sentence) for sentence in train) >= 10
    assert sum(len(entities(sentence)) > 1 for sentence in train) >= 100


def test_the_seed_decides(corpus):
    assert generate(ASSETS / "nl", seed=0) == corpus["nl"]
    assert generate(ASSETS / "nl", seed=1) != corpus["nl"]


def test_names_that_do_not_suffice_for_all_splits(tmp_path):
    folder = write_language(tmp_path / "en", names="Ada\nBob")
    with pytest.raises(AssetError, match=r"PER\.txt holds too few names before the first"):
        generate(folder, seed=0)


def test_frames_that_do_not_suffice_for_all_sentences(tmp_path):
    folder = write_language(tmp_path / "en", names="\n".join(f"Name{i}" for i in range(30)))
    with pytest.raises(AssetError, match=r"different sentences for \w+, not \d+\. Add frames"):
        generate(folder, seed=0)


def test_a_language_that_spacy_does_not_know(tmp_path):
    folder = write_language(tmp_path / "qqq", names="\n".join(f"Name{i}" for i in range(30)))
    with pytest.raises(AssetError, match="No tokenizer of spaCy for 'qqq'"):
        generate(folder, seed=0)
