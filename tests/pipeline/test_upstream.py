"""Scores are asked for after the encoders have run, or not at all."""

import numpy as np
import pytest
import spacy
from spacy.tokens import Doc, Span

from spacy_skd.errors import SkdError
from spacy_skd.pipeline import upstream

from ..conftest import SENTENCES, SMALL_TOK2VEC, make_examples, make_pipeline, train
from .test_encoders import curated_pipeline, transformer_pipeline, with_listener

LISTENER = {"@architectures": "spacy.Tok2VecListener.v1", "width": 32, "upstream": "*"}


@pytest.fixture
def shared():
    nlp = with_listener("tok2vec", {"model": SMALL_TOK2VEC}, LISTENER)
    train(nlp, make_examples(nlp))
    return nlp


def fresh_docs(nlp):
    return [Doc(nlp.vocab, words=words) for words, _ in SENTENCES]


def scores(pipe, docs):
    return np.concatenate(pipe.score_docs(docs))


def test_scores_without_the_encoder_are_refused(shared):
    pipe = shared.get_pipe("pipe")
    for ask in (pipe.predict, pipe.score_docs, lambda docs: list(pipe.pipe(docs))):
        with pytest.raises(SkdError, match="SKD049.*'pipe' listens.*Ada Lovelace"):
            ask(fresh_docs(shared))
    with pytest.raises(SkdError, match="SKD049"):
        pipe(fresh_docs(shared)[0])
    with shared.select_pipes(disable="tok2vec"), pytest.raises(SkdError, match="SKD049"):
        shared("Ada calls")
    assert pipe.predict([Doc(shared.vocab)])[0].shape == (0,)


def test_rehearsal_under_a_listener_is_refused(shared):
    shared.resume_training()
    with pytest.raises(SkdError, match="SKD053.*replace_listeners"):
        shared.rehearse(make_examples(shared))
    shared.replace_listeners("tok2vec", "pipe", ["model.tok2vec"])
    shared.resume_training()
    assert shared.rehearse(make_examples(shared))["pipe"] > 0


def test_documents_as_before_are_scored_as_in_the_pipeline(shared):
    pipe = shared.get_pipe("pipe")
    expected = scores(pipe, list(shared.pipe(fresh_docs(shared))))
    processed = list(shared.pipe(fresh_docs(shared)))
    for doc in processed:
        doc.tensor = np.zeros((len(doc), 32), dtype="float32")  # of another pipeline, say
    for docs in (fresh_docs(shared), processed):
        found = scores(pipe, upstream.as_before(pipe, docs))
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    assert not processed[0].tensor.any()  # the documents themselves are left alone


def test_a_component_without_its_pipeline_refuses(shared):
    pipe = shared.get_pipe("pipe")
    pipe.nlp = None
    with pytest.raises(SkdError, match="SKD049"):
        upstream.as_before(pipe, fresh_docs(shared))


def test_nothing_is_copied_without_need():
    nlp = make_pipeline("crf_ner")
    train(nlp, make_examples(nlp), steps=1)
    docs = fresh_docs(nlp)
    assert [a is b for a, b in zip(upstream.as_before(nlp.get_pipe("pipe"), docs), docs)]


@pytest.mark.parametrize("where", ["before", "after"])
def test_boundaries_that_come_after_the_component_are_not_seen(where):
    nlp = make_pipeline("crf_ner")
    train(nlp, make_examples(nlp), steps=1)
    nlp.add_pipe("sentencizer", **{where: "pipe"})
    doc = nlp("Ada lives in London. Nobody calls.")
    (copy,) = upstream.as_before(nlp.get_pipe("pipe"), [doc])
    assert len(list(doc.sents)) == 2
    assert copy.has_annotation("SENT_START") == (where == "before")


def test_a_fresh_document_gets_the_boundaries_that_a_processed_one_has():
    nlp = make_pipeline("crf_ner")
    train(nlp, make_examples(nlp), steps=15)
    nlp.add_pipe("sentencizer", before="pipe")
    pipe, text = nlp.get_pipe("pipe"), "Ada lives in London. Nobody calls."
    processed, fresh = nlp(text), nlp.make_doc(text)
    np.testing.assert_array_equal(pipe.marginals(fresh), pipe.marginals(processed))
    assert not fresh.has_annotation("SENT_START")
    with nlp.select_pipes(disable="sentencizer"):
        assert not np.allclose(pipe.marginals(fresh), pipe.marginals(processed))


def test_a_disabled_component_is_asked_where_it_is():
    nlp = with_listener("tok2vec", {"model": SMALL_TOK2VEC}, LISTENER)
    train(nlp, make_examples(nlp), steps=15)
    nlp.add_pipe("sentencizer", before="pipe")
    pipe, text = nlp.get_pipe("pipe"), "Ada lives in London. Nobody calls."
    processed, expected = nlp(text), pipe.marginals(nlp(text))
    with nlp.select_pipes(disable="pipe"):
        for doc in (processed, nlp(text), nlp.make_doc(text)):
            np.testing.assert_allclose(pipe.marginals(doc), expected, rtol=1e-4, atol=1e-6)
    nlp.remove_pipe("pipe")
    assert upstream.before(nlp, pipe) == upstream.after(nlp, pipe) == []


def test_boundaries_of_both_sides():
    """What runs before is run again, where what runs after has spoilt it."""
    nlp = make_pipeline("crf_ner")
    train(nlp, make_examples(nlp), steps=1)
    nlp.add_pipe("sentencizer", name="first", before="pipe")
    nlp.add_pipe("sentencizer", name="second", config={"punct_chars": ["in"], "overwrite": True})
    doc = nlp("Ada lives in London. Nobody calls.")
    (copy,) = upstream.as_before(nlp.get_pipe("pipe"), [doc])
    assert [sent.text for sent in copy.sents] == ["Ada lives in London.", "Nobody calls."]


def test_a_copy_has_the_tokens_and_what_encoders_read():
    nlp = spacy.blank("en")
    doc = nlp("I don't \n live in  London.")
    for token in doc:
        token.tag_, token.pos_, token.lemma_ = f"tag {token.i}", "NOUN", f"lemma {token.i}"
        token.set_morph("Number=Sing")
    doc.ents = [Span(doc, 6, 7, label="LOC")]
    doc.user_data["secret"] = object()
    for vocab in (nlp.vocab, spacy.blank("en").vocab):
        copy = upstream.copy_doc(doc, vocab)
        assert copy.text == doc.text and not copy.ents and not copy.user_data
        for name in ("text", "norm_", "tag_", "pos_", "lemma_", "whitespace_"):
            assert [getattr(t, name) for t in copy] == [getattr(t, name) for t in doc]
        assert [str(t.morph) for t in copy] == ["Number=Sing"] * len(doc)
    assert upstream.copy_doc(nlp.make_doc(""), nlp.vocab).text == ""


@pytest.mark.parametrize("package", ["transformer", "curated"])
def test_transformer_listeners_are_known(package, tiny_transformer):
    curated = package == "curated"
    nlp = curated_pipeline() if curated else transformer_pipeline(tiny_transformer())
    nlp.initialize(lambda: make_examples(nlp))
    pipe = nlp.get_pipe("pipe")
    with pytest.raises(SkdError, match=f"SKD049.*{package}-listener"):
        pipe.predict(fresh_docs(nlp))
    expected = scores(pipe, list(nlp.pipe(fresh_docs(nlp))))
    found = scores(pipe, upstream.as_before(pipe, fresh_docs(nlp)))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)
