import shutil
from pathlib import Path

import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.tokens import DocBin
from spacy.training import Corpus
from spacy.vocab import Vocab

from spacy_skd.corpora.documents import make_doc
from spacy_skd.corpora.output import replaced_corpus, write_docs, write_pieces
from spacy_skd.errors import SkdError

from .samples import posix


@pytest.fixture
def target(tmp_path):
    path = tmp_path / "corpus" / "de" / "train.spacy"
    path.parent.mkdir(parents=True)
    path.write_text("old")
    return tmp_path / "corpus"


def listing(path):
    return sorted(str(p.relative_to(path)) for p in path.rglob("*") if p.is_file())


@settings(max_examples=50, deadline=None)
@given(st.lists(st.text(min_size=1, alphabet=st.characters(exclude_categories=["Cs"])), min_size=1))
def test_any_token_survives_the_way_through_the_file(tmp_path_factory, words):
    path = tmp_path_factory.mktemp("docs") / "fa" / "train.spacy"
    ents = ["B-PER"] + ["O"] * (len(words) - 1)
    write_docs([make_doc(Vocab(), "fa", words, ents=ents, tags=["X"] * len(words))], path)
    (doc,) = DocBin().from_disk(path).get_docs(Vocab())
    assert [t.text for t in doc] == words
    assert [t.ent_iob_ for t in doc] == ["B"] + ["O"] * (len(words) - 1)
    assert {t.tag_ for t in doc} == {"X"}
    assert doc.user_data == {"lang": "fa"} and doc.has_unknown_spaces


def test_text_in_pieces_is_what_spacy_reads(tmp_path, monkeypatch):
    monkeypatch.setattr("spacy_skd.corpora.output.PIECE", 3)
    docs = [make_doc(Vocab(), "de", [f"w{i}"]) for i in range(7)]
    write_pieces(iter(docs), tmp_path / "unlabelled")
    sizes = [len(DocBin().from_disk(path)) for path in sorted((tmp_path / "unlabelled").iterdir())]
    assert sizes == [3, 3, 1]
    read = list(Corpus(tmp_path / "unlabelled", shuffle=False)(spacy.blank("xx")))
    assert sorted(example.reference[0].text for example in read) == [f"w{i}" for i in range(7)]


def test_a_corpus_with_pieces_is_replaced_and_nothing_else(target):
    write_pieces([make_doc(Vocab(), "de", ["w"])], target / "de" / "unlabelled")
    with replaced_corpus(target) as folder:
        (folder / "fr").mkdir()
    assert listing(target) == []
    for other in ("de/unlabelled/00000.txt", "de/models/00000.spacy", "de/unlabelled/a.spacy"):
        path = target / other
        path.parent.mkdir(parents=True)
        path.write_text("mine")
        with pytest.raises(SkdError, match="SKD101.*'de/"):
            with replaced_corpus(target):
                raise AssertionError
        assert path.read_text() == "mine"
        shutil.rmtree(target / "de")


def test_what_file_managers_leave_is_nothing_of_the_users(target):
    write_pieces([make_doc(Vocab(), "de", ["w"])], target / "de" / "unlabelled")
    for folder in (target, target / "de", target / "de" / "unlabelled"):
        (folder / ".DS_Store").touch()
    with replaced_corpus(target) as folder:
        (folder / "fr").mkdir()
    assert listing(target) == []


def test_replaced_as_a_whole(target):
    with replaced_corpus(target) as folder:
        (folder / "fr").mkdir()
        (folder / "fr" / "test.spacy").write_text("new")
        assert listing(target) == ["de/train.spacy"]
    assert listing(target.parent) == ["corpus/fr/test.spacy"]


def test_failure_leaves_the_old_corpus(target):
    with pytest.raises(KeyboardInterrupt):
        with replaced_corpus(target) as folder:
            (folder / "half").write_text("x")
            raise KeyboardInterrupt
    assert listing(target.parent) == ["corpus/de/train.spacy"]


