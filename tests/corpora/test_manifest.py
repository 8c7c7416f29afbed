import json
import os
import shutil

import pytest
from spacy.vocab import Vocab

from spacy_skd.corpora.documents import make_doc
from spacy_skd.corpora.layout import find_languages
from spacy_skd.corpora.manifest import MANIFEST, read_manifest, write_manifest
from spacy_skd.corpora.output import replaced_corpus, write_docs, write_pieces
from spacy_skd.corpora.stored import read_split
from spacy_skd.errors import SkdError


def docs_of(lang, split, n=3):
    return [make_doc(Vocab(), lang, [lang, split, str(i)]) for i in range(n)]


@pytest.fixture
def corpus(tmp_path, monkeypatch):
    monkeypatch.setattr("spacy_skd.corpora.output.PIECE", 2)
    with replaced_corpus(tmp_path / "corpus") as folder:
        for lang in ("de", "nl"):
            for split in ("train", "dev"):
                write_docs(docs_of(lang, split), folder / lang / f"{split}.spacy")
            write_pieces(docs_of(lang, "unlabelled", 5), folder / lang / "unlabelled")
        write_manifest(folder, "", {})
    return tmp_path / "corpus"


def read_all(corpus):
    """What a training reads: all splits of all languages."""
    found = find_languages(corpus, ["train", "dev"])
    return [
        doc.text
        for lang in found
        for split in ("train", "dev", "unlabelled")
        for doc in read_split(corpus, lang, split, Vocab())
    ]


def fails(corpus, code):
    with pytest.raises(SkdError, match=code) as error:
        read_all(corpus)
    assert str(error.value).isprintable()
    return str(error.value)


def test_a_corpus_is_read_as_it_was_converted(corpus):
    assert len(read_all(corpus)) == 2 * (3 + 3 + 5)
    assert sorted(read_manifest(corpus).files)[:3] == [
        "de/dev.spacy",
        "de/train.spacy",
        "de/unlabelled/00000.spacy",
    ]


def test_files_that_changed_places_are_noticed(corpus):
    """Both are intact: only the manifest knows which is which."""
    one, other = corpus / "de" / "train.spacy", corpus / "nl" / "train.spacy"
    one.rename(corpus / "kept")
    other.rename(one)
    (corpus / "kept").rename(other)
    message = fails(corpus, "SKD181")
    assert "de/train.spacy' is truncated or altered" in message and MANIFEST in message


def test_a_renamed_language_is_noticed(corpus):
    (corpus / "nl").rename(corpus / "nn")
    assert "nl/dev.spacy' is missing" in fails(corpus, "SKD181")
    # But a language that is asked for alone is as it was.
    assert find_languages(corpus, ["train"], ["de"]) == ["de"]


@pytest.mark.parametrize("name", ["de/dev.spacy", "nl/unlabelled/00001.spacy"])
def test_missing_new_and_replaced_files_are_noticed(corpus, name, tmp_path):
    path = corpus / name
    shutil.copy(path, path.with_name("00009.spacy"))
    assert "00009.spacy' is new" in fails(corpus, "SKD181")
    path.with_name("00009.spacy").unlink()
    path.rename(tmp_path / "kept")
    assert f"{name}' is missing" in fails(corpus, "SKD181")
    path.mkdir()
    assert f"{name}' is missing" in fails(corpus, "SKD181")
    path.rmdir()
    path.symlink_to(corpus / "de" / "train.spacy")
    assert f"{name}' is truncated or altered" in fails(corpus, "SKD181")
    path.unlink()
    if hasattr(os, "mkfifo"):
        os.mkfifo(path)
        assert f"{name}' is missing" in fails(corpus, "SKD181")
        path.unlink()
    (tmp_path / "kept").rename(path)
    read_all(corpus)


def test_a_damaged_manifest_is_one_line(corpus):
    path = corpus / MANIFEST
    text = path.read_text()
    for damaged in (text.replace("de/dev", "de/div"), text[:-9], "", "[" * 99_999, "{}"):
        path.write_text(damaged)
        assert MANIFEST in fails(corpus, "SKD185")
    path.unlink()
    path.mkdir()
    fails(corpus, "SKD185")
    path.rmdir()
    path.write_text(text)
    read_all(corpus)


def test_a_corpus_without_manifest_is_read_as_it_is(corpus):
    (corpus / MANIFEST).unlink()
    (corpus / "nl").rename(corpus / "nn")
    assert len(read_all(corpus)) == 22


def test_a_converted_corpus_is_replaced_with_its_manifest(corpus):
    with replaced_corpus(corpus) as folder:
        write_docs(docs_of("fr", "test"), folder / "fr" / "test.spacy")
        write_manifest(folder, "", {})
    assert list(json.loads((corpus / MANIFEST).read_text())["files"]) == ["fr/test.spacy"]
