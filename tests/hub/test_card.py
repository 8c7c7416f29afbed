"""The card says what is in the wheel and the evaluation, and is valid, whatever that is."""

import html
import re

import pytest
import srsly
from thinc.api import Config

from spacy_skd.errors import SkdError
from spacy_skd.hub.card import (
    LICENCES,
    hub_languages,
    make_card,
    read_scores,
    scores_within,
    told,
)
from spacy_skd.hub.markdown import code, escape, link, table
from spacy_skd.hub.wheel import read_wheel

from .stand_in import check_card
from .wheels import SCORES, evaluation, make_wheel

pytest.importorskip("huggingface_hub")
URL = "https://huggingface.co/ada/xx_skd/resolve/main/xx_skd-1.0-py3-none-any.whl"


def card_of(folder, scores=None, **meta):
    return make_card(read_wheel(make_wheel(folder, **meta)), "ada/xx_skd", "main", scores, URL)


def parts_of(card):
    _, front, body = re.fullmatch(r"(---\n(.*?)\n---\n)(.*)", card, flags=re.S).groups()
    return srsly.yaml_loads(front), body


@pytest.fixture
def scores(tmp_path):
    return read_scores(evaluation(tmp_path / "evaluation.json"), "xx_skd")


def test_metadata_for_searches_and_widgets(tmp_path, scores):
    card = card_of(tmp_path, scores)
    assert check_card(card) == []
    front, _ = parts_of(card)
    assert front["language"] == ["de", "pt", "multilingual"]
    assert front["license"] == "cc-by-sa-4.0" and "license_name" not in front
    assert (front["library_name"], front["pipeline_tag"]) == ("spacy", "token-classification")
    (index,) = front["model-index"]
    assert index["name"] == "xx_skd" and len(index["results"]) == 2
    portuguese = index["results"][1]
    assert portuguese["dataset"] == {
        "name": "Gold | news (pt-BR)",
        "type": "gold-news",
        "config": "pt-BR",
        "split": "test",
    }
    figures = {metric["type"]: metric["value"] for metric in portuguese["metrics"]}
    assert figures == {"f1": 0.5, "precision": 0.25, "recall": 1.0}


@pytest.mark.parametrize("sources, name", [([{"name": "新闻"}], "新闻"), ([], "corpus")])
def test_data_without_a_name_that_the_hub_takes(tmp_path, sources, name):
    """It refuses a card whose data have none."""
    path = evaluation(tmp_path / "evaluation.json")
    report = srsly.read_json(path)
    srsly.write_json(path, {**report, "corpus": "."})
    card = card_of(tmp_path, read_scores(path, "xx_skd"), sources=sources)
    assert check_card(card) == []
    dataset = parts_of(card)[0]["model-index"][0]["results"][0]["dataset"]
    assert (dataset["type"], dataset["name"]) == ("corpus", f"{name} (de)")


def test_huggingface_hub_reads_its_own_metadata_back(tmp_path, scores):
    from huggingface_hub import ModelCard

    data = ModelCard(card_of(tmp_path, scores)).data
    assert [result.dataset_config for result in data.eval_results] == ["de"] * 3 + ["pt-BR"] * 3


def test_what_it_tells(tmp_path, scores):
    _, body = parts_of(card_of(tmp_path, scores))
    assert f"pip install {URL}\n" in body
    assert 'snapshot_download("ada/xx_skd", ignore_patterns="*.whl")' in body
    assert "`huggingface_hub` and what the pipeline\n[requires](#size-and-speed)" in body
    rows = [line for line in body.splitlines() if line.startswith("| ")]
    assert "| <code>de</code> | 50.00 | 50.00 |" in rows
    assert "| <code>pt-BR</code> | - | 50.00 |" in rows
    assert "| average | 50.00 | 50.00 |" in rows
    assert "| <code>ner</code> | <code>LOC</code> <code>PER</code> |" in rows
    assert "| <code>components.ner.factory</code> | <code>crf\\_ner</code> |" in rows
    assert "is a student" in body
    assert "12,346 words a second" in body and "Licence of the pipeline: CC BY-SA 4.0." in body
    for line in ("It requires", "Author:"):  # paragraphs of their own
        assert f"\n\n{line}" in body
    assert "[Ada &amp; Ben](https://example.org/x)" in body
    assert body.count("@inproceedings") == 2
    assert "/home" not in body


def test_without_evaluation_sources_licence_or_author(tmp_path):
    empty = {"sources": None, "license": "", "author": "", "description": "", "url": ""}
    card = card_of(tmp_path, **empty, languages=[], distilled=False)
    front, body = parts_of(card)
    assert check_card(card) == [] and not {"license", "language", "model-index"} & set(front)
    assert "The data are not named." in body and "No licence is given" in body
    assert "## Scores" not in body and "gold labels alone" in body and "None" not in body


