"""Any encoder: the component's own, a shared tok2vec or a transformer behind a listener."""

import numpy as np
import spacy
from spacy.language import Language
from spacy.tokens import Doc
from thinc.api import Model

from ..conftest import SENTENCES, SMALL_TOK2VEC, make_examples, train


def with_listener(encoder_name, encoder_config, listener):
    nlp = spacy.blank("xx")
    nlp.add_pipe(encoder_name, config=encoder_config)
    model = {"@architectures": "spacy-skd.CRFTagger.v1", "tok2vec": listener}
    nlp.add_pipe("crf_ner", name="pipe", config={"model": model})
    return nlp


def found(nlp):
    docs = [Doc(nlp.vocab, words=words) for words, _ in SENTENCES]
    return [[(e.start, e.end, e.label_) for e in doc.ents] for doc in nlp.pipe(docs)]


def expected():
    from spacy_skd.schemes import get_scheme

    return [get_scheme("IOB2").decode(tags) for _, tags in SENTENCES]


def test_shared_tok2vec():
    listener = {"@architectures": "spacy.Tok2VecListener.v1", "width": 32, "upstream": "*"}
    nlp = with_listener("tok2vec", {"model": SMALL_TOK2VEC}, listener)
    train(nlp, make_examples(nlp))
    assert found(nlp) == expected()


def transformer_pipeline(folder):
    listener = {
        "@architectures": "spacy-transformers.TransformerListener.v1",
        "grad_factor": 1.0,
        "pooling": {"@layers": "reduce_mean.v1"},
    }
    model = {
        "@architectures": "spacy-transformers.TransformerModel.v3",
        "name": str(folder),
        "get_spans": {
            "@span_getters": "spacy-transformers.strided_spans.v1",
            "window": 32,
            "stride": 24,
        },
        "tokenizer_config": {"use_fast": True},
    }
    return with_listener("transformer", {"model": model}, listener)


def test_transformer(tiny_transformer, tmp_path):
    nlp = transformer_pipeline(tiny_transformer())
    examples = make_examples(nlp)
    optimizer = nlp.initialize(lambda: examples)
    optimizer.learn_rate = 0.01
    losses = [nlp.update(examples, sgd=optimizer)["pipe"] for _ in range(40)]
    assert np.isfinite(losses).all() and losses[-1] < 0.2 * losses[0]
    nlp.to_disk(tmp_path / "nlp")
    assert found(spacy.load(tmp_path / "nlp")) == found(nlp) == expected()


@Language.factory("curated_stand_in")
class CuratedStandIn:
    """An encoder that leaves vectors where spacy-curated-transformers does, and learns nothing."""

    def __init__(self, nlp, name):
        self.listeners = []
        if not Doc.has_extension("trf_data"):
            Doc.set_extension("trf_data", default=None)

    def __call__(self, doc):
        vectors = [np.random.default_rng(token.orth % 2**32).normal(size=32) for token in doc]
        doc._.trf_data = np.array(vectors, dtype="float32").reshape(len(doc), 32)
        return doc


@spacy.registry.architectures("curated_stand_in.v1")
def make_curated_listener():
    """As the package makes them: a Model with a mark, and zeros where an encoder left none."""
    mark = {"_TRANSFORMER_LISTENER": True}
    return Model("curated-listener", curated_forward, dims={"nO": 32}, attrs=mark)


def curated_forward(model, docs, is_train):
    left = [doc._.trf_data for doc in docs]
    zeros = [np.zeros((len(doc), 32), dtype="float32") for doc in docs]
    return [z if vectors is None else vectors for vectors, z in zip(left, zeros)], lambda _: []


def curated_pipeline():
    nlp = with_listener("curated_stand_in", {}, {"@architectures": "curated_stand_in.v1"})
    (encoder, pipe) = (nlp.get_pipe(name) for name in nlp.pipe_names)
    encoder.listeners = [node for node in pipe.model.walk() if node.name == "curated-listener"]
    return nlp
