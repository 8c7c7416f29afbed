"""Parts of sequences, samples and the best of several chains, against enumeration."""

from itertools import product
from typing import Any, Dict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_skd.crf import (
    Potentials,
    best_together,
    inference,
    kbest,
    marginals,
    messages,
    part_log_probs,
    reference,
    sample,
)
from spacy_skd.errors import SkdError

from .batches import KINDS, batches, random_batch
from .enumeration import chains_of, log_sum_exp

BACKENDS = {inference.kernels, reference}
close: Dict[str, Any] = dict(rtol=1e-6, atol=1e-9)


def all_parts(p: Potentials, rng: np.random.Generator, n: int = 30):
    """Random parts, of which some cross the end of a chain: first, lengths, labels."""
    if not len(p.unary):
        return np.zeros(0, int), np.zeros(0, int), np.zeros(0, int)
    first = rng.integers(0, len(p.unary), n)
    lengths = np.minimum(rng.integers(1, 5, n), len(p.unary) - first)
    return first, lengths, rng.integers(0, p.n_labels, lengths.sum())


def expected_parts(p: Potentials, first, lengths, labels, stopping) -> np.ndarray:
    chains, result = chains_of(p), np.full(len(first), -np.inf)
    for i, (start, length) in enumerate(zip(first, lengths)):
        part = labels[lengths[:i].sum() : lengths[: i + 1].sum()]
        for chain in chains:
            place = start - chain.first
            end = place + length
            if place >= 0 and end <= len(chain.unary) and len(chain.unary):
                agrees = (chain.paths[:, place:end] == part).all(axis=1)
                if stopping is not None and end < len(chain.unary):
                    agrees &= stopping[chain.paths[:, end]]
                result[i] = log_sum_exp(chain.scores[agrees]) - chain.log_z
    return result


def check_parts(p: Potentials, rng: np.random.Generator) -> None:
    first, lengths, labels = all_parts(p, rng)
    for stopping in (None, rng.random(p.n_labels) < 0.6):
        found = part_log_probs(p, first, lengths, labels, stopping)
        expected = expected_parts(p, first, lengths, labels, stopping)
        np.testing.assert_allclose(np.exp(found), np.exp(expected), **close)
        likely = expected > -200
        np.testing.assert_allclose(found[likely], expected[likely], rtol=1e-6, atol=1e-6)


def check_messages(p: Potentials) -> None:
    alpha, beta, log_z = messages(p)
    of_token = np.repeat(log_z, p.lengths)[:, None]
    np.testing.assert_allclose(np.exp(alpha + beta - of_token), marginals(p).unary, **close)


@pytest.mark.parametrize("kind", KINDS)
def test_parts(backend, kind):
    rng = np.random.default_rng(200 + KINDS.index(kind))
    for _ in range(40):
        p = random_batch(rng, kind, 8)
        check_parts(p, rng)
        check_messages(p)


@settings(max_examples=200, deadline=None)
@given(p=batches(), seed=st.integers(0, 9))
def test_any_potentials(p, seed):
    legal = all(np.isfinite(chain.log_z) for chain in chains_of(p))
    used = inference.kernels
    try:
        for inference.kernels in BACKENDS:
            if legal:
                check_parts(p, np.random.default_rng(seed))
                check_messages(p)
            else:
                with pytest.raises(SkdError, match="SKD004"):
                    messages(p)
    finally:
        inference.kernels = used


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 10**6), k=st.integers(1, 40))
def test_the_best_of_several_chains_together(seed, k):
    rng = np.random.default_rng(seed)
    p = random_batch(rng, str(rng.choice(["plain", "ties"])), int(rng.integers(0, 4)))
    lists = [log_probs for _, log_probs in kbest(p, k)]
    choices, log_probs = best_together(lists, k)
    whole = [chain.scores - chain.log_z for chain in chains_of(p)]
    every = sorted((sum(values) for values in product(*whole)), reverse=True)
    assert len(log_probs) == min(k, len(every))
    np.testing.assert_allclose(log_probs, every[: len(log_probs)], **close)
    assert len({tuple(choice) for choice in choices}) == len(choices)
    for choice, log_prob in zip(choices, log_probs):
        total = sum(of_chain[i] for of_chain, i in zip(lists, choice))
        assert total == pytest.approx(log_prob)


def test_the_best_of_hundreds_of_chains_takes_no_time():
    lists = [np.array([-0.1, -2.0, -3.0])] * 500
    choices, log_probs = best_together(lists, 100)
    assert choices.shape == (100, 500) and (np.diff(log_probs) <= 0).all()


@pytest.mark.parametrize("kind", ["plain", "forbidden", "everything"])
def test_samples_come_as_often_as_they_are_probable(backend, kind):
    rng, n = np.random.default_rng(7), 4000
    for _ in range(5):
        p = random_batch(rng, kind, 3)
        drawn = sample(p, n, seed=1)
        assert drawn.shape == (n, len(p.unary)) and drawn.dtype == np.int32
        for chain in chains_of(p):
            powers = p.n_labels ** np.arange(len(chain.unary))
            counts = np.bincount(drawn[:, chain.tokens] @ powers, minlength=len(chain.paths))
            spread = np.sqrt(chain.probabilities * (1 - chain.probabilities) / n)
            # 4 / n: the counts of rare paths are no normal numbers.
            assert (np.abs(counts / n - chain.probabilities) <= 5 * spread + 4 / n).all()
            assert not counts[chain.scores == -np.inf].any()


def test_a_seed_gives_the_same_samples():
    p = random_batch(np.random.default_rng(0), "plain", 5)
    np.testing.assert_array_equal(sample(p, 7, seed=3), sample(p, 7, seed=3))
    assert (sample(p, 50, seed=3) != sample(p, 50, seed=4)).any()
    for n, seed in ((0, 1), (1, -1)):
        with pytest.raises(SkdError, match="SKD056"):
            sample(p, n, seed)


def test_labels_out_of_range():
    p = random_batch(np.random.default_rng(0), "plain", 5)
    with pytest.raises(SkdError, match="SKD005"):
        part_log_probs(p, np.array([0]), np.array([1]), np.array([p.n_labels]))
