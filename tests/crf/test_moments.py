import numpy as np
import pytest

from spacy_skd.crf import (
    KBest,
    Moments,
    cross_entropy,
    gold_moments,
    kbest,
    kbest_moments,
    marginals,
    mix,
    nll,
    viterbi,
)

from .batches import random_batch
from .enumeration import chains_of


def batch(seed: int = 0):
    return random_batch(np.random.default_rng(seed), "plain")


def assert_same(one: Moments, other: Moments) -> None:
    np.testing.assert_allclose(one.unary, other.unary, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(one.transitions, other.transitions, rtol=1e-6, atol=1e-9)


def test_gold_counts():
    moments = gold_moments(np.array([1, 1, 0, 2]), np.array([3, 0, 1]), 3)
    np.testing.assert_array_equal(moments.unary.argmax(axis=1), [1, 1, 0, 2])
    assert moments.unary.sum() == 4 and moments.transitions.shape == (3, 3, 3)
    transitions = np.asarray(moments.transitions)
    assert transitions[0, 1, 1] == transitions[0, 1, 0] == 1
    assert transitions.sum() == 2


def test_kbest_counts():
    """Against the sums that the definitions of top_k and top_wk ask for."""
    for seed in range(20):
        p = batch(seed)
        for weighted in (False, True):
            best = kbest(p, 4)
            moments = kbest_moments(best, p.n_labels, weighted)
            for i, chain in enumerate(chains_of(p)):
                paths = chain.best(4)
                weights = np.zeros(len(chain.paths))
                weights[paths] = chain.probabilities[paths] if weighted else 1.0
                labels, pairs = chain.counts(weights / weights.sum())
                np.testing.assert_allclose(moments.unary[chain.tokens], labels, atol=1e-9)
                transitions = np.asarray(moments.transitions)
                np.testing.assert_allclose(transitions[i], pairs, atol=1e-9)


def test_limits_of_kbest():
    """The best sequence alone is gold; all of them, weighted, are the whole distribution."""
    p = batch()
    best = kbest_moments(kbest(p, 1), p.n_labels, weighted=True)
    assert_same(best, gold_moments(viterbi(p)[0], p.lengths, p.n_labels))
    everything = kbest_moments(kbest(p, 10_000), p.n_labels, weighted=True)
    assert_same(everything, marginals(p))


def test_kbest_reads_as_a_list():
    p = batch()
    best = kbest(p, 3)
    pairs = list(best)
    assert len(best) == len(pairs) == len(p.lengths)
    for i, (paths, log_probs) in enumerate(pairs):
        assert paths.shape == (len(log_probs), p.lengths[i])
    for one, other in zip([best[-1], *best[1:3]], [pairs[-1], *pairs[1:3]], strict=True):
        np.testing.assert_array_equal(one[0], other[0])
        np.testing.assert_array_equal(one[1], other[1])
    with pytest.raises(IndexError):
        best[len(pairs)]


def test_improbable_sequences():
    """Probabilities that are 0 in floating point still have a ratio."""
    log_probs = np.array([-2000.0, -2000.0 - np.log(3)])
    best = KBest(np.array([0, 1]), log_probs, counts=np.array([2]), lengths=np.array([1]))
    np.testing.assert_allclose(kbest_moments(best, 2, weighted=True).unary, [[0.75, 0.25]])


def test_no_chains():
    nothing = np.zeros(0, dtype=int)
    best = KBest(nothing, np.zeros(0), counts=nothing, lengths=nothing)
    assert len(best) == 0 and list(best) == []
    moments = kbest_moments(best, 3, weighted=True)
    assert moments.unary.shape == (0, 3) and moments.transitions.shape == (0, 3, 3)
    assert_same(moments, gold_moments(np.zeros(0), np.zeros(0), 3))


def test_mixture_is_linear():
    """The loss against a mixture is the mixture of losses, for one weight and for one a chain."""
    p, teacher = batch(), batch()
    teacher.unary = teacher.unary[::-1]
    gold = viterbi(p)[0]
    one, other = marginals(teacher), gold_moments(gold, p.lengths, p.n_labels)
    rng = np.random.default_rng(0)
    for weight in (0.3, rng.random(len(p.lengths))):
        losses, gradient = cross_entropy(p, mix([(weight, one), (1 - weight, other)], p.lengths))
        to_one, to_other = cross_entropy(p, one), nll(p, gold)
        np.testing.assert_allclose(losses, weight * to_one[0] + (1 - weight) * to_other[0])
        of_one = cross_entropy(p, one, np.ones(len(p.lengths)) * weight)[1]
        of_other = nll(p, gold, np.ones(len(p.lengths)) * (1 - weight))[1]
        expected = of_one.transitions + of_other.transitions
        np.testing.assert_allclose(gradient.transitions, expected, atol=1e-12)
