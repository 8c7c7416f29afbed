from collections import Counter
from itertools import pairwise, product

import numpy as np
import pytest
from spacy.tokens import Doc, Span
from spacy.training import Example
from spacy.util import fix_random_seed

from spacy_skd.schemes import coarsen

from ..conftest import make_examples, make_pipeline, reference_doc, train


def random_pipeline(scheme):
    """A component with random scores: without constraints nearly no prediction would be legal."""
    fix_random_seed(0)
    nlp = make_pipeline("crf_ner", scheme=scheme)
    nlp.initialize(lambda: make_examples(nlp))
    model = nlp.get_pipe("pipe").model
    rng = np.random.default_rng(0)
    for node, names in ((model, ("transitions", "start", "end")), (model.layers[1], ("W", "b"))):
        for name in names:
            value = rng.normal(0, 3, node.get_param(name).shape).astype("float32")
            node.set_param(name, value)
    return nlp


@pytest.mark.parametrize("scheme", ["IOB2", "BILOU"])
def test_predictions_are_legal(scheme):
    nlp = random_pipeline(scheme)
    pipe = nlp.get_pipe("pipe")
    rng = np.random.default_rng(1)
    docs = [
        Doc(nlp.vocab, words=[f"w{i}" for i in rng.integers(0, 99, n)])
        for n in rng.integers(1, 12, 200)
    ]
    transitions, start, end = pipe.scheme.constraints(pipe.tags)
    n_spans = 0
    for doc, best in zip(docs, pipe.predict(docs)):
        assert start[best[0]] and end[best[-1]]
        assert all(transitions[a, b] for a, b in pairwise(best))
        pipe.set_annotations([doc], [best])
        n_spans += len(doc.ents)
    assert n_spans > 200


def test_whitespace_is_no_edge_of_an_entity():
    nlp = random_pipeline("BILOU")
    texts = ["Ada \n Lovelace  calls", "  Ada", "Ada\n\n", " \n "] * 20
    for doc in nlp.pipe(texts):
        for ent in doc.ents:
            assert not ent[0].is_space and not ent[-1].is_space


def test_entities_that_are_there_are_kept():
    nlp = random_pipeline("BILOU")
    for label in ("PER", "UNKNOWN_TO_THE_MODEL"):
        doc = Doc(nlp.vocab, words=["a", "b", "c", "d", "e", "f"])
        doc.ents = [Span(doc, 2, 4, label=label)]
        nlp.get_pipe("pipe")(doc)
        assert (2, 4, label) in [(ent.start, ent.end, ent.label_) for ent in doc.ents]


def preset_docs(vocab, rng, n=150):
    """Documents that say something of some of their tokens: entities, blocked, outside, missing."""
    for _ in range(n):
        length = int(rng.integers(1, 10))
        doc = Doc(vocab, words=[f"w{i}" for i in rng.integers(0, 99, length)])
        kinds = {"entities": [], "blocked": [], "outside": [], "missing": []}
        start = 0
        while start < length:
            end = min(length, start + int(rng.integers(1, 4)))
            kind = str(rng.choice(["entities", "blocked", "outside", "missing", "missing"]))
            kinds[kind].append(Span(doc, start, end, label=str(rng.choice(["PER", "LOC"]))))
            start = end
        doc.set_ents(kinds.pop("entities"), **kinds, default="missing")
        yield doc


