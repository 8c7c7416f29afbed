"""The CRF kernels against the CRFs that people would use instead, in turn, one thread each.

    pip install -r requirements-bench.txt
    python benchmarks/crf.py

Batches of 32 and 128 sentences of up to 30 and 200 tokens, float32 scores; every time is that of a
call from Python to Python, of losses with their gradient. Each library has to agree with us on the
result before it is timed. One that is not installed is left out, and so is what would take it
gigabytes: torch keeps scores of all label pairs at all tokens, torch-struct of all triples.
"""

from statistics import median
from typing import Any, Callable, Dict, List, Tuple

import numpy as np
import typer
from side_by_side import Claim, Ratio, Result, Table, Times, cpu_time, figure, in_turn, ratio

from spacy_skd import crf
from spacy_skd.crf import reference

SIZES = ((32, 30), (128, 30), (32, 200), (128, 200))
LABELS = (9, 17, 33, 65, 129)
CLAIMED = (17, 65)
# At most so many numbers of a tensor, of which a library makes several.
LARGEST = 3e7
# At most so many CPU seconds of a call, but for the smallest batches.
SLOW = 0.5
# What is claimed at L of CLAIMED: (slower, faster, at least).
AT_LEAST = [
    ("pytorch-crf NLL", "NLL", 25.0),
    ("pytorch-crf Viterbi", "Viterbi", 40.0),
    ("torch-struct marginals", "marginals", 40.0),
]
AT_MOST = [("posterior", "NLL", 2.0), ("10-best", "Viterbi", 4.0)]
# Further rows of the table of ratios.
SHOWN = [("supar NLL", "NLL"), ("supar Viterbi", "Viterbi"), ("flair NLL", "NLL")]

Calls = Dict[str, Callable[[], Any]]


def make_batch(n_labels: int, sentences: int, longest: int) -> Tuple[crf.Potentials, np.ndarray]:
    """Random potentials, and one label for each of their N tokens."""
    rng = np.random.default_rng(0)
    lengths = rng.integers(5, longest + 1, sentences)
    lengths[0] = longest

    def scores(*shape: int, scale: float = 1.0) -> np.ndarray:
        return (scale * rng.standard_normal(shape)).astype(np.float32)

    chain = scores(n_labels, n_labels), scores(n_labels), scores(n_labels)
    potentials = crf.Potentials(scores(lengths.sum(), n_labels, scale=3.0), lengths, *chain)
    return potentials, rng.integers(0, n_labels, lengths.sum())


def ours(p: crf.Potentials, tags: np.ndarray) -> Calls:
    gold = np.float32(1.0) * (np.arange(p.n_labels) == tags[:, None])
    teacher = crf.Potentials(p.unary + gold, p.lengths, p.transitions, p.start, p.end)
    whole = crf.marginals(teacher)
    best = crf.kbest_moments(crf.kbest(teacher, 50), p.n_labels, weighted=False)
    return {
        "log Z": lambda: crf.log_partition(p),
        "NLL": lambda: crf.nll(p, tags),
        "marginals": lambda: crf.marginals(p),
        "top_k, k = 50": lambda: crf.cross_entropy(p, best),
        "structural": lambda: crf.cross_entropy(p, whole),
        "posterior": lambda: crf.posterior_cross_entropy(p, whole.unary),
        "Viterbi": lambda: crf.viterbi(p),
        "10-best": lambda: crf.kbest(p, 10),
    }


def without_extension(p: crf.Potentials, tags: np.ndarray) -> Calls:
    checked, weights = p.checked(), np.ones(len(p.lengths))
    return {
        "numpy NLL": lambda: reference.nll(checked, tags, weights),
        "numpy Viterbi": lambda: reference.viterbi(checked),
    }


class Padded:
    """The same batch as torch's tensors: emissions (B, longest, L), gold and mask (B, longest)."""

    def __init__(self, p: crf.Potentials, tags: np.ndarray) -> None:
        import torch

        torch.set_num_threads(1)
        self.lengths = torch.from_numpy(p.lengths.astype(np.int64))
        longest = int(p.lengths.max())
        self.mask = torch.arange(longest) < self.lengths[:, None]
        self.emissions = torch.zeros(len(p.lengths), longest, p.n_labels)
        self.emissions[self.mask] = torch.from_numpy(p.unary)
        self.gold = torch.zeros(len(p.lengths), longest, dtype=torch.long)
        self.gold[self.mask] = torch.from_numpy(tags)
        self.chain = [torch.from_numpy(array) for array in (p.transitions, p.start, p.end)]


