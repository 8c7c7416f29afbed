"""The worked example of Wang et al. 2020 (ACL), table 1: three tokens, labels F and T."""

from typing import Dict, List

import numpy as np
import pytest

from spacy_skd.crf import Potentials, kbest, kbest_moments, log_partition, marginals

PROBABILITIES = {
    "FFF": 0.0352,
    "FFT": 0.3165,
    "FTF": 0.1055,
    "FTT": 0.0066,
    "TFF": 0.0088,
    "TFT": 0.0791,
    "TTF": 0.4220,
    "TTT": 0.0264,
}


@pytest.fixture
def p() -> Potentials:
    """Its potentials differ between positions. Ours do not, so a label says with which one it came
    and which position it is for: psi_t(y', y) becomes a label (t, y', y), 2 + 4 + 4 of them.
    """
    psi: List[Dict[str, float]] = [{"F": 1, "T": 1}, {"FF": 2, "FT": 1 / 2, "TF": 1 / 2, "TT": 2}]
    psi.append({"FF": 1 / 3, "FT": 3, "TF": 4, "TT": 1 / 4})
    labels = [(t, name, value) for t, table in enumerate(psi) for name, value in table.items()]
    unary = np.full((3, len(labels)), -np.inf)
    transitions = np.full((len(labels), len(labels)), -np.inf)
    for i, (t, name, value) in enumerate(labels):
        unary[t, i] = np.log(value)
        for j, (after, next_name, _) in enumerate(labels):
            if after == t + 1 and next_name[0] == name[-1]:
                transitions[i, j] = 0.0
    nothing = np.zeros(len(labels))
    return Potentials(unary.astype(np.float32), np.array([3]), transitions, nothing, nothing)


LAST = np.array(list("FTFTFTFTFT"))


def test_partition(backend, p):
    assert np.exp(log_partition(p)) == pytest.approx([18.9583], abs=1e-4)


def test_order_and_probabilities(backend, p):
    ((paths, log_probs),) = kbest(p, 100)
    found = {
        "".join(LAST[path]): probability for path, probability in zip(paths, np.exp(log_probs))
    }
    assert found == pytest.approx(PROBABILITIES, abs=5e-5)
    assert list(found) == sorted(found, key=found.get, reverse=True)


def test_top_2(backend, p):
    best = kbest(p, 2)
    assert ["".join(LAST[path]) for path in best[0][0]] == ["TTF", "FFT"]
    unary = kbest_moments(best, p.n_labels, weighted=True).unary
    assert unary[:, LAST == "T"].sum(axis=1) == pytest.approx([0.5714, 0.5714, 0.4286], abs=1e-4)
    unary = kbest_moments(best, p.n_labels, weighted=False).unary
    assert unary[:, LAST == "T"].sum(axis=1) == pytest.approx([0.5, 0.5, 0.5])


def test_posteriors(backend, p):
    unary = marginals(p).unary
    assert unary[:, LAST == "F"].sum(axis=1) == pytest.approx([0.4637, 0.4396, 0.5714], abs=1e-4)
