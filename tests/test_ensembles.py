import pytest
from thinc.api import Config

from spacy_skd.ensembles import (
    Fold,
    Member,
    held_out_of,
    make_members,
    member_folders,
    parse_seeds,
    train_reader,
)
from spacy_skd.errors import SkdError


def test_members_and_their_names():
    assert [member.name("de") for member in make_members(0, [])] == ["de"]
    assert [member.name("de") for member in make_members(2, [])] == [
        "de.fold-1-of-2",
        "de.fold-2-of-2",
    ]
    assert [member.name("zh-TW") for member in make_members(0, [3, 1])] == [
        "zh-TW.seed-3",
        "zh-TW.seed-1",
    ]
    both = make_members(2, [0, 7])
    assert len(both) == 4 and both[2] == Member(7, Fold(1, 2))
    assert both[2].name("de") == "de.seed-7.fold-1-of-2"


@pytest.mark.parametrize(
    "folds,seeds,code",
    [
        (1, [], "SKD029.*folds"),
        (-2, [], "SKD029.*folds"),
        (2.5, [], "SKD029.*folds"),
        (0, [-1], "SKD029.*seed"),
        (0, [2**32], "SKD029.*seed"),
        (0, [0, 1, 0], "SKD223.*Seed 0"),
    ],
)
def test_members_that_cannot_be(folds, seeds, code):
    with pytest.raises(SkdError, match=code):
        make_members(folds, seeds)


def test_seeds_of_the_command_line():
    assert parse_seeds("") == parse_seeds(" ") == []
    assert parse_seeds("0,1, 20") == [0, 1, 20]
    for wrong in ("a", "0,", "-1", "1.5", "1;2", "99999999999", "٣,x"):
        with pytest.raises(SkdError, match="SKD029.*--seeds"):
            parse_seeds(wrong)


def test_folders_of_a_language(tmp_path):
    for member in [*make_members(2, []), *make_members(2, [1]), *make_members(0, [])]:
        (tmp_path / member.name("de")).mkdir()
    for other in ("den", "de-AT", "de.fold-1", "de.partial", ".de.lock", "de.fold-1-of-2.partial"):
        (tmp_path / other).mkdir()
    assert [path.name for path in member_folders(tmp_path, "de")] == [
        "de",
        "de.fold-1-of-2",
        "de.fold-2-of-2",
        "de.seed-1.fold-1-of-2",
        "de.seed-1.fold-2-of-2",
    ]
    assert member_folders(tmp_path / "nowhere", "de") == []


def test_what_a_pipeline_has_not_seen():
    config = {"training": {"train_corpus": "corpora.mine"}, "corpora": {"mine": {"limit": 3}}}
    assert train_reader(Config(config)) == ("corpora.mine", {"limit": 3})
    assert held_out_of(Config(config)) is None
    config["corpora"]["mine"]["held_out"] = "2/4"
    assert held_out_of(Config(config)) == Fold(2, 4)
    assert held_out_of(Config({})) is None
    assert train_reader(Config({"corpora": {"train": 1}})) == ("corpora.train", {})


@pytest.mark.parametrize("text", ["0/4", "5/4", "1/1", "2", "a/b", "1/4/2", "-1/4", 2, None])
def test_no_fold(text):
    with pytest.raises(SkdError, match="SKD029.*held_out"):
        Fold.parse(text)
