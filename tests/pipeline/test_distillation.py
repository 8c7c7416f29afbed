"""`spacy_skd.distill`: one whole pipeline learns from another."""

import numpy as np
import pytest
import spacy
from spacy.tokens import Doc
from spacy.training import Example

from spacy_skd import distill
from spacy_skd.errors import SkdError

from ..conftest import SENTENCES, SMALL_TOK2VEC, make_examples, make_pipeline, train
from .test_encoders import curated_pipeline, transformer_pipeline, with_listener
from .test_soft_targets import new_student, trained_on, unlabelled
from .test_upstream import LISTENER

TEXTS = [" ".join(words) for words, _ in SENTENCES]


def shared_pipeline():
    return with_listener("tok2vec", {"model": SMALL_TOK2VEC}, LISTENER)


def untrained_student(nlp, labels=("LOC", "PER")):
    """Its shape and its labels, and no more."""
    for label in labels:
        nlp.get_pipe("pipe").add_label(label)
    nlp.initialize(lambda: unlabelled(nlp))
    return nlp


def students():
    return {"own": make_pipeline("crf_ner"), "listener": shared_pipeline()}


@pytest.mark.parametrize("of_student", ["own", "listener"])
@pytest.mark.parametrize("of_teacher", ["own", "listener"])
def test_raw_texts_teach(of_teacher, of_student):
    teacher, student = students()[of_teacher], untrained_student(students()[of_student])
    train(teacher, make_examples(teacher))
    for _ in range(100):
        losses = distill(student, teacher, TEXTS, drop=0.05)
    assert losses["pipe"] > 0
    assert annotations_of(student) == annotations_of(teacher) == annotations_of(trained_teacher())


def trained_teacher():
    return trained_on(SENTENCES)


def annotations_of(nlp):
    docs = nlp.pipe(Doc(nlp.vocab, words=words) for words, _ in SENTENCES)
    return [[(e.start, e.end, e.label_) for e in doc.ents] for doc in docs]


def test_a_transformer_teaches_and_learns(tiny_transformer):
    teacher = transformer_pipeline(tiny_transformer())
    optimizer = teacher.initialize(lambda: make_examples(teacher))
    optimizer.learn_rate = 0.01
    for _ in range(40):
        teacher.update(make_examples(teacher), sgd=optimizer)
    small = untrained_student(make_pipeline("crf_ner"))
    for _ in range(100):
        distill(small, teacher, TEXTS)
    assert annotations_of(small) == annotations_of(teacher)
    student = untrained_student(transformer_pipeline(tiny_transformer()))
    first = distill(student, small, TEXTS)["pipe"]
    optimizer = student.create_optimizer()
    optimizer.learn_rate = 0.01
    for _ in range(40):
        last = distill(student, small, TEXTS, sgd=optimizer)["pipe"]
    assert last < first


def test_each_parameter_is_updated_once_and_the_encoder_with_them():
    student, teacher = untrained_student(shared_pipeline()), trained_teacher()
    optimizer = student.create_optimizer()
    nodes = [node for _, pipe in student.pipeline for node in pipe.model.walk()]
    before = {
        (node.id, name): node.get_param(name).copy()
        for node in nodes
        for name in node.param_names
        if node.has_param(name)
    }
    distill(student, teacher, TEXTS, sgd=optimizer)
    distill(student, teacher, TEXTS, sgd=optimizer)  # at first the emission weights are 0
    assert set(optimizer.nr_update) == set(before)
    assert set(optimizer.nr_update.values()) == {2}
    moved = [
        not np.array_equal(before[node.id, name], node.get_param(name))
        for node in nodes
        for name in node.param_names
        if node.has_param(name)
    ]
    assert np.mean(moved) > 0.9


def test_gradients_are_those_of_an_encoder_of_ones_own():
    """The same parameters behind a listener and within the component move alike."""
    teacher, shared = trained_teacher(), untrained_student(shared_pipeline())
    own = spacy.blank("xx").from_config(shared.config).from_bytes(shared.to_bytes())
    own.replace_listeners("tok2vec", "pipe", ["model.tok2vec"])
    own.remove_pipe("tok2vec")
    for nlp in (shared, own):
        optimizer = nlp.create_optimizer()
        for _ in range(3):
            distill(nlp, teacher, TEXTS, sgd=optimizer)
    scores = []
    for nlp in (shared, own):
        docs = list(nlp.pipe(TEXTS))
        scores.append(np.concatenate(nlp.get_pipe("pipe").score_docs(docs)))
    np.testing.assert_allclose(*scores, atol=1e-4)


