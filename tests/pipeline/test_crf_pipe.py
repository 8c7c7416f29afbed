"""What users expect of any trainable pipe, for both components and both schemes."""

import pickle

import numpy as np
import pytest
import spacy
from spacy.tokens import Doc
from spacy.training import Example

from spacy_skd.errors import SkdError

from ..conftest import SENTENCES, SMALL_TOK2VEC, make_examples, make_pipeline, reference_doc


def annotate(nlp, words, **kwargs):
    doc = nlp(Doc(nlp.vocab, words=words, **kwargs))
    return [(e.start, e.end, e.label_) for e in doc.ents] or [t.tag_ for t in doc]


def params(nlp):
    nodes = nlp.get_pipe("pipe").model.walk()
    return [n.get_param(p).copy() for n in nodes for p in n.param_names if n.has_param(p)]


def test_learns_what_it_is_shown(untrained):
    examples = make_examples(untrained)
    optimizer = untrained.initialize(lambda: examples)
    first = untrained.update(examples, sgd=optimizer)["pipe"]
    for _ in range(60):
        last = untrained.update(examples, sgd=optimizer)["pipe"]
    assert last < 0.1 * first
    scores = untrained.evaluate(examples)
    assert (scores.get("ents_f") or scores.get("tag_acc")) == 1.0


def test_pipe_equals_call(trained):
    texts = [" ".join(words) for words, _ in SENTENCES] + ["", "Ada", " ", "Ada  calls\n"]
    batched = list(trained.pipe(texts, batch_size=3))
    for text, doc in zip(texts, batched):
        assert doc.to_bytes() == trained(text).to_bytes()


@pytest.mark.parametrize("texts", [[""], ["", ""], ["Ada", ""], ["", "Ada", ""]])
def test_empty_documents(trained, texts):
    assert [len(doc) for doc in trained.pipe(texts)] == [len(text.split()) for text in texts]


def test_update_with_empty_documents(untrained):
    examples = make_examples(untrained)
    optimizer = untrained.initialize(lambda: examples)
    empty = Example(untrained.make_doc(""), untrained.make_doc(""))
    assert untrained.update([empty], sgd=optimizer) == {"pipe": 0.0}
    assert untrained.update([empty, *examples, empty], sgd=optimizer)["pipe"] > 0


@pytest.mark.parametrize("how", ["disk", "bytes", "pickle"])
def test_round_trip(trained, how, tmp_path):
    if how == "disk":
        trained.to_disk(tmp_path / "nlp")
        loaded = spacy.load(tmp_path / "nlp")
    elif how == "bytes":
        loaded = spacy.blank("xx").from_config(trained.config).from_bytes(trained.to_bytes())
    else:
        loaded = pickle.loads(pickle.dumps(trained))
    assert loaded.get_pipe("pipe").labels == trained.get_pipe("pipe").labels
    for words, _ in SENTENCES:
        assert annotate(loaded, words) == annotate(trained, words)


def test_processes(trained):
    texts = [" ".join(words) for words, _ in SENTENCES] * 4
    expected = [doc.to_bytes() for doc in trained.pipe(texts)]
    assert [doc.to_bytes() for doc in trained.pipe(texts, n_process=2, batch_size=4)] == expected


def test_labels_are_found_or_given(untrained):
    pipe = untrained.get_pipe("pipe")
    examples = make_examples(untrained)
    pipe.initialize(lambda: examples, nlp=untrained)
    found = pipe.label_data
    assert found == tuple(sorted(found)) and len(found) >= 2
    again = make_pipeline("crf_ner").get_pipe("pipe")
    again.initialize(lambda: examples, labels=["PER", "ORG", "LOC"])
    assert again.labels == ("PER", "ORG", "LOC")
    assert again.model.get_dim("nO") == 13


def test_add_label(untrained):
    pipe = untrained.get_pipe("pipe")
    assert pipe.add_label("FIRST") == 1
    assert pipe.add_label("FIRST") == 0
    with pytest.raises(ValueError, match="E187"):
        pipe.add_label(3)
    untrained.initialize(lambda: make_examples(untrained))
    assert "FIRST" in pipe.labels
    assert pipe.model.get_dim("nO") == len(pipe.tags)


