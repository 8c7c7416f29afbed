"""Linear-chain conditional random fields: arrays in, arrays out.

A batch of chains is one `Potentials`. `inference.py` says what can be computed of it.
"""

from .backend import NATIVE
from .inference import (
    cross_entropy,
    emission_cross_entropy,
    has_sequence,
    kbest,
    log_partition,
    marginals,
    messages,
    nll,
    partial_nll,
    posterior_cross_entropy,
    viterbi,
)
from .moments import KBest, Moments, gold_moments, kbest_moments, mix
from .potentials import Potentials
from .sequences import best_together, part_log_probs, sample
from .transitions import SparseTransitions

__all__ = [
    "NATIVE",
    "KBest",
    "Moments",
    "Potentials",
    "SparseTransitions",
    "best_together",
    "cross_entropy",
    "emission_cross_entropy",
    "gold_moments",
    "has_sequence",
    "kbest",
    "kbest_moments",
    "log_partition",
    "marginals",
    "messages",
    "mix",
    "nll",
    "part_log_probs",
    "partial_nll",
    "posterior_cross_entropy",
    "sample",
    "viterbi",
]