def test_the_tokens_are_the_students():
    """The teacher's tokenizer splits off what the student's does not, and is not asked."""
    teacher = trained_teacher()
    teacher.tokenizer = spacy.blank("en").tokenizer
    teacher.tokenizer.add_special_case("London", [{"ORTH": "Lon"}, {"ORTH": "don"}])
    student = untrained_student(make_pipeline("crf_ner"))
    text = TEXTS[0]
    example = Example(student.make_doc(text), teacher.make_doc(text))
    assert len(example.predicted) != len(example.reference)
    for _ in range(100):
        distill(student, teacher, [example, *TEXTS[1:]])
    assert annotations_of(student) == annotations_of(teacher)


@pytest.mark.parametrize("kind", ["example", "doc", "text", "annotated", "processed"])
def test_any_kind_of_example(kind):
    teacher, student = trained_teacher(), untrained_student(make_pipeline("crf_ner"))
    texts = {
        "example": unlabelled(student),
        "doc": [student.make_doc(text) for text in TEXTS],
        "text": TEXTS,
        "annotated": make_examples(student),
        "processed": list(teacher.pipe(TEXTS)),
    }[kind]
    before = [doc.to_bytes() for doc in texts] if kind in ("doc", "processed") else None
    losses = distill(student, teacher, texts, sgd=False)
    assert losses["pipe"] == pytest.approx(distill(student, teacher, TEXTS, sgd=False)["pipe"])
    if before:
        assert [doc.to_bytes() for doc in texts] == before


def test_the_optimizer():
    teacher, student = trained_teacher(), untrained_student(make_pipeline("crf_ner"))
    before = annotations_of(student)
    losses = {"pipe": 1.0}
    for _ in range(100):
        assert distill(student, teacher, TEXTS, sgd=False, losses=losses) is losses
    assert losses["pipe"] > 1.0 and annotations_of(student) == before
    student = untrained_student(make_pipeline("crf_ner"))
    distill(student, teacher, TEXTS)
    optimizer = student._optimizer
    distill(student, teacher, TEXTS)
    assert student._optimizer is optimizer and set(optimizer.nr_update.values()) == {2}


def test_what_runs_before_runs_on_both_sides():
    """Sentence boundaries as in use: with them the chains of the two sentences are apart."""
    text = f"{TEXTS[0]} {TEXTS[1]}"
    teacher, student = trained_teacher(), untrained_student(make_pipeline("crf_ner"))
    whole = distill(student, teacher, [text], sgd=False)["pipe"]
    for nlp in (teacher, student):
        nlp.add_pipe("sentencizer", before="pipe")
    parts = distill(student, teacher, [text], sgd=False)["pipe"]
    assert parts != whole
    bounded = [Doc(student.vocab, words=text.split(), sent_starts=[i in (0, 6) for i in range(10)])]
    student.remove_pipe("sentencizer")
    assert distill(student, teacher, bounded, sgd=False)["pipe"] == pytest.approx(parts)


def test_others_who_listen_to_the_encoder():
    """One that does not learn here neither gets a gradient nor keeps the encoder from its own."""
    teacher, student = trained_teacher(), shared_pipeline()
    model = {"@architectures": "spacy.Tagger.v2", "tok2vec": LISTENER}
    student.add_pipe("tagger", name="first", before="pipe", config={"model": model})
    student.add_pipe("tagger", name="last", config={"model": model})
    for label in ("LOC", "PER"):
        student.get_pipe("pipe").add_label(label)
    student.initialize(lambda: make_examples(student))
    tagger = student.get_pipe("last").model.to_bytes()
    encoder = student.get_pipe("tok2vec").model.to_bytes()
    for _ in range(100):
        distill(student, teacher, TEXTS)
    assert annotations_of(student) == annotations_of(teacher)
    assert student.get_pipe("last").model.to_bytes() == tagger
    assert student.get_pipe("tok2vec").model.to_bytes() != encoder
    assert set(student.get_pipe("tok2vec").listening_components) == {"first", "pipe", "last"}
    student.update(make_examples(student))  # and ordinary training goes on


