from itertools import pairwise, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_skd.errors import SkdError
from spacy_skd.schemes import coarsen, get_scheme, repair_iob

LABELS = ["LOC", "PER"]


def legal_sequences(scheme, n):
    tags = scheme.tags(LABELS)
    transitions, start, end = scheme.constraints(tags)
    for path in product(range(len(tags)), repeat=n):
        if n and not (start[path[0]] and end[path[-1]]):
            continue
        if all(transitions[a, b] for a, b in pairwise(path)):
            yield [tags[i] for i in path]


def all_span_sets(n):
    """Every set of labelled spans over n tokens that do not overlap."""
    if n == 0:
        return [[]]
    sets = list(all_span_sets(n - 1))
    for length in range(1, n + 1):
        for rest in all_span_sets(n - length):
            sets += [rest + [(n - length, n, label)] for label in LABELS]
    return sets


@pytest.mark.parametrize("name", ["IOB2", "BILOU"])
@pytest.mark.parametrize("n", [0, 1, 2, 3, 4])
def test_legal_sequences_are_the_span_sets(name, n):
    scheme = get_scheme(name)
    expected = {tuple(scheme.encode(spans, n)) for spans in all_span_sets(n)}
    assert len(expected) == len(all_span_sets(n))
    assert {tuple(tags) for tags in legal_sequences(scheme, n)} == expected


@pytest.mark.parametrize("name", ["IOB2", "BILOU"])
def test_decode_inverts_encode(name):
    scheme = get_scheme(name)
    for spans in all_span_sets(5):
        assert scheme.decode(scheme.encode(spans, 5)) == spans


def test_coarsen_gives_iob2():
    for spans in all_span_sets(4):
        bilou = get_scheme("BILOU").encode(spans, 4)
        assert [coarsen(tag) for tag in bilou] == get_scheme("IOB2").encode(spans, 4)


def test_plain_allows_everything():
    scheme = get_scheme("plain")
    assert scheme.tags(["NOUN", "X-Y"]) == ["NOUN", "X-Y"]
    assert all(mask.all() for mask in scheme.constraints(["NOUN", "X-Y"]))


def test_labels_may_hold_hyphens():
    scheme = get_scheme("BILOU")
    tags = scheme.encode([(0, 2, "DRUG-ACID")], 3)
    assert tags == ["B-DRUG-ACID", "L-DRUG-ACID", "O"]
    assert scheme.decode(tags) == [(0, 2, "DRUG-ACID")]


def test_unknown_scheme_is_named():
    with pytest.raises(SkdError, match="SKD020.*IOBES.*BILOU"):
        get_scheme("IOBES")


def test_repair_reads_iob1():
    tags = ["I-PER", "I-PER", "B-PER", "O", "I-LOC", "I-PER"]
    assert repair_iob(tags) == (["B-PER", "I-PER", "B-PER", "O", "B-LOC", "B-PER"], 3)


@given(st.lists(st.sampled_from(["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]), max_size=8))
def test_repaired_tags_are_legal_and_stable(tags):
    repaired, changed = repair_iob(tags)
    scheme = get_scheme("IOB2")
    assert scheme.encode(scheme.decode(repaired), len(tags)) == repaired
    assert repair_iob(repaired) == (repaired, 0)
    assert (changed == 0) == (repaired == tags)