def test_what_a_document_says_is_treated_as_spacys_ner_treats_it():
    import spacy

    ours = random_pipeline("BILOU")
    theirs = spacy.blank("xx")
    theirs.add_pipe("ner")
    theirs.initialize(lambda: make_examples(theirs))
    found = {"ours": 0, "theirs": 0}
    for ours_doc, theirs_doc in zip(
        preset_docs(ours.vocab, np.random.default_rng(0)),
        preset_docs(theirs.vocab, np.random.default_rng(0)),
    ):
        given = [(e.start, e.end, e.label_) for e in ours_doc.ents]
        before = ours_doc.to_array(["ENT_IOB", "ENT_TYPE"])
        free = np.isin(before[:, 0], (0, 2))
        after = []
        for name, nlp, doc in (("ours", ours, ours_doc), ("theirs", theirs, theirs_doc)):
            nlp(doc)
            entities = [(e.start, e.end, e.label_) for e in doc.ents]
            assert set(given) <= set(entities)
            assert all(free[start:end].all() for start, end, _ in set(entities) - set(given))
            found[name] += len(entities) - len(given)
            after.append(doc.to_array("ENT_IOB"))
        for iob in after:
            assert (iob[free] != 0).all()  # nothing is left open
        np.testing.assert_array_equal(after[0][~free], after[1][~free])
        blocked = (before[:, 0] == 3) & (before[:, 1] == 0)
        assert (ours_doc.to_array(["ENT_IOB", "ENT_TYPE"])[blocked] == [3, 0]).all()
    assert found["ours"] > 50 and found["theirs"] > 50


def test_blocked_tokens_stay_blocked_whatever_was_predicted_before():
    nlp = random_pipeline("BILOU")
    doc = Doc(nlp.vocab, words=["Ada", "Lovelace", "lives"])
    doc.set_ents([], blocked=[doc[0:2]], default="missing")
    for _ in range(2):
        nlp.get_pipe("pipe")(doc)
        assert [token.ent_iob for token in doc[:2]] == [3, 3]
        assert not [ent for ent in doc.ents if ent.start < 2]


def test_ids_of_entities_that_are_there_are_kept():
    nlp = random_pipeline("BILOU")
    doc = Doc(nlp.vocab, words=["a", "b", "c", "d"])
    doc.ents = [Span(doc, 1, 2, label="PER", kb_id="Q7259", span_id="ada")]
    nlp.get_pipe("pipe")(doc)
    (ent,) = [ent for ent in doc.ents if ent.start == 1]
    assert (ent.kb_id_, ent.ent_id_) == ("Q7259", "ada")


def test_an_entity_across_a_sentence_boundary_is_no_infinite_loss():
    nlp = make_pipeline("crf_ner")
    examples = make_examples(nlp)
    optimizer = nlp.initialize(lambda: examples)
    words = ["Ada", "Lovelace", "London", "calls"]
    reference = reference_doc(nlp.vocab, words, ["B-PER", "I-PER", "I-PER", "O"])
    predicted = Doc(nlp.vocab, words=words, sent_starts=[True, False, True, False])
    loss = nlp.update([Example(predicted, reference)], sgd=optimizer)["pipe"]
    assert np.isfinite(loss)


@pytest.mark.parametrize("scheme", ["IOB2", "BILOU"])
def test_of_an_entity_that_cannot_be_nothing_remains(scheme):
    """Its edges on whitespace, a part of it on an entity that is there already (of an entity ruler,
    with `annotating_components`), the end of a sentence within.
    """
    nlp = random_pipeline(scheme)
    pipe = nlp.get_pipe("pipe")
    for blank, reserved, boundary in product((None, 0, 1, 2), (None, 0, 1, 2), (None, 1, 2, 3)):
        words = ["\n" if i == blank else f"w{i}" for i in range(4)]
        reference = Doc(nlp.vocab, words=words)
        reference.ents = [Span(reference, 0, 3, label="PER")]
        starts = None if boundary is None else [i in (0, boundary) for i in range(4)]
        predicted = Doc(nlp.vocab, words=words, sent_starts=starts)
        if reserved is not None:
            predicted.ents = [Span(predicted, reserved, reserved + 1, label="LOC")]
        examples, scores = [Example(predicted, reference)], pipe.model.predict([predicted])
        assert np.isfinite(pipe.get_loss(examples, scores)[0])
        known = pipe._gold(examples, pipe.constrained(scores, [predicted])).tags[:3] != -1
        # In IOB2 nothing shows at a token that the entity ends there.
        edge = blank == 0 or (blank == 2 and scheme == "BILOU")
        possible = reserved is None and boundary in (None, 3) and not edge
        assert known.tolist() == [possible] * 3


