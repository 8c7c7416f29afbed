"""One embedding with and without word vectors."""

import numpy as np
import pytest
import spacy
from spacy.ml.models.tok2vec import MultiHashEmbed
from spacy.vectors import Vectors
from thinc.api import fix_random_seed, set_dropout_rate

from spacy_skd.embedding import build_joined_embed, build_multi_hash_embed
from spacy_skd.errors import SkdError

ATTRS, ROWS, WIDTH = ["NORM", "SHAPE"], [50, 20], 8
WORDS = ["Anna", "lives", "in", "Rome"]


def with_vectors(dims):
    nlp = spacy.blank("xx")
    data = np.random.default_rng(0).normal(size=(len(WORDS), dims)).astype("f")
    nlp.vocab.vectors = Vectors(strings=nlp.vocab.strings, data=data, keys=WORDS)
    return nlp


def initialized(build, docs, *args):
    fix_random_seed(0)
    return build(WIDTH, ATTRS, ROWS, *args).initialize(X=docs)


@pytest.mark.parametrize("nlp", [spacy.blank("xx"), with_vectors(5)], ids=["none", "vectors"])
def test_it_equals_spacys_own_in_output_and_gradients(nlp):
    docs = [nlp("Anna lives in Rome"), nlp(""), nlp("Rome unseen")]
    ours = initialized(build_multi_hash_embed, docs)
    theirs = initialized(MultiHashEmbed, docs, nlp.vocab.vectors_length > 0)
    outputs, backprop = ours.begin_update(docs)
    expected, backprop_expected = theirs.begin_update(docs)
    assert [output.shape for output in outputs] == [(4, WIDTH), (0, WIDTH), (2, WIDTH)]
    for output, wanted in zip(outputs, expected):
        np.testing.assert_allclose(output, wanted, rtol=1e-6, atol=1e-9)
    backprop([output + 1 for output in outputs])
    backprop_expected([output + 1 for output in outputs])
    gradients = dict(gradients_of(ours))
    assert any(name == "static_vectors.W" for name in gradients) == (nlp.vocab.vectors_length > 0)
    for name, gradient in gradients_of(theirs):
        if name != "static_vectors.W":
            np.testing.assert_allclose(gradients[name], gradient, rtol=1e-6, atol=1e-9)


def test_a_word_without_a_vector_teaches_nothing_about_vectors():
    """In spaCy's layer it counts as the last word of the table."""
    nlp = with_vectors(5)
    learned = []
    for build, args, text in (
        (build_multi_hash_embed, (), "Anna unseen in unknown Rome"),
        (MultiHashEmbed, (True,), "Anna in Rome"),
    ):
        docs = [nlp(text)]
        model = initialized(build, docs, *args)
        outputs, backprop = model.begin_update(docs)
        backprop([output + 1 for output in outputs])
        learned.append(dict(gradients_of(model))["static_vectors.W"])
    np.testing.assert_allclose(*learned, rtol=1e-5, atol=1e-7)


def gradients_of(model):
    for node in model.walk():
        for name in node.grad_names:
            yield (
                f"{node.name}.{node.attrs.get('column', '')}{name}".replace("..", "."),
                node.get_grad(name),
            )


def test_dropout_differs_from_token_to_token():
    docs = [spacy.blank("xx")("Rome Rome")]
    model = initialized(build_multi_hash_embed, docs)
    np.testing.assert_array_equal(*model.predict(docs)[0])
    set_dropout_rate(model, 0.5)
    [vectors], _ = model.begin_update(docs)
    assert not np.array_equal(*(vectors == 0))


@pytest.mark.parametrize("nlp", [spacy.blank("xx"), with_vectors(5)], ids=["none", "vectors"])
def test_saved_and_loaded_it_gives_the_same(nlp):
    docs = [nlp("Anna lives in Rome")]
    model = initialized(build_multi_hash_embed, docs)
    loaded = build_multi_hash_embed(WIDTH, ATTRS, ROWS).from_bytes(model.to_bytes())
    np.testing.assert_array_equal(loaded.predict(docs)[0], model.predict(docs)[0])


def test_vectors_of_another_width_are_one_line():
    model = initialized(build_multi_hash_embed, [with_vectors(5)("Anna")])
    with pytest.raises(SkdError, match="SKD177.* 5 dimensions.* 7"):
        model.predict([with_vectors(7)("Anna")])


def test_a_table_for_each_feature():
    with pytest.raises(ValueError, match="2 features"):
        build_multi_hash_embed(WIDTH, ATTRS, [10])


def test_joined_it_hears_of_both_and_teaches_both():
    nlp = with_vectors(5)
    docs = [nlp("Anna lives in Rome"), nlp(""), nlp("Rome unseen")]
    parts = [build_multi_hash_embed(width, ATTRS, ROWS) for width in (6, 10)]
    fix_random_seed(0)
    model = build_joined_embed(*parts, WIDTH).initialize(X=docs)
    outputs, backprop = model.begin_update(docs)
    assert [output.shape for output in outputs] == [(4, WIDTH), (0, WIDTH), (2, WIDTH)]
    backprop([output + 1 for output in outputs])
    assert len(docs) == 3
    for part in parts:
        assert all(np.abs(gradient).max() > 0 for _, gradient in gradients_of(part))
    for part in parts:
        before = model.predict(docs)[0]
        table = next(node for node in part.walk() if node.name == "hashembed")
        table.set_param("E", table.get_param("E") + 1)
        assert np.abs(model.predict(docs)[0] - before).max() > 1e-3
    loaded = build_joined_embed(
        *(build_multi_hash_embed(width, ATTRS, ROWS) for width in (6, 10)), WIDTH
    ).from_bytes(model.to_bytes())
    np.testing.assert_array_equal(loaded.predict(docs)[0], model.predict(docs)[0])
