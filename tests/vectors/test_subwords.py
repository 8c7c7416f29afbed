"""What spaCy asks of vectors, asked of SubwordVectors."""

import copy
import pickle
import sys
import threading

import numpy as np
import pytest
import spacy
from spacy.strings import StringStore
from spacy.tokens import Doc
from spacy.training import Example
from spacy.util import registry
from thinc.api import get_current_ops

from spacy_skd.errors import SkdError
from spacy_skd.vectors import SubwordVectors, subwords
from spacy_skd.vectors.pieces import Pieces

from .encoders import TOKENIZERS, UNSEEN, WORDS

DIMS = 6
# Means of numbers near 30 that may cancel out: the pieces of a word are not the same in every run.
NEAR = {"rtol": 1e-5, "atol": 1e-5}
NLP_VECTORS = {"nlp": {"vectors": {"@vectors": "spacy-skd.SubwordVectors.v1"}}}


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    path = tmp_path_factory.mktemp("encoder") / "tokenizer.json"
    TOKENIZERS["unigram"]().save(str(path))
    pieces = Pieces(path)
    return pieces.reduced(pieces.usable)[0]


def make(tokenizer, dtype="f", **settings):
    rows = len(subwords.load_tokenizer(tokenizer).get_vocab()) - 2  # the last two say nothing
    data = np.random.default_rng(0).normal(0, 30, size=(rows, DIMS)).astype(dtype)
    return SubwordVectors(data=data, tokenizer=tokenizer, **settings)


@pytest.fixture
def vectors(tokenizer):
    return make(tokenizer)


@pytest.fixture
def nlp(vectors):
    nlp = spacy.blank("xx", config=NLP_VECTORS)
    nlp.vocab.vectors = vectors
    return nlp


def test_the_registered_vectors_are_empty(nlp):
    empty = spacy.blank("xx", config=NLP_VECTORS)
    assert isinstance(empty.vocab.vectors, SubwordVectors)
    assert empty.vocab.vectors_length == 0 and len(empty.vocab.vectors) == 0
    assert "Bonn" not in empty.vocab.vectors
    assert not empty("Bonn").has_vector
    loaded = spacy.blank("xx", config=NLP_VECTORS).from_bytes(empty.to_bytes())
    assert loaded.vocab.vectors == empty.vocab.vectors


def test_a_words_vector_is_the_mean_of_its_pieces(vectors):
    for word in WORDS + UNSEEN:
        pieces = vectors.pieces(word)
        wanted = np.mean([vectors.data[i] for i in pieces], axis=0) if pieces else np.zeros(DIMS)
        np.testing.assert_allclose(vectors[word], wanted, **NEAR)
        assert (word in vectors) == bool(pieces)
    assert any(len(vectors.pieces(word)) > 1 for word in WORDS)


def test_words_may_have_vectors_of_their_own(tokenizer, tmp_path):
    plain = make(tokenizer)
    data = np.vstack([plain.data, np.full((2, DIMS), [[1], [2]], dtype="f")])
    own = SubwordVectors(data=data, tokenizer=tokenizer, words=["Bonn", "a b"])
    assert own["Bonn"].tolist() == [1] * DIMS and own["a b"].tolist() == [2] * DIMS
    for word in [*WORDS, *UNSEEN]:
        if word != "Bonn":
            np.testing.assert_allclose(own[word], plain[word], **NEAR)
    other = SubwordVectors(data=data, tokenizer=tokenizer, words=["Kiel", "a b"])
    assert own != plain and own != other
    own.to_disk(tmp_path)
    again = SubwordVectors().from_disk(tmp_path)
    copies = [again, SubwordVectors().from_bytes(own.to_bytes()), pickle.loads(pickle.dumps(own))]
    for copied in copies:
        assert copied == own and copied["Bonn"].tolist() == [1] * DIMS


@pytest.mark.parametrize("dtype", ["float16", "int8"])
def test_small_types_give_float32(tokenizer, dtype):
    scale = np.linspace(0.5, 2, DIMS, dtype="f")
    vectors = make(tokenizer, dtype, scale=scale)
    expected = make(tokenizer)
    batch = vectors.get_batch(WORDS)
    assert batch.dtype == np.float32 and vectors.data.dtype == dtype
    np.testing.assert_allclose(batch / scale, expected.get_batch(WORDS), atol=1)
    assert not np.array_equal(batch / scale, expected.get_batch(WORDS))


def test_batches_take_words_keys_and_arrays(vectors):
    keys = [vectors.strings.add(word) for word in WORDS]
    batch = vectors.get_batch(WORDS)
    assert batch.shape == (len(WORDS), DIMS) and batch.flags["C_CONTIGUOUS"]
    np.testing.assert_array_equal(vectors.get_batch(keys), batch)
    repeated = np.array(keys + keys, dtype="uint64")
    np.testing.assert_array_equal(vectors.get_batch(repeated), np.vstack([batch, batch]))
    assert vectors.get_batch([]).shape == (0, DIMS)
    assert vectors.get_batch(np.array([], dtype="uint64")).shape == (0, DIMS)


