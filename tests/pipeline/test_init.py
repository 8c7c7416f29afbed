"""A component that goes on from a trained pipeline: `[initialize.components] init`."""

import numpy as np
import pytest
import spacy
from spacy.tokens import Doc

from spacy_skd.errors import SkdError

from ..conftest import SENTENCES, make_examples, make_pipeline, train


def scores(nlp):
    docs = [Doc(nlp.vocab, words=words) for words, _ in SENTENCES]
    return nlp.get_pipe("pipe").score_docs(docs)


def initialize(nlp, examples, init):
    nlp.config["initialize"]["components"]["pipe"] = {"init": None if init is None else str(init)}
    nlp.initialize(lambda: examples)


@pytest.fixture
def saved(tmp_path):
    nlp = make_pipeline("crf_ner")
    train(nlp, make_examples(nlp))
    nlp.to_disk(tmp_path / "trained")
    return nlp, tmp_path / "trained"


def test_it_starts_with_what_the_other_knows(saved):
    trained, folder = saved
    nlp = make_pipeline("crf_ner")
    # A part of the text, in which one of the labels does not occur.
    initialize(nlp, make_examples(nlp, SENTENCES[3:4]), folder)
    assert nlp.get_pipe("pipe").labels == trained.get_pipe("pipe").labels
    for found, expected in zip(scores(nlp), scores(trained)):
        np.testing.assert_array_equal(found, expected)
    optimizer = nlp.create_optimizer()
    before = scores(nlp)[0].copy()
    assert np.isfinite(nlp.update(make_examples(nlp), sgd=optimizer)["pipe"])
    assert not np.array_equal(scores(nlp)[0], before)


def test_new_labels_are_added(saved):
    trained, folder = saved
    nlp = make_pipeline("crf_ner")
    initialize(nlp, make_examples(nlp, [(["Ada", "sails"], ["B-SHIP", "O"])]), folder)
    assert nlp.get_pipe("pipe").labels == ("LOC", "PER", "SHIP")
    for found, expected in zip(scores(nlp), scores(trained)):
        np.testing.assert_array_equal(found[:, : expected.shape[1]], expected)


def test_without_init_it_starts_anew():
    nlp = make_pipeline("crf_ner")
    initialize(nlp, make_examples(nlp), None)
    assert nlp.get_pipe("pipe").labels == ("LOC", "PER")


def test_one_line_for_what_does_not_fit(saved, tmp_path):
    _, folder = saved
    examples = make_examples(spacy.blank("xx"))
    for init, config, code in (
        (tmp_path / "nowhere", {}, "SKD159"),
        (folder, {"scheme": "IOB2"}, "SKD050"),
    ):
        nlp = make_pipeline("crf_ner", **config)
        with pytest.raises(SkdError, match=code):
            initialize(nlp, examples, init)
    tok2vec = {
        "@architectures": "spacy.HashEmbedCNN.v2",
        "pretrained_vectors": None,
        "width": 16,
        "depth": 1,
        "embed_size": 100,
        "window_size": 1,
        "maxout_pieces": 1,
        "subword_features": False,
    }
    nlp = spacy.blank("xx")
    model = {"@architectures": "spacy-skd.CRFTagger.v1", "tok2vec": tok2vec}
    nlp.add_pipe("crf_ner", name="pipe", config={"model": model})
    with pytest.raises(SkdError, match="SKD052"):
        initialize(nlp, examples, folder)
