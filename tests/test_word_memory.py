"""Words that an embedding was asked for before have the vectors that it would give them now."""

import copy
import gc
import os
import pickle
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Thread

import numpy as np
import pytest
import spacy
from spacy.tokens import Doc
from spacy.vectors import BaseVectors, Vectors
from thinc.api import Adam, NumpyOps

from spacy_skd import bounded, word_memory
from spacy_skd.embedding import build_multi_hash_embed

TEXTS = ["a b c a", "b d", "a e", "c c d"]


def vocab_with(vectors=None):
    vocab = spacy.blank("xx").vocab
    if vectors is not None:
        vectors.strings = vocab.strings
        vocab.vectors = vectors
    return vocab


def floret():
    data = np.random.default_rng(0).normal(size=(50, 6)).astype("f")
    return Vectors(data=data, mode="floret", minn=2, maxn=3, hash_count=2)


def docs_of(vocab, texts=TEXTS):
    return [Doc(vocab, words=text.split()) for text in texts]


def embedding(vocab):
    model = build_multi_hash_embed(8, ["NORM", "SHAPE", "SUFFIX2"], [50, 20, 50])
    model.initialize(X=docs_of(vocab))
    return model


def memory_of(model):
    return model.layers[0]._func.memories.get(model.layers[0]._params)


def asked(model, monkeypatch):
    """Words that the embedding itself is asked for, call by call."""
    calls = []
    lexical = next(node for node in model.walk() if node.name == "word_features")
    forward = lexical._func

    def counted(layer, texts, is_train):
        calls.append(sum(map(len, texts)))
        return forward(layer, texts, is_train)

    counted.__module__ = forward.__module__
    monkeypatch.setattr(lexical, "_func", counted)
    return calls


def assert_as_new(model, docs):
    """What is predicted is what a model predicts that remembers nothing."""
    found = bounded.predict(model, docs)
    for one, other in zip(found, model.predict(docs)):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("vectors", [None, floret])
def test_only_new_words_are_asked_for(vectors, monkeypatch):
    vocab = vocab_with(vectors and vectors())
    model = embedding(vocab)
    calls = asked(model, monkeypatch)
    for doc in docs_of(vocab):
        bounded.predict(model, [doc])
    assert calls == [3, 1, 1]  # a b c, d, e, nothing
    monkeypatch.undo()
    for texts in (TEXTS, ["e f a"], [""], ["a", "", "g"]):
        assert_as_new(model, docs_of(vocab, texts))


def test_the_same_word_with_other_features_is_another():
    vocab = vocab_with()
    model = embedding(vocab)
    plain, changed = docs_of(vocab, ["a b", "a b"])
    changed[0].norm_ = "z"
    bounded.predict(model, [plain])
    assert_as_new(model, [changed, plain])


def other(param):
    return (param + np.random.default_rng(1).normal(size=param.shape)).astype("f")


def set_parameters(model, vocab):
    for node in model.walk():
        for name in node.param_names:
            if node.has_param(name):
                node.set_param(name, other(node.get_param(name)))


def load_parameters(model, vocab):
    one_more = embedding(vocab)
    set_parameters(one_more, vocab)
    model.from_bytes(one_more.to_bytes())


def learn(model, vocab, sgd=None):
    found, backprop = model.begin_update(docs_of(vocab))
    # Between the two, as annotating components of a training do.
    bounded.predict(model, docs_of(vocab))
    backprop([np.ones_like(vectors) for vectors in found])
    model.finish_update(sgd or Adam(0.1))


def learn_in_place(model, vocab):
    def sgd(key, param, gradient, **_):
        param[:] = other(param)
        return param, gradient

    learn(model, vocab, sgd)


def other_vectors(model, vocab):
    vocab.vectors = floret()
    vocab.vectors.data = vocab.vectors.data + 1


@pytest.mark.parametrize(
    "change", [set_parameters, load_parameters, learn, learn_in_place, other_vectors]
)
def test_what_changes_is_noticed(change):
    vocab = vocab_with(floret())
    model = embedding(vocab)
    before = bounded.predict(model, docs_of(vocab))
    for _ in range(2):
        change(model, vocab)
        assert_as_new(model, docs_of(vocab))
    assert not np.allclose(before[0], bounded.predict(model, docs_of(vocab))[0])


def test_averaged_parameters_are_others():
    vocab = vocab_with()
    model = embedding(vocab)
    bounded.predict(model, docs_of(vocab))
    averages = {
        (node.id, name): other(node.get_param(name))
        for node in model.walk()
        for name in node.param_names
        if node.has_param(name)
    }
    with model.use_params(averages):
        assert_as_new(model, docs_of(vocab))
    assert_as_new(model, docs_of(vocab))


def test_a_table_that_words_can_be_written_into_is_asked_each_time():
    vocab = vocab_with(Vectors(shape=(10, 6)))
    vocab.set_vector("a", np.ones(6, dtype="f"))
    model = embedding(vocab)
    before = bounded.predict(model, docs_of(vocab))
    vocab.set_vector("a", np.full(6, -2, dtype="f"))
    assert_as_new(model, docs_of(vocab))
    assert not np.allclose(before[0][0], bounded.predict(model, docs_of(vocab))[0][0])


