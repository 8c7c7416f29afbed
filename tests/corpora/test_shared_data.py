"""Every real corpus is read, with as many sentences and tokens as its owner counted."""

import csv
from collections import defaultdict
from itertools import islice
from pathlib import Path

import pytest

from spacy_skd.corpora.convert import convert
from spacy_skd.corpora.documents import ReadOptions
from spacy_skd.corpora.folder import find_corpus
from spacy_skd.corpora.formats import find_reader
from spacy_skd.corpora.text import read_raw_text

DATA = Path(__file__).parents[2] / "../shared/data"

pytestmark = pytest.mark.skipif(
    not (DATA / "SIZES.tsv").exists(), reason="the evaluation data of ../shared/data is not here"
)


def sizes():
    """(sentences, tokens) by folder and file."""
    table = defaultdict(dict)
    if (DATA / "SIZES.tsv").exists():
        with (DATA / "SIZES.tsv").open(encoding="utf-8") as file:
            for row in csv.DictReader(file, delimiter="\t"):
                task, corpus, _ = row["file"].split("/", 2)
                size = int(row["sentences"]), int(row["tokens"])
                table[f"{task}/{corpus}"][row["file"]] = size
    return table


@pytest.mark.parametrize("folder", sorted(sizes()))
def test_sizes(folder):
    found = {}
    for lang, files in find_corpus(DATA / folder).files.items():
        for split, path in files.items():
            reader = find_reader(path, split, "auto", ReadOptions())
            docs = list(reader(path, lang, ReadOptions()).docs)
            found[f"{folder}/{lang}/{path.name}"] = (len(docs), sum(map(len, docs)))
    assert found == sizes()[folder]


def test_semeval_xml_holds_the_sentences_of_its_two_column_form(tmp_path):
    report = convert(DATA / "absa/semeval2016-xml", tmp_path / "corpus", dev_fraction=0)
    expected = sizes()["absa/semeval2016"]
    for split in report.splits:
        sentences, _ = expected[f"absa/semeval2016/{split.lang}/train.tsv"]
        assert split.sentences == sentences
    assert all(split.entities > 1000 for split in report.splits)


RAW = DATA / "unlabelled" / "raw"


@pytest.mark.skipif(not RAW.is_dir(), reason="the raw text of ../shared/data is not here")
@pytest.mark.parametrize("lang", ["sv", "ta", "fa", "he"])
def test_real_raw_text(lang):
    """Nothing is lost or added but white space, and sentences are as long as sentences are."""
    path = RAW / f"{lang}.txt"
    docs = list(islice(read_raw_text(path, lang, ReadOptions()).docs, 2000))
    assert all(len(doc) and not any(token.is_space for token in doc) for doc in docs)
    text = path.read_text(encoding="utf8")
    assert (
        "".join("".join(doc.text.split()) for doc in docs)
        == "".join(text.split())[: sum(len("".join(doc.text.split())) for doc in docs)]
    )
    assert 5 < sum(map(len, docs)) / len(docs) < 40
