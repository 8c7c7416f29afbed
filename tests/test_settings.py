"""What a config sets wrongly is one line that names the setting, wherever spaCy lets it through."""

import math

import pytest
from spacy import registry

from spacy_skd.errors import SkdError
from spacy_skd.settings import check_number

from .conftest import SMALL_TOK2VEC, make_examples, make_pipeline


@pytest.mark.parametrize("value", [1, 2.5, 3, 1e0])
def test_numbers(value):
    check_number("x", value, 1, 3)


@pytest.mark.parametrize(
    "value", [0.99, 3.01, math.nan, math.inf, -math.inf, "2", True, None, [2], {}, 2j, "", b"2"]
)
def test_no_numbers(value):
    with pytest.raises(SkdError, match="SKD029.*x is .*a number from 1 to 3"):
        check_number("x", value, 1, 3)


@pytest.mark.parametrize("value", [2.0, math.inf, 10**400, "3", False])
def test_no_whole_numbers(value):
    with pytest.raises(SkdError, match="SKD029.*a whole number from 0 up"):
        check_number("x", value, 0, whole=True)


READER = {"@readers": "spacy-skd.MultilingualCorpus.v1", "path": "corpus"}
MISC = {"@misc": "spacy-skd.Distillation.v1"}
MODEL = {"@architectures": "spacy-skd.CRFTagger.v1", "tok2vec": SMALL_TOK2VEC}
CONTEXT = {"@architectures": "spacy-skd.SentenceContext.v1", "embed": SMALL_TOK2VEC}


def case(block, name, *values):
    return [pytest.param(block, name, value, id=f"{name}={value!r:.20}") for value in values]


@pytest.mark.parametrize(
    "block, name, value",
    [
        *case(READER, "alpha", math.inf, math.nan, 1000, -1000, 1.5, "1", "nan"),
        *case(READER, "limit", -1, "3", 10**400),
        *case(READER, "seed", -1, "3"),
        *case(READER, "split", "../train", "", "a" * 300, "train\n"),
        *case(READER, "languages", ["de", "../fr"], ["de.partial"], [""], ["\x1b[31m"]),
        *case(MISC, "k", 0, -1, 1001, 10**9, "3"),
        *case(MISC, "temperature", 0.0, -1.0, math.inf, math.nan, 1e-300, 1e300, "2"),
        *case(MISC, "teacher_temperature", 0.0, math.nan, "2"),
        *case(MISC, "kd_weight", 1.5, math.nan, "0.5"),
        *case(MISC, "objective", "", "kl", {}, {"top_k": 0}, {"top_k": "1"}, {"top_k": math.inf}),
        *case(MODEL, "transitions_lr", -1.0, math.inf, math.nan, "1"),
        *case(MODEL, "nO", 0, -1, "3"),
        *case(CONTEXT, "width", 0, -96, 10**9, "32"),
    ],
)
def test_a_bad_value_in_a_config_is_named(block, name, value):
    # split and languages name themselves by their value.
    by_value = {"languages": "no language code", "objective": "objective"}
    shown = by_value.get(name, f"{name}.* of |{name}")
    with pytest.raises(SkdError, match=shown) as error:
        registry.resolve({"block": {**block, name: value}})
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("value", [{}, {"objective": "structural"}, {"k": 3}])
def test_a_distillation_without_misc(value):
    with pytest.raises(SkdError, match="SKD030.*'pipe'.*@misc"):
        make_pipeline("crf_ner", distillation=value)


@pytest.mark.parametrize("value", ["plain", "iob", ""])
def test_schemes_of_entities(value):
    with pytest.raises(SkdError, match="SKD031.*'pipe'.*BILOU, IOB2"):
        make_pipeline("crf_ner", scheme=value)


def test_nO_is_checked_against_the_labels():
    model = {**MODEL, "nO": 5}
    for factory, labels in (("crf_tagger", 5), ("crf_ner", 9)):
        nlp = make_pipeline(factory)
        nlp.remove_pipe("pipe")
        nlp.add_pipe(factory, name="pipe", config={"model": model})
        if labels == 5:
            nlp.initialize(lambda: make_examples(nlp))
            assert nlp.get_pipe("pipe").model.get_dim("nO") == 5
        else:
            with pytest.raises(SkdError, match="SKD033.*nO .* is 5, .* 9 tags"):
                nlp.initialize(lambda: make_examples(nlp))
