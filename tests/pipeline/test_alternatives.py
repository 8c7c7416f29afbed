"""Annotation that is missing or not certain, as users write it, learnt by components."""

import numpy as np
import pytest
import spacy
from spacy.tokens import Doc, DocBin, Span
from spacy.training import Example
from spacy.vocab import Vocab

from spacy_skd.annotation import Question
from spacy_skd.errors import SkdError
from spacy_skd.pipeline.alternatives import read_questions, read_tag_questions

from ..conftest import SENTENCES, SMALL_TOK2VEC, make_examples, make_pipeline, reference_doc, train

KEY = "ents_alternatives"
WORDS = ["Ada", "sees", "New", "York", "Times", "."]


def example_with(vocab, spans, key=KEY, words=WORDS, predicted=None, ents=None):
    """Spans (start, end, label) of the reference's tokens."""
    reference = Doc(vocab, words=words, ents=ents)
    reference.spans[key] = [Span(reference, *span[:2], label=span[2]) for span in spans]
    return Example(Doc(vocab, words=predicted or words), reference)


def learn(nlp, examples, steps=40):
    optimizer = nlp.resume_training()
    for _ in range(steps):
        loss = nlp.update(examples, sgd=optimizer)["pipe"]
    return loss


def probability(nlp, words, *span):
    doc = Doc(nlp.vocab, words=words)
    doc.ents = [Span(doc, *span[:2], label=span[2])]
    return nlp.get_pipe("pipe").confidence(doc)[0]


@pytest.fixture(params=["BILOU", "IOB2"])
def ner(request):
    nlp = make_pipeline("crf_ner", scheme=request.param)
    train(nlp, make_examples(nlp), steps=20)
    return nlp


def test_spans_that_overlap_are_one_question():
    spans = [(2, 4, "LOC"), (2, 5, "ORG"), (4, 5, ""), (0, 1, "PER")]
    example = example_with(Vocab(), spans)
    first, second = read_questions(example, KEY)
    assert first == Question(0, 1, [(0, 1, "PER")])
    assert second == Question(2, 5, [(2, 4, "LOC"), (2, 5, "ORG"), (4, 5, "")])
    assert read_questions(example, "others") == []


def test_questions_of_other_tokens_are_aligned():
    spans = [(2, 4, "LOC"), (2, 4, ""), (4, 5, "ORG")]
    predicted = ["Ada", "sees", "New York", "Time", "s."]
    one, other = read_questions(example_with(Vocab(), spans, predicted=predicted), KEY)
    assert one == Question(2, 3, [(2, 3, ""), (2, 3, "LOC")])
    assert other == Question(3, 5, [])  # "Times" is no tokens of these: nothing is known


def test_tags_of_other_tokens_are_aligned():
    key, spans = "tag_alternatives", [(0, 1, "X"), (2, 3, "X"), (2, 3, "Y"), (4, 5, "X")]
    predicted = ["A", "da", "sees", "New York", "Times", "."]
    example = example_with(Vocab(), spans, key, predicted=predicted)
    assert read_tag_questions(example, key, "pipe") == [
        Question(0, 1, [(0, 1, "X")]),
        Question(1, 2, [(1, 2, "X")]),
        Question(4, 5, [(4, 5, "X")]),
    ]


def test_one_of_these_labels(ner):
    """What is an entity for sure, of which label the other examples must say."""
    ner.get_pipe("pipe").add_label("ORG")
    spans = [(2, 5, "ORG"), (2, 5, "PER")]
    ents = ["B-PER", "O", "O", "O", "O", "O"]  # what is asked is not outside
    loss = learn(ner, [example_with(ner.vocab, spans, ents=ents)])
    both = [probability(ner, WORDS, *span) for span in spans]
    assert sum(both) == pytest.approx(1, abs=0.1)
    assert 0 <= loss < 0.1


def test_perhaps_an_entity_and_nothing_else(ner):
    spans = [(2, 4, "LOC"), (2, 4, "")]
    learn(ner, [example_with(ner.vocab, spans)])
    possible = probability(ner, WORDS, 2, 4, "LOC")
    marginals = ner.get_pipe("pipe").marginals(Doc(ner.vocab, words=WORDS))
    assert possible + min(marginals[2:4, 0]) == pytest.approx(1, abs=0.1)
    for other in ((2, 3, "LOC"), (3, 4, "LOC"), (2, 4, "PER"), (2, 5, "LOC")):
        assert probability(ner, WORDS, *other) < 0.05


def test_a_doubtful_end(ner):
    ner.get_pipe("pipe").add_label("ORG")
    learn(ner, [example_with(ner.vocab, [(2, 4, "LOC"), (2, 5, "ORG")])])
    both = [probability(ner, WORDS, *span) for span in ((2, 4, "LOC"), (2, 5, "ORG"))]
    assert sum(both) == pytest.approx(1, abs=0.1)


def test_alternatives_come_before_entities_and_cut_none(ner):
    """The reference's best guess (1, 4) reaches beyond what is asked: nothing of it is believed."""
    ents = ["O", "B-PER", "I-PER", "I-PER", "O", "O"]
    example = example_with(ner.vocab, [(2, 5, "LOC")], ents=ents)
    pipe = ner.get_pipe("pipe")
    student = pipe.constrained(pipe.model.predict([example.predicted]), [example.predicted])
    gold = pipe._gold([example], student)
    assert gold.annotated.tolist() == [True, False, True, True, True, True]
    assert learn(ner, [example]) < 0.1
    assert probability(ner, WORDS, 2, 5, "LOC") > 0.8


