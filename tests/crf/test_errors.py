"""What may come in, and what is refused, in one line that says where."""

import numpy as np
import pytest

from spacy_skd.crf import (
    Moments,
    Potentials,
    SparseTransitions,
    cross_entropy,
    emission_cross_entropy,
    gold_moments,
    kbest,
    log_partition,
    marginals,
    mix,
    nll,
    partial_nll,
    posterior_cross_entropy,
    viterbi,
)
from spacy_skd.errors import SkdError

TAGS = np.array([0, 1, 2, 0, 1])
TARGET = np.full((5, 3), 1 / 3)
CALLS = {
    "log_partition": log_partition,
    "marginals": marginals,
    "viterbi": viterbi,
    "kbest": lambda p: kbest(p, 3),
    "cross_entropy": lambda p: cross_entropy(p, gold_moments(TAGS, np.array([2, 0, 3]), 3)),
    "nll": lambda p: nll(p, TAGS),
    "partial_nll": lambda p: partial_nll(p, np.ones((5, 3), dtype=bool)),
    "posterior": lambda p: posterior_cross_entropy(p, TARGET),
}


def make(**changes) -> Potentials:
    """Chains of 2, 0 and 3 tokens with 3 labels."""
    arrays = dict(unary=np.ones((5, 3), dtype=np.float32), lengths=np.array([2, 0, 3]))
    arrays.update(transitions=np.zeros((3, 3)), start=np.zeros(3), end=np.zeros(3))
    return Potentials(**{**arrays, **changes})


def with_value(value: float, name: str) -> Potentials:
    p = make()
    array = getattr(p, name).copy()
    array.flat[1] = value
    return make(**{name: array})


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("name", ["unary", "transitions", "start", "end"])
@pytest.mark.parametrize("call", [*CALLS, "emission"])
def test_not_a_number(backend, call, name, value):
    calls = {**CALLS, "emission": lambda p: emission_cross_entropy(p, TARGET)}
    with pytest.raises(SkdError, match=f"SKD003.*{name} holds {value}") as error:
        calls[call](with_value(value, name))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("call", CALLS)
def test_no_legal_sequence(backend, call):
    p = make()
    p.unary[3] = -np.inf
    with pytest.raises(SkdError, match=r"SKD004.*Chain 2 of the batch \(length 3\)"):
        CALLS[call](p)
    with pytest.raises(SkdError, match="SKD004.*Chain 0"):
        CALLS[call](make(start=np.full(3, -np.inf)))


@pytest.mark.parametrize("chain, first", [(0, 0), (2, 2)])
def test_forbidden_target(backend, chain, first):
    """Each loss against a target that the student forbids: an error, unless the chain weighs 0."""
    p = make()
    p.unary[first, TAGS[first]] = -np.inf
    allowed = np.arange(3) == TAGS[:, None]
    losses = {
        "cross_entropy": lambda w: cross_entropy(p, gold_moments(TAGS, p.lengths, 3), w),
        "nll": lambda w: nll(p, TAGS, w),
        "partial_nll": lambda w: partial_nll(p, allowed, w),
        "posterior": lambda w: posterior_cross_entropy(p, TARGET, w),
        "posterior, T = 2": lambda w: posterior_cross_entropy(p, TARGET, w, 2.0),
        "emission": lambda w: emission_cross_entropy(p, TARGET, w),
    }
    for loss in losses.values():
        with pytest.raises(SkdError, match=f"SKD010.*chain {chain} "):
            loss(None)
        weights = np.ones(3)
        weights[chain] = 0.0
        values, gradient = loss(weights)
        assert values[chain] == 0.0 and np.isfinite(values).all()
        assert np.isfinite(gradient.unary).all() and not gradient.unary[first].any()
        assert np.isfinite(gradient.transitions).all()


def test_forbidden_transition_without_mass(backend):
    """0 times -inf is 0."""
    transitions = np.zeros((3, 3))
    transitions[2, 0] = transitions[2, 1] = -np.inf
    start = np.array([0.0, 0.0, -np.inf])
    p = make(transitions=transitions, start=start, end=np.array([0.0, 0.0, 0.0]))
    tags = np.array([0, 1, 1, 0, 1])
    loss, gradient = cross_entropy(p, gold_moments(tags, p.lengths, 3))
    assert np.isfinite(loss).all()
    assert gradient.transitions[2, 0] == gradient.start[2] == 0.0
    np.testing.assert_allclose(loss, nll(p, tags)[0])


@pytest.mark.parametrize(
    "changes, message",
    [
        (dict(unary=np.ones(5)), r"SKD001.*unary has the shape \(5,\)"),
        (dict(transitions=np.zeros((3, 2))), r"SKD001.*transitions.*\(3, 2\).*\(3, 3\)"),
        (dict(start=np.zeros(4)), "SKD001.*start"),
        (dict(end=np.zeros((3, 1))), "SKD001.*end"),
        (dict(lengths=np.array([2, 2])), "SKD002.*sum to 5"),
        (dict(lengths=np.array([6, -1])), "SKD002"),
        (dict(lengths=np.array([[2, 3]])), "SKD002"),
        (dict(lengths=np.array([2.0, 3.0])), "SKD002"),
        (dict(unary=np.ones((5, 0)), transitions=np.ones((0, 0))), "SKD011"),
    ],
)
def test_shapes(changes, message):
    with pytest.raises(SkdError, match=message):
        log_partition(make(**changes))


