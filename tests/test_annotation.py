"""What is known of tags, against enumeration of all tag sequences."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_skd.annotation import MISSING, Question, span_gold, tag_gold
from spacy_skd.crf import Potentials
from spacy_skd.objectives import supervised_loss
from spacy_skd.schemes import get_scheme
from spacy_skd.transfer import constrain

from .test_objectives import chains, distribution, numeric_gradient

LABELS = ["A", "B"]


@st.composite
def annotations(draw, n):
    """What is said of n tokens: entities, tokens outside, and spans of which some overlap."""
    edges = sorted(draw(st.sets(st.integers(0, n), max_size=4)))
    spans = [(a, b, draw(st.sampled_from(LABELS))) for a, b in pairwise(edges)]
    entities = [span for span in spans if draw(st.booleans())]
    outside = {i for i in range(n) if draw(st.booleans())}
    outside -= {i for start, end, _ in entities for i in range(start, end)}
    start = st.integers(0, n - 1)
    possible = [
        (first, draw(st.integers(first + 1, n)), draw(st.sampled_from(["", *LABELS])))
        for first in draw(st.lists(start, max_size=4))
    ]
    return entities, outside, sorted(set(possible))


def questions_of(spans):
    """Spans joined as they overlap, told otherwise than `pipeline.alternatives` does."""
    groups = []
    for span in spans:
        near = [g for g in groups if any(a < span[1] and span[0] < b for a, b, _ in g)]
        groups = [g for g in groups if g not in near] + [sum(near, [span])]
    return [Question(min(a for a, *_ in g), max(b for _, b, _ in g), sorted(g)) for g in groups]


def agrees(found, entities, outside, questions):
    """Whether the spans of a whole sentence agree with what is said of it: the definition."""
    asked = {i for q in questions for i in range(q.start, q.end)}
    covered = {i for a, b, _ in found for i in range(a, b)}
    for a, b, label in entities:
        if not asked & set(range(a, b)) and (a, b, label) not in found:
            return False
    if covered & (outside - asked):
        return False
    for question in questions:
        tokens = set(range(question.start, question.end))
        here = [span for span in found if tokens & set(range(span[0], span[1]))]
        if not set(here) <= set(question.answers):
            return False
        for i in tokens - covered:
            if all(a <= i < b and label for a, b, label in question.answers):
                return False
    return True


def random_potentials(rng, scheme, lengths):
    tags = scheme.tags(LABELS)
    n = len(tags)
    unary = rng.normal(0, 1, (sum(lengths), n))
    chain = (rng.normal(0, 1, (n, n)), rng.normal(0, 1, n), rng.normal(0, 1, n))
    legality = scheme.constraints(tags)
    return Potentials(unary, np.array(lengths), *constrain(chain, legality)), tags


def what_is_known(scheme, tags, said, lengths):
    """Gold tags and questions of a batch."""
    gold, questions, first = [], [], 0
    for n, (entities, outside, possible) in zip(lengths, said):
        encoded = scheme.encode(entities, n)
        free = {i for a, b, _ in entities for i in range(a, b)} | outside
        gold += [tags.index(tag) if i in free else MISSING for i, tag in enumerate(encoded)]
        questions += [question.moved(first) for question in questions_of(possible)]
        first += n
    return np.array(gold), questions


@pytest.mark.parametrize("name", ["BILOU", "IOB2"])
@settings(max_examples=100, deadline=None)
@given(data=st.data(), seed=st.integers(0, 10**6), lengths=st.lists(st.integers(1, 4), max_size=2))
def test_the_loss_is_that_of_all_sequences_that_agree(name, data, seed, lengths):
    scheme = get_scheme(name)
    lengths = [*lengths, 3]
    student, tags = random_potentials(np.random.default_rng(seed), scheme, lengths)
    said = [data.draw(annotations(n)) for n in lengths]
    gold, questions = what_is_known(scheme, tags, said, lengths)
    known = span_gold(gold, questions, LABELS, scheme, student)
    losses, _ = supervised_loss(student, known, np.ones(len(lengths)))
    for loss, (paths, scores, _), (entities, outside, possible) in zip(
        losses, chains(student), said
    ):
        legal = np.flatnonzero(scores > -np.inf)
        found = (scheme.decode([tags[y] for y in paths[i]]) for i in legal)
        fits = [agrees(spans, entities, outside, questions_of(possible)) for spans in found]
        expected = -np.log(distribution(scores[legal])[fits].sum())
        assert loss == pytest.approx(expected, abs=1e-8)


@pytest.mark.parametrize("name", ["BILOU", "IOB2"])
@settings(max_examples=10, deadline=None)
@given(data=st.data(), seed=st.integers(0, 10**6))
def test_the_gradient_is_that_of_the_loss(name, data, seed):
    scheme, lengths = get_scheme(name), [3, 2]
    student, tags = random_potentials(np.random.default_rng(seed), scheme, lengths)
    gold, questions = what_is_known(
        scheme, tags, [data.draw(annotations(n)) for n in lengths], lengths
    )
    weights = np.array([1.0, data.draw(st.sampled_from([0.0, 0.5]))])

    def loss(p):
        return supervised_loss(p, span_gold(gold, questions, LABELS, scheme, p), weights)

    _, gradient = loss(student)
    numeric = numeric_gradient(lambda p: loss(p)[0].sum(), student)
    for part, value in numeric.items():
        np.testing.assert_allclose(getattr(gradient, part), value, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["BILOU", "IOB2"])
def test_spans_that_nobody_named_are_not_put_together(name):
    """(0, 3) and (1, 4) with one label: the tags of both would allow (0, 4) and (1, 3) as well."""
    scheme = get_scheme(name)
    student, tags = random_potentials(np.random.default_rng(0), scheme, [4])
    answers = [(0, 3, "A"), (1, 4, "A")]
    known = span_gold(np.full(4, MISSING), [Question(0, 4, answers)], LABELS, scheme, student)
    losses, _ = supervised_loss(student, known, np.ones(1))
    ((paths, scores, _),) = chains(student)
    fits = [
        legal and scheme.decode([tags[y] for y in path]) in ([answers[0]], [answers[1]])
        for path, legal in zip(paths, scores > -np.inf)
    ]
    assert sum(fits) == 2
    assert losses[0] == pytest.approx(-np.log(distribution(scores)[fits].sum()))


def test_a_span_ends_where_it_ends_whatever_follows():
    """An I after a B would be another span; in IOB2 the tags themselves do not say so."""
    scheme = get_scheme("IOB2")
    student, tags = random_potentials(np.random.default_rng(1), scheme, [2])
    gold = np.array([tags.index("B-A"), MISSING])
    losses, _ = supervised_loss(student, span_gold(gold, [], LABELS, scheme, student), np.ones(1))
    ((paths, scores, _),) = chains(student)
    fits = [path[0] == gold[0] and tags[path[1]] != "I-A" for path in paths]
    assert losses[0] == pytest.approx(-np.log(distribution(scores)[fits].sum()))


@settings(max_examples=60, deadline=None)
@given(data=st.data(), seed=st.integers(0, 10**6))
def test_tags_of_which_one_is_right(data, seed):
    scheme, lengths = get_scheme("plain"), [3, 2, 1]
    student, _ = random_potentials(np.random.default_rng(seed), scheme, lengths)
    tag = st.integers(0, len(LABELS) - 1)
    gold = np.array([data.draw(st.just(MISSING) | tag) for _ in range(6)])
    sets = [data.draw(st.none() | st.sets(tag)) for _ in range(6)]
    questions = [
        Question(i, i + 1, [(i, i + 1, LABELS[tag]) for tag in tags])
        for i, tags in enumerate(sets)
        if tags is not None
    ]
    allowed = [
        set(range(len(LABELS))) if not (tags if tags is not None else one >= 0) else tags or {one}
        for tags, one in zip(sets, gold.tolist())
    ]
    losses, _ = supervised_loss(student, tag_gold(gold, questions, LABELS), np.ones(3))
    first = 0
    for loss, (paths, scores, n) in zip(losses, chains(student)):
        fits = [all(y in allowed[first + i] for i, y in enumerate(path)) for path in paths]
        assert loss == pytest.approx(-np.log(distribution(scores)[fits].sum()), abs=1e-9)
        first += n


@pytest.mark.parametrize("name", ["BILOU", "IOB2"])
def test_what_no_legal_sequence_can_be_is_not_known(name):
    """An answer across the end of a sentence; answers on tokens that can be in no entity."""
    scheme = get_scheme(name)
    student, tags = random_potentials(np.random.default_rng(2), scheme, [2, 2])
    nothing = np.full(4, MISSING)
    across = [Question(1, 3, [(1, 3, "A"), (1, 2, "B")])]
    known = span_gold(nothing, across, LABELS, scheme, student)
    assert not known.annotated.any()
    student.unary[0, 1:] = -np.inf
    known = span_gold(nothing, [Question(0, 1, [(0, 1, "A")])], LABELS, scheme, student)
    assert not known.annotated.any()
    losses, _ = supervised_loss(student, known, np.ones(2))
    assert losses.tolist() == [0.0, 0.0]
    assert len(tags) == student.n_labels
