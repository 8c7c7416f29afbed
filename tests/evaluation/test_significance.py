"""The bootstrap against scipy's on one language, and its error rate on pipelines that are alike."""

import numpy as np
import pytest
from scipy import stats

from spacy_skd.errors import SkdError
from spacy_skd.evaluation.counts import f_score
from spacy_skd.evaluation.significance import paired_bootstrap


def tagged(rng, accuracy, runs=1, sentences=300, words=10):
    """Counts (runs, sentences, 3) of a tagger that is right with a probability."""
    right = rng.binomial(words, accuracy, size=(runs, sentences))
    return np.stack([right, words - right, words - right], axis=-1)


def test_interval_and_mean_are_scipys():
    rng = np.random.default_rng(0)
    ours, theirs = tagged(rng, 0.9), tagged(rng, 0.88)
    mine = paired_bootstrap({"de": ours}, {"de": theirs})

    def statistic(a, b, axis):
        return (a.sum(axis) - b.sum(axis)) / (10 * a.shape[axis])

    scipys = stats.bootstrap(
        (ours[0, :, 0], theirs[0, :, 0]),
        statistic,
        paired=True,
        vectorized=True,
        method="percentile",
        rng=np.random.default_rng(1),
    ).confidence_interval
    assert mine.mean == pytest.approx(f_score(ours.sum((0, 1))) - f_score(theirs.sum((0, 1))))
    assert mine.low == pytest.approx(scipys.low, abs=1e-3)
    assert mine.high == pytest.approx(scipys.high, abs=1e-3)


def test_a_clear_difference_is_significant_and_none_is_not():
    rng = np.random.default_rng(0)
    good = {lang: tagged(rng, 0.95, runs=3) for lang in "ab"}
    bad = {lang: tagged(rng, 0.85, runs=2) for lang in "ab"}
    difference = paired_bootstrap(good, bad, samples=2000)
    assert difference.p < 0.001 and 0 < difference.low < difference.mean < difference.high
    same = paired_bootstrap(good, good, samples=2000)
    assert (same.mean, same.p) == (0.0, 1.0)
    swapped = paired_bootstrap(bad, good, samples=2000)
    assert swapped.mean == pytest.approx(-difference.mean) and swapped.p == difference.p


def test_pipelines_that_are_alike_seem_different_as_often_as_the_level_says():
    rng = np.random.default_rng(0)
    p = [
        paired_bootstrap({"a": tagged(rng, 0.9)}, {"a": tagged(rng, 0.9)}, samples=200, seed=i).p
        for i in range(200)
    ]
    assert 0.01 < np.mean(np.array(p) < 0.05) < 0.11


@pytest.mark.parametrize("sentences, ours, theirs", [(10, 9, 7), (40, 36, 33), (100, 90, 87)])
def test_draws_that_are_just_as_far_away_count_whatever_rounding_does(sentences, ours, theirs):
    """Where the one is right wherever the other is, the draws are binomial."""

    def right(number):
        return np.array([[[1, 0, 0]] * number + [[0, 1, 1]] * (sentences - number)])

    found = paired_bootstrap({"a": right(ours)}, {"a": right(theirs)})
    more = ours - theirs
    nearer = stats.binom(sentences, more / sentences).cdf([2 * more - 1, 0])
    assert found.p == pytest.approx(1 - (nearer[0] - nearer[1]), abs=0.015)


def test_other_sentences_are_refused():
    rng = np.random.default_rng(0)
    with pytest.raises(SkdError, match="SKD230"):
        paired_bootstrap({"a": tagged(rng, 0.9)}, {"a": tagged(rng, 0.9, sentences=299)})
    with pytest.raises(SkdError, match="SKD230"):
        paired_bootstrap({"a": tagged(rng, 0.9)}, {"b": tagged(rng, 0.9)})