def test_partial_annotation():
    """Tokens without annotation are left open: the known ones alone decide."""
    nlp = make_pipeline("crf_ner")
    examples = make_examples(nlp)
    train(nlp, examples)
    reference = Doc(nlp.vocab, words=["Ada", "Grace", "calls"])
    reference.set_ents([Span(reference, 1, 2, label="PER")], default="missing")
    example = Example(Doc(nlp.vocab, words=["Ada", "Grace", "calls"]), reference)
    assert nlp.get_pipe("pipe")._gold_indices(example).tolist().count(-1) == 2
    optimizer = nlp.resume_training()
    for _ in range(20):
        loss = nlp.update([example], sgd=optimizer)["pipe"]
    assert 0 <= loss < 0.05
    doc = nlp(Doc(nlp.vocab, words=["Ada", "Grace", "calls"]))
    assert (1, 2, "PER") in [(e.start, e.end, e.label_) for e in doc.ents]


@pytest.mark.parametrize("scheme", ["IOB2", "BILOU"])
def test_gold_tags_of_the_same_tokens_are_those_of_spacys_alignment(scheme):
    pipe = make_pipeline("crf_ner", scheme=scheme).get_pipe("pipe")
    rng = np.random.default_rng(4)
    found = Counter()
    for _ in range(400):
        n = int(rng.integers(1, 9))
        words = rng.choice(["Ada", "\n", "in", "東京", " "], n).tolist()
        spaces = rng.integers(0, 2, n).astype(bool).tolist()
        predicted, reference = (Doc(pipe.vocab, words=words, spaces=spaces) for _ in range(2))
        if rng.random() < 0.9:
            edges = np.sort(rng.choice(n + 1, min(n + 1, 4), replace=False)).tolist()
            spans = [
                Span(reference, start, end, label=str(rng.choice(["PER", "LOC"])))
                for start, end in list(pairwise(edges))[:: int(rng.integers(1, 3))]
            ]
            free = [i for i in range(n) if not any(span.start <= i < span.end for span in spans)]
            states = {name: [] for name in ("blocked", "missing", "outside")}
            for i in free:
                states[str(rng.choice(list(states)))].append(reference[i : i + 1])
            reference.set_ents(spans, **states)
        example = Example(predicted, reference)
        expected = example.get_aligned_ner()
        if scheme == "IOB2":
            expected = [None if tag is None else coarsen(tag) for tag in expected]
        tags = list(pipe.gold_tags(example))
        assert tags == expected, (words, spaces)
        found.update("missing" if tag is None else tag[0] for tag in tags)
    assert min(found[state] for state in ("missing", "O", "B", "I")) > 50


def test_gold_tags_of_other_tokens_are_aligned():
    pipe = make_pipeline("crf_ner").get_pipe("pipe")
    reference = Doc(pipe.vocab, words=["New York", "calls"])
    reference.set_ents([Span(reference, 0, 1, label="LOC")])
    example = Example(Doc(pipe.vocab, words=["New", "York", "calls"]), reference)
    assert list(pipe.gold_tags(example)) == ["B-LOC", "L-LOC", "O"]
    blanks = Doc(pipe.vocab, words=["New York", "calls"], spaces=[False, True])
    assert list(pipe.gold_tags(Example(blanks, reference))) == ["U-LOC", "O"]


def test_default_settings_work():
    import spacy

    nlp = spacy.blank("en")
    nlp.add_pipe("crf_ner", name="pipe")
    examples = make_examples(nlp)
    train(nlp, examples, steps=30)
    assert nlp.evaluate(examples)["ents_f"] > 0.9
