import pytest
import spacy
from spacy.tokens import Doc

from spacy_skd.errors import SkdError

from ..conftest import SENTENCES, make_examples, make_pipeline, train


@pytest.mark.parametrize("attribute", ["tag", "pos"])
def test_sets_its_attribute(attribute):
    nlp = make_pipeline("crf_tagger", attribute=attribute)
    examples = make_examples(nlp)
    train(nlp, examples)
    doc = nlp(Doc(nlp.vocab, words=SENTENCES[0][0]))
    expected = ["PROPN", "PROPN", "VERB", "ADP", "PROPN", "PUNCT"]
    assert [getattr(token, f"{attribute}_") for token in doc] == expected
    assert doc.has_annotation("TAG") == (attribute == "tag")
    assert nlp.evaluate(examples)[f"{attribute}_acc"] == 1.0


@pytest.mark.parametrize("attribute", ["tag", "pos"])
def test_without_score_weights_the_best_model_is_chosen_by_its_tags(attribute):
    weights = make_pipeline("crf_tagger", attribute=attribute).config["training"]["score_weights"]
    assert weights[f"{attribute}_acc"] > 0


def test_unknown_attribute():
    with pytest.raises(SkdError, match="SKD046.*lemma"):
        make_pipeline("crf_tagger", attribute="lemma")


def test_pos_must_be_universal():
    nlp = make_pipeline("crf_tagger", attribute="pos")
    with pytest.raises(SkdError, match="SKD047.*NNP"):
        nlp.get_pipe("pipe").add_label("NNP")


@pytest.mark.parametrize("attribute", ["tag", "pos"])
def test_tags_that_are_there_are_kept_unless_told_otherwise(attribute):
    nlp = make_pipeline("crf_tagger", attribute=attribute)
    train(nlp, make_examples(nlp))
    words = SENTENCES[0][0]
    for overwrite in (False, True):
        nlp.get_pipe("pipe").overwrite = overwrite
        doc = Doc(nlp.vocab, words=words)
        setattr(doc[2], f"{attribute}_", "NOUN")
        nlp(doc)
        tags = [getattr(token, f"{attribute}_") for token in doc]
        kept = "VERB" if overwrite else "NOUN"
        assert tags == ["PROPN", "PROPN", kept, "ADP", "PROPN", "PUNCT"]


def test_the_default_is_that_of_spacys_tagger():
    ours = make_pipeline("crf_tagger").get_pipe_config("pipe")["overwrite"]
    nlp = spacy.blank("xx")
    nlp.add_pipe("tagger")
    assert ours == nlp.get_pipe_config("tagger")["overwrite"] is False
    assert make_pipeline("crf_tagger", overwrite=True).get_pipe("pipe").overwrite
