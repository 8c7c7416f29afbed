import numpy as np
from spacy.tokens import Doc
from spacy.vocab import Vocab

from spacy_skd.teachers.pipelines import PipelineScorer

from ..targets.samples import save_teacher


def new_words(start, n):
    return [Doc(Vocab(), words=[f"w{i}x{j}" for j in range(3)]) for i in range(start, start + n)]


def kept(vocab):
    """Its words. Not its length, which counts those of a zone that has ended."""
    return {lexeme.text for lexeme in vocab}, set(vocab.strings)


def test_the_vocabulary_does_not_keep_the_words_of_the_corpus(tmp_path):
    """Of text without end it would hold every word; and its scores are those without a zone."""
    nlp = save_teacher(tmp_path / "teacher")
    scorer = PipelineScorer(nlp, nlp.get_pipe("pipe"))
    scorer.score(new_words(0, 5))
    known = kept(nlp.vocab)
    found = scorer.score(new_words(5, 40))
    assert kept(nlp.vocab) == known
    docs = [Doc(nlp.vocab, words=[token.text for token in doc]) for doc in new_words(5, 40)]
    for scores, expected in zip(found, scorer.pipe.score_docs(docs), strict=True):
        np.testing.assert_array_equal(scores, expected)
