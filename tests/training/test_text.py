from collections import Counter
from itertools import islice, pairwise

import pytest
from spacy.tokens import Doc
from spacy.vocab import Vocab

from spacy_skd.corpora.output import write_docs, write_pieces
from spacy_skd.errors import SkdError
from spacy_skd.training import text
from spacy_skd.training.text import TextStream


@pytest.fixture
def make_stream(tmp_path, monkeypatch):
    monkeypatch.setattr("spacy_skd.corpora.output.PIECE", 10)
    monkeypatch.setattr(text, "BUFFER", 15)

    def make(n, seed=0):
        vocab = Vocab()
        write_pieces((Doc(vocab, words=[f"w{i}"]) for i in range(n)), tmp_path / "unlabelled")
        files = sorted((tmp_path / "unlabelled").iterdir())
        return TextStream(files, "de", vocab, [seed, 3])

    return make


def take(stream, n):
    return [doc[0].text for doc in islice(stream, n)]


@pytest.mark.parametrize("n", [1, 9, 10, 47])
def test_every_pass_has_every_sentence_once(make_stream, n):
    stream = make_stream(n)
    assert stream.size == n
    for _ in range(3):
        assert Counter(take(stream, n)) == Counter(f"w{i}" for i in range(n))


def test_other_order_in_every_pass_and_the_same_for_a_seed(make_stream):
    passes = [take(make_stream(47), 94) for _ in range(2)]
    assert passes[0] == passes[1]
    assert passes[0][:47] != passes[0][47:]
    assert passes[0] != take(make_stream(47, seed=1), 94)


@pytest.mark.parametrize("what", ["replaced", "removed"])
def test_a_corpus_that_is_replaced_meanwhile_is_not_read_on(make_stream, what):
    """What had learned from both was taken for a training on the first once that was put back."""
    stream = make_stream(47)
    take(stream, 5)
    for path in stream.files:
        content = path.read_bytes()
        path.rename(path.with_suffix(".old"))
        if what == "replaced":
            path.write_bytes(content)
    with pytest.raises(SkdError, match=r"SKD186.*unlabelled/0000\d.spacy"):
        take(stream, 47)


def test_neighbours_are_parted(make_stream):
    order = take(make_stream(400), 400)
    steps = [abs(int(a[1:]) - int(b[1:])) for a, b in pairwise(order)]
    assert sum(step == 1 for step in steps) < 40


def test_holds_a_buffer_and_a_file_and_not_the_text(make_stream, monkeypatch):
    stream = make_stream(400)
    opened = []
    original = text.read_docs
    monkeypatch.setattr(
        text, "read_docs", lambda path, *a: opened.append(path) or original(path, *a)
    )
    take(stream, 1)
    assert len(opened) == 2
    take(stream, 100)
    assert len(opened) <= 13


def test_text_without_sentences_is_an_error(tmp_path):
    write_docs([Doc(Vocab())], tmp_path / "de" / "unlabelled" / "00000.spacy")
    stream = TextStream([tmp_path / "de/unlabelled/00000.spacy"], "de", Vocab(), [0])
    with pytest.raises(SkdError, match="SKD220.*de/unlabelled"):
        take(stream, 1)
