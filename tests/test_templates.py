"""One way to templates, with and without jinja2."""

import sys

import jinja2
import pytest

from spacy_skd.errors import Errors, SkdError
from spacy_skd.templates import open_templates

PACKAGES = {
    "spacy_skd.comparison": "page.html.jinja",
    "spacy_skd.hub": "card.md.jinja",
    "spacy_skd.viewer": "page.html.jinja",
}
ABSENT = SkdError(Errors.SKD233.format(package="jinja2"))


@pytest.mark.parametrize("package, name", PACKAGES.items())
def test_what_lies_beside_the_modules_is_found(package, name):
    assert name in open_templates(package, ABSENT).list_templates()


def test_what_a_template_is_not_given_is_an_error():
    template = open_templates("spacy_skd.viewer", ABSENT).from_string("{{ word }}")
    with pytest.raises(jinja2.UndefinedError):
        template.render()


def test_settings_are_those_of_jinja2():
    text = "{{ word }}"
    plain = open_templates("spacy_skd.viewer", ABSENT).from_string(text)
    escaped = open_templates("spacy_skd.viewer", ABSENT, autoescape=True).from_string(text)
    assert (plain.render(word="<"), escaped.render(word="<")) == ("<", "&lt;")


def test_without_jinja2(monkeypatch):
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(SkdError, match=r"SKD233.*jinja2"):
        open_templates("spacy_skd.viewer", ABSENT)