def pytorch_crf(p: crf.Potentials, tags: np.ndarray) -> Calls:
    import torch
    from torchcrf import CRF

    batch = Padded(p, tags)
    model = CRF(p.n_labels, batch_first=True)
    with torch.no_grad():
        model.transitions.copy_(batch.chain[0])
        model.start_transitions.copy_(batch.chain[1])
        model.end_transitions.copy_(batch.chain[2])
    emissions = batch.emissions.clone().requires_grad_()

    def nll() -> Any:
        emissions.grad = None
        model.zero_grad()
        loss = -model(emissions, batch.gold, batch.mask, reduction="sum")
        loss.backward()
        return loss.detach()

    def viterbi() -> List[int]:
        with torch.no_grad():
            return [tag for path in model.decode(emissions, batch.mask) for tag in path]

    agree(nll().item(), crf.nll(p, tags)[0].sum())
    assert viterbi() == crf.viterbi(p)[0].tolist()
    return {"pytorch-crf NLL": nll, "pytorch-crf Viterbi": viterbi}


def torch_struct(p: crf.Potentials, tags: np.ndarray) -> Calls:
    import torch
    from torch_struct import LinearChainCRF

    batch = Padded(p, tags)
    transitions, start, end = batch.chain
    # (B, longest - 1, to, from): each token with the transition into it, the first one with both.
    pairs = batch.emissions[:, 1:, :, None] + transitions.T
    pairs[:, 0] += (batch.emissions[:, 0] + start)[:, None, :]
    pairs[torch.arange(len(pairs)), batch.lengths - 2] += end[:, None]

    def marginals() -> Any:
        # The gradient of log Z, which is how it finds them.
        return LinearChainCRF(pairs, lengths=batch.lengths).marginals

    inner = np.cumsum(p.lengths)[0] - 1
    found = marginals()[0, :inner].sum(-1).detach()
    np.testing.assert_allclose(found, crf.marginals(p).unary[1 : inner + 1], rtol=1e-2, atol=1e-4)
    return {"torch-struct marginals": marginals}


def supar(p: crf.Potentials, tags: np.ndarray) -> Calls:
    import torch
    from supar.structs import LinearChainCRF

    batch = Padded(p, tags)
    transitions = torch.zeros(p.n_labels + 1, p.n_labels + 1)
    transitions[:-1, :-1], transitions[-1, :-1], transitions[:-1, -1] = batch.chain
    emissions = batch.emissions.clone().requires_grad_()
    transitions.requires_grad_()

    def nll() -> Any:
        emissions.grad = transitions.grad = None
        loss = -LinearChainCRF(emissions, transitions, batch.lengths).log_prob(batch.gold).sum()
        loss.backward()
        return loss.detach()

    def viterbi() -> List[int]:
        found = LinearChainCRF(emissions, transitions, batch.lengths).argmax
        return found[batch.mask].tolist()

    agree(nll().item(), crf.nll(p, tags)[0].sum())
    assert viterbi() == crf.viterbi(p)[0].tolist()
    return {"supar NLL": nll, "supar Viterbi": viterbi}


def flair(p: crf.Potentials, tags: np.ndarray) -> Calls:
    """Its loss alone: decoding makes objects of every label."""
    import flair
    import torch
    from flair.data import Dictionary
    from flair.models.sequence_tagger_utils.crf import CRF
    from flair.models.sequence_tagger_utils.viterbi import ViterbiLoss

    flair.device = torch.device("cpu")
    labels = Dictionary(add_unk=False)
    for name in (*map(str, range(p.n_labels)), "<START>", "<STOP>"):
        labels.add_item(name)
    batch = Padded(p, tags)
    # It wants sentences by falling length.
    order = torch.argsort(batch.lengths, descending=True)
    lengths = batch.lengths[order]
    size, start, stop = p.n_labels + 2, p.n_labels, p.n_labels + 1
    model, criterion = CRF(labels, size, False), ViterbiLoss(labels)
    with torch.no_grad():
        model.transitions[:start, :start] = batch.chain[0].T
        model.transitions[:start, start] = batch.chain[1]
        model.transitions[stop, :start] = batch.chain[2]
    emissions = torch.full((*batch.mask.shape, size), -10000.0)
    emissions[..., :start] = batch.emissions[order]
    emissions.requires_grad_()
    gold = batch.gold[order][batch.mask[order]]

    def nll() -> Any:
        emissions.grad = None
        model.zero_grad()
        loss = criterion((model(emissions), lengths, model.transitions), gold)
        loss.backward()
        return loss.detach()

    agree(nll().item(), crf.nll(p, tags)[0].sum())
    return {"flair NLL": nll}


def agree(found: float, expected: float) -> None:
    np.testing.assert_allclose(found, expected, rtol=1e-4)


# Each with the power of L that its largest tensor grows with.
LIBRARIES = {
    "pytorch-crf": (pytorch_crf, 2),
    "torch-struct": (torch_struct, 3),
    "supar": (supar, 2),
    "flair": (flair, 2),
}
ALLENNLP = "its last release, 2.10, needs torch < 1.13 and spaCy < 3.4"


