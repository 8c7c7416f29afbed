"""A distribution over spans is the same in both schemes, whichever the teacher thinks in."""

from itertools import pairwise, product

import numpy as np
import pytest

from spacy_skd.crf import transitions
from spacy_skd.errors import SkdError
from spacy_skd.objectives import OBJECTIVES, make_distillation
from spacy_skd.schemes import get_scheme, repair_iob
from spacy_skd.transfer import Teacher, make_transfer

N = 4


def random_teacher(rng, scheme, labels):
    tags = tuple(get_scheme(scheme).tags(labels))
    n = len(tags)
    chain = (rng.normal(0, 1.5, shape) for shape in ((n, n), (n,), (n,)))
    return Teacher(tags, scheme, *chain), rng.normal(0, 1.5, (N, n))


def span_distribution(teacher, emissions):
    """{spans: probability} by enumeration of the teacher's own legal tag sequences."""
    scheme = get_scheme(teacher.scheme)
    follows, start, end = scheme.constraints(teacher.tags)
    scores = {}
    for y in product(range(len(teacher.tags)), repeat=N):
        pairs = list(pairwise(y))
        if start[y[0]] and end[y[-1]] and all(follows[pair] for pair in pairs):
            score = teacher.start[y[0]] + teacher.end[y[-1]] + emissions[np.arange(N), y].sum()
            score += sum(teacher.transitions[pair] for pair in pairs)
            scores[tuple(decode([teacher.tags[i] for i in y], teacher.scheme))] = np.exp(score)
    total = sum(scores.values())
    return {spans: score / total for spans, score in scores.items()}


def decode(tags, scheme):
    if scheme == "IOB1":
        tags, scheme = repair_iob(tags)[0], "IOB2"
    return get_scheme(scheme).decode(tags)


def expected_counts(spans_and_weights, scheme, tags):
    index = {tag: i for i, tag in enumerate(tags)}
    unary, transitions = np.zeros((N, len(tags))), np.zeros((len(tags), len(tags)))
    for spans, weight in spans_and_weights:
        path = [index[tag] for tag in get_scheme(scheme).encode(spans, N)]
        unary[np.arange(N), path] += weight
        for pair in pairwise(path):
            transitions[pair] += weight
    return unary, transitions


@pytest.mark.parametrize("sparse", [0.0, 1.0])
@pytest.mark.parametrize("objective", ["structural", "top_k", "top_wk", "posterior"])
@pytest.mark.parametrize("of_student", ["IOB2", "BILOU"])
@pytest.mark.parametrize("of_teacher", ["IOB1", "IOB2", "BILOU"])
def test_the_student_is_told_the_teachers_distribution(
    of_teacher, of_student, objective, sparse, monkeypatch
):
    monkeypatch.setattr(transitions, "SPARSE", sparse)
    rng = np.random.default_rng(5)
    teacher, emissions = random_teacher(rng, of_teacher, ["B", "A"])
    student_tags = get_scheme(of_student).tags(["A", "B", "C"])
    transfer = make_transfer(teacher, of_student, student_tags)
    allowed = np.ones((N, len(student_tags)), dtype=bool)
    potentials = transfer.potentials(emissions, np.array([N]), allowed)
    knowledge = make_distillation(objective, k=7).ask(potentials, transfer)
    spans = sorted(span_distribution(teacher, emissions).items(), key=lambda item: -item[1])
    if objective.startswith("top"):
        spans = spans[:7]
        total = sum(weight for _, weight in spans)
        even = objective == "top_k"
        spans = [(s, 1 / 7 if even else weight / total) for s, weight in spans]
    unary, pairs = expected_counts(spans, of_student, student_tags)
    if objective == "posterior":
        np.testing.assert_allclose(knowledge.unary["posterior"], unary, atol=1e-9)
    else:
        np.testing.assert_allclose(knowledge.moments.unary, unary, atol=1e-9)
        found = np.asarray(knowledge.moments.transitions)
        np.testing.assert_allclose(found[0], pairs, atol=1e-9)


