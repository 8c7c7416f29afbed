"""Labels that come to a trained component: what it knew stays, what it is shown it learns."""

import numpy as np
import pytest
import spacy
from spacy.tokens import Doc

from spacy_skd.crf import marginals
from spacy_skd.models import LR_FACTOR, MARGIN

from ..conftest import SENTENCES, SMALL_TOK2VEC, make_examples, make_pipeline, train
from .test_encoders import with_listener
from .test_soft_targets import annotations, give_targets, settings

# SHIP is new to crf_ner, and as a tag to crf_tagger.
NEWS = [
    (["Titanic", "calls", "Ada", "."], ["B-SHIP", "O", "B-PER", "O"]),
    (["in", "Queen", "Mary", "Two"], ["O", "B-SHIP", "I-SHIP", "I-SHIP"]),
    (["Titanic"], ["B-SHIP"]),
]


def new_examples(nlp):
    """The old sentences with the new ones, in which what is in a ship has the tag SHIP."""
    examples = make_examples(nlp, SENTENCES + NEWS)
    for example in examples:
        for token in example.reference:
            if token.ent_type_ == "SHIP":
                token.tag_ = "SHIP"
    return examples


def potentials(nlp, sentences=SENTENCES):
    pipe = nlp.get_pipe("pipe")
    docs = [Doc(nlp.vocab, words=words) for words, _ in sentences]
    return pipe.constrained(pipe.model.predict(docs), docs)


def random_docs(nlp, n=100):
    rng = np.random.default_rng(0)
    return [
        Doc(nlp.vocab, words=[f"w{i}" for i in rng.integers(0, 50, rng.integers(1, 9))])
        for _ in range(n)
    ]


def test_the_learning_rate_stays():
    rate = {"transitions_lr": 3.0}
    model = {"@architectures": "spacy-skd.CRFTagger.v1", "tok2vec": SMALL_TOK2VEC, **rate}
    nlp = make_pipeline("crf_ner", model=model)
    train(nlp, make_examples(nlp), steps=1)
    pipe = nlp.get_pipe("pipe")
    pipe.add_label("SHIP")
    assert pipe.model.attrs[LR_FACTOR] == 3.0


def test_old_scores_and_predictions_stay(trained):
    pipe = trained.get_pipe("pipe")
    old, tags, before = potentials(trained), pipe.tags, annotations(trained)
    of_random = [best.tolist() for best in pipe.predict(random_docs(trained))]
    assert pipe.add_label("SHIP") == 1 and pipe.add_label("SHIP") == 0
    new, n = potentials(trained), len(tags)
    assert pipe.tags[:n] == tags and len(pipe.tags) > n
    np.testing.assert_allclose(new.unary[:, :n], old.unary, rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(new.transitions[:n, :n], old.transitions)
    np.testing.assert_array_equal(new.start[:n], old.start)
    np.testing.assert_array_equal(new.end[:n], old.end)
    assert annotations(trained) == before
    assert [best.tolist() for best in pipe.predict(random_docs(trained))] == of_random


def test_probabilities_hardly_change(trained):
    old = marginals(potentials(trained)).unary
    trained.get_pipe("pipe").add_label("SHIP")
    new = marginals(potentials(trained)).unary
    n = old.shape[1]
    assert 0 < new[:, n:].max() < 10 * np.exp(-MARGIN)
    assert np.abs(new[:, :n] - old).max() < 10 * np.exp(-MARGIN)


@pytest.mark.parametrize("how", ["resume_training", "update", "rehearse"])
def test_new_and_old_are_learned_on(trained, how, tmp_path):
    trained.get_pipe("pipe").add_label("SHIP")
    examples = new_examples(trained)
    optimizer = None if how == "update" else trained.resume_training()
    for _ in range(80):
        losses = trained.update(examples, sgd=optimizer)
        if how == "rehearse":
            trained.rehearse(make_examples(trained), sgd=optimizer)
    assert np.isfinite(losses["pipe"])
    scores = trained.evaluate(new_examples(trained))
    assert (scores.get("ents_f") or scores.get("tag_acc")) == 1.0
    trained.to_disk(tmp_path)
    loaded = spacy.load(tmp_path)
    assert "SHIP" in loaded.get_pipe("pipe").labels
    assert annotations(loaded, SENTENCES + NEWS) == annotations(trained, SENTENCES + NEWS)


def test_an_optimizer_that_has_seen_the_old_layers_goes_on(untrained):
    examples = make_examples(untrained)
    optimizer = untrained.initialize(lambda: examples)
    optimizer.averages = {}
    for _ in range(60):
        untrained.update(examples, sgd=optimizer)
    untrained.get_pipe("pipe").add_label("SHIP")
    for _ in range(80):
        untrained.update(new_examples(untrained), sgd=optimizer)
    with untrained.use_params(optimizer.averages):
        assert untrained.evaluate(new_examples(untrained))
    scores = untrained.evaluate(new_examples(untrained))
    assert (scores.get("ents_f") or scores.get("tag_acc")) == 1.0


def test_labels_added_after_resume_training(trained):
    """The model that is kept for rehearsal has fewer tags."""
    optimizer = trained.resume_training()
    trained.get_pipe("pipe").add_label("SHIP")
    assert trained.rehearse(make_examples(trained), sgd=optimizer)["pipe"] > 0


def test_several_labels_one_after_the_other(trained):
    before = annotations(trained)
    for label in ("A", "B", "C"):
        trained.get_pipe("pipe").add_label(label)
    assert annotations(trained) == before
    assert trained.get_pipe("pipe").model.get_dim("nO") == len(trained.get_pipe("pipe").tags)


def test_teachers_of_the_old_labels_still_teach():
    teacher = make_pipeline("crf_ner")
    train(teacher, make_examples(teacher))
    student = make_pipeline("crf_ner", distillation=settings())
    examples = make_examples(student)
    give_targets(teacher, examples)
    train(student, examples)
    student.get_pipe("pipe").add_label("SHIP")
    assert np.isfinite(student.update(examples)["pipe"])
    assert annotations(student) == annotations(teacher)


def test_initialize_again_with_more_labels(trained):
    trained.initialize(lambda: new_examples(trained))
    assert "SHIP" in trained.get_pipe("pipe").labels
    assert np.isfinite(trained.update(new_examples(trained))["pipe"])


def test_a_size_that_the_config_declares_is_outgrown(tmp_path):
    model = {"@architectures": "spacy-skd.CRFTagger.v1", "tok2vec": SMALL_TOK2VEC, "nO": 9}
    nlp = make_pipeline("crf_ner", model=model)
    train(nlp, make_examples(nlp))
    nlp.get_pipe("pipe").add_label("SHIP")
    nlp.to_disk(tmp_path)
    loaded = spacy.load(tmp_path)
    assert annotations(loaded) == annotations(nlp)
    assert np.isfinite(loaded.update(new_examples(loaded))["pipe"])


def test_a_shared_encoder_stays_the_same():
    listener = {"@architectures": "spacy.Tok2VecListener.v1", "width": 32, "upstream": "*"}
    nlp = with_listener("tok2vec", {"model": SMALL_TOK2VEC}, listener)
    train(nlp, make_examples(nlp))
    before = annotations(nlp)
    nlp.get_pipe("pipe").add_label("SHIP")
    assert annotations(nlp) == before
    optimizer = nlp.resume_training()
    for _ in range(80):
        nlp.update(new_examples(nlp), sgd=optimizer)
    assert nlp.evaluate(new_examples(nlp))["ents_f"] == 1.0