class TheirVectors(BaseVectors):
    """All that spaCy asks of vectors of another class."""

    shape, vectors_length = (1, 6), 6

    def __init__(self):
        self.factor = 1

    def __len__(self):
        return 1

    def get_batch(self, keys):
        return np.full((len(keys), 6), self.factor, dtype="f")


def test_vectors_of_another_kind_are_asked_each_time():
    vocab = vocab_with(TheirVectors())
    model = embedding(vocab)
    for vocab.vectors.factor in (1, 2):
        assert_as_new(model, docs_of(vocab))


def test_it_begins_anew_when_it_is_full(monkeypatch):
    monkeypatch.setattr(word_memory, "WORDS_KEPT", 4)
    vocab = vocab_with()
    model = embedding(vocab)
    for texts in (["a b c"], ["d e"], ["a b"], ["a b c d e f g"], ["g h a"]):
        assert_as_new(model, docs_of(vocab, texts))
        row_of, vectors = memory_of(model).kept
        assert len(row_of) <= len(vectors) == 4


class Slow(np.ndarray):
    """Vectors that take half a second to be read, and say when that begins."""

    def __getitem__(self, index):
        self.begun.set()
        time.sleep(0.5)
        return np.asarray(self)[index]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_process_that_is_forked_while_a_thread_adds_words():
    vocab = vocab_with()
    model = embedding(vocab)
    bounded.predict(model, docs_of(vocab, ["a"]))
    memory = memory_of(model)
    vectors = np.zeros((1, memory.kept[1].shape[1]), dtype="f").view(Slow)
    vectors.begun = Event()
    thread = Thread(target=memory.keep, args=([b"other"], vectors))
    thread.start()
    vectors.begun.wait()
    child = os.fork()
    if child == 0:
        signal.alarm(20)  # ends it where it hangs
        try:
            assert_as_new(model, docs_of(vocab))
        except BaseException:
            os._exit(1)
        os._exit(0)
    thread.join()
    _, status = os.waitpid(child, 0)
    assert status == 0
    assert_as_new(model, docs_of(vocab))


def test_ctrl_c_while_words_are_added_leaves_no_word_with_the_vector_of_another():
    class Interrupted(dict):
        def update(self, pairs):
            super().update(pairs)
            raise KeyboardInterrupt

    vocab = vocab_with()
    model = embedding(vocab)
    bounded.predict(model, docs_of(vocab, ["a"]))
    memory = memory_of(model)
    row_of, vectors = memory.kept
    memory.kept = Interrupted(row_of), vectors
    with pytest.raises(KeyboardInterrupt):
        bounded.predict(model, docs_of(vocab, ["b"]))
    memory.kept = dict(memory.kept[0]), vectors
    bounded.predict(model, docs_of(vocab, ["c d"]))
    assert_as_new(model, docs_of(vocab, ["a b c d"]))


def test_threads_share_it(monkeypatch):
    monkeypatch.setattr(word_memory, "WORDS_KEPT", 30)
    vocab = vocab_with()
    model = embedding(vocab)
    words = [f"w{i}" for i in range(60)]
    rng = np.random.default_rng(0)
    batches = [docs_of(vocab, [" ".join(rng.choice(words, 9))]) for _ in range(400)]
    expected = [model.predict(batch) for batch in batches]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda batch: bounded.predict(model, batch), batches))
    for one, other in zip(found, expected):
        np.testing.assert_allclose(one[0], other[0], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda model: model.copy()])
def test_a_copy_that_learns_is_another_model(copied):
    vocab = vocab_with()
    model = embedding(vocab)
    bounded.predict(model, docs_of(vocab))
    copy_of = copied(model)
    learn_in_place(copy_of, vocab)
    for one in (model, copy_of, model):
        assert_as_new(one, docs_of(vocab))


def test_a_copy_has_a_memory_of_its_own(monkeypatch):
    """spaCy copies an encoder for each component whose listener it replaces."""
    vocab = vocab_with()
    model = embedding(vocab)
    copy_of = model.copy()
    calls = asked(model, monkeypatch), asked(copy_of, monkeypatch)
    for _ in range(2):
        for one in (model, copy_of):
            bounded.predict(one, docs_of(vocab))
    assert calls == ([5], [5])
    found, backprop = copy_of.begin_update(docs_of(vocab))
    for one in (model, copy_of):
        bounded.predict(one, docs_of(vocab))
    monkeypatch.undo()
    for node in copy_of.walk():  # as an optimizer that writes into parameters
        for name in node.param_names:
            if node.has_param(name):
                node.get_param(name)[:] = other(node.get_param(name))
    for one in (model, copy_of):
        assert_as_new(one, docs_of(vocab))
    memories = model.layers[0]._func.memories
    assert len(memories) == 2
    del one, copy_of, found, backprop, node, calls
    gc.collect()
    assert len(memories) == 1


def test_it_stays_behind_where_a_model_is_pickled():
    vocab = vocab_with()
    model = embedding(vocab)
    bounded.predict(model, docs_of(vocab))
    assert memory_of(model) is not None
    assert not pickle.loads(pickle.dumps(model.layers[0]._func)).memories


def test_models_on_other_devices_remember_nothing(monkeypatch):
    vocab = vocab_with()
    model = embedding(vocab)

    class Ops(NumpyOps):
        pass

    monkeypatch.setattr("spacy_skd.fused.NumpyOps", Ops)
    bounded.predict(model, docs_of(vocab))
    assert memory_of(model) is None
