"""Small pipelines and sentences that several tests share."""

import os
import sys
from functools import cache

import pytest
import spacy
from spacy.tokens import Doc
from spacy.training import Example

from .warm import start

SENTENCES = [
    (["Ada", "Lovelace", "lives", "in", "London", "."], ["B-PER", "I-PER", "O", "O", "B-LOC", "O"]),
    (["London", "calls", "Ada", "."], ["B-LOC", "O", "B-PER", "O"]),
    (["Nobody", "calls", "."], ["O", "O", "O"]),
    (["Ada"], ["B-PER"]),
    (["in", "New", "York", "City"], ["O", "B-LOC", "I-LOC", "I-LOC"]),
]
POS = {"Nobody": "PRON", "lives": "VERB", "calls": "VERB", "in": "ADP", ".": "PUNCT"}

SMALL_TOK2VEC = {
    "@architectures": "spacy.HashEmbedCNN.v2",
    "pretrained_vectors": None,
    "width": 32,
    "depth": 2,
    "embed_size": 200,
    "window_size": 1,
    "maxout_pieces": 2,
    "subword_features": True,
}


def reference_doc(vocab, words, ents=None, lang="en"):
    doc = Doc(
        vocab,
        words=words,
        ents=ents,
        tags=[POS.get(word, "PROPN") for word in words] if ents else None,
        pos=[POS.get(word, "PROPN") for word in words] if ents else None,
    )
    doc.user_data["lang"] = lang
    return doc


def make_examples(nlp, sentences=SENTENCES):
    references = [reference_doc(nlp.vocab, words, tags) for words, tags in sentences]
    return [Example(Doc(nlp.vocab, words=[t.text for t in r]), r) for r in references]


def make_pipeline(factory, **config):
    nlp = spacy.blank("xx")
    model = {"@architectures": "spacy-skd.CRFTagger.v1", "tok2vec": SMALL_TOK2VEC}
    nlp.add_pipe(factory, name="pipe", config={"model": model, **config})
    return nlp


def train(nlp, examples, steps=60):
    optimizer = nlp.initialize(lambda: examples)
    for _ in range(steps):
        losses = nlp.update(examples, sgd=optimizer)
    return losses["pipe"]


@pytest.fixture(params=[("crf_ner", {}), ("crf_ner", {"scheme": "IOB2"}), ("crf_tagger", {})])
def untrained(request):
    factory, config = request.param
    return make_pipeline(factory, **config)


@pytest.fixture
def trained(untrained):
    train(untrained, make_examples(untrained))
    return untrained


@pytest.fixture(scope="session")
def warm_python(tmp_path_factory):
    """A Python whose processes have imported spaCy already (see warm.py), on Linux."""
    if not hasattr(os, "pidfd_open"):
        yield sys.executable
        return
    client, server = start(tmp_path_factory.mktemp("warm"))
    yield str(client)
    server.communicate()


@pytest.fixture
def warm(warm_python, monkeypatch):
    """Has all that a test starts with this Python be started with that one. Not for tests of what
    processes are to each other, as the one that works is not the one that was started.
    """
    monkeypatch.setattr(sys, "executable", warm_python)


@pytest.fixture(scope="session")
def tiny_transformer(tmp_path_factory):
    """Gives a folder as `save_pretrained` leaves it; made, and libraries imported, when asked."""
    folder = tmp_path_factory.mktemp("transformer")

    @cache
    def make():
        save_tiny_transformer(folder)
        return folder

    return make


def save_tiny_transformer(folder):
    """One small layer, and a word-level tokenizer of our sentences."""
    transformers = pytest.importorskip("transformers")
    pytest.importorskip("spacy_transformers")
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace

    words = sorted({word for sentence, _ in SENTENCES for word in sentence})
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    vocabulary = {word: i for i, word in enumerate(special + words)}
    tokenizer = Tokenizer(WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        model_max_length=64,
    ).save_pretrained(folder)
    config = transformers.BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=64,
    )
    transformers.BertModel(config).save_pretrained(folder)


CLASSIFIER_LABELS = ("O", "B-PER", "I-PER", "B-LOC", "I-LOC")


@pytest.fixture
def make_classifier(tiny_transformer, tmp_path):
    """Makes a folder as `save_pretrained` leaves it; trained on our sentences if wished."""

    def make(names=CLASSIFIER_LABELS, trained=False, name="classifier"):
        from transformers import AutoModelForTokenClassification, AutoTokenizer

        source = tiny_transformer()
        labels = dict(enumerate(names))
        model = AutoModelForTokenClassification.from_pretrained(
            source, id2label=labels, label2id={label: i for i, label in labels.items()}
        )
        if trained:
            learn(model, AutoTokenizer.from_pretrained(source), list(names))
        folder = tmp_path / name
        model.save_pretrained(folder)
        AutoTokenizer.from_pretrained(source).save_pretrained(folder)
        return folder

    return make


def learn(model, tokenizer, names):
    """The tags of our sentences, as far as they are among the names."""
    import torch

    torch.manual_seed(0)
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    model.train()
    for _ in range(60):
        for words, tags in SENTENCES:
            encoded = tokenizer(words, is_split_into_words=True, return_tensors="pt")
            gold = torch.tensor([[names.index(tag) for tag in tags]])
            model(**encoded, labels=gold).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    model.eval()
