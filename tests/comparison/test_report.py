"""The page of a comparison: what it says, that nothing breaks it, and how it lies in a browser."""

import html
import json
import re
import shutil
import subprocess

import pytest
from spacy.cli._util import app
from typer.testing import CliRunner

import spacy_skd.cli  # noqa: F401  adds its commands to spaCy's
from spacy_skd.comparison.report import parts, render

from .test_tables import COST, comparison

EVIL = '<script>alert("x")</script>'
CHROMIUM = (
    shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)


def whole(**changes):
    """A comparison with everything in it that a report can show."""
    found = comparison(**changes)
    curve = {"structural 0": [[0, 0.1], [100, 0.5], [200, 0.83]]}
    found["spec"] = {
        **found["spec"],
        "about": f"Methods {EVIL}",
        "axis": "distillation.k",
        "settings": {"distillation.k": 1},
        "teachers": [{"name": "cnn"}],
        "rows": [
            {"name": "baseline", "settings": {}},
            {"name": "structural", "settings": {"distillation.k": 10}},
        ],
    }
    words = ["Ada ", "Lovelace ", "lives ", "in ", EVIL, "."]
    return {
        **found,
        "zero_shot": found["rows"],
        "costs": {name: [{**COST, "curves": curve}] for name in found["rows"]},
        "sentences": [
            {
                "language": "de",
                "words": words,
                "gold": [[0, 2, "PER"], [4, 5, "LOC"]],
                "found": {"baseline": [[0, 1, "PER"]], "structural": [[0, 2, "PER"]]},
            }
        ],
        "versions": {"spacy": "3.8", "torch": None},
        "machine": {"cores": 2},
        "data": {"corpus": {"de/train.spacy": "ab" * 32}, "zero_shot": None},
        **changes,
    }


def test_the_figures_are_those_of_the_comparison():
    page = render([whole()])
    for text in ("91.00 ± 1.41", "80.00 ± 0.00", "+4.00", "57 %", "1 of 2", "12346"):
        assert f">{text}<" in page, text
    # Bars carry the means of teachers, baseline and best row.
    drawn = set(re.findall(r">(\d+\.\d)</text>", page))
    assert {"91.0", "81.0", "80.0", "78.0", "89.0", "77.0", "86.0", "79.0", "83.0"} <= drawn
    assert page.count("<svg") == 7
    assert "not installed" in page and "abababab" in page


def test_whatever_is_in_a_comparison_is_escaped():
    page = render([whole()])
    assert EVIL not in page and html.escape(EVIL) in page.replace("&#34;", "&quot;")
    assert "<script" not in page and "http-equiv" not in page
    assert not re.findall(r'(?:src|href)="(?!#)', page.replace("xlink:href", "href"))


def test_sentences_are_cut_at_their_spans():
    words = ["New ", "York ", "is ", "big", "."]
    found = parts(words, [(0, 2, "LOC"), (3, 4, "X")], {(0, 2, "LOC")})
    assert [(part["text"], part["label"], part["wrong"]) for part in found] == [
        ("New York", "LOC", False),
        (" ", None, False),
        ("is ", None, False),
        ("big", "X", True),
        (".", None, False),
    ]


def test_a_comparison_without_extras():
    plain = whole(zero_shot=None, sentences=[])
    plain["spec"] = {**plain["spec"], "axis": None}
    page = render([plain, whole()])
    assert page.count("<section>") == 2 and page.count("<h1>") == 1


def test_command(tmp_path):
    path = tmp_path / "comparison.json"
    path.write_text(json.dumps(whole()), encoding="utf-8")
    output = tmp_path / "new" / "report.html"
    result = CliRunner().invoke(app, ["skd", "report", str(path), "--output", str(output)])
    assert result.exit_code == 0, result.output
    assert output.read_text("utf-8").startswith("<!doctype html>")
    for broken in ("{", "[]", "{}"):
        path.write_text(broken)
        result = CliRunner().invoke(app, ["skd", "report", str(path), "--output", str(output)])
        assert result.exit_code == 1 and "SKD234" in result.stderr


@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_overflows_in_a_browser(tmp_path, scheme):
    """In frames as wide as a phone and as a screen; what is too wide scrolls in its own place."""
    page = html.escape(render([whole(), whole()]), quote=True)
    outer = tmp_path / "outer.html"
    outer.write_text(
        "<!doctype html><meta charset=utf-8>"
        + "".join(f'<iframe width={w} height=900 srcdoc="{page}"></iframe>' for w in (390, 1280))
        + """<pre></pre><script>
        const box = element => element.getBoundingClientRect();
        addEventListener("load", () => {
          const frames = [...document.querySelectorAll("iframe")];
          document.querySelector("pre").textContent = JSON.stringify(frames.map(frame => {
            const page = frame.contentDocument.documentElement;
            const style = frame.contentWindow.getComputedStyle(page.querySelector("body"));
            const inside = [...page.querySelectorAll("figure, .sentence, p, h1, .wide")];
            return {
              width: page.clientWidth, scroll: page.scrollWidth,
              over: inside.filter(e => box(e).right > page.clientWidth + 1).length,
              drawn: [...page.querySelectorAll("svg")].every(e => box(e).height > 50),
              text: style.color, back: style.backgroundColor,
            };
          }));
        });</script>""",
        encoding="utf-8",
    )
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic"]
    command += ["--no-first-run", "--disable-background-networking", "--disable-component-update"]
    command += ["--disable-sync", f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom"]
    if scheme == "dark":
        command.append("--blink-settings=preferredColorScheme=0")
    result = subprocess.run([*command, outer.as_uri()], capture_output=True, text=True, timeout=120)
    found = json.loads(html.unescape(re.search(r"<pre>(.*?)</pre>", result.stdout)[1]))
    assert [frame["width"] > 300 for frame in found] == [True, True]
    for frame in found:
        assert frame["scroll"] <= frame["width"] and frame["over"] == 0 and frame["drawn"]
    dark = found[0]["back"] == "rgb(22, 24, 28)"
    assert dark == (scheme == "dark") and found[0]["text"] != found[0]["back"]
