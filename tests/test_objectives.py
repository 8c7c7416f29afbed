"""Every loss against enumeration of all label sequences, gradients against finite differences."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_skd.annotation import MISSING, Gold
from spacy_skd.crf import Potentials, SparseTransitions, kbest, marginals, transitions
from spacy_skd.errors import SkdError
from spacy_skd.objectives import (
    OBJECTIVES,
    Knowledge,
    make_distillation,
    per_chain,
    supervised_loss,
    training_loss,
)
from spacy_skd.transfer import Teacher, make_transfer

LABELS = ["F", "T", "X"]


def random_potentials(rng, lengths, n_labels=3, scale=1.5):
    lengths = np.array(lengths)
    shapes = ((lengths.sum(), n_labels), (n_labels, n_labels), (n_labels,), (n_labels,))
    unary, *chain = (rng.normal(0, scale, shape) for shape in shapes)
    return Potentials(unary, lengths, *chain)


def chains(p):
    """Of each chain all label sequences with their scores."""
    first = 0
    for n in p.lengths:
        unary = p.unary[first : first + n]
        paths = list(product(range(p.n_labels), repeat=int(n)))
        scores = [
            (p.start[y[0]] + p.end[y[-1]] if n else 0.0)
            + sum(unary[t, y[t]] for t in range(n))
            + sum(p.transitions[y[t - 1], y[t]] for t in range(1, n))
            for y in paths
        ]
        yield paths, np.array(scores), n
        first += n


def distribution(scores):
    weights = np.exp(scores - scores.max())
    return weights / weights.sum()


def label_marginals(paths, probabilities, n, n_labels):
    marginal = np.zeros((n, n_labels))
    for path, probability in zip(paths, probabilities):
        marginal[np.arange(n), list(path)] += probability
    return marginal


def expected_loss(name, student, teacher, k, temperature, teacher_temperature):
    """The definition of each objective, by enumeration: (B,)."""
    losses = []
    first = 0
    for (paths, s, n), (_, t, _) in zip(chains(student), chains(teacher)):
        rows = slice(first, first + n)
        first += n
        if name in ("structural", "top_k", "top_wk"):
            q = distribution(t / (temperature * teacher_temperature))
            if name != "structural":
                best = np.argsort(-q, kind="stable")[:k]
                chosen = np.zeros_like(q)
                chosen[best] = 1 / len(best) if name == "top_k" else q[best] / q[best].sum()
                q = chosen
            loss = -(q * np.log(distribution(s / temperature))).sum()
        else:
            if name == "posterior":
                q = label_marginals(paths, distribution(t / teacher_temperature), n, 3)
                p = label_marginals(paths, distribution(s), n, 3)
            else:
                q = np.exp(teacher.unary[rows] / teacher_temperature)
                p = np.exp(student.unary[rows])
            q, p = q ** (1 / temperature), p ** (1 / temperature)
            q, p = q / q.sum(axis=1, keepdims=True), p / p.sum(axis=1, keepdims=True)
            loss = -(q * np.log(p)).sum()
        losses.append(loss * temperature**2)
    return np.array(losses)


def identity(p):
    teacher = Teacher(tuple(LABELS), "plain", p.transitions, p.start, p.end)
    return make_transfer(teacher, "plain", LABELS)


def numeric_gradient(loss, p, eps=1e-5):
    names = ("unary", "transitions", "start", "end")
    arrays = {name: np.array(getattr(p, name), dtype=float) for name in names}
    gradient = {}
    for name, array in arrays.items():
        gradient[name] = np.zeros_like(array)
        for i in np.ndindex(array.shape):
            kept = array[i]
            values = []
            for step in (eps, -eps):
                array[i] = kept + step
                values.append(loss(Potentials(lengths=p.lengths, **arrays)))
            array[i] = kept
            gradient[name][i] = (values[0] - values[1]) / (2 * eps)
    return gradient


@pytest.mark.parametrize("name", OBJECTIVES)
@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    lengths=st.lists(st.integers(0, 4), min_size=1, max_size=4),
    k=st.integers(1, 30),
    temperature=st.sampled_from([1.0, 2.0, 0.5]),
    teacher_temperature=st.sampled_from([1.0, 4.0]),
)
def test_losses_are_their_definitions(name, seed, lengths, k, temperature, teacher_temperature):
    rng = np.random.default_rng(seed)
    student, teacher = random_potentials(rng, lengths), random_potentials(rng, lengths)
    distillation = make_distillation(name, k, temperature, teacher_temperature)
    knowledge = distillation.ask(teacher, identity(teacher))
    weights = rng.uniform(0, 2, len(lengths))
    losses, gradient = distillation.loss(student, knowledge, weights)
    expected = expected_loss(name, student, teacher, k, temperature, teacher_temperature)
    np.testing.assert_allclose(losses, weights * expected, rtol=1e-6, atol=1e-9)
    numeric = numeric_gradient(lambda p: distillation.loss(p, knowledge, weights)[0].sum(), student)
    for part, value in numeric.items():
        np.testing.assert_allclose(getattr(gradient, part), value, rtol=1e-4, atol=1e-5)


def test_a_weighted_sum_can_be_a_text():
    weights = make_distillation("top_wk + 0.5*posterior").objective
    assert weights == {"top_wk": 1.0, "posterior": 0.5}
    assert make_distillation("2 * top_k").objective == {"top_k": 2.0}


def test_weighted_sum_of_objectives():
    rng = np.random.default_rng(0)
    student, teacher = random_potentials(rng, [3, 1, 4]), random_potentials(rng, [3, 1, 4])
    weights = {"top_wk": 0.5, "structural": 2.0, "posterior": 1.5, "emission": 0.25}
    both = make_distillation(weights, k=4)
    losses, gradient = both.loss(student, both.ask(teacher, identity(teacher)), np.ones(3))
    expected, slope = 0.0, 0.0
    for name, weight in weights.items():
        one = make_distillation(name, k=4)
        part, d = one.loss(student, one.ask(teacher, identity(teacher)), np.ones(3))
        expected, slope = expected + weight * part, slope + weight * d.transitions
    np.testing.assert_allclose(losses, expected, rtol=1e-9)
    np.testing.assert_allclose(gradient.transitions, slope, rtol=1e-7, atol=1e-9)


def test_paper_table_1():
    """Wang et al. 2020, table 1: three tokens, labels F and T. A transition matrix that depends on
    the position is one chain of single-position potentials: pair labels carry the previous label.
    """
    psi2, psi3 = np.array([[2, 0.5], [0.5, 2]]), np.array([[1 / 3, 3], [4, 0.25]])
    pairs = [(a, b) for a in range(2) for b in range(2)]
    unary = np.full((3, 4), -np.inf)
    with np.errstate(divide="ignore"):
        for i, (a, b) in enumerate(pairs):
            unary[0, i] = 0.0 if a == 0 else -np.inf
            unary[1, i], unary[2, i] = np.log(psi2[a, b]), np.log(psi3[a, b])
        follows = np.log([[float(x[1] == y[0]) for y in pairs] for x in pairs])
    p = Potentials(unary, np.array([3]), follows, np.zeros(4), np.zeros(4))
    moments = marginals(p)
    assert np.exp(moments.log_partition[0]) == pytest.approx(18.9583, abs=1e-4)
    ends_in_f = [i for i, pair in enumerate(pairs) if pair[1] == 0]
    of_f = [moments.unary[t, ends_in_f].sum() for t in range(3)]
    np.testing.assert_allclose(of_f, [0.4637, 0.4396, 0.5714], atol=5e-5)
    paths, log_probs = kbest(p, 8)[0]
    names = ["".join("FT"[pairs[i][1]] for i in path) for path in paths]
    expected = dict(FFF=0.0352, FFT=0.3165, FTF=0.1055, FTT=0.0066)
    expected |= dict(TFF=0.0088, TFT=0.0791, TTF=0.4220, TTT=0.0264)
    assert names[:2] == ["TTF", "FFT"]
    for name, log_prob in zip(names, log_probs):
        assert np.exp(log_prob) == pytest.approx(expected[name], abs=5e-5)
    two = np.exp(log_probs[:2]) / np.exp(log_probs[:2]).sum()
    np.testing.assert_allclose(two, [0.5714, 0.4286], atol=5e-5)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), lengths=st.lists(st.integers(0, 4), min_size=1, max_size=4))
def test_supervised_loss_sums_over_what_is_open(seed, lengths):
    rng = np.random.default_rng(seed)
    p = random_potentials(rng, lengths)
    gold = rng.integers(-1, 3, int(sum(lengths)))
    losses, gradient = supervised_loss(p, Gold(gold), np.ones(len(lengths)))
    first = 0
    for i, (paths, scores, n) in enumerate(chains(p)):
        known = gold[first : first + n]
        first += n
        fits = [all(g in (MISSING, y) for g, y in zip(known, path)) for path in paths]
        assert losses[i] == pytest.approx(-np.log(distribution(scores)[fits].sum()), abs=1e-9)
    ones = np.ones(len(lengths))
    numeric = numeric_gradient(lambda q: supervised_loss(q, Gold(gold), ones)[0].sum(), p)
    for part, value in numeric.items():
        np.testing.assert_allclose(getattr(gradient, part), value, rtol=1e-4, atol=1e-5)


def test_lambda_is_1_without_gold_and_0_without_teachers():
    rng = np.random.default_rng(3)
    student, teacher = random_potentials(rng, [3, 2, 2, 1]), random_potentials(rng, [3, 2, 2, 1])
    distillation = make_distillation("structural")
    part = distillation.ask(teacher, identity(teacher))
    knowledge = Knowledge.empty(student.lengths, 3, distillation.objective)
    taught, tokens = np.array([0, 1]), np.arange(5)
    half = Potentials(teacher.unary[:5], np.array([3, 2]), *chain_of(teacher))
    knowledge.add(distillation.ask(half, identity(teacher)), taught, tokens)
    knowledge.average(student.lengths)
    gold = Gold(np.array([0, 1, 2, -1, -1, 1, 1, -1]))
    losses, _ = training_loss(student, gold, knowledge, distillation, kd_weight=0.25)
    kd, _ = distillation.loss(student, part, np.ones(4))
    nll, _ = supervised_loss(student, gold, np.ones(4))
    expected = [0.25 * kd[0] + 0.75 * nll[0], kd[1], nll[2], 0.0]
    np.testing.assert_allclose(losses, expected, rtol=1e-9, atol=1e-12)


def chain_of(p):
    return p.transitions, p.start, p.end


def test_teachers_are_averaged():
    rng = np.random.default_rng(4)
    student = random_potentials(rng, [3, 2])
    teachers = [random_potentials(rng, [3, 2]) for _ in range(3)]
    distillation = make_distillation({"structural": 1.0, "posterior": 1.0, "emission": 1.0})
    knowledge = Knowledge.empty(student.lengths, 3, distillation.objective)
    parts = [distillation.ask(teacher, identity(teacher)) for teacher in teachers]
    for part in parts:
        knowledge.add(part, np.arange(2), np.arange(5))
    knowledge.average(student.lengths)
    loss, _ = distillation.loss(student, knowledge, np.ones(2))
    mean = np.mean([distillation.loss(student, part, np.ones(2))[0] for part in parts], axis=0)
    np.testing.assert_allclose(loss, mean, rtol=1e-9)


@pytest.mark.parametrize("names", [["top_wk"], ["top_k", "top_wk"], ["top_wk", "structural"]])
def test_sparse_targets_change_nothing(names, monkeypatch):
    """Mixtures and averages of sparse and dense targets, where some chains have one teacher, some
    two, and one none."""
    rng = np.random.default_rng(5)
    lengths = np.array([3, 2, 4])
    student = random_potentials(rng, lengths)
    teachers = [random_potentials(rng, lengths[:2]), random_potentials(rng, lengths[:1])]
    distillation = make_distillation({name: 1.0 + i for i, name in enumerate(names)}, k=3)
    found = []
    for share in (0.0, 1.0):
        monkeypatch.setattr(transitions, "SPARSE", share)
        knowledge = Knowledge.empty(lengths, 3, distillation.objective)
        for chains, teacher in zip((2, 1), teachers):
            part = distillation.ask(teacher, identity(teacher))
            knowledge.add(part, np.arange(chains), np.arange(lengths[:chains].sum()))
        knowledge.average(lengths)
        is_sparse = isinstance(knowledge.moments.transitions, SparseTransitions)
        assert is_sparse == (share == 1.0 and "structural" not in names)
        found.append(distillation.loss(student, knowledge, np.array([1.0, 0.5, 0.0])))
    (dense, of_dense), (sparse, of_sparse) = found
    np.testing.assert_allclose(sparse, dense, rtol=1e-12)
    for name in ("unary", "transitions", "start", "end"):
        np.testing.assert_allclose(
            getattr(of_sparse, name), getattr(of_dense, name), rtol=1e-12, atol=1e-14
        )


@pytest.mark.parametrize(
    "settings, code",
    [
        ({"objective": "sequence"}, "SKD021"),
        ({"objective": {}}, "SKD021"),
        ({"objective": "top_wk+"}, "SKD021"),
        ({"objective": "much*top_k"}, "SKD029"),
        ({"objective": "top_wk+0*top_k"}, "SKD029"),
        ({"objective": {"top_k": 0.0}}, "SKD029"),
        ({"objective": {"top_k": float("nan")}}, "SKD029"),
        ({"k": 0}, "SKD029"),
        ({"temperature": 0.0}, "SKD029"),
        ({"teacher_temperature": -1.0}, "SKD029"),
        ({"temperature": float("inf")}, "SKD029"),
        ({"kd_weight": 1.5}, "SKD029"),
    ],
)
def test_out_of_range(settings, code):
    with pytest.raises(SkdError, match=code):
        make_distillation(**settings)


def test_per_chain_of_empty_chains():
    values = np.array([True, False, True])
    lengths = np.array([0, 1, 2, 0])
    assert per_chain(np.logical_and, values, lengths).tolist() == [True, True, False, True]
    assert per_chain(np.logical_or, values, lengths).tolist() == [False, True, True, False]
    assert per_chain(np.logical_or, values[:0], np.array([0])).tolist() == [False]
