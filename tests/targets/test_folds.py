import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_skd.errors import SkdError
from spacy_skd.targets.folds import Fold, assign_folds


def test_folds_are_consecutive_blocks():
    folds = assign_folds(np.arange(100, 110), 4, "de")
    assert folds.tolist() == [1, 1, 1, 2, 2, 3, 3, 3, 4, 4]


@given(st.lists(st.integers(0, 30), min_size=2), st.integers(2, 6))
def test_a_sentence_is_in_one_fold_wherever_it_comes(fingerprints, total):
    different = list(dict.fromkeys(fingerprints))
    if total > len(different):
        with pytest.raises(SkdError, match=f"SKD221.*{total} folds of {len(different)} "):
            assign_folds(np.array(fingerprints), total, "de")
        return
    folds = assign_folds(np.array(fingerprints), total, "de")
    first = [int(folds[fingerprints.index(f)]) for f in different]
    assert first == sorted(first)
    sizes = np.bincount(first, minlength=total + 1)[1:]
    assert sizes.max() - sizes.min() <= 1
    assert folds.tolist() == [first[different.index(f)] for f in fingerprints]
    members = [Fold(i, total).members(np.array(fingerprints), "de") for i in range(1, total + 1)]
    assert (np.sum(members, axis=0) == 1).all()


def test_parse():
    assert str(Fold.parse("2/4")) == "2/4" and Fold.parse("2/4") == Fold(2, 4)