def test_a_frozen_encoder_stays_as_it_is():
    teacher, student = trained_teacher(), untrained_student(shared_pipeline())
    student.update(make_examples(student))  # leaves a batch with the listener
    encoder = student.get_pipe("tok2vec").model.to_bytes()
    first = distill(student, teacher, TEXTS, exclude=["tok2vec"])["pipe"]
    for _ in range(50):
        last = distill(student, teacher, TEXTS, exclude=["tok2vec"])["pipe"]
    assert last < first
    assert student.get_pipe("tok2vec").model.to_bytes() == encoder


def test_a_frozen_encoder_whose_listeners_receive_nothing():
    teacher, student = trained_teacher(), untrained_student(curated_pipeline())
    losses = [distill(student, teacher, TEXTS, exclude=["curated_stand_in"])["pipe"] for _ in "123"]
    assert losses[-1] < losses[0]


def test_several_components_and_their_names():
    teacher = spacy.blank("xx")
    for name, factory in (("entities", "crf_ner"), ("words", "crf_tagger")):
        source = make_pipeline(factory)
        train(source, make_examples(source))
        source.rename_pipe("pipe", name)
        teacher.add_pipe(name, source=source)
    student = with_listener("tok2vec", {"model": SMALL_TOK2VEC}, LISTENER)
    model = {"@architectures": "spacy-skd.CRFTagger.v1", "tok2vec": LISTENER}
    student.add_pipe("crf_tagger", name="words", config={"model": model})
    for name, source in (("pipe", "entities"), ("words", "words")):
        for label in teacher.get_pipe(source).labels:
            student.get_pipe(name).add_label(label)
    student.initialize(lambda: unlabelled(student))
    for _ in range(100):
        losses = distill(student, teacher, TEXTS, student_to_teacher={"pipe": "entities"})
    assert set(losses) == {"tok2vec", "pipe", "words"}
    assert annotations_of(student) == annotations_of(teacher)
    tags = [[t.tag_ for t in nlp(TEXTS[0])] for nlp in (student, teacher)]
    assert tags[0] == tags[1]
    with pytest.raises(SkdError, match="SKD054.*'pipe'.*entities"):
        distill(student, teacher, TEXTS)
    assert "words" in distill(student, teacher, TEXTS, exclude=["pipe"])


def test_mistakes():
    teacher, student = trained_teacher(), untrained_student(make_pipeline("crf_ner"))
    with pytest.raises(SkdError, match="SKD055.*tagger"):
        other = spacy.blank("xx")
        other.add_pipe("tagger")
        distill(other, teacher, TEXTS)
    other.rename_pipe("tagger", "pipe")
    with pytest.raises(SkdError, match="SKD044.*Tagger"):
        distill(student, other, TEXTS)
    with pytest.raises(SkdError, match="SKD054"), teacher.select_pipes(disable="pipe"):
        distill(student, teacher, TEXTS)
    narrow = untrained_student(make_pipeline("crf_ner"), labels=["PER"])
    with pytest.raises(SkdError, match="SKD023.*LOC"):
        distill(narrow, teacher, TEXTS)


def test_nothing_to_learn_from():
    teacher, student = trained_teacher(), untrained_student(make_pipeline("crf_ner"))
    assert distill(student, teacher, []) == {}
    assert distill(student, teacher, ["", student.make_doc("")]) == {}


def test_a_component_asked_directly_runs_the_teachers_encoder():
    """Without, every document gives the same zeros, from which a student learns nothing."""
    teacher = shared_pipeline()
    train(teacher, make_examples(teacher))
    student = new_student("crf_ner", ["LOC", "PER"])
    optimizer = student.create_optimizer()
    for _ in range(80):
        student.get_pipe("pipe").distill(
            teacher.get_pipe("pipe"), unlabelled(student), sgd=optimizer
        )
    assert annotations_of(student) == annotations_of(teacher)
