"""Everything against enumeration: 10,500 random chains for each of the two backends."""

from typing import Any, Dict

import numpy as np
import pytest
from hypothesis import given, settings

from spacy_skd.crf import (
    Moments,
    Potentials,
    SparseTransitions,
    cross_entropy,
    inference,
    kbest,
    log_partition,
    marginals,
    nll,
    partial_nll,
    posterior_cross_entropy,
    reference,
    viterbi,
)
from spacy_skd.errors import SkdError

from .batches import KINDS, batches, random_batch
from .enumeration import Chain, chains_of

BATCHES, CHAINS = 105, 20  # of each kind
BACKENDS = {inference.kernels, reference}
close: Dict[str, Any] = dict(rtol=1e-6, atol=1e-9)


def test_enough_chains():
    assert BATCHES * CHAINS * len(KINDS) >= 10_000


@pytest.mark.parametrize("kind", KINDS)
def test_inference(backend, kind):
    rng = np.random.default_rng(KINDS.index(kind))
    for _ in range(BATCHES):
        check_inference(random_batch(rng, kind, CHAINS), k=int(rng.choice([1, 2, 5, 20, 2000])))


@pytest.mark.parametrize("kind", KINDS)
def test_losses_and_gradients(backend, kind):
    rng = np.random.default_rng(100 + KINDS.index(kind))
    for _ in range(BATCHES):
        check_losses(random_batch(rng, kind, CHAINS), rng)


@settings(max_examples=300, deadline=None)
@given(p=batches())
def test_any_potentials(p):
    """Where hypothesis searches, both backends are tried on one example: fixtures are not reset."""
    legal = all(np.isfinite(chain.log_z) for chain in chains_of(p))
    used = inference.kernels
    try:
        for inference.kernels in BACKENDS:
            if legal:
                check_inference(p, k=30)
                check_losses(p, np.random.default_rng(0))
            else:
                for call in (log_partition, marginals, viterbi, lambda p: kbest(p, 3)):
                    with pytest.raises(SkdError, match="SKD004"):
                        call(p)
    finally:
        inference.kernels = used


def check_inference(p: Potentials, k: int) -> None:
    log_z, (tags, scores), lists = log_partition(p), viterbi(p), kbest(p, k)
    moments: Any = marginals(p)
    assert tags.dtype == np.int32 and tags.shape == (len(p.unary),)
    for i, chain in enumerate(chains_of(p)):
        best = chain.best(k)
        labels, pairs = chain.counts(chain.probabilities)
        np.testing.assert_allclose(log_z[i], chain.log_z, **close)
        np.testing.assert_allclose(moments.log_partition[i], chain.log_z, **close)
        np.testing.assert_allclose(moments.unary[chain.tokens], labels, **close)
        np.testing.assert_allclose(moments.transitions[i], pairs, **close)
        np.testing.assert_array_equal(tags[chain.tokens], chain.paths[best[0]])
        np.testing.assert_allclose(scores[i], chain.scores[best[0]], **close)
        paths, log_probs = lists[i]
        assert len({tuple(path) for path in paths}) == len(paths) == len(best)
        np.testing.assert_array_equal(paths, chain.paths[best])
        np.testing.assert_allclose(log_probs, chain.scores[best] - chain.log_z, **close)
        np.testing.assert_allclose(np.exp(log_probs), chain.probabilities[best], **close)


def check_losses(p: Potentials, rng: np.random.Generator) -> None:
    """Targets are distributions over the legal sequences of each chain, drawn for this."""
    chains = chains_of(p)
    weights = rng.choice([0.0, 0.5, 1.0, 2.0], len(chains))
    targets = [random_distribution(chain, rng) for chain in chains]
    gold = [rng.choice(len(target), p=target) for target in targets]
    allowed = rng.random(p.unary.shape) < 0.6
    for chain, path in zip(chains, gold):
        allowed[chain.tokens][np.arange(len(chain.unary)), chain.paths[path]] = True
    moments = [chain.counts(target) for chain, target in zip(chains, targets)]
    unary = np.concatenate([labels for labels, _ in moments] or [p.unary])
    pairs = np.array([pairs for _, pairs in moments]).reshape(-1, p.n_labels, p.n_labels)
    tags = np.concatenate([c.paths[path] for c, path in zip(chains, gold)] or [np.zeros(0, int)])
    expected = [sequence_loss(chain, target) for chain, target in zip(chains, targets)]
    for transitions in (pairs, as_sparse(pairs, rng)):
        check(cross_entropy(p, Moments(unary, transitions), weights), p, weights, expected)
    check(
        nll(p, tags, weights),
        p,
        weights,
        [
            sequence_loss(chain, np.eye(len(chain.scores))[path])
            for chain, path in zip(chains, gold)
        ],
    )
    check(
        partial_nll(p, allowed, weights),
        p,
        weights,
        [partial_loss(chain, allowed[chain.tokens]) for chain in chains],
    )
    for temperature in (1.0, 2.5):
        check(
            posterior_cross_entropy(p, unary, weights, temperature),
            p,
            weights,
            [posterior_loss(chain, unary[chain.tokens], temperature) for chain in chains],
        )


