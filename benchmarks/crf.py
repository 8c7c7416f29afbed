"""Time the CRF kernels against pytorch-crf, in turn in one process, one thread each.

    pip install pytorch-crf
    python benchmarks/crf.py

A batch is 32 sentences of up to 30 tokens, float32 scores. Every number is a median in microseconds
of one call from Python to Python, loss calls with their gradient.
"""

import argparse
import time
from statistics import median
from typing import Any, Callable, Dict, List, Tuple

import numpy as np
import torch
from torchcrf import CRF

from spacy_skd import crf
from spacy_skd.crf import reference

SENTENCES, LONGEST = 32, 30
LABELS = (9, 17, 65)
# What, compared with what, wanted at which L: so many times as fast at least, or as slow at most.
AT_LEAST = [
    ("NLL", "pytorch-crf NLL", 20.0, LABELS),
    ("Viterbi", "pytorch-crf Viterbi", 30.0, (17,)),
]
AT_MOST = [
    ("posterior", "NLL", 3.0, LABELS),
    ("10-best", "Viterbi", 6.0, LABELS),
    ("top_k, k=50", "NLL", 1.0, LABELS),
]


def make_batch(n_labels: int, seed: int = 0) -> Tuple[crf.Potentials, np.ndarray]:
    """Random potentials of 32 chains, and one label for each of their N tokens."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(5, LONGEST + 1, SENTENCES)
    lengths[0] = LONGEST

    def scores(*shape: int, scale: float = 1.0) -> np.ndarray:
        return (scale * rng.standard_normal(shape)).astype(np.float32)

    chain = scores(n_labels, n_labels), scores(n_labels), scores(n_labels)
    potentials = crf.Potentials(scores(lengths.sum(), n_labels, scale=3.0), lengths, *chain)
    return potentials, rng.integers(0, n_labels, lengths.sum())


def ours(p: crf.Potentials, tags: np.ndarray) -> Dict[str, Callable[[], object]]:
    teacher, _ = make_batch(p.n_labels, seed=0)
    teacher.unary = teacher.unary + np.float32(1.0) * (np.arange(p.n_labels) == tags[:, None])
    whole = crf.marginals(teacher)
    best = crf.kbest_moments(crf.kbest(teacher, 50), p.lengths, p.n_labels, weighted=False)
    return {
        "log Z": lambda: crf.log_partition(p),
        "NLL": lambda: crf.nll(p, tags),
        "top_k, k=50": lambda: crf.cross_entropy(p, best),
        "structural": lambda: crf.cross_entropy(p, whole),
        "posterior": lambda: crf.posterior_cross_entropy(p, whole.unary),
        "Viterbi": lambda: crf.viterbi(p),
        "10-best": lambda: crf.kbest(p, 10),
    }


def without_extension(p: crf.Potentials, tags: np.ndarray) -> Dict[str, Callable[[], object]]:
    checked, weights = p.checked(), np.ones(SENTENCES)
    return {
        "numpy NLL": lambda: reference.nll(checked, tags, weights),
        "numpy Viterbi": lambda: reference.viterbi(checked),
    }


def pytorch_crf(p: crf.Potentials, tags: np.ndarray) -> Dict[str, Callable[[], Any]]:
    model = CRF(p.n_labels, batch_first=True)
    with torch.no_grad():
        model.transitions.copy_(torch.from_numpy(p.transitions))
        model.start_transitions.copy_(torch.from_numpy(p.start))
        model.end_transitions.copy_(torch.from_numpy(p.end))
    mask = torch.arange(LONGEST) < torch.from_numpy(p.lengths)[:, None]
    emissions = torch.zeros(SENTENCES, LONGEST, p.n_labels)
    emissions[mask] = torch.from_numpy(p.unary)
    emissions.requires_grad_()
    gold = torch.zeros(SENTENCES, LONGEST, dtype=torch.long)
    gold[mask] = torch.from_numpy(tags)

    def nll() -> torch.Tensor:
        emissions.grad = None
        model.zero_grad()
        loss = -model(emissions, gold, mask, reduction="sum")
        loss.backward()
        return loss.detach()

    def viterbi() -> List[List[int]]:
        with torch.no_grad():
            return model.decode(emissions, mask)

    np.testing.assert_allclose(nll().item(), crf.nll(p, tags)[0].sum(), rtol=1e-4)
    assert [tag for path in viterbi() for tag in path] == crf.viterbi(p)[0].tolist()
    return {"pytorch-crf NLL": nll, "pytorch-crf Viterbi": viterbi}


def time_in_turn(calls: Dict[str, Callable[[], object]], rounds: int) -> Dict[str, float]:
    """Median microseconds of each call; what else the machine does meets all of them alike."""
    times: Dict[str, List[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            call()  # brings its data back into the cache
            start = time.perf_counter()
            call()
            times[name].append((time.perf_counter() - start) * 1e6)
    return {name: median(values) for name, values in times.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=100, help="calls that a median is taken of")
    rounds = parser.parse_args().rounds
    torch.set_num_threads(1)
    print(f"{SENTENCES} sentences of up to {LONGEST} tokens; extension built: {crf.NATIVE}\n")
    results = {}
    for n_labels in LABELS:
        p, tags = make_batch(n_labels)
        calls = {**ours(p, tags), **without_extension(p, tags), **pytorch_crf(p, tags)}
        results[n_labels] = time_in_turn(calls, rounds)
    print(f"{'microseconds':<32}" + "".join(f"{f'L = {n}':>12}" for n in LABELS))
    for name in results[LABELS[0]]:
        print(f"{name:<32}" + "".join(f"{results[n][name]:>12.0f}" for n in LABELS))
    print(f"\n{'ratio':<40}" + "".join(f"{f'L = {n}':>9}" for n in LABELS) + "   wanted")
    for name, other, wanted, at in AT_LEAST:
        ratios = "".join(f"{results[n][other] / results[n][name]:>9.1f}" for n in LABELS)
        print(f"{f'{other} / {name}':<40}{ratios}   >= {wanted:g} at L = {at}")
    for name, other, wanted, at in AT_MOST:
        ratios = "".join(f"{results[n][name] / results[n][other]:>9.2f}" for n in LABELS)
        print(f"{f'{name} / {other}':<40}{ratios}   <= {wanted:g} at L = {at}")


if __name__ == "__main__":
    main()
