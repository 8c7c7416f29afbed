"""Sentences of train that dev or test have too."""

from spacy.vocab import Vocab

from spacy_skd.corpora.convert import convert
from spacy_skd.corpora.documents import Converted, make_doc
from spacy_skd.corpora.duplicates import duplicates
from spacy_skd.corpora.stored import read_split

from .samples import write


def split(*sentences):
    return Converted([make_doc(Vocab(), "de", sentence.split()) for sentence in sentences])


def test_the_same_tokens():
    splits = {
        "train": split("a b", "ab", "a b", "c", "A b", "d"),
        "dev": split("a b"),
        "test": split("d", "e", "e"),
        "unlabelled": split("c"),
    }
    assert duplicates(splits) == [True, False, True, False, False, True]
    assert duplicates({"train": split("a")}) == [False]


def texts(corpus, split):
    return [" ".join(t.text for t in doc) for doc in read_split(corpus, "de", split, Vocab())]


def test_labels_and_spaces_do_not_count_and_order_stays(tmp_path):
    raw = tmp_path / "raw" / "de"
    write(raw / "train.tsv", "Bonn\tB-LOC\n\nist\tO\n\nda\tO\n\nBonn\tB-ORG\n")
    write(raw / "test.tsv", "Bonn\tO\n")
    options = {"dev_fraction": 0, "drop_duplicates": True}
    report = convert(tmp_path / "raw", tmp_path / "corpus", **options)
    assert texts(tmp_path / "corpus", "train") == ["ist", "da"]
    assert texts(tmp_path / "corpus", "test") == ["Bonn"]
    assert [(s.split, s.sentences, s.duplicates) for s in report.splits] == [
        ("train", 2, 2),
        ("test", 1, None),
    ]


def test_a_dev_that_was_drawn_counts_as_well(tmp_path):
    write(tmp_path / "raw" / "de" / "train.tsv", "Bonn\tB-LOC\n\n" * 10 + "Kiel\tB-LOC\n")
    report = convert(tmp_path / "raw", tmp_path / "corpus", dev_fraction=0.2)
    train = next(s for s in report.splits if s.split == "train")
    (dev,) = {*texts(tmp_path / "corpus", "dev")} & {"Bonn"}
    assert train.duplicates == texts(tmp_path / "corpus", "train").count(dev)


def test_the_limit_draws_anew_with_another_seed(tmp_path):
    lines = "".join(f"w{i}\tO\n\n" for i in range(40))
    write(tmp_path / "raw" / "de" / "train.tsv", lines)
    write(tmp_path / "raw" / "de" / "dev.tsv", "x\tO\n")
    drawn = []
    for seed in (0, 0, 1):
        convert(tmp_path / "raw", tmp_path / "corpus", limit=10, seed=seed)
        drawn.append(texts(tmp_path / "corpus", "train"))
        assert len(drawn[-1]) == 10 and drawn[-1] == sorted(drawn[-1], key=lambda w: int(w[1:]))
    assert drawn[0] == drawn[1] != drawn[2]
    convert(tmp_path / "raw", tmp_path / "corpus", limit=100)
    assert len(texts(tmp_path / "corpus", "train")) == 40
