"""Confidences and readings: exact against enumeration, whatever was done to a document."""

import json
import pickle
import subprocess
import sys
from functools import cache
from itertools import pairwise, product

import numpy as np
import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.tokens import Doc, DocBin, Span
from spacy.util import fix_random_seed

from spacy_skd.errors import SkdError

from ..conftest import SENTENCES, SMALL_TOK2VEC, make_examples, make_pipeline, train
from .test_encoders import transformer_pipeline, with_listener
from .test_upstream import LISTENER

WORDS = ["Ada", "Lovelace", "London", "calls", "in", "New", " ", "."]
KINDS = {
    "BILOU": ("crf_ner", {"scheme": "BILOU"}),
    "IOB2": ("crf_ner", {"scheme": "IOB2"}),
    "tags": ("crf_tagger", {}),
}


@cache
def unsure(kind):
    """A component whose scores are those of its encoder's random vectors, and small."""
    factory, config = KINDS[kind]
    fix_random_seed(1)
    nlp = make_pipeline(factory, **config)
    nlp.initialize(lambda: make_examples(nlp))
    model, rng = nlp.get_pipe("pipe").model, np.random.default_rng(0)
    for node, names in ((model, ("transitions", "start", "end")), (model.layers[1], ("W", "b"))):
        for name in names:
            value = rng.normal(0, 0.7, node.get_param(name).shape).astype("float32")
            node.set_param(name, value)
    return nlp


def enumerated(nlp, doc):
    """Each analysis of a document, as a set of what it says, with its probability: all sequences of
    tags of each sentence, from the model's scores alone."""
    pipe = nlp.get_pipe("pipe")
    p = pipe.constrained(pipe.model.predict([doc]), [doc], preset=False).checked()  # float64
    analyses, first = [([], 1.0)], 0
    for length in p.lengths:
        paths, scores = [], []
        for path in product(range(len(pipe.tags)), repeat=int(length)):
            score = p.start[path[0]] + p.end[path[-1]]
            score += sum(p.unary[first + t, tag] for t, tag in enumerate(path))
            score += sum(p.transitions[a, b] for a, b in pairwise(path))
            if score > -np.inf:
                paths.append(path)
                scores.append(score)
        probabilities = np.exp(np.array(scores) - np.logaddexp.reduce(scores))
        analyses = [
            (said + says(pipe, path, first), probability * of_sentence)
            for said, probability in analyses
            for path, of_sentence in zip(paths, probabilities)
        ]
        first += int(length)
    return analyses


def says(pipe, path, first):
    tags = [pipe.tags[i] for i in path]
    if pipe.scheme.name == "plain":
        return [(first + i, tag) for i, tag in enumerate(tags)]
    return [(first + a, first + b, label) for a, b, label in pipe.scheme.decode(tags)]


def as_said(pipe, analysis):
    if pipe.scheme.name == "plain":
        return list(enumerate(analysis))
    return [(ent.start, ent.end, ent.label_) for ent in analysis]


@st.composite
def documents(draw, longest):
    words = draw(st.lists(st.sampled_from(WORDS), min_size=1, max_size=longest))
    n = len(words)
    starts = draw(st.one_of(st.none(), st.lists(st.booleans(), min_size=n, max_size=n)))
    return words, None if starts is None else [True, *starts[1:]]  # as spaCy has it


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_confidence_against_enumeration(kind, data):
    """Of entities that anybody has set, right or wrong, in any document."""
    nlp = unsure(kind)
    pipe = nlp.get_pipe("pipe")
    words, starts = data.draw(documents(3 if kind == "BILOU" else 4))
    doc = Doc(nlp.vocab, words=words, sent_starts=starts)
    analyses = enumerated(nlp, doc)
    if kind != "tags":
        cuts = sorted(data.draw(st.sets(st.integers(0, len(words)), min_size=2)))
        labels = st.sampled_from(["PER", "LOC", "UNKNOWN"])
        doc.ents = [Span(doc, a, b, label=data.draw(labels)) for a, b in zip(cuts[::2], cuts[1::2])]
        asked = [(ent.start, ent.end, ent.label_) for ent in doc.ents]
    else:
        for token in doc:
            token.tag_ = data.draw(st.sampled_from([*pipe.tags, "UNKNOWN", ""]))
        asked = [(token.i, token.tag_) for token in doc]
    expected = [sum(p for said, p in analyses if item in said) for item in asked]
    np.testing.assert_allclose(pipe.confidence(doc), expected, rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=15, deadline=None)
