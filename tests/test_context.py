"""What a token learns of its sentence, and of no other."""

import numpy as np
import pytest
import spacy
from spacy.ml.models import MultiHashEmbed
from spacy.tokens import Doc
from spacy.training import Example
from thinc.api import Model, fix_random_seed

from spacy_skd.context import build_sentence_context
from spacy_skd.errors import SkdError

from .conftest import train

WIDTH = 8


@pytest.fixture
def nlp():
    return spacy.blank("xx")


def make_model(docs, embed=None):
    model = build_sentence_context(embed or MultiHashEmbed(WIDTH, ["NORM"], [50], False), WIDTH)
    model.initialize(X=docs)
    return model


def assert_same(one, other):
    assert len(one) == len(other)
    for left, right in zip(one, other):
        np.testing.assert_allclose(left, right, rtol=1e-5, atol=1e-6)


def test_documents_do_not_see_each_other(nlp):
    docs = [nlp("Der Hund von Anna"), nlp(""), nlp("Anna"), nlp("in in in")]
    model = make_model(docs)
    together = model.predict(docs)
    assert [vectors.shape for vectors in together] == [(len(doc), WIDTH) for doc in docs]
    assert_same(together, [model.predict([doc])[0] for doc in docs])


def test_sentences_do_not_see_each_other(nlp):
    words = ["Der", "Hund", "bellt", "The", "dog"]
    starts = [True, False, False, True, False]
    whole = Doc(nlp.vocab, words=words, sent_starts=starts)
    parts = [Doc(nlp.vocab, words=words[:3]), Doc(nlp.vocab, words=words[3:])]
    model = make_model(parts)
    assert_same(model.predict([whole]), [np.concatenate(model.predict(parts))])
    unknown = model.predict([Doc(nlp.vocab, words=words)])[0]
    assert not np.allclose(unknown, model.predict([whole])[0])


def test_gradient(nlp):
    """Against finite differences in the embeddings."""
    fix_random_seed(0)  # a maxout has kinks, where they would not tell
    rng = np.random.default_rng(0)
    docs = [
        Doc(nlp.vocab, words=["w"] * n, sent_starts=[i in (0, 2) for i in range(n)]) for n in (3, 1)
    ]
    docs.append(Doc(nlp.vocab, words=[]))
    vectors = [rng.normal(size=(len(doc), WIDTH)).astype(np.float32) for doc in docs]
    wanted = [rng.normal(size=x.shape).astype(np.float32) for x in vectors]
    gradients = []

    def embed(model, docs, is_train):
        return list(vectors), lambda d: gradients.extend(d)

    model = make_model(docs, Model("embed", embed, dims={"nO": WIDTH}))
    _, backprop = model(docs, is_train=True)
    backprop(wanted)
    step = 1e-3
    for x, gradient in zip(vectors, gradients):
        for place in np.ndindex(x.shape):
            values = []
            for difference in (step, -2 * step):
                x[place] += difference
                values.append(sum((w * y).sum() for w, y in zip(wanted, model.predict(docs))))
            x[place] += step
            numeric = (values[0] - values[1]) / (2 * step)
            assert gradient[place] == pytest.approx(numeric, abs=0.02)


def encoder(embed):
    """Sees one token to each side."""
    return {
        "@architectures": "spacy.Tok2Vec.v2",
        "embed": embed,
        "encode": {
            "@architectures": "spacy.MaxoutWindowEncoder.v2",
            "width": WIDTH,
            "depth": 1,
            "window_size": 1,
            "maxout_pieces": 3,
        },
    }


HASHES = {
    "@architectures": "spacy.MultiHashEmbed.v2",
    "width": WIDTH,
    "attrs": ["NORM"],
    "rows": [100],
    "include_static_vectors": False,
}
CONTEXT = {"@architectures": "spacy-skd.SentenceContext.v1", "width": WIDTH, "embed": HASHES}


def test_a_word_far_away_decides(tmp_path):
    """The last word has the tag that the first one asks for, six tokens before it."""
    clues = {"ja": "ADP", "sim": "PRON"}
    words = {clue: [clue, "v", "w", "x", "y", "z", "in"] for clue in clues}
    found = {}
    fix_random_seed(0)
    for name, embed in (("plain", HASHES), ("context", CONTEXT)):
        nlp = spacy.blank("xx")
        model = {"@architectures": "spacy-skd.CRFTagger.v1", "tok2vec": encoder(embed)}
        nlp.add_pipe("crf_tagger", name="pipe", config={"model": model})
        references = [
            Doc(nlp.vocab, words=words[clue], tags=["X"] * 6 + [tag]) for clue, tag in clues.items()
        ]
        train(nlp, [Example(nlp.make_doc(doc.text), doc) for doc in references], steps=600)
        nlp.to_disk(tmp_path / name)
        nlp = spacy.load(tmp_path / name)
        found[name] = {clue: nlp(" ".join(words[clue]))[-1].tag_ for clue in clues}
    assert found["context"] == clues
    assert found["plain"] != clues


def test_another_width_than_that_of_the_embedding(nlp):
    for width in (WIDTH + 1, WIDTH - 1):
        embed = MultiHashEmbed(width, ["NORM"], [50], False)
        model = build_sentence_context(embed, WIDTH)
        model.initialize(X=[nlp("Anna")])
        with pytest.raises(SkdError, match="SKD034.*width .* is 8"):
            model.predict([nlp("Anna")])