def test_languages_that_nobody_has_labelled(tmp_path):
    told = "No sentence of <code>ru</code> <code>pt-BR</code> was labelled for it"
    _, body = parts_of(card_of(tmp_path, distilled=True, languages_without_labels=["ru", "pt-BR"]))
    assert told in body
    _, body = parts_of(card_of(tmp_path, distilled=True, languages_without_labels=[]))
    assert "was labelled" not in body


def test_whatever_is_in_it_is_shown_as_it_is(tmp_path):
    evil = "<script>x</script> | [a](b) `c` \n# title {{ 7 * 7 }} ![i](https://example.org)"
    meta = dict.fromkeys(("description", "author", "license"), evil)
    card = card_of(tmp_path, labels=("<b>|`x`",), sources=[{"name": evil}], **meta)
    assert check_card(card) == []
    front, body = parts_of(card)
    assert front["license"] == "other" and front["license_name"]
    assert "<script" not in body and "<b>" not in body and "49" not in body
    assert "\n# title" not in body and "](b)" not in body.replace("\\](", "")
    markdown_it = pytest.importorskip("markdown_it")
    page = markdown_it.MarkdownIt().enable("table").render(body)
    assert evil.split("\n")[0].strip() in html.unescape(page)
    assert "<td><code>&lt;b&gt;|`x`</code></td>" in page
    assert "<img" not in page and "javascript:" not in page.replace("(javascript:", "")


def test_settings_of_distillation_only_where_it_was():
    config = Config().from_str("[distillation]\nk = 10\n\n[system]\nseed = 0")
    assert list(told(config)) == [("distillation.k", 10), ("system.seed", 0)]
    assert list(told(config, distilled=False)) == [("system.seed", 0)]


@pytest.mark.parametrize("scheme", ["javascript:alert(1)", "//x", "https://a b", "http://x\\y", ""])
def test_a_link_is_one_to_the_web(scheme):
    assert link("x", scheme) == "x"


def test_tables_and_code():
    assert table(["a|b", "c"], [["d", code("|`")]]).splitlines()[0] == "| a\\|b | c |"
    assert code("a_b") == "<code>a\\_b</code>" and escape(code("x")) == "<code>x</code>"


@pytest.mark.parametrize(
    "names, expected",
    [
        (["de"], ["de"]),
        (["zh-Hans", "zh-Hant", "pt_BR"], ["zh", "pt", "multilingual"]),
        (["all", "xx", "german"], ["all", "multilingual"]),
        ([], []),
    ],
)
def test_languages_by_their_codes(names, expected):
    assert hub_languages(names) == expected


def test_the_licences_are_identifiers():
    assert {"mit", "apache-2.0", "cc-by-nc-sa-4.0", "lgpl-lr"} <= LICENCES
    assert all(re.fullmatch(r"[a-z0-9.+-]+", licence) for licence in LICENCES)


def test_a_column_with_the_name_of_the_package_is_the_pipeline(tmp_path):
    names = ("teachers", "xx_skd", "other")
    scores = read_scores(evaluation(tmp_path / "evaluation.json", names), "xx_skd")
    assert scores.own == "xx_skd"


@pytest.mark.parametrize(
    "change",
    [
        lambda report: [],
        lambda report: {},
        lambda report: {**report, "pipelines": {}},
        lambda report: {**report, "pipelines": {"a": {"languages": {"de": {}}, "average": {}}}},
        lambda report: {**report, "languages": 3},
        lambda report: {
            **report,
            "pipelines": {"a": {"languages": {"de": {"ents_f": "x"}}, "average": {"ents_f": 1}}},
        },
    ],
)
def test_what_holds_no_scores(tmp_path, change):
    path = evaluation(tmp_path / "evaluation.json")
    srsly.write_json(path, change(srsly.read_json(path)))
    with pytest.raises(SkdError, match="SKD261"):
        read_scores(path, "xx_skd")


def test_scores_that_are_in_the_wheel(tmp_path):
    assert scores_within(read_wheel(make_wheel(tmp_path))) is None
    languages = {"de": SCORES, "pt-BR": {**SCORES, "ents_f": 0.75}}
    performance = {**SCORES, "ents_f": 0.625, "speed": 1234.0, "languages": languages}
    (tmp_path / "scored").mkdir()
    wheel = read_wheel(make_wheel(tmp_path / "scored", performance=performance))
    card = make_card(wheel, "ada/xx_skd", "main", scores_within(wheel), URL)
    assert check_card(card) == []
    rows = [line for line in card.splitlines() if line.startswith("| ")]
    assert "| <code>pt-BR</code> | 75.00 |" in rows and "| average | 62.50 |" in rows
    assert "1,234 words a second" in card