@given(data=st.data(), k=st.integers(1, 60))
def test_kbest_against_enumeration(kind, data, k):
    nlp = unsure(kind)
    pipe = nlp.get_pipe("pipe")
    words, starts = data.draw(documents(3))
    doc = Doc(nlp.vocab, words=words, sent_starts=starts)
    analyses = sorted(enumerated(nlp, doc), key=lambda analysis: -analysis[1])
    found = pipe.kbest(doc, k)
    assert len(found) == min(k, len(analyses))
    np.testing.assert_allclose([p for _, p in found], [p for _, p in analyses][:k], rtol=1e-5)
    probabilities = {tuple(said): p for said, p in analyses}
    readings = [tuple(as_said(pipe, analysis)) for analysis, _ in found]
    assert len(set(readings)) == len(readings)
    for reading, (_, p) in zip(readings, found):
        assert probabilities[reading] == pytest.approx(p, rel=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_marginals_and_samples(kind):
    nlp = unsure(kind)
    pipe = nlp.get_pipe("pipe")
    doc = Doc(nlp.vocab, words=["Ada", "calls", "London", "."], sent_starts=[1, 0, 1, 0])
    marginals = pipe.marginals(doc)
    assert marginals.shape == (4, len(pipe.tags))
    np.testing.assert_allclose(marginals.sum(axis=1), 1)
    drawn = [frozenset(as_said(pipe, analysis)) for analysis in pipe.sample(doc, 4000, seed=1)]
    likely = sorted(enumerated(nlp, doc), key=lambda a: -a[1])[:5]
    for said, probability in likely:
        share = np.mean([reading == frozenset(said) for reading in drawn])
        assert share == pytest.approx(probability, abs=0.03)
    again = pipe.sample(doc, 5, seed=1), pipe.sample(doc, 5, seed=1)
    assert [as_said(pipe, a) for a in again[0]] == [as_said(pipe, a) for a in again[1]]
    with pytest.raises(SkdError, match="SKD056"):
        pipe.sample(doc, 0)
    with pytest.raises(SkdError, match="SKD006"):
        pipe.kbest(doc, 0)


def test_empty_documents(trained):
    pipe = trained.get_pipe("pipe")
    for doc in (trained.make_doc(""), trained("")):
        assert pipe.confidence(doc).shape == (0,)
        assert pipe.marginals(doc).shape == (0, len(pipe.tags))
        assert pipe.kbest(doc, 3) == [([], 1.0)]
        assert pipe.sample(doc, 2) == [[], []]


def pipelines(tiny_transformer):
    own = make_pipeline("crf_ner")
    shared = with_listener("tok2vec", {"model": SMALL_TOK2VEC}, LISTENER)
    return {"own": own, "listener": shared, "transformer": transformer_pipeline(tiny_transformer())}


@pytest.mark.parametrize("encoder", ["own", "listener", "transformer"])
def test_a_processed_document_is_no_other(encoder, tiny_transformer):
    """The fault of the recipe: on its own predictions all is "O", with probability 1."""
    nlp = pipelines(tiny_transformer)[encoder]
    optimizer = nlp.initialize(lambda: make_examples(nlp))
    for _ in range(15):
        nlp.update(make_examples(nlp), sgd=optimizer)
    nlp.add_pipe("sentencizer", first=True)
    pipe = nlp.get_pipe("pipe")
    text = "Ada Lovelace lives in London . Nobody calls . in New York City"
    doc = nlp(text)
    expected = pipe.marginals(doc)
    assert expected[:, 0].min() < 0.99  # not all of it "O"
    first = pipe.confidence(doc)
    unprocessed = nlp.get_pipe("sentencizer")(nlp.make_doc(text))
    np.testing.assert_allclose(pipe.marginals(unprocessed), expected, rtol=1e-4, atol=1e-6)
    copies = DocBin(docs=[doc]).to_bytes()
    (stored,) = DocBin().from_bytes(copies).get_docs(nlp.vocab)  # without the encoder's vectors
    for other in (doc, nlp(doc), stored):
        np.testing.assert_allclose(pipe.confidence(other), first, rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(pipe.marginals(other), expected, rtol=1e-4, atol=1e-6)
    [(best, probability)] = pipe.kbest(doc, 1)
    assert as_said(pipe, best) == as_said(pipe, doc.ents)
    assert 0 < probability <= first.min() + 1e-6


def test_entities_of_another_component():
    nlp = make_pipeline("crf_ner")
    train(nlp, make_examples(nlp))
    ruler = nlp.add_pipe("entity_ruler", before="pipe")
    ruler.add_patterns([{"label": "GREETING", "pattern": "in"}, {"label": "LOC", "pattern": "Ada"}])
    doc = nlp("Ada Lovelace lives in London .")
    pipe = nlp.get_pipe("pipe")
    confidence = dict(zip(as_said(pipe, doc.ents), pipe.confidence(doc)))
    assert confidence[0, 1, "LOC"] < 0.1  # "Ada" of "Ada Lovelace"
    assert confidence[3, 4, "GREETING"] == 0
    assert confidence[4, 5, "LOC"] > 0.9


@pytest.mark.parametrize("scheme", ["BILOU", "IOB2"])
def test_what_is_written_beside_an_entity_of_another_component(scheme):
    """A confidence does not take for granted what a document said before."""
    nlp = make_pipeline("crf_ner", scheme=scheme, confidence=True)
    train(nlp, make_examples(nlp))
    docs = [Doc(nlp.vocab, words=words) for words, _ in SENTENCES]
    docs[0].set_ents([Span(docs[0], 2, 4, "PER"), Span(docs[0], 5, 6, "OTHER")])
    for doc in nlp.pipe(docs):
        expected = nlp.get_pipe("pipe").confidence(doc)
        found = [ent._.confidence for ent in doc.ents]
        np.testing.assert_allclose(found, expected, atol=1e-6)
    kept = {ent.label_: ent._.confidence for ent in docs[0].ents if ent.start in (2, 5)}
    assert kept["OTHER"] == 0 and kept["PER"] < 0.5 and len(docs[0].ents) == 4


def test_boundaries_that_are_set_later_do_not_change_it():
    nlp = make_pipeline("crf_ner")
    train(nlp, make_examples(nlp), steps=15)
    text = "Ada Lovelace lives in London . Nobody calls ."
    before = nlp.get_pipe("pipe").confidence(nlp(text))
    nlp.add_pipe("sentencizer")
    doc = nlp(text)
    assert len(list(doc.sents)) == 2
    np.testing.assert_allclose(nlp.get_pipe("pipe").confidence(doc), before)


def test_what_cannot_be_scored_says_so():
    nlp = with_listener("tok2vec", {"model": SMALL_TOK2VEC}, LISTENER)
    train(nlp, make_examples(nlp), steps=1)
    pipe = nlp.get_pipe("pipe")
    nlp.disable_pipe("tok2vec")
    for name, more in (("confidence", ()), ("marginals", ()), ("kbest", (1,)), ("sample", (1,))):
        with pytest.raises(SkdError, match="SKD049"):
            getattr(pipe, name)(nlp.make_doc("Ada calls"), *more)


@pytest.mark.parametrize("encoder", ["own", "listener"])
@pytest.mark.parametrize("processes", [1, 2])
def test_confidence_is_written(encoder, processes, tiny_transformer, tmp_path):
    nlp = pipelines(tiny_transformer)[encoder]
    train(nlp, make_examples(nlp), steps=15)
    ruler = nlp.add_pipe("entity_ruler", before="pipe")
    ruler.add_patterns([{"label": "GREETING", "pattern": "Nobody"}])
    nlp.to_disk(tmp_path)
    nlp = spacy.load(tmp_path, config={"components.pipe.confidence": True})
    texts = [" ".join(words) for words, _ in SENTENCES] + [""]
    n_entities = 0
    for doc in nlp.pipe(texts, batch_size=2, n_process=processes):
        expected = nlp.get_pipe("pipe").confidence(doc)
        group = doc.spans["pipe"]
        assert list(group) == list(doc.ents)
        np.testing.assert_allclose(group.attrs["scores"], expected, rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose([ent._.confidence for ent in doc.ents], expected, 1e-4, 1e-6)
        n_entities += len(group)
        assert doc[0:0]._.confidence is None
    assert n_entities > 5
    stored = DocBin(docs=list(nlp.pipe(texts)), store_user_data=True).to_bytes()
    for doc in DocBin().from_bytes(stored).get_docs(nlp.vocab):
        assert len(doc.spans["pipe"].attrs["scores"]) == len(doc.ents)
        assert all(ent._.confidence > 0 for ent in doc.ents if ent.label_ != "GREETING")


@pytest.mark.parametrize("factory", ["crf_ner", "crf_tagger"])
def test_confidence_is_written_where_the_pipeline_was_pickled(factory, tmp_path):
    nlp = make_pipeline(factory, confidence=True)
    train(nlp, make_examples(nlp), steps=15)
    (tmp_path / "nlp").write_bytes(pickle.dumps(nlp))
    parts = "doc.ents" if factory == "crf_ner" else "doc"
    code = "import pickle, sys; nlp = pickle.load(open(sys.argv[1], 'rb'))\n"
    code += f"doc = nlp('Ada Lovelace'); print([part._.confidence > 0 for part in {parts}])"
    command = [sys.executable, "-c", code, str(tmp_path / "nlp")]
    found = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert set(json.loads(found.lower())) == {True}


def test_a_component_of_other_labels_leaves_confidences_alone():
    nlp = make_pipeline("crf_ner", confidence=True)
    train(nlp, make_examples(nlp), steps=15)
    text = " ".join(SENTENCES[0][0])
    before = {ent.text: ent._.confidence for ent in nlp(text).ents}
    other = nlp.add_pipe("crf_ner", name="other", config={"confidence": True})
    other.initialize(lambda: make_examples(nlp), labels=["ORG"])
    doc = nlp(text)
    after = {ent.text: ent._.confidence for ent in doc.ents if ent.label_ != "ORG"}
    assert after == before and min(after.values()) > 0
    scores = zip(doc.ents, doc.spans["other"].attrs["scores"])
    assert all((score == 0) == (ent.label_ != "ORG") for ent, score in scores)


def test_confidences_are_those_of_the_tokens_or_none():
    nlp = make_pipeline("crf_tagger", confidence=True)
    train(nlp, make_examples(nlp), steps=1)
    doc = nlp(Doc(nlp.vocab, words=SENTENCES[0][0]))
    expected = [token._.confidence for token in doc]
    assert None not in expected
    part = doc[3:6].as_doc(copy_user_data=True)
    assert [token._.confidence for token in part] == expected[3:]
    with doc.retokenize() as retokenizer:
        retokenizer.merge(doc[0:2])
        retokenizer.split(doc[4], ["Lon", "don"], heads=[doc[4], doc[4]])
    assert len(doc) == len(expected)
    found = [token._.confidence for token in doc]
    assert found == [None, *expected[2:4], None, None, expected[5]]


def test_confidences_of_tags_are_kept_in_other_documents():
    nlp = make_pipeline("crf_tagger", confidence=True)
    train(nlp, make_examples(nlp), steps=1)
    docs = list(nlp.pipe([Doc(nlp.vocab, words=words) for words, _ in SENTENCES]))
    expected = [token._.confidence for doc in docs for token in doc]
    assert [token._.confidence for token in Doc.from_docs(docs)] == expected
    as_json = [json.loads(json.dumps(doc.to_json(underscore=["token_confidence"]))) for doc in docs]
    again = [Doc(nlp.vocab).from_json(doc) for doc in as_json]
    assert [token._.confidence for doc in again for token in doc] == expected


@pytest.mark.parametrize("attribute", ["tag", "pos"])
@pytest.mark.parametrize("overwrite", [True, False])
def test_confidence_of_tags_is_written(attribute, overwrite):
    nlp = make_pipeline("crf_tagger", attribute=attribute, confidence=True, overwrite=overwrite)
    train(nlp, make_examples(nlp), steps=15)
    for words, _ in [*SENTENCES, ([], [])]:
        doc = Doc(nlp.vocab, words=words)
        if len(doc):
            setattr(doc[0], f"{attribute}_", "X")
        doc = nlp(doc)
        found = [token._.confidence for token in doc]
        expected = nlp.get_pipe("pipe").confidence(doc)
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)
        if len(doc):
            assert (found[0] == 0) == (not overwrite)
        stored = DocBin(docs=[doc], store_user_data=True).to_bytes()
        (again,) = DocBin().from_bytes(stored).get_docs(nlp.vocab)
        assert [token._.confidence for token in again] == found


def test_nothing_is_written_unasked(trained):
    doc = trained(" ".join(SENTENCES[0][0]))
    assert not doc.spans and not doc.user_data