def test_words_without_a_known_piece_have_zeros(nlp):
    doc = nlp.make_doc("Bonn \n ☃ Kiel")
    assert not nlp.vocab.get_vector("☃").any() and not nlp.vocab.get_vector("").any()
    assert [token.is_oov for token in doc] == [False, True, True, False]


def test_tokens_spans_and_documents(nlp):
    doc = nlp("Anna wohnt in Wohnbonn")
    assert doc.has_vector and all(token.has_vector for token in doc)
    np.testing.assert_allclose(doc.vector, np.mean([t.vector for t in doc], axis=0), **NEAR)
    np.testing.assert_allclose(doc[1:3].vector, (doc[1].vector + doc[2].vector) / 2, **NEAR)
    assert doc.similarity(nlp("Anna wohnt in Wohnbonn")) == 1.0
    assert doc[0].similarity(doc[0].lex) == 1.0
    assert -1 <= doc[0].similarity(doc[3]) < 1
    assert nlp.vocab.has_vector("Anna") and nlp.vocab["Anna"].vector_norm > 0
    assert nlp(" ").vector.shape == (DIMS,)


@pytest.mark.filterwarnings("error")
def test_merging_tokens_does_not_change_the_table(nlp):
    doc = nlp("Anna in Bonn Kiel")
    with doc.retokenize() as retokenizer:
        retokenizer.merge(doc[2:4])
    assert doc[2].text == "Bonn Kiel" and doc[2].has_vector


def test_it_cannot_be_changed(nlp):
    rows = len(nlp.vocab.vectors)
    before = nlp.vocab.get_vector("Bonn")
    with pytest.warns(UserWarning, match="W070"):
        nlp.vocab.set_vector("Bonn", np.ones(DIMS, "f"))
    with pytest.warns(UserWarning, match="W070"):
        nlp.vocab.set_vector("☃", np.ones(DIMS, "f"))
    with pytest.warns(UserWarning, match="W070"):
        nlp.vocab.vectors["Bonn"] = np.ones(DIMS, "f")
    assert len(nlp.vocab.vectors) == rows
    np.testing.assert_array_equal(nlp.vocab.get_vector("Bonn"), before)


def test_meta_data_and_what_else_spacy_asks(nlp):
    nlp.vocab.vectors.name = "mine"
    assert nlp.meta["vectors"]["width"] == DIMS
    assert nlp.meta["vectors"]["vectors"] == len(nlp.vocab.vectors) > 0
    assert nlp.meta["vectors"]["name"] == "mine"
    assert nlp.vocab.vectors.size == len(nlp.vocab.vectors) * DIMS
    nlp.vocab.vectors.to_ops(get_current_ops())
    assert nlp.vocab.vectors.minn <= nlp.vocab.vectors.maxn


def test_what_only_a_table_of_words_can_tell_is_one_line(nlp):
    vectors = nlp.vocab.vectors
    assert list(vectors) == list(vectors.keys()) == []
    with pytest.raises(SkdError, match="SKD281.*'most_similar'"):
        vectors.most_similar(vectors.get_batch(["Bonn"]), n=3)
    with pytest.raises(SkdError, match="SKD281.*'find'"):
        vectors.find(key="Bonn")
    for method in ("items", "values"):
        with pytest.raises(SkdError, match=f"SKD281.*'{method}'"):
            getattr(vectors, method)()


@pytest.mark.parametrize("dtype", ["float32", "float16", "int8"])
def test_saved_in_every_way_it_is_the_same(tokenizer, dtype, tmp_path):
    scale = np.linspace(0.5, 2, DIMS, dtype="f")
    vectors = make(tokenizer, dtype, scale=scale, prefix=" ")
    nlp = spacy.blank("xx", config=NLP_VECTORS)
    nlp.vocab.vectors = vectors
    vectors.name = "mine"
    nlp.to_disk(tmp_path / "pipeline")
    nlp.to_disk(tmp_path / "pipeline")
    again = spacy.load(tmp_path / "pipeline")
    copies = [
        again.vocab.vectors,
        spacy.blank("xx", config=NLP_VECTORS).from_bytes(nlp.to_bytes()).vocab.vectors,
        pickle.loads(pickle.dumps(nlp)).vocab.vectors,
        pickle.loads(pickle.dumps(vectors)),
        copy.deepcopy(vectors),
    ]
    for copied in copies:
        assert copied == vectors and copied.data.dtype == dtype and copied.name == "mine"
        np.testing.assert_array_equal(copied.get_batch(UNSEEN), vectors.get_batch(UNSEEN))
    assert again.meta["vectors"]["name"] == "mine"


def test_other_vectors_are_not_equal(vectors, tokenizer):
    assert vectors != make(tokenizer, prefix=" ")
    assert vectors != make(tokenizer, scale=np.full(DIMS, 2, "f"))
    assert vectors != make(tokenizer, "int8")
    assert vectors != spacy.blank("xx").vocab.vectors
    assert spacy.blank("xx").vocab.vectors != vectors