def theirs(p: crf.Potentials, tags: np.ndarray, absent: Dict[str, str]) -> Calls:
    """The calls of all libraries that can be imported and have room."""
    calls: Calls = {}
    for name, (make, power) in LIBRARIES.items():
        if len(p.lengths) * p.lengths.max() * p.n_labels**power > LARGEST:
            continue
        try:
            calls.update(make(p, tags))
        except ImportError as error:
            absent[name] = f"not installed here ({error})"
    return calls


def in_bounded_time(calls: Calls, size: Tuple[int, int], rounds: int) -> Times:
    """The times of the smallest batches; of larger ones in a third of the rounds, and without what
    would take minutes in all."""
    if size == SIZES[0]:
        return in_turn(calls, rounds)
    quick = {name: call for name, call in calls.items() if cpu_time(call) <= SLOW}
    return in_turn(quick, max(rounds // 3, 3))


def peak(n: int = 768) -> Callable[[], object]:
    """A matrix product of doubles: 2 n^3 operations, as fast as a core can do them."""
    matrix = np.ones((n, n))
    return lambda: matrix @ matrix


def share_of_peak(p: crf.Potentials, tags: np.ndarray, rounds: int) -> Ratio:
    """Operations a second, those of the NLL by the peak's: 3 products of L x L a transition."""
    times = in_turn({"peak": peak(), "NLL": lambda: crf.nll(p, tags)}, rounds)
    transitions = len(p.unary) - len(p.lengths)
    operations = 6 * p.n_labels**2 * transitions / (2 * 768**3)
    found = ratio(times["peak"], times["NLL"])
    return Ratio(*(operations * value for value in (found.median, found.low, found.high)))


def tables(size: Tuple[int, int], results: Dict[int, Times]) -> Tuple[Table, Table]:
    """Microseconds, and ratios, of one size of batches."""
    what = f"{size[0]} sentences of up to {size[1]} tokens"
    header = ["", *(f"L = {n}" for n in results)]
    names = list(dict.fromkeys(name for times in results.values() for name in times))
    rows = [
        [name, *(figure(1e6 * median(t[name])) if name in t else "-" for t in results.values())]
        for name in names
    ]
    pairs = [(a, b) for a, b, _ in [*AT_LEAST, *AT_MOST]] + SHOWN
    ratios = [
        [
            f"{a} / {b}",
            *(str(ratio(t[a], t[b])) if a in t and b in t else "-" for t in results.values()),
        ]
        for a, b in pairs
        if any(a in times and b in times for times in results.values())
    ]
    return (
        Table(f"Microseconds of CPU, {what}", header, rows),
        Table(f"Ratios, {what}", header, ratios),
    )


def claims(size: Tuple[int, int], n_labels: int, times: Times) -> List[Claim]:
    found = []
    for bounds, key in ((AT_LEAST, "at_least"), (AT_MOST, "at_most")):
        for one, other, wanted in bounds:
            if one in times and other in times:
                what = f"{one} / {other}, L = {n_labels}, {size[0]} x {size[1]}"
                found.append(Claim(what, ratio(times[one], times[other]), **{key: wanted}))
    return found


def main(
    rounds: int = typer.Option(9, help="Of the smallest batches; a third of the others"),
    sizes: List[int] = typer.Option([0, 1, 2, 3], "--size", help="Which of the sizes"),
    labels: List[int] = typer.Option(list(LABELS), "--labels", help="Which L"),
    alone: bool = typer.Option(False, help="Ours alone"),
) -> None:
    """Print times and ratios, and write them to results/crf.json."""
    result = Result(
        "CRF operations",
        "Random scores, as float32; lengths are uniform from 5 to the longest. Losses with their "
        "gradient. What would not fit into memory, or into minutes, is left out (-).",
        absent={"allennlp": ALLENNLP},
    )
    for size in (SIZES[i] for i in sizes):
        found: Dict[int, Times] = {}
        for n_labels in labels:
            p, tags = make_batch(n_labels, *size)
            calls = ours(p, tags)
            if size == SIZES[0]:
                calls.update(without_extension(p, tags))
            if not alone:
                calls.update(theirs(p, tags, result.absent))
            found[n_labels] = in_bounded_time(calls, size, rounds)
            if n_labels in CLAIMED:
                result.claims += claims(size, n_labels, found[n_labels])
        result.tables += tables(size, found)
    p, tags = make_batch(65, *SIZES[0])
    share = share_of_peak(p, tags, 3 * rounds)
    what = "share of a core's measured peak: NLL, L = 65"
    result.claims.append(Claim(what, share, at_least=0.2))
    result.finish(("pytorch-crf", "torch-struct", "supar", "flair", "torch"))


if __name__ == "__main__":
    typer.run(main)
