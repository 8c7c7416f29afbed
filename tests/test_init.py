"""What the package offers at its top, and that looking at it costs nothing."""

import inspect
import subprocess
import sys

import pytest

import spacy_skd
from spacy_skd.pipeline.crf_ner import make_crf_ner
from spacy_skd.pipeline.crf_tagger import make_crf_tagger


def test_public_names():
    for name in spacy_skd.__all__:
        assert getattr(spacy_skd, name) is not None
        assert name in dir(spacy_skd)
    with pytest.raises(AttributeError, match="no attribute 'CRFParser'"):
        getattr(spacy_skd, "CRF" + "Parser")


def test_importing_the_package_imports_neither_spacy_nor_numpy():
    code = "import sys, spacy_skd; print({'spacy', 'thinc', 'numpy', 'click'} & set(sys.modules))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stdout == "set()\n", result.stdout + result.stderr


@pytest.mark.parametrize(
    "cls, factory", [(spacy_skd.CRFNer, make_crf_ner), (spacy_skd.CRFTagger, make_crf_tagger)]
)
def test_help_describes_every_argument(cls, factory):
    settings = set(inspect.signature(factory).parameters) - {"nlp", "name"}
    for thing in (cls, factory):
        arguments = set(inspect.signature(thing).parameters)
        described = {
            line.split(" (")[0] for line in inspect.getdoc(thing).splitlines() if " (" in line
        }
        assert arguments - described <= ({"nlp", "name"} if thing is factory else set())
        assert settings <= described


def test_distill_describes_every_argument():
    doc = inspect.getdoc(spacy_skd.distill)
    for name in inspect.signature(spacy_skd.distill).parameters:
        assert f"\n{name} (" in doc


def test_the_package_says_that_it_is_typed():
    from importlib.resources import files

    assert files("spacy_skd").joinpath("py.typed").is_file()
