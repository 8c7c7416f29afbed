import pickle
from typing import List, Optional, Tuple

import pytest
import spacy
from spacy import registry
from spacy.scorer import Scorer
from spacy.tokens import Doc, Span
from spacy.training import Example
from spacy.vocab import Vocab

from spacy_skd.evaluation.scorers import make_ner_scorer, make_tagger_scorer

VOCAB = Vocab()
Spans = Optional[List[Tuple[int, int, str]]]


def ner_example(gold: Spans, predicted: Spans, lang: Optional[str] = None, n: int = 6) -> Example:
    words = [f"w{i}" for i in range(n)]
    docs = []
    for spans in (predicted, gold):
        doc = Doc(VOCAB, words=words)
        if spans is not None:
            doc.set_ents([Span(doc, *span) for span in spans])
        docs.append(doc)
    if lang is not None:
        docs[1].user_data["lang"] = lang
    return Example(*docs)


def tag_example(gold: List[str], predicted: List[str], lang: Optional[str] = None) -> Example:
    words = [f"w{i}" for i in range(len(gold))]
    reference = Doc(VOCAB, words=words, tags=gold)
    if lang is not None:
        reference.user_data["lang"] = lang
    return Example(Doc(VOCAB, words=words, tags=predicted), reference)


@pytest.fixture
def ner_examples() -> List[Example]:
    return [
        ner_example([(0, 2, "PER")], [(0, 2, "PER")], "de"),
        ner_example([(0, 2, "PER"), (3, 4, "LOC")], [(0, 2, "PER"), (3, 4, "ORG")], "en"),
        ner_example([(1, 2, "LOC")], [], "en"),
    ]


def test_entity_scores_per_language(ner_examples):
    scores = make_ner_scorer()(ner_examples)
    # en: 1 right, 1 predicted wrongly, 2 missed -> 2*1 / (2*1 + 1 + 2)
    assert scores["ents_f_de"] == pytest.approx(1.0)
    assert scores["ents_f_en"] == pytest.approx(2 / 5)
    assert scores["ents_f_macro"] == pytest.approx((1.0 + 2 / 5) / 2)
    assert scores["ents_f"] == pytest.approx(4 / 7)
    assert scores["ents_p"] == pytest.approx(2 / 3)
    assert scores["ents_r"] == pytest.approx(2 / 4)
    assert scores["ents_per_type"]["PER"]["f"] == pytest.approx(1.0)


def test_overall_entity_scores_are_those_of_score_spans(ner_examples):
    scores = make_ner_scorer()(ner_examples)
    for key, value in Scorer.score_spans(ner_examples, "ents").items():
        assert scores[key] == value


def test_examples_may_be_an_iterator_and_cfg_is_accepted(ner_examples):
    scores = make_ner_scorer()(iter(ner_examples), labels=("PER",), attribute="tag")
    assert scores == make_ner_scorer()(ner_examples)


def test_missing_language_counts_only_overall(ner_examples):
    scores = make_ner_scorer()(ner_examples + [ner_example([(0, 1, "PER")], [])])
    assert scores["ents_f_macro"] == pytest.approx((1.0 + 2 / 5) / 2)
    assert scores["ents_f"] == pytest.approx(4 / 8)
    assert {key for key in scores if key.startswith("ents_f_")} == {
        "ents_f_de",
        "ents_f_en",
        "ents_f_macro",
    }


def test_without_gold_scores_are_none_and_left_out_of_the_mean(ner_examples):
    scorer = make_ner_scorer()
    unlabelled = ner_example(None, [(0, 1, "PER")], "nl")
    scores = scorer([unlabelled])
    assert scores["ents_f"] is scores["ents_f_nl"] is scores["ents_f_macro"] is None
    mixed = scorer(ner_examples + [unlabelled])
    assert mixed["ents_f_nl"] is None
    assert mixed["ents_f_macro"] == scorer(ner_examples)["ents_f_macro"]
    assert mixed["ents_f"] == scorer(ner_examples)["ents_f"]
    assert scorer([])["ents_f_macro"] is None


def test_predictions_on_unannotated_tokens_do_not_count():
    example = ner_example([(0, 1, "PER")], [(0, 1, "PER"), (3, 4, "LOC")], "de")
    reference = example.reference
    reference.set_ents(reference.ents, missing=[reference[3:6]], default="outside")
    assert make_ner_scorer()([example])["ents_f_de"] == pytest.approx(1.0)


@pytest.mark.parametrize("attribute", ["tag", "pos"])
def test_tag_scores_per_language(attribute):
    examples = [
        tag_example(["NOUN", "VERB"], ["NOUN", "VERB"], "de"),
        tag_example(["NOUN", "VERB"], ["NOUN", "NOUN"], "en"),
        tag_example(["NOUN", ""], ["VERB", "NOUN"], "en"),
        tag_example(["NOUN"], ["NOUN"]),
    ]
    if attribute == "pos":
        for example in examples:
            for doc in (example.reference, example.predicted):
                for token in doc:
                    token.pos_ = token.tag_
    scores = make_tagger_scorer(attribute)(examples, labels=("NOUN",))
    assert scores[f"{attribute}_acc_de"] == pytest.approx(1.0)
    assert scores[f"{attribute}_acc_en"] == pytest.approx(1 / 3)
    assert scores[f"{attribute}_acc_macro"] == pytest.approx(2 / 3)
    assert scores[f"{attribute}_acc"] == pytest.approx(4 / 6)
    # A component hands its settings on; its attribute goes before the scorer's.
    assert make_tagger_scorer("dep")(examples, attribute=attribute) == scores


@pytest.mark.parametrize(
    "config",
    [
        {"@scorers": "spacy-skd.NERScorer.v1"},
        {"@scorers": "spacy-skd.TaggerScorer.v1", "attribute": "pos"},
    ],
)
def test_registered_and_picklable(config):
    scorer = registry.resolve({"scorer": config})["scorer"]
    assert pickle.loads(pickle.dumps(scorer))([]) == scorer([])


def test_scores_of_a_pipeline():
    nlp = spacy.blank("xx")
    ner = nlp.add_pipe("ner", config={"scorer": {"@scorers": "spacy-skd.NERScorer.v1"}})
    ner.add_label("PER")
    nlp.initialize()
    examples = [ner_example([(0, 2, "PER")], None, lang) for lang in ("de", "en")]
    scores = nlp.evaluate(examples)
    assert {"ents_f", "ents_f_de", "ents_f_en", "ents_f_macro"} <= set(scores)
