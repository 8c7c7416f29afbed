import pytest
from spacy.tokens import Doc
from spacy.vocab import Vocab

from spacy_skd.corpora.layout import find_languages, lacks_labels, split_files
from spacy_skd.corpora.output import write_docs, write_pieces
from spacy_skd.corpora.stored import read_split
from spacy_skd.errors import SkdError


def docs(*words):
    return [Doc(Vocab(), words=[word]) for word in words]


@pytest.fixture
def corpus(tmp_path, monkeypatch):
    monkeypatch.setattr("spacy_skd.corpora.output.PIECE", 2)
    write_docs(docs("a"), tmp_path / "de" / "train.spacy")
    write_pieces(docs("b", "c", "d", "e", "f"), tmp_path / "de" / "unlabelled")
    write_pieces(docs("g"), tmp_path / "tr" / "unlabelled")
    (tmp_path / "empty" / "unlabelled").mkdir(parents=True)
    (tmp_path / ".git" / "train.spacy").mkdir(parents=True)
    (tmp_path / "README").write_text("x")
    return tmp_path


def test_a_split_is_a_file_or_a_folder_of_them(corpus):
    assert split_files(corpus, "de", "train") == [corpus / "de/train.spacy"]
    pieces = [corpus / f"de/unlabelled/0000{i}.spacy" for i in range(3)]
    assert split_files(corpus, "de", "unlabelled") == pieces
    assert split_files(corpus, "de", "test") == split_files(corpus, "fr", "train") == []
    write_docs(docs("h"), corpus / "de" / "unlabelled.spacy")
    assert split_files(corpus, "de", "unlabelled") == [corpus / "de/unlabelled.spacy", *pieces]


def test_read_split_reads_all_of_it_in_order(corpus):
    read = list(read_split(corpus, "de", "unlabelled", Vocab()))
    assert [doc.text.strip() for doc in read] == ["b", "c", "d", "e", "f"]
    assert {doc.user_data["lang"] for doc in read} == {"de"}


def test_languages_are_folders_with_a_split(corpus):
    assert find_languages(corpus, []) == ["de", "tr"]
    assert find_languages(corpus, ["unlabelled"]) == ["de", "tr"]
    write_docs(docs("h"), corpus / "sl" / "train.spacy")
    with pytest.raises(SkdError, match="SKD123.*'de'.*test"):
        find_languages(corpus, ["test"])


def test_languages_without_labels_are_only_asked_for_what_they_have(corpus):
    assert [lacks_labels(corpus, name) for name in ("de", "tr", "fr")] == [False, True, False]
    assert find_languages(corpus, ["train"]) == ["de"]
    with pytest.raises(SkdError, match="SKD123.*'tr'.*train"):
        find_languages(corpus, ["train"], ["de", "tr"])
    for language in ("de", "tr"):
        write_docs(docs("h"), corpus / language / "test.spacy")
    assert find_languages(corpus, ["test"]) == ["de", "tr"]
