"""Scores from raw text, on sentences whose outcome can be counted by hand."""

import pytest
from spacy.tokens import Doc, Span
from spacy.vocab import Vocab

from spacy_skd.evaluation.raw import raw_scores

VOCAB = Vocab()


class Pipeline:
    """Gives one answer to any text."""

    def __init__(self, tokens, tags=(), ents=()):
        self.doc = gold(tokens)
        for token, tag in zip(self.doc, tags):
            token.pos_ = tag
        self.doc.ents = [Span(self.doc, start, end, label=label) for start, end, label in ents]

    def pipe(self, texts):
        return [self.doc for _ in texts]


def gold(tokens, tags=None, multiword=(), ents=None):
    words = tokens.split("|")
    doc = Doc(
        VOCAB,
        words=[word.strip() for word in words],
        spaces=[word.endswith(" ") for word in words],
        pos=tags,
        ents=ents,
    )
    if multiword:
        doc.user_data["multiword"] = multiword
    return doc


def test_words_are_compared_by_their_characters():
    doc = gold("do|n't |go|.", ["AUX", "PART", "VERB", "PUNCT"])
    scores = raw_scores(Pipeline("don't |go|.", ["AUX", "VERB", "X"]), ["pos_acc"], [doc])
    assert scores["words_f"] == pytest.approx(4 / 7)  # 2 of 4 and of 3
    assert scores["pos_acc"] == pytest.approx(2 / 7)
    assert scores["simple"] == {"words_f": scores["words_f"], "pos_acc": scores["pos_acc"]}


def test_white_space_is_no_word_on_either_side():
    doc = Doc(VOCAB, words=["a", " ", "b", "\n"], spaces=[True, False, False, False])
    assert raw_scores(Pipeline("a |b"), [], [doc])["words_f"] == 0.5  # b is elsewhere
    same = Pipeline("a")
    same.doc = doc
    assert raw_scores(same, [], [doc])["words_f"] == 1.0


def test_words_of_multiword_tokens_are_a_common_subsequence():
    spaced = gold("vers |de|le |pain", ["ADP", "ADP", "DET", "NOUN"], ((1, 3, "du"),))
    whole = Pipeline("vers |du |pain", ["ADP", "ADP", "NOUN"])
    scores = raw_scores(whole, ["pos_acc"], [spaced])
    assert scores["words_f"] == scores["pos_acc"] == pytest.approx(4 / 7)
    assert scores["simple"] == {"words_f": 1.0, "pos_acc": 1.0}
    hebrew = gold("ב|ה_|דקה", ["ADP", "DET", "NOUN"], ((0, 3, "בדקה"),))
    scores = raw_scores(Pipeline("ב|דקה", ["ADP", "NOUN"]), ["pos_acc"], [hebrew])
    assert scores["words_f"] == scores["pos_acc"] == pytest.approx(4 / 5)


def test_words_without_a_tag_are_neither_right_nor_wrong():
    doc = gold("a |b |c", ["NOUN", "", "VERB"])
    scores = raw_scores(Pipeline("a |b |c", ["NOUN", "X", "NOUN"]), ["pos_acc"], [doc])
    assert scores["pos_acc"] == pytest.approx(1 / 2) and scores["words_f"] == 1.0


def test_entities_are_compared_by_characters_and_label():
    doc = gold("New |York|-|based |Ada", ents=["B-LOC", "I-LOC", "O", "O", "B-PER"])
    found = Pipeline("New |York-based |Ada", ents=[(0, 2, "LOC"), (2, 3, "PER")])
    assert raw_scores(found, ["ents_f"], [doc])["ents_f"] == pytest.approx(1 / 2)
    exact = Pipeline("New York|-based |Ada", ents=[(0, 1, "LOC"), (2, 3, "PER")])
    assert raw_scores(exact, ["ents_f"], [doc])["ents_f"] == 1.0


def test_entities_on_words_without_annotation_are_not_counted():
    doc = gold("Ada |met |Bob", ents=["B-PER", "O", ""])
    found = Pipeline("Ada |met |Bob", ents=[(0, 1, "PER"), (2, 3, "PER")])
    assert raw_scores(found, ["ents_f"], [doc])["ents_f"] == 1.0