def test_targets():
    p = make()
    for bad in (-1, 3, 2**40):
        tags = TAGS.copy()
        tags[3] = bad
        for call in (lambda: nll(p, tags), lambda: gold_moments(tags, p.lengths, 3)):
            with pytest.raises(SkdError, match=f"SKD005.*token 3 is {bad}.*3 labels"):
                call()
    for call in (
        lambda: nll(p, TAGS[:4]),
        lambda: cross_entropy(p, Moments(np.ones((4, 3)), np.ones((3, 3, 3)))),
        lambda: cross_entropy(p, Moments(np.ones((5, 3)), np.ones((2, 3, 3)))),
        lambda: cross_entropy(
            p, Moments(np.ones((5, 3)), SparseTransitions((2, 3, 3), [], [], []))
        ),
        lambda: partial_nll(p, np.ones((5, 2), dtype=bool)),
        lambda: posterior_cross_entropy(p, np.ones((5, 4))),
        lambda: emission_cross_entropy(p, np.ones((3, 5))),
        lambda: nll(p, TAGS, np.ones(2)),
    ):
        with pytest.raises(SkdError, match="SKD001"):
            call()


@pytest.mark.parametrize(
    "chains, pairs, counts",
    [([3], [0], [1]), ([-1], [0], [1]), ([0], [9], [1]), ([0], [-1], [1]), ([0, 1], [0], [1, 1])],
)
def test_sparse_transitions_out_of_range(chains, pairs, counts):
    with pytest.raises(SkdError, match="SKD013"):
        SparseTransitions((3, 3, 3), np.array(chains), np.array(pairs), np.array(counts))


def test_transitions_not_a_number(backend):
    """An error, but for a chain of weight 0."""
    p, unary = make(), np.zeros((5, 3))
    sparse = SparseTransitions((3, 3, 3), [2], [1], [np.nan])
    for transitions in (sparse, np.asarray(sparse)):
        target = Moments(unary, transitions)
        with pytest.raises(SkdError, match="SKD012.*chain 2"):
            cross_entropy(p, target)
        losses, gradient = cross_entropy(p, target, np.array([1.0, 1.0, 0.0]))
        assert losses[2] == 0.0 and np.isfinite(gradient.transitions).all()


def test_target_not_a_number(backend):
    """An error, but for a chain of weight 0."""
    p, bad = make(), TARGET.copy()
    bad[4, 1] = np.nan
    for loss in (
        lambda w: cross_entropy(p, Moments(bad, np.zeros((3, 3, 3))), w),
        lambda w: posterior_cross_entropy(p, bad, w),
        lambda w: posterior_cross_entropy(p, bad, w, 2.0),
        lambda w: emission_cross_entropy(p, bad, w),
        lambda w: emission_cross_entropy(p, bad, w, 2.0),
    ):
        with pytest.raises(SkdError, match="SKD012.*chain 2"):
            loss(None)
        losses, gradient = loss(np.array([1.0, 1.0, 0.0]))
        assert losses[2] == 0.0 and not gradient.unary[2:].any()
        for values in (gradient.unary, gradient.transitions, gradient.start, gradient.end):
            assert np.isfinite(values).all()


def test_emissions_that_are_all_forbidden(backend):
    """A chain of weight 0 has no gradient, whatever its potentials are."""
    p = make()
    p.unary[4] = -np.inf
    losses, gradient = emission_cross_entropy(p, TARGET, np.array([1.0, 1.0, 0.0]))
    assert losses[2] == 0.0
    assert np.isfinite(gradient.unary).all() and not gradient.unary[2:].any()


@pytest.mark.parametrize("value", [0.0, -1.0, np.nan, np.inf])
def test_temperature(value):
    for call in (
        lambda: make().tempered(value),
        lambda: posterior_cross_entropy(make(), TARGET, temperature=value),
        lambda: emission_cross_entropy(make(), TARGET, temperature=value),
    ):
        with pytest.raises(SkdError, match="SKD007"):
            call()


def test_numbers():
    with pytest.raises(SkdError, match="SKD006"):
        kbest(make(), 0)
    for weight in (-1.0, np.nan):
        with pytest.raises(SkdError, match="SKD009"):
            nll(make(), TAGS, np.array([1.0, 1.0, weight]))
    with pytest.raises(SkdError, match="SKD008"):
        mix([(np.ones(3), gold_moments(TAGS, [2, 0, 3], 3))])


def test_what_is_passed_stays_as_it_is(backend):
    p = make(unary=np.arange(15, dtype=np.float32).reshape(5, 3))
    p.unary.setflags(write=False)
    before = p.unary.copy()
    for call in CALLS.values():
        call(p)
    np.testing.assert_array_equal(p.unary, before)
