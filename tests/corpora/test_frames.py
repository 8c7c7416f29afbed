"""The demo corpus: enough of it, the splits apart, the spans in place, bad lists told by line."""

from collections import Counter
from pathlib import Path

import pytest

from spacy_skd.corpora.frame_files import read_assets
from spacy_skd.corpora.frames import generate
from spacy_skd.errors import SkdError

ASSETS = Path(__file__).parents[2] / "assets" / "demo"
LANGUAGES = ["de", "en", "es", "nl"]
TYPES = ["LOC", "MISC", "ORG", "PER"]
SPLITS = ["train", "dev", "test", "unlabelled"]
LABELLED = ["train", "dev", "test"]


@pytest.fixture(scope="module")
def corpus():
    return generate(ASSETS, seed=0)


def entities(docs):
    return {ent.text.casefold() for doc in docs for ent in doc.ents}


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
    for name, label in {(n, kind) for (kind, _), ns in assets.names.items() for n in ns}:
        types[name] += 1
    assert sum(count > 1 for count in types.values()) >= 10
    names = list(types)
    nested = sum(any(f" {name} " in f" {other} " and name != other for other in names) for name in names)
    with_slots = [kind for kind, _ in assets.patterns if kind in TYPES]
    assert nested + len(with_slots) >= 5


def test_every_split_of_every_language(corpus):
    assert sorted(corpus) == LANGUAGES
    for language, splits in corpus.items():
        assert sorted(splits) == sorted(SPLITS)
        for split in LABELLED:
            found = {ent.label_ for doc in splits[split] for ent in doc.ents}
            assert found == set(TYPES), (language, split)
        for docs in splits.values():
            assert len({doc.text for doc in docs}) == len(docs) >= 200
            assert all(doc.user_data["lang"] == language for doc in docs)


def test_labelled_text_is_annotated_and_unlabelled_is_not(corpus):
    for splits in corpus.values():
        for split, docs in splits.items():
            annotated = split != "unlabelled"
            assert all(doc.has_annotation("ENT_IOB") == annotated for doc in docs)


@pytest.mark.parametrize("language", LANGUAGES)
def test_names_of_dev_and_test_never_occur_in_train(corpus, language):
    splits = corpus[language]
    known = entities(splits["train"])
    for split in ("dev", "test"):
        assert not entities(splits[split]) & known


@pytest.mark.parametrize("language", LANGUAGES)
def test_sentences_around_the_names_are_apart(corpus, language):
    """A frame shows as what is left of a sentence without its entities."""

    def frames(docs):
        left = Counter()
        for doc in docs:
            words = [token.text.casefold() for token in doc if not token.ent_type_]
            if len(words) >= 6:
                left[" ".join(words)] += 1
        return set(left)

    splits = corpus[language]
    for split in ("dev", "test"):
        assert not frames(splits[split]) & frames(splits["train"])


@pytest.mark.parametrize("language", LANGUAGES)
def test_entities_begin_and_end_with_words(corpus, language):
    for split in LABELLED:
        for doc in corpus[language][split]:
            for ent in doc.ents:
                assert ent.text == ent.text.strip() and ent.text
                assert ent[0].text.strip("\"'«»“”„().,") or len(ent) > 1, (doc.text, ent.text)


@pytest.mark.parametrize("language", LANGUAGES)
def test_lines_in_one_case_and_sentences_without_names(corpus, language):
    train = corpus[language]["train"]
    assert sum(doc.text.isupper() for doc in train) >= 10
    assert sum(doc.text.islower() for doc in train) >= 10
    assert sum(not doc.ents for doc in train) >= 10
    assert sum(len(doc.ents) > 1 for doc in train) >= 100


def test_the_seed_decides(corpus):
    def texts(made):
        return {key: [doc.text for doc in docs] for key, docs in made["nl"].items()}

    assert texts(generate(ASSETS, seed=0)) == texts(corpus)
    assert texts(generate(ASSETS, seed=1)) != texts(corpus)


def write_language(folder, frames="{PER} calls .", names="Ada", words="[day]\nMonday"):
    folder.mkdir(parents=True)
    (folder / "frames.txt").write_text(frames, encoding="utf-8")
    (folder / "PER.txt").write_text(names, encoding="utf-8")
    (folder / "words.txt").write_text(words, encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    "files, message",
    [
        ({"frames": "Hello .\n{SHIP} calls ."}, r"SKD113.*frames\.txt:2"),
        ({"frames": "{PER calls ."}, r"SKD114.*frames\.txt:1"),
        ({"frames": "A .\nB .\nA ."}, r"SKD115.*frames\.txt:3.*line 1"),
        ({"frames": "\n\n"}, r"SKD088.*frames\.txt"),
        ({"names": "Ada\nBob\nAda"}, r"SKD115.*PER\.txt:3"),
        ({"frames": "{PER:family} calls ."}, r"SKD113.*family"),
    ],
)
def test_bad_lists_are_told_by_file_and_line(tmp_path, files, message):
    with pytest.raises(SkdError, match=message):
        read_assets(write_language(tmp_path / "en", **files))


def test_names_that_do_not_suffice_for_all_splits(tmp_path):
    write_language(tmp_path / "en", names="Ada\nBob")
    with pytest.raises(SkdError, match=r"SKD116.*PER\.txt"):
        generate(tmp_path, seed=0)


def test_an_encoding_that_is_not_utf8(tmp_path):
    folder = write_language(tmp_path / "en")
    (folder / "PER.txt").write_bytes("Ada\nJosé".encode("latin-1"))
    with pytest.raises(SkdError, match=r"SKD112.*PER\.txt:2"):
        read_assets(folder)
