import pytest
import spacy
from spacy import registry
from spacy.tokens import Doc, DocBin
from spacy.vocab import Vocab

from spacy_skd.errors import SkdError
from spacy_skd.training.labels import read_labels


def save(path, *docs):
    path.parent.mkdir(parents=True, exist_ok=True)
    DocBin(attrs=["ENT_IOB", "ENT_TYPE", "TAG", "POS"], docs=docs).to_disk(path)


@pytest.fixture
def corpus(tmp_path):
    vocab = Vocab()
    for lang, label, tag in (("de", "PER", "NE"), ("en", "LOC", "NNP")):
        annotated = Doc(vocab, words=["A", "b"], ents=[f"B-{label}", "O"], tags=[tag, "X"])
        annotated[0].pos_ = "PROPN"
        save(tmp_path / lang / "train.spacy", annotated, Doc(vocab, words=["c"]))
    save(tmp_path / "en" / "dev.spacy", Doc(vocab, words=["A"], ents=["B-MISC"]))
    save(tmp_path / "tr" / "unlabelled" / "00000.spacy", Doc(vocab, words=["d"]))
    return tmp_path


def test_labels_of_a_corpus(corpus):
    assert read_labels(corpus, "ents") == ["LOC", "PER"]
    assert read_labels(corpus, "tag") == ["NE", "NNP", "X"]
    assert read_labels(corpus, "pos") == ["PROPN"]
    assert read_labels(corpus, "ents", languages=["de", "tr"]) == ["PER"]
    assert read_labels(corpus, "ents", split="dev") == ["MISC"]
    assert read_labels(None, "ents") is None


def test_bad_settings(corpus):
    with pytest.raises(SkdError, match="SKD029.*'lemma'.*ents"):
        read_labels(corpus, "lemma")
    with pytest.raises(SkdError, match="SKD121"):
        read_labels(corpus / "none", "ents")


def test_initialises_a_component_from_labels_that_no_example_shows(corpus):
    nlp = spacy.blank("xx")
    nlp.add_pipe("crf_ner")
    reader = {"@readers": "spacy-skd.Labels.v1", "path": str(corpus), "annotation": "ents"}
    nlp.config["initialize"]["components"] = {"crf_ner": {"labels": reader}}
    nlp.initialize()
    assert nlp.get_pipe("crf_ner").labels == ("LOC", "PER")
    assert registry.readers.get("spacy-skd.Labels.v1") is read_labels
