"""How much of what teachers know is in their k best label sequences?

    python benchmarks/best_sequences.py corpus targets

For each teacher temperature and k: the probability of the k best sequences together; of the
entropy of the teachers' tags, which is what they say beyond a label, how much is left in the
probabilities of tags under the k best, weighted by theirs as in Top-WK (Wang et al. 2020, eq. 9).
In percent, means over languages.
"""

from pathlib import Path
from typing import Dict, List, Tuple

import numpy as np
import typer
from scipy.stats import entropy
from spacy.vocab import Vocab

from spacy_skd.corpora.layout import find_languages
from spacy_skd.corpora.stored import read_split
from spacy_skd.crf import Potentials, kbest, kbest_moments, marginals
from spacy_skd.evaluation.tables import aligned
from spacy_skd.targets import open_targets
from spacy_skd.transfer import make_transfer

TEMPERATURES = (1.0, 2.0, 4.0)


def potentials(corpus: Path, targets: Path, sentences: int) -> Dict[str, Potentials]:
    """Those of a teacher of each language for its first training sentences."""
    found = {}
    store = open_targets(targets)
    for lang in find_languages(corpus, ("train",)):
        docs = [doc for doc, _ in zip(read_split(corpus, lang, "train", Vocab()), range(sentences))]
        said = [store.find(doc, lang)[0] for doc in docs]
        teacher = said[0].teacher
        transfer = make_transfer(teacher, teacher.scheme, teacher.tags)
        scores = np.concatenate([target.emissions() for target in said]).astype(np.float64)
        lengths = np.array([len(doc) for doc in docs])
        found[lang] = transfer.potentials(scores, lengths, np.isfinite(scores))
    return found


def kept(p: Potentials, k: int) -> Tuple[float, float]:
    """The probability of the k best sequences of a chain, and the share of the tags' entropy."""
    best = kbest(p, k)
    listed = kbest_moments(best, p.n_labels, weighted=True).unary
    whole = marginals(p).unary
    return (
        float(np.mean([np.exp(log_probs).sum() for _, log_probs in best])),
        float(entropy(listed, axis=1).sum() / entropy(whole, axis=1).sum()),
    )


def main(
    corpus: Path = typer.Argument(help="A converted corpus"),
    targets: Path = typer.Argument(help="Soft targets for it"),
    sentences: int = typer.Option(300, help="Of each language"),
    k: List[int] = typer.Option([1, 10, 50, 200, 1000], help="Sequences"),
) -> None:
    """Print the table."""
    teachers = potentials(corpus, targets, sentences)
    rows = []
    for temperature in TEMPERATURES:
        for size in k:
            of_each = [kept(p.tempered(temperature), size) for p in teachers.values()]
            means = [f"{100 * value:.1f}" for value in np.mean(of_each, axis=0)]
            rows.append([f"{temperature:g}", str(size), *means])
    header = ["temperature", "k", "probability", "entropy"]
    print(aligned(header, rows))


if __name__ == "__main__":
    typer.run(main)
