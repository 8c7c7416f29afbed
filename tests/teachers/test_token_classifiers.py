import numpy as np
import pytest
from spacy.tokens import Doc, DocBin
from spacy.vocab import Vocab

from spacy_skd.crf import Potentials, viterbi
from spacy_skd.errors import SkdError
from spacy_skd.schemes import get_scheme
from spacy_skd.teachers import ClassifierSettings, find_teachers
from spacy_skd.transfer import constrain

from ..conftest import SENTENCES, reference_doc

pytest.importorskip("transformers")


@pytest.fixture
def corpus(tmp_path):
    """Our sentences, labelled with PER and LOC, and as parts of speech."""
    docs = [reference_doc(Vocab(), words, tags) for words, tags in SENTENCES]
    (tmp_path / "corpus" / "en").mkdir(parents=True)
    DocBin(docs=docs).to_disk(tmp_path / "corpus" / "en" / "train.spacy")
    return tmp_path / "corpus"


def find(folder, corpus, **settings):
    (source,) = find_teachers(f"hf:{folder}", corpus, ClassifierSettings(**settings))("en")
    return source


def our_docs():
    return [Doc(Vocab(), words=words) for words, _ in SENTENCES]


def test_it_says_what_the_classifier_says(make_classifier, corpus):
    import torch
    from transformers import AutoModelForTokenClassification, AutoTokenizer

    folder = make_classifier()
    model = AutoModelForTokenClassification.from_pretrained(folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    scorer = find(folder, corpus).open()
    assert scorer.teacher.tags == ("O", "B-PER", "I-PER", "B-LOC", "I-LOC")
    assert not any(
        scores.any() for scores in vars(scorer.teacher).values() if hasattr(scores, "any")
    )
    for (words, _), found in zip(SENTENCES, scorer.score(our_docs())):
        encoded = tokenizer(words, is_split_into_words=True, return_tensors="pt")
        with torch.no_grad():
            expected = model(**encoded).logits[0].log_softmax(dim=-1).numpy()
        np.testing.assert_allclose(found, expected, atol=0.02)  # 16 bits here


def test_a_trained_one_finds_the_spans(make_classifier, corpus):
    scorer = find(make_classifier(trained=True), corpus).open()
    teacher = scorer.teacher
    chain = constrain(
        (teacher.transitions, teacher.start, teacher.end),
        get_scheme(teacher.scheme).constraints(teacher.tags),
    )
    for (_, tags), scores in zip(SENTENCES, scorer.score(our_docs())):
        best, _ = viterbi(Potentials(scores, np.array([len(scores)], dtype=np.int32), *chain))
        assert [teacher.tags[i] for i in best] == tags


def test_sentences_longer_than_it_reads_and_documents_without_tokens(make_classifier, corpus):
    scorer = find(make_classifier(trained=True), corpus).open()
    docs = [Doc(Vocab(), words=["London"] * 300), Doc(Vocab()), Doc(Vocab(), words=["Ada"])]
    found = scorer.score(docs)
    assert [scores.shape for scores in found] == [(300, 5), (0, 5), (1, 5)]
    np.testing.assert_allclose(np.exp(found[0]).sum(axis=1), 1, rtol=1e-4)


def test_the_fingerprint_is_of_weights_map_and_options(make_classifier, corpus):
    folder = make_classifier()
    settings = [
        {},
        {"pooling": "mean"},
        {"scheme": "IOB1"},
        {"renamed": {"LOC": ""}},
        {"renamed": {"LOC": "PER"}},
    ]
    found = [find(folder, corpus, **choice).fingerprint for choice in settings]
    assert len(set(found)) == len(settings)
    assert find(folder, corpus).fingerprint == found[0]
    other = make_classifier(trained=True, name="other")
    assert find(other, corpus).fingerprint not in found


def test_labels_that_are_not_those_of_the_corpus(make_classifier, corpus):
    folder = make_classifier(("O", "B-PERSON", "I-PERSON", "B-GPE", "I-GPE", "B-DATE"))
    with pytest.raises(SkdError, match=r"SKD166.*DATE, GPE, PERSON.*LOC, PER"):
        find(folder, corpus)
    some = {"PERSON": "PER", "GPE": "LOC"}
    with pytest.raises(SkdError, match=r"SKD167.*: DATE\..*--map DATE="):
        find(folder, corpus, renamed=some)
    assert find(folder, corpus, renamed={**some, "DATE": ""}).open().teacher.scheme == "IOB2"
    assert "B-DATE" in find(folder, corpus, renamed={**some, "DATE": "DATE"}).open().teacher.tags


def test_tags_without_spans(make_classifier, corpus):
    folder = make_classifier(("PROPN", "VERB", "ADP", "PUNCT", "PRON"))
    assert find(folder, corpus).open().teacher.scheme == "plain"
    other = make_classifier(("LABEL_0", "LABEL_1"), name="other")
    with pytest.raises(SkdError, match="SKD166.*LABEL_0"):
        find(other, corpus)


def test_a_corpus_without_annotation_says_nothing(make_classifier, tmp_path):
    (tmp_path / "bare" / "en").mkdir(parents=True)
    DocBin(docs=our_docs()).to_disk(tmp_path / "bare" / "en" / "train.spacy")
    folder = make_classifier(("O", "B-ANY", "I-ANY"))
    assert find(folder, tmp_path / "bare").open().teacher.scheme == "IOB2"


def test_iob1_is_noticed(make_classifier, corpus):
    """The same names, but spans begin with I. Whoever says that it is IOB2 is believed."""
    import torch

    folder = make_classifier()
    scorer, asked = find(folder, corpus).open(), find(folder, corpus, scheme="IOB2").open()
    for one in (scorer, asked):
        with torch.no_grad():
            one.pretrained.model.classifier.weight.zero_()
            one.pretrained.model.classifier.bias.copy_(torch.tensor([0.0, 1.0, 9.0, 0.0, 0.0]))
    docs = [Doc(Vocab(), words=["London", "calls"]) for _ in range(19)]
    scorer.score(docs)
    with pytest.raises(SkdError, match="SKD165.*20 of 20.*--scheme IOB1"):
        scorer.score(docs[:1])
    assert len(asked.score([*docs, *docs])) == 38


def test_what_is_no_token_classifier(tiny_transformer, corpus, tmp_path):
    with pytest.raises(SkdError, match="SKD152.*classifier"):
        find(tiny_transformer(), corpus)
    with pytest.raises(SkdError, match="SKD151"):
        find(tmp_path / "nowhere", corpus)
    with pytest.raises(SkdError, match="SKD150"):
        find("", corpus)


def test_settings_are_for_classifiers(corpus, tmp_path):
    with pytest.raises(SkdError, match="SKD160.*hf:"):
        find_teachers(tmp_path, corpus, ClassifierSettings(pooling="mean"))