def test_labels_of_alternatives_are_found_and_must_be_known(ner):
    fresh = make_pipeline("crf_ner")
    examples = [example_with(fresh.vocab, [(2, 4, "LOC"), (2, 4, "GPE"), (2, 4, "")])]
    fresh.initialize(lambda: examples)
    assert fresh.get_pipe("pipe").labels == ("GPE", "LOC")
    with pytest.raises(SkdError, match="SKD041.*'pipe'.*SHIP"):
        ner.update([example_with(ner.vocab, [(0, 1, "SHIP")])])


@pytest.mark.parametrize("attribute", ["tag", "pos"])
def test_one_of_these_tags(attribute):
    nlp = make_pipeline("crf_tagger", attribute=attribute)
    train(nlp, make_examples(nlp), steps=20)
    key = f"{attribute}_alternatives"
    spans = [(2, 3, "VERB"), (2, 3, "ADP"), (4, 5, "PUNCT")]
    assert learn(nlp, [example_with(nlp.vocab, spans, key)]) < 0.1
    tags = nlp.get_pipe("pipe").tags
    marginals = nlp.get_pipe("pipe").marginals(Doc(nlp.vocab, words=WORDS))
    assert marginals[2, [tags.index("VERB"), tags.index("ADP")]].sum() > 0.9
    assert marginals[4, tags.index("PUNCT")] > 0.9


def test_a_tag_is_of_one_token_and_never_none():
    nlp = make_pipeline("crf_tagger")
    train(nlp, make_examples(nlp), steps=1)
    with pytest.raises(SkdError, match="SKD057.*'pipe'.*tag_alternatives.*'New York'"):
        nlp.update([example_with(nlp.vocab, [(2, 4, "X")], "tag_alternatives")])
    with pytest.raises(SkdError, match="SKD041"):
        nlp.update([example_with(nlp.vocab, [(2, 3, "")], "tag_alternatives")])


def test_missing_tags_as_examples_write_them(ner):
    """`-` in BILUO tags, and entities of a dict with `missing` tokens."""
    doc = ner.make_doc("Ada sees New York")
    dashes = Example.from_dict(doc, {"entities": ["U-PER", "-", "B-LOC", "L-LOC"]})
    gold = ner.get_pipe("pipe")._gold_indices(dashes)
    assert (gold == -1).tolist() == [False, True, False, False]
    reference = ner.make_doc("Ada sees New York")
    reference.set_ents([Span(reference, 0, 1, label="PER")], missing=[reference[1:4]])
    assert ner.get_pipe("pipe")._gold_indices(Example(doc, reference))[1:].tolist() == [-1] * 3
    assert 0 < ner.update([dashes])["pipe"] < np.inf


def test_alternatives_from_a_dict(ner):
    text = "Ada sees New York"
    spans = {KEY: [(9, 17, "LOC"), (9, 17, "PER")]}
    example = Example.from_dict(ner.make_doc(text), {"spans": spans})
    (question,) = ner.get_pipe("pipe").questions(example)
    assert question == Question(2, 4, [(2, 4, "LOC"), (2, 4, "PER")])


@pytest.mark.parametrize("labels", [False, True])
def test_a_training_reads_them_from_its_corpus(tmp_path, labels):
    """Nothing is annotated for sure, so that all that is learned comes from alternatives."""
    folder = tmp_path / "corpus" / "en"
    folder.mkdir(parents=True)
    vocab, docs = Vocab(), []
    for words, tags in SENTENCES:
        doc = Doc(vocab, words=words)
        ents = reference_doc(vocab, words, tags).ents
        inside = {token.i for ent in ents for token in ent}
        alone = [(i, i + 1, "") for i in range(len(words)) if i not in inside]
        said = [(ent.start, ent.end, ent.label_) for ent in ents] + alone
        doc.spans[KEY] = [Span(doc, start, end, label=label) for start, end, label in said]
        docs.append(doc)
    DocBin(docs=docs * 4).to_disk(folder / "train.spacy")
    nlp = spacy.blank("xx")
    model = {"@architectures": "spacy-skd.CRFTagger.v1", "tok2vec": SMALL_TOK2VEC}
    nlp.add_pipe("crf_ner", config={"model": model})
    reader = {"@readers": "spacy-skd.MultilingualCorpus.v1", "path": str(folder.parent)}
    nlp.config["corpora"] = {"train": reader}
    if labels:
        found = {
            "@readers": "spacy-skd.Labels.v1",
            "path": str(folder.parent),
            "annotation": "ents",
        }
        nlp.config["initialize"]["components"] = {"crf_ner": {"labels": found}}
    corpus = spacy.registry.resolve({"train": reader})["train"]
    optimizer = nlp.initialize(lambda: corpus(nlp))
    assert nlp.get_pipe("crf_ner").labels == ("LOC", "PER")
    for _ in range(15):
        nlp.update(list(corpus(nlp)), sgd=optimizer)
    assert nlp.evaluate(make_examples(nlp))["ents_f"] > 0.9
