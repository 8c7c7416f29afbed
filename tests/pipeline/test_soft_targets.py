"""Learning from teachers: spaCy 4's `distill`, and soft targets that a reader put on references."""

from dataclasses import dataclass

import numpy as np
import pytest
import spacy
from spacy.tokens import Doc
from spacy.training import Example

from spacy_skd.errors import SkdError
from spacy_skd.pipeline.crf_pipe import SOFT_TARGETS
from spacy_skd.transfer import Teacher

from ..conftest import SENTENCES, make_examples, make_pipeline, reference_doc, train

OBJECTIVES = ["structural", "posterior", "top_k", "top_wk", "emission"]


@dataclass
class Target:
    """As `targets.SoftTarget`, from memory."""

    teacher: Teacher
    scores: np.ndarray

    def emissions(self):
        return self.scores


def settings(objective="structural", **more):
    return {"@misc": "spacy-skd.Distillation.v1", "objective": objective, **more}


def annotations(nlp, sentences=SENTENCES):
    docs = [nlp(Doc(nlp.vocab, words=words)) for words, _ in sentences]
    return [[(e.start, e.end, e.label_) for e in doc.ents] or [t.tag_ for t in doc] for doc in docs]


def unlabelled(nlp):
    return make_examples(nlp, [(words, None) for words, _ in SENTENCES])


def give_targets(teacher, examples):
    pipe = teacher.get_pipe("pipe")
    shared = pipe.teacher
    docs = [Doc(teacher.vocab, words=[t.text for t in eg.reference]) for eg in examples]
    for example, scores in zip(examples, pipe.score_docs(docs)):
        example.reference.user_data.setdefault(SOFT_TARGETS, []).append(Target(shared, scores))


def new_student(factory, labels, **config):
    nlp = make_pipeline(factory, **config)
    pipe = nlp.get_pipe("pipe")
    pipe.initialize(lambda: unlabelled(nlp), nlp=nlp, labels=labels)
    return nlp


@pytest.mark.parametrize("objective", OBJECTIVES + [{"top_wk": 1.0, "posterior": 1.0}])
@pytest.mark.parametrize("factory", ["crf_ner", "crf_tagger"])
def test_soft_targets_alone_teach(factory, objective):
    """The student never sees a gold label: lambda is 1 for sentences without annotation."""
    teacher = make_pipeline(factory)
    train(teacher, make_examples(teacher))
    # One-token sentences have hardly more sequences than a large k, and Top-K weighs them alike.
    distillation = settings(objective, k=2 if objective != "top_k" else 1, kd_weight=0.5)
    student = new_student(factory, teacher.get_pipe("pipe").labels, distillation=distillation)
    examples = unlabelled(student)
    give_targets(teacher, examples)
    optimizer = student.create_optimizer()
    for _ in range(80):
        student.update(examples, sgd=optimizer)
    assert annotations(student) == annotations(teacher)


@pytest.mark.parametrize("of_teacher, of_student", [("IOB2", "BILOU"), ("BILOU", "IOB2")])
def test_distill_between_schemes(of_teacher, of_student):
    teacher = make_pipeline("crf_ner", scheme=of_teacher)
    train(teacher, make_examples(teacher))
    student = new_student("crf_ner", ["PER", "LOC", "ORG"], scheme=of_student)
    pipe, examples = student.get_pipe("pipe"), unlabelled(student)
    assert pipe.is_distillable
    optimizer = student.create_optimizer()
    for _ in range(80):
        losses = pipe.distill(teacher.get_pipe("pipe"), examples, drop=0.1, sgd=optimizer)
    assert losses["pipe"] > 0
    assert annotations(student) == annotations(teacher)


def test_distill_accumulates_losses_and_waits_for_the_optimizer():
    teacher = make_pipeline("crf_ner")
    train(teacher, make_examples(teacher))
    student = new_student("crf_ner", teacher.get_pipe("pipe").labels)
    pipe = student.get_pipe("pipe")
    losses = {"pipe": 1.0}
    before = annotations(student)
    assert pipe.distill(teacher.get_pipe("pipe"), unlabelled(student), losses=losses) is losses
    assert losses["pipe"] > 1.0
    assert annotations(student) == before


def test_teacher_student_loss_has_its_minimum_at_the_teacher():
    nlp = make_pipeline("crf_ner")
    train(nlp, make_examples(nlp), steps=20)
    pipe = nlp.get_pipe("pipe")
    scores = pipe.model.predict([eg.predicted for eg in unlabelled(nlp)])
    loss, gradient = pipe.get_teacher_student_loss(scores, scores)
    assert loss > 0  # the entropy of the teacher
    for part in ("unary", "transitions", "start", "end"):
        assert np.abs(getattr(gradient, part)).max() < 1e-6


def test_kd_weight_moves_from_teachers_to_gold():
    """With a teacher that errs, lambda decides whom the student believes."""
    wrong = [(words, ["B-LOC"] + ["O"] * (len(words) - 1)) for words, _ in SENTENCES]
    teacher = make_pipeline("crf_ner")
    train(teacher, make_examples(teacher, wrong))
    believed = {}
    for kd_weight in (0.0, 1.0):
        student = make_pipeline("crf_ner", distillation=settings(kd_weight=kd_weight))
        examples = make_examples(student)
        give_targets(teacher, examples)
        train(student, examples)
        believed[kd_weight] = annotations(student)
    assert believed[0.0] == annotations(trained_on(SENTENCES))
    assert believed[1.0] == annotations(teacher)