def test_the_cache_is_bounded(vectors, monkeypatch):
    expected = make(vectors.tokenizer_json).get_batch(WORDS)
    monkeypatch.setattr(subwords, "CACHE_SIZE", 5)
    for word, wanted in zip(WORDS * 2, [*expected, *expected]):
        np.testing.assert_array_equal(vectors[word], wanted)
        assert len(vectors._cache) <= 5
    np.testing.assert_array_equal(vectors.get_batch(WORDS), expected)
    vectors.get_batch(WORDS[:2])
    assert len(vectors._cache) <= len(WORDS)


def test_a_word_is_cut_once(vectors, monkeypatch):
    cut = []
    monkeypatch.setattr(SubwordVectors, "pieces", lambda self, word: cut.append(word) or [0])
    vectors.get_batch(["Anna", "Bonn", "Anna"])
    assert vectors["Anna"].shape == (DIMS,) and cut == ["Anna", "Bonn"]


def test_threads_share_it(vectors, monkeypatch):
    monkeypatch.setattr(subwords, "CACHE_SIZE", 7)
    expected = vectors.get_batch(WORDS)
    wrong = []

    def work():
        for _ in range(50):
            if not np.array_equal(vectors.get_batch(WORDS), expected):
                wrong.append(1)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_transient_strings_are_no_problem(nlp):
    with nlp.memory_zone():
        vector = nlp("Bewohnbarkeit").vector
    np.testing.assert_array_equal(nlp("Bewohnbarkeit").vector, vector)


def test_several_processes(nlp):
    texts = [f"Anna wohnt in {word}" for word in WORDS]
    alone = [doc.vector for doc in nlp.pipe(texts)]
    together = [doc.vector for doc in nlp.pipe(texts, n_process=2, batch_size=5)]
    np.testing.assert_array_equal(together, alone)


def test_spacys_own_components_use_it(nlp):
    embed = {
        "@architectures": "spacy.MultiHashEmbed.v2",
        "width": 16,
        "rows": [50],
        "attrs": ["NORM"],
        "include_static_vectors": True,
    }
    encode = {
        "@architectures": "spacy.MaxoutWindowEncoder.v2",
        "width": 16,
        "depth": 1,
        "window_size": 1,
        "maxout_pieces": 2,
    }
    tok2vec = {"@architectures": "spacy.Tok2Vec.v2", "embed": embed, "encode": encode}
    model = {"@architectures": "spacy.Tagger.v2", "tok2vec": tok2vec}
    tagger = nlp.add_pipe("tagger", config={"model": model})
    for word in WORDS:
        tagger.add_label(word)
    examples = [Example.from_dict(nlp.make_doc(word), {"tags": [word]}) for word in WORDS]
    nlp.initialize(lambda: examples)
    static = next(node for node in tagger.model.walk() if node.name == "static_vectors")
    assert static.get_dim("nM") == DIMS
    before = static.get_param("W").copy()
    nlp.update(examples)
    assert not np.array_equal(static.get_param("W"), before)


def test_initialize_loads_it_from_a_pipeline(nlp, tmp_path, caplog):
    nlp.to_disk(tmp_path / "vectors")
    other = spacy.blank("xx", config=NLP_VECTORS)
    other.config["initialize"]["vectors"] = str(tmp_path / "vectors")
    other.initialize()
    assert other.vocab.vectors == nlp.vocab.vectors
    assert "W112" not in caplog.text


def test_a_folder_without_or_with_broken_vectors_is_one_line(nlp, tmp_path):
    spacy.blank("xx").to_disk(tmp_path / "other")
    nlp.to_disk(tmp_path / "mine")
    with pytest.raises(SkdError, match="SKD170"):
        spacy.blank("xx", config=NLP_VECTORS).from_disk(tmp_path / "other")
    table = tmp_path / "mine" / "vocab" / subwords.DATA
    table.write_bytes(table.read_bytes()[:200])
    with pytest.raises(SkdError, match="SKD170") as caught:
        spacy.load(tmp_path / "mine")
    assert "\n" not in str(caught.value)
    nlp.to_disk(tmp_path / "mine")
    (tmp_path / "mine" / "vocab" / subwords.TOKENIZER).write_text("{", encoding="utf-8")
    with pytest.raises(SkdError, match="SKD170"):
        spacy.load(tmp_path / "mine").vocab.get_vector("Anna")


def test_without_tokenizers_it_says_what_to_install(vectors, monkeypatch):
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(SkdError, match=r"SKD171.*pip install spacy-skd\[vectors\]"):
        vectors["Anna"]


def test_strings_of_a_vocabulary_come_along(vectors):
    vectors.strings.add("Bewohnbarkeit")
    copied = pickle.loads(pickle.dumps(vectors))
    assert isinstance(copied.strings, StringStore) and "Bewohnbarkeit" in copied.strings
    doc = Doc(spacy.blank("xx").vocab, words=["a"])
    doc.vocab.vectors = copied
    assert "Bewohnbarkeit" in doc.vocab.strings


def test_it_is_registered():
    assert registry.vectors.get("spacy-skd.SubwordVectors.v1") is subwords.make_subword_vectors
