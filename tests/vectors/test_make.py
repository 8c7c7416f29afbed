"""From an encoder, or a corpus alone, to a pipeline of vectors."""

import os
from contextlib import contextmanager

import numpy as np
import pytest
import spacy
from spacy.tokens import Doc, DocBin
from spacy.vocab import Vocab

from spacy_skd.errors import SkdError
from spacy_skd.vectors import SubwordVectors
from spacy_skd.vectors.floret import check_whole, train_floret
from spacy_skd.vectors.make import make_vectors
from spacy_skd.vectors.words import count_words

from .encoders import TOKENIZERS, UNSEEN, save_encoder

SENTENCES = {
    ("de", "train"): ["Anna wohnt in Bonn", "Bernd wohnt in Kiel"],
    ("de", "unlabelled"): ["die Bonner Altstadt"],
    ("de", "dev"): ["Jørgen"],
    ("de", "test"): ["København"],
    ("en", "train"): ["Anna lives in Leeds"],
}


@pytest.fixture
def encoder(tmp_path):
    return str(save_encoder(tmp_path / "encoder"))


@pytest.fixture
def corpus(tmp_path):
    for (lang, split), lines in SENTENCES.items():
        (tmp_path / "corpus" / lang).mkdir(parents=True, exist_ok=True)
        docs = [Doc(Vocab(), words=line.split()) for line in lines]
        DocBin(docs=docs, store_user_data=True).to_disk(
            tmp_path / "corpus" / lang / f"{split}.spacy"
        )
    return tmp_path / "corpus"


@pytest.mark.parametrize("kind", TOKENIZERS)
def test_words_of_the_corpus_have_the_same_vectors_with_fewer_pieces(kind, corpus, tmp_path):
    encoder = str(save_encoder(tmp_path / kind, kind))
    whole = make_vectors(encoder, tmp_path / "whole", dims=5, dtype="float32")
    small = make_vectors(encoder, tmp_path / "small", corpus=corpus, dims=5, dtype="float32")
    assert small.rows < whole.rows and small.bytes < whole.bytes
    assert small.variance == whole.variance and 0 < small.variance < 1
    one, other = (spacy.load(tmp_path / name).vocab.vectors for name in ("small", "whole"))
    words = [word for counts in count_words(corpus).values() for word in counts]
    np.testing.assert_allclose(one.get_batch(words), other.get_batch(words), rtol=1e-4, atol=1e-5)
    if kind != "word_level":
        assert one.get_batch(words).any(axis=1).all()
        assert sum(one.get_batch(UNSEEN).any(axis=1)) == sum(other.get_batch(UNSEEN).any(axis=1))


@pytest.mark.parametrize("kind", TOKENIZERS)
def test_pieces_beyond_those_of_the_corpus(kind, corpus, tmp_path):
    encoder = str(save_encoder(tmp_path / kind, kind))
    whole = make_vectors(encoder, tmp_path / "w", dims=5, dtype="float32").rows
    needed = make_vectors(encoder, tmp_path / "c", corpus=corpus, dims=5).rows
    rows = [
        make_vectors(
            encoder, tmp_path / name, corpus=corpus, most=most, dims=5, dtype="float32"
        ).rows
        for name, most in (("s", 1), ("m", whole - 1))
    ]
    assert rows[0] == needed < rows[1] == whole - 1
    tables = [spacy.load(tmp_path / name).vocab.vectors for name in "smw"]
    pieces = [sum(len(table.pieces(word)) for word in UNSEEN) for table in tables]
    assert pieces[0] >= pieces[1] >= pieces[2]
    words = [word for counts in count_words(corpus).values() for word in counts]
    for table in tables[:2]:
        np.testing.assert_allclose(
            table.get_batch(words), tables[2].get_batch(words), rtol=1e-4, atol=1e-5
        )


def test_dev_and_test_are_not_looked_at(corpus):
    words = count_words(corpus)
    assert set(words) == {"de", "en"} and words["de"]["wohnt"] == 2
    assert "Altstadt" in words["de"]
    assert not {"Jørgen", "København"} & set(words["de"])


def test_the_report(encoder, corpus, tmp_path):
    report = make_vectors(encoder, tmp_path / "vectors", corpus=corpus, dims=5)
    table = spacy.load(tmp_path / "vectors").vocab.vectors
    assert isinstance(table, SubwordVectors) and table.data.dtype == np.float16
    assert (report.rows, report.dims) == table.shape
    assert report.bytes > table.data.nbytes + len(table.tokenizer_json)
    known = [lines for (_, split), lines in SENTENCES.items() if split in ("train", "unlabelled")]
    words = " ".join(line for lines in known for line in lines).split()
    expected = np.mean([len(table.pieces(word)) for word in words])
    assert report.pieces_per_word == pytest.approx(expected)
    assert next(iter(report.neighbours)) == "Bonner" and report.neighbours["Bonner"]


def test_the_same_encoder_gives_the_same_vectors(encoder, corpus, tmp_path):
    for name in ("one", "two"):
        make_vectors(encoder, tmp_path / name, corpus=corpus, dims=5)
    assert spacy.load(tmp_path / "one").vocab.vectors == spacy.load(tmp_path / "two").vocab.vectors