def trained_on(sentences):
    nlp = make_pipeline("crf_ner")
    train(nlp, make_examples(nlp, sentences))
    return nlp


def test_schedule_counts_optimizer_steps():
    schedule = {"@schedules": "spacy-skd.Linear.v1", "total_steps": 4}
    nlp = make_pipeline("crf_ner", distillation=settings(kd_weight=schedule))
    examples = make_examples(nlp)
    optimizer = nlp.initialize(lambda: examples)
    pipe = nlp.get_pipe("pipe")
    assert pipe.kd_weight is None
    give_targets(nlp, examples)
    weights = []
    for _ in range(6):
        nlp.update(examples, sgd=False)
        weights.append(pipe.kd_weight)
        nlp.update(examples, sgd=optimizer)
    assert weights == [1.0, 0.75, 0.5, 0.25, 0.0, 0.0]


def test_several_teachers_are_averaged():
    student = new_student("crf_ner", ["LOC", "PER"], distillation=settings())
    pipe, examples = student.get_pipe("pipe"), unlabelled(student)
    teachers = [trained_on(SENTENCES[:2]), trained_on(SENTENCES[2:])]
    docs = [eg.predicted for eg in examples]
    parts = []
    for group in (teachers[:1], teachers[1:], teachers):
        for example in examples:
            example.reference.user_data.pop(SOFT_TARGETS, None)
        for teacher in group:
            give_targets(teacher, examples)
        parts.append(pipe.get_loss(examples, pipe.model.predict(docs))[1].unary)
    np.testing.assert_allclose(parts[2], (parts[0] + parts[1]) / 2, atol=1e-9)


def test_chains_of_documents_with_several_sentences():
    """The teacher's scores are used with the student's sentence boundaries."""
    teacher = trained_on(SENTENCES)
    words = SENTENCES[0][0] + SENTENCES[1][0]
    starts = [i in (0, 6) for i in range(len(words))]
    student = new_student("crf_ner", ["LOC", "PER"], distillation=settings())
    pipe = student.get_pipe("pipe")
    whole = Example(
        Doc(student.vocab, words=words, sent_starts=starts), Doc(student.vocab, words=words)
    )
    scores = teacher.get_pipe("pipe").score_docs([Doc(teacher.vocab, words=words)])[0]
    target = Target(teacher.get_pipe("pipe").teacher, scores)
    whole.reference.user_data[SOFT_TARGETS] = [target]
    halves = []
    for part, (first, last) in zip(SENTENCES, [(0, 6), (6, 10)]):
        half = Example(Doc(student.vocab, words=part[0]), Doc(student.vocab, words=part[0]))
        half.reference.user_data[SOFT_TARGETS] = [Target(target.teacher, scores[first:last])]
        halves.append(half)
    student_scores = pipe.model.predict([whole.predicted])
    loss, gradient = pipe.get_loss([whole], student_scores)
    assert student_scores.lengths.tolist() == [6, 4]
    expected, of_halves = pipe.get_loss(halves, student_scores)
    assert loss == pytest.approx(expected)
    np.testing.assert_allclose(gradient.unary, of_halves.unary)


def test_teacher_with_a_label_the_student_lacks():
    teacher = trained_on(SENTENCES)
    student = new_student("crf_ner", ["PER"], distillation=settings())
    examples = unlabelled(student)
    give_targets(teacher, examples)
    with pytest.raises(SkdError, match="SKD023.*LOC"):
        student.update(examples)
    with pytest.raises(SkdError, match="SKD023.*LOC"):
        student.get_pipe("pipe").distill(teacher.get_pipe("pipe"), unlabelled(student))


def test_a_teacher_must_be_a_crf_component():
    student = new_student("crf_ner", ["PER"])
    nlp = spacy.blank("xx")
    other = nlp.add_pipe("tagger")
    with pytest.raises(SkdError, match="SKD044.*Tagger"):
        student.get_pipe("pipe").distill(other, unlabelled(student))


def test_tokens_must_agree():
    teacher = trained_on(SENTENCES)
    student = new_student("crf_ner", ["LOC", "PER"], distillation=settings())
    predicted = Doc(student.vocab, words=["Ada", "calls", "."])
    example = Example(predicted, reference_doc(student.vocab, ["Ada", "calls."]))
    with pytest.raises(SkdError, match="SKD045.*Ada calls"):
        student.get_pipe("pipe").distill(teacher.get_pipe("pipe"), [example])
    give_targets(teacher, [example])
    with pytest.raises(SkdError, match="SKD045.*Ada calls"):
        student.update([example])


def test_a_saved_student_carries_no_teacher(tmp_path):
    teacher = trained_on(SENTENCES)
    student = make_pipeline("crf_ner", distillation=settings())
    examples = make_examples(student)
    plain = trained_on(SENTENCES)
    give_targets(teacher, examples)
    train(student, examples)
    sizes = []
    for nlp, name in ((student, "student"), (plain, "plain")):
        nlp.to_disk(tmp_path / name)
        sizes.append(sum(f.stat().st_size for f in (tmp_path / name / "pipe").rglob("*")))
    assert sizes[0] == sizes[1]
    loaded = spacy.load(tmp_path / "student")
    assert annotations(loaded) == annotations(student)
    assert loaded.update(make_examples(loaded))["pipe"] > 0  # gold alone, without teachers