def test_no_labels_is_an_error(untrained):
    blank = [(words, None) for words, _ in SENTENCES]
    with pytest.raises(SkdError, match="SKD040.*pipe"):
        untrained.initialize(lambda: make_examples(untrained, blank))


def test_unknown_gold_is_an_error(trained):
    words, tags = ["Ada"], ["B-SHIP"]
    reference = reference_doc(trained.vocab, words, tags)
    reference[0].tag_ = "SHIP"
    with pytest.raises(SkdError, match="SKD041.*SHIP"):
        trained.update([Example(Doc(trained.vocab, words=words), reference)])


def test_scores_that_are_no_numbers_are_an_error(trained):
    weights = trained.get_pipe("pipe").model.layers[1]
    weights.set_param("W", np.full_like(weights.get_param("W"), np.nan))
    with pytest.raises(SkdError, match="SKD042"):
        trained.update(make_examples(trained))


def test_unannotated_documents_teach_nothing(untrained):
    examples = make_examples(untrained)
    optimizer = untrained.initialize(lambda: examples)
    optimizer.L2 = 0.0
    before = params(untrained)
    blank = make_examples(untrained, [(words, None) for words, _ in SENTENCES])
    assert untrained.update(blank, sgd=optimizer)["pipe"] == 0.0
    for old, new in zip(before, params(untrained)):
        assert np.array_equal(old, new)


def test_misaligned_tokens(untrained):
    examples = make_examples(untrained)
    optimizer = untrained.initialize(lambda: examples)
    reference = reference_doc(
        untrained.vocab, ["Ada", "Love", "lace", "calls"], ["B-PER", "I-PER", "I-PER", "O"]
    )
    predicted = Doc(untrained.vocab, words=["Ada", "Love lace", "calls"])
    loss = untrained.update([Example(predicted, reference)], sgd=optimizer)["pipe"]
    assert np.isfinite(loss) and loss > 0


def test_chains_follow_sentences(trained):
    pipe = trained.get_pipe("pipe")
    words = SENTENCES[0][0] + SENTENCES[1][0]
    doc = Doc(trained.vocab, words=words, sent_starts=[w in (0, 6) for w in range(len(words))])
    assert pipe.model.predict([doc]).lengths.tolist() == [6, 4]
    one = Doc(trained.vocab, words=words)
    assert pipe.model.predict([one]).lengths.tolist() == [10]


def test_update_touches_each_parameter_once(untrained):
    examples = make_examples(untrained)
    optimizer = untrained.initialize(lambda: examples)
    untrained.update(examples, sgd=optimizer)
    assert set(optimizer.nr_update.values()) == {1}


def test_the_learning_rate_of_the_chain():
    moved = []
    for factor in (1.0, 10.0):
        architecture = {"@architectures": "spacy-skd.CRFTagger.v1", "tok2vec": SMALL_TOK2VEC}
        nlp = make_pipeline("crf_ner", model={**architecture, "transitions_lr": factor})
        model = nlp.get_pipe("pipe").model
        examples = make_examples(nlp)
        optimizer = nlp.initialize(lambda: examples)
        nlp.update(examples, sgd=optimizer)
        chain = [model.get_param(name) for name in ("transitions", "end")]
        params = [*chain, model.layers[1].get_param("W")]
        moved.append([np.abs(param).max() for param in params])
    assert moved[1] == pytest.approx(np.multiply(moved[0], [10, 10, 1]), rel=1e-3)


def test_rehearse(trained):
    examples = make_examples(trained)
    pipe = trained.get_pipe("pipe")
    assert pipe.rehearse(examples) == {}
    optimizer = trained.resume_training()
    before = pipe.model.predict([eg.predicted for eg in examples])
    assert trained.rehearse(examples, sgd=optimizer)["pipe"] > 0
    after = pipe.model.predict([eg.predicted for eg in examples])
    assert np.abs(before.unary - after.unary).max() < 0.1


def test_averages_hold_the_chain(untrained):
    examples = make_examples(untrained)
    optimizer = untrained.initialize(lambda: examples)
    optimizer.averages = {}
    for _ in range(5):
        untrained.update(examples, sgd=optimizer)
    names = {name for _, name in optimizer.averages}
    assert {"transitions", "start", "end"} <= names