def test_vectors_of_floret(corpus, tmp_path):
    pytest.importorskip("floret")
    report = make_vectors("floret", tmp_path / "vectors", corpus=corpus, dims=8)
    nlp = spacy.load(tmp_path / "vectors")
    assert nlp.vocab.vectors.mode == "floret" and nlp.vocab.vectors_length == report.dims == 8
    assert nlp("Anna")[0].vector.any() and nlp("Unseen")[0].vector.any()
    make_vectors("floret", tmp_path / "again", corpus=corpus, dims=8)
    again = spacy.load(tmp_path / "again").vocab.vectors
    np.testing.assert_array_equal(again.data, nlp.vocab.vectors.data)


def test_an_earlier_pipeline_of_vectors_is_replaced_and_nothing_else(encoder, corpus, tmp_path):
    output = tmp_path / "vectors"
    output.mkdir()
    make_vectors(encoder, output, dims=5)
    make_vectors(encoder, output, dims=4)
    assert spacy.load(output).vocab.vectors_length == 4
    (output / "ner").mkdir()
    (output / "ner" / "cfg").touch()
    with pytest.raises(SkdError, match="SKD133.*'ner/cfg'"):
        make_vectors(encoder, output, dims=5)
    with pytest.raises(SkdError, match="SKD132"):
        make_vectors(encoder, corpus / "de" / "train.spacy", dims=5)
    assert spacy.load(output).vocab.vectors_length == 4


def test_a_failure_leaves_what_was_there(encoder, tmp_path):
    output = tmp_path / "vectors"
    make_vectors(encoder, output, dims=5)
    missing = dict(dims=5, corpus=tmp_path / "none")
    for wrong in (dict(dims=0), dict(dims=99), dict(dims=5, most=0), missing):
        with pytest.raises(SkdError, match=r"SKD(176|179|121)"):
            make_vectors(encoder, output, **wrong)
    with pytest.raises(SkdError, match="SKD178"):
        make_vectors("floret", output, dims=5)
    assert spacy.load(output).vocab.vectors_length == 5
    assert sorted(path.name for path in tmp_path.iterdir()) == ["encoder", "vectors"]


def test_too_little_text_is_one_line(encoder, corpus, tmp_path):
    """And not a table of random numbers, nor all pieces of the encoder."""
    pytest.importorskip("floret")
    output = tmp_path / "vectors"
    for dims in (0, -1):
        with pytest.raises(SkdError, match="SKD176.*must be 1 or more"):
            make_vectors("floret", output, corpus=corpus, dims=dims)
    for path in corpus.glob("*/*.spacy"):
        path.unlink()
    once = [Doc(Vocab(), words=["Anna", "wohnt"]), Doc(Vocab(), words=["hier", "."])]
    DocBin(docs=once, store_user_data=True).to_disk(corpus / "de" / "train.spacy")
    with pytest.raises(SkdError, match="SKD280.*no word that occurs twice"):
        make_vectors("floret", output, corpus=corpus, dims=5)
    make_vectors(encoder, output, corpus=corpus, dims=5)
    DocBin().to_disk(corpus / "de" / "train.spacy")
    for source in (encoder, "floret"):
        with pytest.raises(SkdError, match="SKD280.*no text"):
            make_vectors(source, output, corpus=corpus, dims=5)


@contextmanager
def no_file_beyond(n_bytes):
    """As on a disk that is full then. Python ignores the signal that comes with it."""
    resource = pytest.importorskip("resource")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@pytest.mark.parametrize("n_bytes", [0, 1 << 20])
def test_no_room_for_what_floret_writes(corpus, tmp_path, n_bytes):
    """It says nothing of that itself."""
    pytest.importorskip("floret")
    train_floret(spacy.blank("xx"), corpus, 8)
    with no_file_beyond(n_bytes), pytest.raises(OSError):
        train_floret(spacy.blank("xx"), corpus, 8)


def test_a_table_whose_last_number_is_cut(tmp_path):
    """Or whose last lines are missing: spaCy would take them as they are."""
    lines = ["50000 1 3 5 2 0 < >", *(f"{i} 0.25" for i in range(50_000))]
    path = tmp_path / "table"
    path.write_text("\n".join(lines) + "\n", encoding="ascii")
    check_whole(path)
    for n_bytes in (os.path.getsize(path) - 3, len("\n".join(lines[:99]) + "\n"), 0):
        os.truncate(path, n_bytes)
        with pytest.raises(OSError):
            check_whole(path)


def test_a_full_disk_is_left_as_it_was(encoder, tmp_path):
    make_vectors(encoder, tmp_path / "vectors", dims=5)
    before = sorted(tmp_path.rglob("*"))
    with no_file_beyond(1000), pytest.raises(OSError):
        make_vectors(encoder, tmp_path / "vectors", dims=6)
    assert sorted(tmp_path.rglob("*")) == before
    assert spacy.load(tmp_path / "vectors").vocab.vectors_length == 5