@pytest.mark.parametrize("of_student", ["IOB2", "BILOU"])
def test_iob1_without_b_makes_one_span_of_neighbours(of_student):
    rng = np.random.default_rng(9)
    tags = ("O", "I-A", "I-B")
    chain = (rng.normal(0, 1.5, shape) for shape in ((3, 3), (3,), (3,)))
    teacher, emissions = Teacher(tags, "IOB1", *chain), rng.normal(0, 1.5, (N, 3))
    student_tags = get_scheme(of_student).tags(["A", "B"])
    transfer = make_transfer(teacher, of_student, student_tags)
    allowed = np.ones((N, len(student_tags)), dtype=bool)
    potentials = transfer.potentials(emissions, np.array([N]), allowed)
    moments = make_distillation("structural").ask(potentials, transfer).moments
    spans = span_distribution(teacher, emissions).items()
    unary, _ = expected_counts(spans, of_student, student_tags)
    np.testing.assert_allclose(moments.unary, unary, atol=1e-9)


def test_what_the_student_forbids_is_dropped_and_the_rest_renormalised():
    rng = np.random.default_rng(6)
    teacher, emissions = random_teacher(rng, "BILOU", ["A"])
    transfer = make_transfer(teacher, "BILOU", teacher.tags)
    allowed = np.ones((N, len(teacher.tags)), dtype=bool)
    allowed[1, 1:] = False
    potentials = transfer.potentials(emissions, np.array([N]), allowed)
    moments = make_distillation("structural").ask(potentials, transfer).moments
    spans = span_distribution(teacher, emissions).items()
    kept = [(s, w) for s, w in spans if all(not start <= 1 < end for start, end, _ in s)]
    total = sum(weight for _, weight in kept)
    unary, _ = expected_counts([(s, w / total) for s, w in kept], "BILOU", teacher.tags)
    np.testing.assert_allclose(moments.unary, unary, atol=1e-9)


def test_emissions_are_matched_by_name():
    rng = np.random.default_rng(7)
    teacher, emissions = random_teacher(rng, "IOB2", ["B", "A"])
    tags = get_scheme("IOB2").tags(["A", "B"])
    transfer = make_transfer(teacher, "IOB2", tags)
    potentials = transfer.potentials(emissions, np.array([N]), np.ones((N, 5), dtype=bool))
    target = make_distillation("emission").ask(potentials, transfer).unary["emission"]
    softmax = np.exp(emissions) / np.exp(emissions).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(target[:, 1], softmax[:, teacher.tags.index("B-A")])


def test_a_label_the_student_lacks():
    teacher, _ = random_teacher(np.random.default_rng(8), "BILOU", ["PER", "SHIP"])
    with pytest.raises(SkdError, match="SKD023.*B-SHIP.*U-SHIP"):
        make_transfer(teacher, "BILOU", get_scheme("BILOU").tags(["PER"]))


def test_schemes_without_and_with_spans():
    teacher = Teacher(("NOUN",), "plain", np.zeros((1, 1)), np.zeros(1), np.zeros(1))
    with pytest.raises(SkdError, match="SKD024.*plain.*BILOU"):
        make_transfer(teacher, "BILOU", get_scheme("BILOU").tags(["PER"]))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("objective", OBJECTIVES)
def test_half_precision_is_for_storage_alone(objective):
    """Stored scores say the same as if they were stored in full precision."""
    teacher, emissions = random_teacher(np.random.default_rng(0), "BILOU", ["X", "Y"])
    transfer = make_transfer(teacher, "BILOU", teacher.tags)
    distillation = make_distillation(objective, k=5, teacher_temperature=3.0)
    stored = emissions.astype(np.float16)

    def knowledge(scores):
        everywhere = np.ones(scores.shape, dtype=bool)
        return distillation.ask(transfer.potentials(scores, np.array([N]), everywhere), transfer)

    half, full = knowledge(stored), knowledge(stored.astype(np.float64))
    for found, expected in zip(arrays_of(half), arrays_of(full)):
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def arrays_of(knowledge):
    moments = [] if knowledge.moments is None else [knowledge.moments.unary]
    return [*moments, *knowledge.unary.values()]
