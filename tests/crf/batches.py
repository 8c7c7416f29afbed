"""Random batches of chains, small enough to write all their label sequences out."""

import numpy as np
from hypothesis import strategies as st

from spacy_skd.crf import Potentials

KINDS = ("plain", "forbidden", "huge", "ties", "everything")


def random_batch(rng: np.random.Generator, kind: str, n_chains: int = 20) -> Potentials:
    """Chains of 0 to 5 tokens, 1 to 4 labels, float32, at least one legal sequence each.

    kind: "plain": normal scores. "forbidden": a third of all potentials is -inf. "huge": scores
    from -1e4 to 1e4. "ties": few different scores. "everything": all of that in one.
    """
    n_labels = int(rng.integers(1, 5))
    lengths = rng.integers(0, 6 if n_labels < 4 else 5, n_chains)
    shapes = (int(lengths.sum()), n_labels), (n_labels, n_labels), (n_labels,), (n_labels,)
    unary, transitions, start, end = (random_scores(rng, kind, shape) for shape in shapes)
    if kind in ("forbidden", "everything"):
        # A path that stays legal in all chains: label 0 throughout.
        for scores in (unary, transitions, start, end):
            forbidden = rng.random(scores.shape) < 1 / 3
            forbidden[..., 0] &= scores is transitions
            scores[forbidden] = -np.inf
        transitions[0, 0] = 0.5
    return Potentials(unary, lengths, transitions, start, end)


def random_scores(rng: np.random.Generator, kind: str, shape: tuple) -> np.ndarray:
    scores = rng.standard_normal(shape)
    if kind == "huge":
        scores = rng.uniform(-1e4, 1e4, shape)
    elif kind == "ties":
        scores = rng.integers(-1, 2, shape).astype(float)
    elif kind == "everything":
        scores = np.round(scores * 2) * rng.choice([0.5, 30, 1e3, 1e4], shape)
    return scores.astype(np.float32)


# Sums of these are exact in float64, so that equal scores are equal in any order of adding up.
score = st.one_of(
    st.integers(-3, 3).map(float),
    st.integers(-80_000, 80_000).map(lambda n: n / 8),
    st.sampled_from([-np.inf, -1e4, 1e4]),
)


@st.composite
def batches(draw) -> Potentials:
    """Any batch, with chains that have no legal sequence among them."""
    n_labels = draw(st.integers(1, 3))
    lengths = draw(st.lists(st.integers(0, 4), max_size=4))

    def scores(*shape: int) -> np.ndarray:
        size = int(np.prod(shape))
        values = draw(st.lists(score, min_size=size, max_size=size))
        return np.array(values, dtype=np.float32).reshape(shape)

    return Potentials(
        scores(sum(lengths), n_labels),
        np.array(lengths, dtype=np.int32),
        scores(n_labels, n_labels),
        scores(n_labels),
        scores(n_labels),
    )