def check(result, p: Potentials, weights: np.ndarray, expected: list) -> None:
    """expected: of each chain its loss and the gradients of labels (n, L) and pairs (L, L)."""
    losses, gradient = result
    labels = [w * labels for w, (_, labels, _) in zip(weights, expected)]
    # What gradients are differences of, on potentials of 1e4.
    near: Dict[str, Any] = dict(rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(losses, weights * [loss for loss, _, _ in expected], **near)
    assert gradient.unary.shape == p.unary.shape
    np.testing.assert_allclose(gradient.unary, np.concatenate(labels or [p.unary]), **near)
    pairs = sum((w * pairs for w, (_, _, pairs) in zip(weights, expected)), np.zeros((1, 1)))
    np.testing.assert_allclose(gradient.transitions, pairs + 0 * gradient.transitions, **near)
    for name, row in (("start", 0), ("end", -1)):
        edges = sum((of[row] for of in labels if len(of)), np.zeros(p.n_labels))
        np.testing.assert_allclose(getattr(gradient, name), edges, **near)


def as_sparse(pairs: np.ndarray, rng: np.random.Generator) -> SparseTransitions:
    """In any order, and some counts in two parts."""
    used = np.nonzero(pairs)
    chains, first, second = np.tile(used, 2)
    counts = np.concatenate([0.25 * pairs[used], 0.75 * pairs[used]])
    order = rng.permutation(len(counts))
    indices = first * pairs.shape[1] + second
    return SparseTransitions(pairs.shape, chains[order], indices[order], counts[order])


def random_distribution(chain: Chain, rng: np.random.Generator) -> np.ndarray:
    """Over all paths (L ** n,): none has an illegal one, and some leave legal ones out."""
    weights = rng.random(len(chain.scores)) * (chain.scores > -np.inf)
    weights[rng.random(len(weights)) < 0.5] = 0.0
    if not weights.any():
        weights[chain.best(1)] = 1.0
    return weights / weights.sum()


def sequence_loss(chain: Chain, target: np.ndarray) -> tuple:
    """- sum over paths of target * log probability."""
    used = target > 0
    loss = -(target[used] * (chain.scores[used] - chain.log_z)).sum()
    return loss, *chain.counts(chain.probabilities - target)


def partial_loss(chain: Chain, allowed: np.ndarray) -> tuple:
    agrees = allowed[np.arange(len(allowed)), chain.paths].all(axis=1)
    scores = np.where(agrees, chain.scores, -np.inf)
    log_z = np.logaddexp.reduce(scores)
    restricted = np.exp(scores - log_z)
    return chain.log_z - log_z, *chain.counts(chain.probabilities - restricted)


def posterior_loss(chain: Chain, target: np.ndarray, temperature: float) -> tuple:
    """With g = dLoss / dlog marginals, the gradient of scores is the sum over tokens t and labels y
    of g_t[y] (E[counts | y_t = y] - E[counts])."""
    log_p, n = chain.log_marginals(), len(target)
    q = target ** (1 / temperature)
    q /= q.sum(axis=1, keepdims=True)
    tempered = log_p / temperature
    tempered = tempered - np.logaddexp.reduce(tempered, axis=1, keepdims=True)
    loss = -(temperature**2) * np.where(q > 0, q * np.where(q > 0, tempered, 0.0), 0.0).sum()
    g = temperature * (np.exp(tempered) - q)
    weights = -g.sum() * chain.probabilities
    for t in range(n):
        of_path = log_p[t, chain.paths[:, t]]
        reached = of_path > -np.inf
        given = np.exp(chain.scores[reached] - chain.log_z - of_path[reached])
        weights[reached] += g[t, chain.paths[reached, t]] * given
    return loss, *chain.counts(weights)
