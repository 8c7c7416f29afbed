"""The extension against the reference: long chains, many labels, any scale."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from spacy_skd import crf
from spacy_skd.crf import Moments, Potentials, inference, reference

from .batches import KINDS, random_scores

needs_extension = pytest.mark.skipif(not crf.NATIVE, reason="the extension is not built")


def make(rng, n_labels: int, lengths: list, scale: float, forbidden: float = 0.0) -> Potentials:
    chain = (n_labels, n_labels), (n_labels,), (n_labels,)
    scores = [rng.standard_normal(s) * scale for s in ((sum(lengths), n_labels), *chain)]
    for values in scores[1:]:
        values[rng.random(values.shape) < forbidden] = -np.inf
    unary, transitions, start, end = (values.astype(np.float32) for values in scores)
    transitions[0, 0], start[0], end[0] = 0.0, 0.0, 0.0
    return Potentials(unary, np.array(lengths), transitions, start, end)


def everything(p: Potentials) -> list:
    """All numbers that there are of a batch."""
    teacher = Potentials(p.unary[::-1], p.lengths, p.transitions, p.start, p.end)
    target, tags = crf.marginals(teacher), crf.viterbi(teacher)[0]
    best = crf.kbest(p, 7)
    results = [*vars(crf.marginals(p)).values(), *crf.viterbi(p), crf.log_partition(p)]
    results += [array for pair in best for array in pair]
    for loss, gradient in (
        crf.cross_entropy(p, target),
        crf.nll(p, tags),
        crf.partial_nll(p, target.unary > 1e-3),
        crf.posterior_cross_entropy(p, target.unary),
        crf.posterior_cross_entropy(p, target.unary, temperature=3.0),
    ):
        results += [loss, *vars(gradient).values()]
    return results


@needs_extension
@pytest.mark.parametrize("forbidden", [0.0, 0.4])
@pytest.mark.parametrize("scale", [1.0, 10.0, 60.0, 300.0, 5000.0])
@pytest.mark.parametrize("n_labels", [1, 2, 3, 4, 5, 8, 9, 17, 33, 65])
def test_same_as_reference(monkeypatch, n_labels, scale, forbidden):
    """Every width of the inner loops; in probability space, in log space, and where they meet."""
    p = make(np.random.default_rng(n_labels), n_labels, [30, 0, 1, 2, 17], scale, forbidden)
    ours = everything(p)
    monkeypatch.setattr(inference, "kernels", reference)
    for one, other in zip(ours, everything(p), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-8)


@needs_extension
@pytest.mark.parametrize("scale", [1.0, 300.0])
def test_chains_in_pieces(scale):
    """What `messages` holds of a whole chain gives the same marginals: of three pieces, of just
    one (rows are of 24 numbers, or 20), of less; and in log space, where a chain is one piece."""
    lengths = [30_000, 2**18 // 24 + 1, 2**18 // 20 + 1, 3]
    p = make(np.random.default_rng(0), 17, lengths, scale, forbidden=0.4)
    found = crf.marginals(p)
    alpha, beta, log_z = crf.messages(p)
    np.testing.assert_allclose(found.log_partition, log_z, rtol=1e-12)
    np.testing.assert_allclose(crf.log_partition(p), log_z, rtol=1e-12)
    first = 0
    for i, n in enumerate(lengths):
        rows = slice(first, first + n)
        a, b = alpha[rows], beta[rows] - log_z[i]
        np.testing.assert_allclose(found.unary[rows], np.exp(a + b), atol=1e-7)
        pairs = a[:-1, :, None] + p.transitions + (p.unary[rows] + b)[1:, None, :]
        np.testing.assert_allclose(found.transitions[i], np.exp(pairs).sum(axis=0), rtol=1e-6)
        first += n


@needs_extension
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("k", [1, 2, 3, 10, 64, 65])
def test_kbest_of_long_chains(monkeypatch, k, kind):
    """The very same paths, those of equal scores in the same order, where chains are long beside k
    and where they are not; where they are found by their gaps, and where they are too many."""
    rng = np.random.default_rng(k)
    for n_labels in (1, 2, 4, 9):
        lengths = np.array([41, 5, 90, 0, 1, 13, 40])
        shapes = (lengths.sum(), n_labels), (n_labels, n_labels), (n_labels,), (n_labels,)
        unary, transitions, start, end = (random_scores(rng, kind, shape) for shape in shapes)
        if kind in ("forbidden", "everything"):
            transitions[rng.random(transitions.shape) < 0.4] = -np.inf
            transitions[0, 0] = 0.0
        p = Potentials(unary, lengths, transitions, start, end)
        with monkeypatch.context() as patch:
            ours = crf.kbest(p, k)
            patch.setattr(inference, "kernels", reference)
            for (paths, log_probs), (others, expected) in zip(ours, crf.kbest(p, k), strict=True):
                np.testing.assert_array_equal(paths, others)
                np.testing.assert_allclose(log_probs, expected, rtol=1e-9, atol=1e-9)


@needs_extension
@pytest.mark.parametrize("unit", [0.1, 0.1 + 2.0**-50, 1e6 + 0.1])
def test_kbest_of_scores_that_are_nearly_equal(monkeypatch, unit):
    """Sums of tenths are equal but for their rounding, which tells in what order they come."""
    rng = np.random.default_rng(0)
    for k in (1, 2, 5, 9, 20):
        lengths = rng.integers(1, 50, 30)
        shapes = (lengths.sum(), 4), (4, 4), (4,), (4,)
        p = Potentials(
            rng.integers(-20, 20, shapes[0]) * unit,
            lengths,
            *(rng.integers(-3, 3, shape) * unit for shape in shapes[1:]),
        )
        with monkeypatch.context() as patch:
            ours = crf.kbest(p, k)
            patch.setattr(inference, "kernels", reference)
            for (paths, _), (others, _) in zip(ours, crf.kbest(p, k), strict=True):
                np.testing.assert_array_equal(paths, others)


@needs_extension
@pytest.mark.parametrize("k", [1, 10, 64])
def test_gaps_are_enough_unless_scores_are_equal(k):
    """Nodes would find the same paths, only later."""
    gap_finder = pytest.importorskip("spacy_skd.crf.gap_finder")
    p = make(np.random.default_rng(0), 9, [3, 17, 200], 1.0, forbidden=0.3).checked()
    ties = Potentials(
        np.zeros_like(p.unary), p.lengths, np.zeros((9, 9)), np.zeros(9), np.zeros(9)
    ).checked()
    firsts = [0, 3, 20]
    for first, length in zip(firsts, p.lengths.tolist()):
        assert gap_finder.GapFinder(p, k).search(first, length)
        assert not gap_finder.GapFinder(ties, k).search(first, length)


@needs_extension
@pytest.mark.parametrize("k", [1, 10, 64])
def test_paths_are_added_up_where_gaps_leave_their_order_in_doubt(monkeypatch, k):
    """Sums are so large that rounding changes their order, but hardly ever makes them equal."""
    gap_finder = pytest.importorskip("spacy_skd.crf.gap_finder")
    rng = np.random.default_rng(0)
    shapes = (800, 5), (5, 5), (5,), (5,)
    unary, transitions, start, end = (rng.normal(size=shape) for shape in shapes)
    p = Potentials(unary + 1e6, np.array([200] * 4), transitions, start, end)
    finder = gap_finder.GapFinder(p.checked(), k)
    assert all(finder.search(first, 200) for first in range(0, 800, 200))
    ours = crf.kbest(p, k)
    monkeypatch.setattr(inference, "kernels", reference)
    for (paths, _), (others, _) in zip(ours, crf.kbest(p, k), strict=True):
        np.testing.assert_array_equal(paths, others)


@needs_extension
def test_gaps_are_enough_for_a_long_chain():
    """All that the sums of 300,000 tokens are rounded by could come to more than the gaps."""
    gap_finder = pytest.importorskip("spacy_skd.crf.gap_finder")
    rng = np.random.default_rng(0)
    shapes = (300_000, 9), (9, 9), (9,), (9,)
    unary, *chain = (rng.normal(size=shape) for shape in shapes)
    p = Potentials(unary, np.array([300_000]), *chain)
    assert gap_finder.GapFinder(p.checked(), 10).search(0, 300_000)


def hovering(seed: int, n: int, power: float, behind: tuple) -> Potentials:
    """A chain whose best sum falls, to stay above a power of two, on the other side of which
    doubles are twice as dense, or half as dense: so the sums of paths behind it are rounded
    otherwise. One leaves it at the begin, one at the end, to fall behind by so many steps."""
    rng = np.random.default_rng(seed)
    step = 2.0**-32
    unary = np.zeros((n, 2))
    unary[0, 0] = total = power + 1e6 * step
    for t in range(1, n):
        unary[t, 0] = power - total + step * (30 + rng.uniform(-0.75, 0.75))
        total += unary[t, 0]
    unary[:, 1] = unary[:, 0] - 1e6 * step
    unary[[5, -5], 1] = unary[[5, -5], 0] - step * np.array(behind)
    return Potentials(unary, np.array([n]), np.zeros((2, 2)), np.zeros(2), np.zeros(2))


@needs_extension
@pytest.mark.parametrize("seed, power", [(6, 2.0**20), (5, -(2.0**20))])
def test_kbest_where_rounding_outweighs_gaps(monkeypatch, seed, power):
    """The path with the smaller gap has the lower score in the end."""
    gap_finder = pytest.importorskip("spacy_skd.crf.gap_finder")
    p = hovering(seed, 2000, power, (80, 100))
    assert not gap_finder.GapFinder(p.checked(), 2).search(0, 2000)
    ours = crf.kbest(p, 2)
    monkeypatch.setattr(inference, "kernels", reference)
    for (paths, _), (others, _) in zip(ours, crf.kbest(p, 2), strict=True):
        np.testing.assert_array_equal(paths, others)


@needs_extension
@pytest.mark.parametrize("scale", [0.0, 5e-324, 1e-300])
def test_kbest_of_scores_that_are_next_to_nothing(monkeypatch, scale):
    chain = scale * np.eye(3), np.zeros(3), np.zeros(3)
    p = Potentials(scale * np.ones((12, 3)), np.array([1, 4, 7]), *chain)
    for k in (1, 2, 10, 40):
        with monkeypatch.context() as patch:
            ours = crf.kbest(p, k)
            patch.setattr(inference, "kernels", reference)
            for (paths, _), (others, _) in zip(ours, crf.kbest(p, k), strict=True):
                np.testing.assert_array_equal(paths, others)


@needs_extension
def test_kbest_of_scores_that_are_rounded_away(monkeypatch):
    """Where sums are so large that differences vanish in them, more paths are equal."""
    p = make(np.random.default_rng(0), 3, [200], 1.0)
    p.unary[100] += 1e17
    ((paths, _),) = crf.kbest(p, 8)
    monkeypatch.setattr(inference, "kernels", reference)
    ((others, _),) = crf.kbest(p, 8)
    np.testing.assert_array_equal(paths, others)


@needs_extension
def test_scores_that_almost_underflow(monkeypatch):
    """Chains around the bounds of probability space, which a path may cross and come back from."""
    rng = np.random.default_rng(0)
    for _ in range(100):
        p = make(rng, 4, [12, 7, 1, 3], float(rng.choice([30, 45, 60])), forbidden=0.5)
        with monkeypatch.context() as patch:
            ours = everything(p)
            patch.setattr(inference, "kernels", reference)
            for one, other in zip(ours, everything(p), strict=True):
                np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-8)


def chain(n: int, transitions: np.ndarray, legal_ends: list) -> Potentials:
    """One chain of n tokens without emission scores, that starts with label 0 or a legal end."""
    n_labels = len(transitions)
    edges = np.full(n_labels, -np.inf)
    edges[legal_ends] = 0.0
    start = edges.copy()
    start[0] = 0.0
    unary = np.zeros((n, n_labels), dtype=np.float32)
    return Potentials(unary, np.array([n]), transitions, start, edges)


def unreachable_label() -> Potentials:
    """No prefix reaches label 1, which all suffixes favour: backwards, it grows to infinity."""
    p = chain(400, np.array([[0.0, -np.inf], [0.0, 0.0]]), [0])
    p.unary[:, 1] = 100.0
    return p


def dead_end() -> Potentials:
    """All prefixes favour label 1, which no sequence can leave, and none may end with."""
    p = chain(400, np.array([[0.0, 0.0], [-np.inf, 0.0]]), [0])
    p.unary[:, 1] = 100.0
    return p


def two_tracks() -> Potentials:
    """Two sequences. The first half favours one, until the other is too improbable for a float; the
    second half favours the other, and wins."""
    p = chain(600, np.array([[0.0, -np.inf], [-np.inf, 0.0]]), [0, 1])
    p.unary[:300, 0] = 3.0
    p.unary[300:, 1] = 3.001
    return p


def stairs() -> Potentials:
    """Label 0 leads to all others at once, and these only step by step back to it. No message from
    the left is small, but that from the right underflows at label 1, though no single step does."""
    transitions = np.full((8, 8), -np.inf)
    transitions[0] = 0.0
    transitions[np.arange(1, 8), [2, 3, 4, 5, 6, 7, 0]] = -130.0
    return chain(20, transitions, [0])


@needs_extension
@pytest.mark.parametrize("make_chain", [unreachable_label, dead_end, two_tracks, stairs])
def test_scores_that_underflow(monkeypatch, make_chain):
    p = make_chain()
    ours = everything(p)
    monkeypatch.setattr(inference, "kernels", reference)
    for one, other in zip(ours, everything(p), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-8)


def test_improbable_target(backend):
    """Its loss is large, and not infinite: the marginal is e^-910, below the smallest float."""
    p = stairs()
    target = np.zeros(p.unary.shape)
    target[5, 1] = 1.0
    losses, gradient = crf.posterior_cross_entropy(p, target)
    assert losses[0] == pytest.approx(910, abs=10)
    np.testing.assert_allclose(gradient.unary.sum(axis=1), 0.0, atol=1e-9)
    assert gradient.unary[5, 1] == pytest.approx(-1.0)
    # Given label 1 at token 5, the stairs have to be climbed to the end.
    np.testing.assert_allclose(gradient.unary[np.arange(5, 12), np.arange(1, 8)], -1.0)


def test_long_chain(backend):
    """Normalised everywhere, and no recursion that a long chain could exhaust."""
    p = make(np.random.default_rng(0), 5, [20_000], 2.0)
    moments = crf.marginals(p)
    np.testing.assert_allclose(moments.unary.sum(axis=1), 1.0)
    np.testing.assert_allclose(moments.transitions.sum(), 19_999)
    tags, scores = crf.viterbi(p)
    k = 30 if backend == "native" else 2
    ((paths, log_probs),) = crf.kbest(p, k)
    np.testing.assert_array_equal(paths[0], tags)
    np.testing.assert_allclose(log_probs[0], scores[0] - moments.log_partition[0], rtol=1e-6)
    assert len(np.unique(paths, axis=0)) == k and (np.diff(log_probs) <= 0).all()


def test_no_tokens(backend):
    for lengths in ([], [0], [0, 0]):
        p = make(np.random.default_rng(0), 3, lengths, 1.0)
        n = len(lengths)
        assert crf.log_partition(p).tolist() == [0.0] * n
        assert crf.viterbi(p)[1].tolist() == [0.0] * n
        for paths, log_probs in crf.kbest(p, 4):
            assert paths.shape == (1, 0) and log_probs.tolist() == [0.0]
        target = Moments(np.zeros((0, 3)), np.zeros((n, 3, 3)))
        for losses, gradient in (
            crf.nll(p, np.zeros(0, dtype=int)),
            crf.cross_entropy(p, target),
            crf.partial_nll(p, np.ones((0, 3), dtype=bool)),
            crf.posterior_cross_entropy(p, target.unary),
            crf.emission_cross_entropy(p, target.unary),
        ):
            assert losses.tolist() == [0.0] * n
            assert not gradient.transitions.any() and not gradient.start.any()


def test_emission_cross_entropy(backend):
    """The posterior cross-entropy of a chain without transitions, whose marginals are softmaxes."""
    p = make(np.random.default_rng(0), 4, [3, 0, 5], 2.0)
    p.transitions[:], p.start[:], p.end[:] = 0.0, 0.0, 0.0
    target = np.random.default_rng(1).dirichlet(np.ones(4), 8)
    for temperature in (1.0, 2.0):
        losses, gradient = crf.emission_cross_entropy(p, target, [1, 1, 2], temperature)
        expected, of_chain = crf.posterior_cross_entropy(p, target, [1, 1, 2], temperature)
        np.testing.assert_allclose(losses, expected)
        np.testing.assert_allclose(gradient.unary, of_chain.unary, atol=1e-12)
        assert not gradient.transitions.any() and not gradient.start.any()


def test_a_temperature_at_which_powers_of_probabilities_are_0(backend):
    p = make(np.random.default_rng(0), 4, [2], 2.0)
    target = np.array([[0.1, 0.4, 0.2, 0.3], [0.0, 0.0, 0.2, 0.2]])
    sharp = np.array([[0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 0.2, 0.2]])
    np.testing.assert_allclose(crf.emission.tempered(target, 0.001), sharp, atol=1e-99)
    for loss in (crf.posterior_cross_entropy, crf.emission_cross_entropy):
        losses, gradient = loss(p, target, None, 0.001)
        assert np.isfinite(losses).all() and np.isfinite(gradient.unary).all()


@pytest.mark.parametrize("temperature", [1.0, 3.0])
def test_a_target_is_its_own_best_student(backend, temperature):
    p = make(np.random.default_rng(0), 4, [3, 1, 5], 2.0)
    target = crf.marginals(p)
    for gradient in (
        crf.cross_entropy(p, target)[1],
        crf.posterior_cross_entropy(p, target.unary, None, temperature)[1],
    ):
        for values in (gradient.unary, gradient.transitions, gradient.start, gradient.end):
            np.testing.assert_allclose(values, 0.0, atol=1e-9)


def test_tempered():
    p = make(np.random.default_rng(0), 3, [4], 1.0)
    half = p.tempered(2.0)
    assert half.unary.dtype == np.float32 and half.lengths is p.lengths
    np.testing.assert_allclose(half.transitions, p.transitions / 2)


@needs_extension
def test_threads():
    """The kernels run without the interpreter's lock, and share nothing."""
    batches = [make(np.random.default_rng(i), 9, [20] * 16, 2.0) for i in range(8)]
    alone = [everything(p) for p in batches]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(5):
            for one, other in zip(pool.map(everything, batches), alone):
                for values, expected in zip(one, other, strict=True):
                    np.testing.assert_array_equal(values, expected)


WITHOUT_EXTENSION = """
import sys
sys.modules["spacy_skd.crf.native"] = None
from spacy_skd.crf import NATIVE, Potentials, log_partition
import numpy as np
assert not NATIVE
print(log_partition(Potentials(np.zeros((2, 3)), [2], np.zeros((3, 3)), np.zeros(3), np.zeros(3))))
"""


def test_without_the_extension():
    """One warning, and the same numbers."""
    command = [sys.executable, "-c", WITHOUT_EXTENSION]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert result.stderr.count("[W001]") == 1 and "C compiler" in result.stderr
    assert float(result.stdout.strip("[] \n")) == pytest.approx(np.log(9))


WORKERS = """
import sys
sys.modules["spacy_skd.crf.native"] = None
import multiprocessing
import spacy_skd.crf
if __name__ == "__main__":
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        print(pool.map(abs, [-1, -2]))
"""


def test_workers_do_not_warn_again(tmp_path):
    """Where processes are not forked, as on macOS and Windows, each imports the package anew."""
    (tmp_path / "workers.py").write_text(WORKERS)
    command = [sys.executable, str(tmp_path / "workers.py")]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert result.stdout == "[1, 2]\n" and result.stderr.count("[W001]") == 1
