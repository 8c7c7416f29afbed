import numpy as np
import pytest
import spacy
from spacy.parts_of_speech import NAMES as POS_NAMES
from spacy.tokens import Doc
from spacy.vocab import Vocab

from spacy_skd.errors import SkdError
from spacy_skd.teachers import pipelines
from spacy_skd.teachers.pipelines import PipelineScorer, find_pipelines

from ..conftest import SENTENCES, SMALL_TOK2VEC, make_examples
from ..targets.samples import save_teacher


def new_words(start, n):
    return [Doc(Vocab(), words=[f"w{i}x{j}" for j in range(3)]) for i in range(start, start + n)]


def kept(vocab):
    """Its words. Not its length, which counts those of a zone that has ended."""
    return {lexeme.text for lexeme in vocab}, set(vocab.strings)


def test_the_vocabulary_does_not_keep_all_words_of_the_corpus(tmp_path, monkeypatch):
    """Of text without end it would hold every word; and its scores are those without a zone."""
    nlp = save_teacher(tmp_path / "teacher")
    scorer = PipelineScorer(nlp, nlp.get_pipe("pipe"))
    scorer.score(new_words(0, 5))
    known = kept(nlp.vocab)
    assert "w0x0" in known[1]
    monkeypatch.setattr(pipelines, "WORDS_KEPT", 0)
    found = scorer.score(new_words(5, 40))
    assert kept(nlp.vocab) == known
    docs = [Doc(nlp.vocab, words=[token.text for token in doc]) for doc in new_words(5, 40)]
    for scores, expected in zip(found, scorer.pipe.score_docs(docs), strict=True):
        np.testing.assert_array_equal(scores, expected)


@pytest.mark.parametrize("normalize", [False, True])
@pytest.mark.parametrize("shared", [False, True])
def test_spacys_tagger_teaches(tmp_path, normalize, shared):
    nlp = spacy.blank("xx")
    tok2vec = SMALL_TOK2VEC
    if shared:
        nlp.add_pipe("tok2vec", config={"model": SMALL_TOK2VEC})
        tok2vec = {"@architectures": "spacy.Tok2VecListener.v1", "width": 32, "upstream": "*"}
    model = {"@architectures": "spacy.Tagger.v2", "tok2vec": tok2vec, "normalize": normalize}
    tagger = nlp.add_pipe("tagger", config={"model": model})
    nlp.add_pipe("morphologizer")
    examples = make_examples(nlp)
    optimizer = nlp.initialize(lambda: examples)
    for _ in range(20):
        nlp.update(examples, sgd=optimizer)
    nlp.to_disk(tmp_path / "en")
    (source,) = find_pipelines(tmp_path)("en")
    scorer = source.open()
    assert (scorer.teacher.scheme, scorer.teacher.tags) == ("plain", tagger.labels)
    docs = [Doc(Vocab(), words=words) for words, _ in SENTENCES] + [Doc(Vocab())]
    found = scorer.score(docs)
    for doc, scores in zip(docs, found, strict=True):
        assert scores.shape == (len(doc), len(tagger.labels))
        np.testing.assert_allclose(np.exp(scores).sum(axis=1), 1, rtol=1e-4)
        predicted = nlp(Doc(nlp.vocab, words=[token.text for token in doc]))
        best = [tagger.labels[i] for i in scores.argmax(axis=1)]
        assert best == [token.tag_ for token in predicted]


def morphologized(tags):
    """A pipeline that has learned parts of speech with features, of one token features alone."""
    nlp = spacy.blank("xx")
    tagger = nlp.add_pipe("tagger", config={"model": {"tok2vec": SMALL_TOK2VEC}})
    morphologizer = nlp.add_pipe("morphologizer", config={"model": {"tok2vec": SMALL_TOK2VEC}})
    examples = make_examples(nlp)
    for example in examples:
        for i, token in enumerate(example.reference):
            token.tag_ = tags(token)
            token.set_morph(["Number=Sing", "Number=Plur"][i % 2] if token.pos_ != "PUNCT" else "")
    examples[0].reference[0].pos_ = ""
    optimizer = nlp.initialize(lambda: examples)
    for _ in range(20):
        nlp.update(examples, sgd=optimizer)
    return nlp, tagger, morphologizer


def test_spacys_morphologizer_teaches_parts_of_speech(tmp_path):
    nlp, _, morphologizer = morphologized(lambda token: f"X{token.i % 3}")
    nlp.to_disk(tmp_path / "en")
    (source,) = find_pipelines(tmp_path)("en")
    scorer = source.open()
    known = morphologizer.cfg["labels_pos"]
    assert len(set(known.values())) < len(known) and 0 in known.values()
    assert set(scorer.teacher.tags) == {POS_NAMES[pos] for pos in known.values()} - {""}
    docs = [Doc(nlp.vocab, words=words) for words, _ in SENTENCES] + [Doc(nlp.vocab)]
    found = scorer.score(docs)
    for doc, scores, rows in zip(docs, found, morphologizer.model.predict(docs), strict=True):
        assert scores.shape == (len(doc), len(scorer.teacher.tags))
        probabilities = np.exp(rows) / np.exp(rows).sum(axis=1, keepdims=True)
        for column, tag in enumerate(scorer.teacher.tags):
            places = [i for i, name in enumerate(known) if POS_NAMES[known[name]] == tag]
            nothing = [i for i, name in enumerate(known) if known[name] == 0]
            left = 1 - probabilities[:, nothing].sum(axis=1)
            expected = probabilities[:, places].sum(axis=1) / left
            np.testing.assert_allclose(np.exp(scores[:, column]), expected, rtol=1e-3, atol=1e-6)


def test_a_tagger_of_parts_of_speech_comes_before_a_morphologizer(tmp_path):
    nlp, tagger, _ = morphologized(lambda token: token.pos_ or "X")
    assert pipelines.teaching_pipe(nlp, tmp_path) is tagger
    nlp, tagger, morphologizer = morphologized(lambda token: f"X{token.i % 3}")
    assert pipelines.teaching_pipe(nlp, tmp_path) is morphologizer
    # As if it had learned features alone.
    morphologizer.cfg["labels_pos"] = dict.fromkeys(morphologizer.cfg["labels_pos"], 0)
    assert pipelines.teaching_pipe(nlp, tmp_path) is tagger
    nlp.remove_pipe("tagger")
    with pytest.raises(SkdError, match="SKD069.*0 components"):
        pipelines.teaching_pipe(nlp, tmp_path)