def test_what_a_killed_run_left_is_cleared(target):
    (target.parent / ".corpus.new" / "de").mkdir(parents=True)
    with replaced_corpus(target) as folder:
        assert not list(folder.iterdir())
    assert [p.name for p in target.parent.iterdir()] == ["corpus"]


def test_killed_between_the_renames_the_old_corpus_comes_back(target):
    target.rename(target.with_name(".corpus.old"))
    with pytest.raises(SkdError, match="SKD088"):
        with replaced_corpus(target):
            raise SkdError("SKD088")
    assert listing(target.parent) == ["corpus/de/train.spacy"]


@pytest.mark.parametrize("name", ["notes.txt", "de/model.bin"])
def test_other_things_are_not_replaced(target, name):
    path = target.parent / "mine" / name
    path.parent.mkdir(parents=True)
    path.write_text("precious")
    with pytest.raises(SkdError, match="SKD101"):
        with replaced_corpus(target.parent / "mine"):
            pass
    assert path.read_text() == "precious"


def test_a_file_is_not_replaced(target):
    with pytest.raises(SkdError, match="SKD101"):
        with replaced_corpus(target / "de" / "train.spacy"):
            pass


def test_empty_folder_is_fine(tmp_path):
    (tmp_path / "corpus").mkdir()
    with replaced_corpus(tmp_path / "corpus") as folder:
        (folder / "x").mkdir()
    assert (tmp_path / "corpus" / "x").is_dir()


@posix
def test_a_link_is_not_replaced(target, tmp_path):
    for link, to in (("link", target), ("broken", tmp_path / "nowhere")):
        (tmp_path / link).symlink_to(to)
        with pytest.raises(SkdError, match="SKD196"):
            with replaced_corpus(tmp_path / link):
                pass
    assert listing(target) == ["de/train.spacy"] and (tmp_path / "link").is_symlink()


@posix
def test_a_folder_below_a_link_is_replaced(target, tmp_path):
    (tmp_path / "link").symlink_to(target.parent)
    with replaced_corpus(tmp_path / "link" / "corpus") as folder:
        (folder / "fr").mkdir()
    assert [path.name for path in target.iterdir()] == ["fr"]


@posix
@pytest.mark.parametrize("place", [".", "..", "", "../..", "/"])
def test_not_the_folder_that_one_is_in(target, monkeypatch, place):
    monkeypatch.chdir(target)
    with pytest.raises(SkdError, match="SKD197"):
        with replaced_corpus(Path(place)):
            pass
    assert listing(target) == ["de/train.spacy"]


@posix
@pytest.mark.parametrize(
    "name", ["x" * 300, "x" * 252, "a/b/" + "x" * 300, "de/train.spacy/corpus"]
)
def test_impossible_places(target, name):
    with pytest.raises(SkdError, match="SKD107"):
        with replaced_corpus(target / name):
            pass
    assert listing(target.parent) == ["corpus/de/train.spacy"]
    assert [path.name for path in target.iterdir()] == ["de"]


def test_folders_made_for_nothing_are_removed(tmp_path):
    for name in ("a/b/corpus", "c"):
        with pytest.raises(SkdError, match="SKD088"):
            with replaced_corpus(tmp_path / name):
                raise SkdError("SKD088")
    assert not list(tmp_path.iterdir())
    with replaced_corpus(tmp_path / "a" / "b" / "corpus") as folder:
        (folder / "x").mkdir()
    assert (tmp_path / "a" / "b" / "corpus" / "x").is_dir()


def test_an_error_of_the_system_names_its_file(target):
    with pytest.raises(SkdError, match="SKD107.*nowhere.*No such file"):
        with replaced_corpus(target):
            (target / "nowhere").read_bytes()
    assert listing(target.parent) == ["corpus/de/train.spacy"]
