"""The page on which one types text: what it says, what it refuses, and how it lies in a browser."""

import html
import http.client
import re
import threading
from contextlib import contextmanager
from urllib.parse import quote, urlencode

import pytest
import spacy
from spacy.cli._util import app
from typer.testing import CliRunner

import spacy_skd.cli  # noqa: F401  adds its commands to spaCy's
from spacy_skd.viewer.analysis import analyse
from spacy_skd.viewer.server import MOST, Handler, Page, make_server

from ..browser import check_frames, frames_page, look_at, needs_browser
from ..conftest import make_examples, make_pipeline, train

EVIL = '<script>alert("x")</script>'
TEXT = "Ada Lovelace lives in London ."


@pytest.fixture(scope="module")
def ner():
    nlp = make_pipeline("crf_ner")
    train(nlp, make_examples(nlp), steps=30)
    return nlp


@pytest.fixture(scope="module")
def tagger():
    nlp = make_pipeline("crf_tagger")
    train(nlp, make_examples(nlp), steps=30)
    return nlp


@contextmanager
def serving(nlp, handler=None):
    server = make_server(Page(nlp, f"xx {EVIL}"), "127.0.0.1", 0)
    if handler is not None:
        server.RequestHandlerClass = type("H", (handler, server.RequestHandlerClass), {})
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def ask(port, method="GET", path="/", body=None, headers=()):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    kind = {"Content-Type": "application/x-www-form-urlencoded", **dict(headers)}
    connection.request(method, path, body, kind)
    response = connection.getresponse()
    content = response.read().decode("utf-8")
    connection.close()
    return response, content


def test_entities_with_confidences_and_other_analyses(ner):
    doc = ner(TEXT)
    found = analyse(ner, TEXT)
    spans = [part for part in found["entities"]["parts"] if part["label"]]
    assert [(span["text"], span["label"]) for span in spans] == [
        ("Ada Lovelace", "PER"),
        ("London", "LOC"),
    ]
    assert [span["confidence"] for span in spans] == ner.get_pipe("pipe").confidence(doc).tolist()
    assert "".join(part["text"] for part in found["entities"]["parts"]) == TEXT
    expected = [probability for _, probability in ner.get_pipe("pipe").kbest(doc, 5)]
    assert [reading["probability"] for reading in found["entities"]["readings"]] == expected
    assert found["tags"] is None


def test_tags_with_what_else_they_could_be(tagger):
    rows = analyse(tagger, "Nobody calls\n.")["tags"]
    assert [(row["text"], row["tag"]) for row in rows] == [
        ("Nobody", "PRON"),
        ("calls", "VERB"),
        (".", "PUNCT"),
    ]
    for row in rows:
        probabilities = [row["confidence"], *(value for _, value in row["others"])]
        assert sum(probabilities) <= 1 + 1e-6 and min(probabilities) >= 0.01


def test_components_of_others_are_shown_without_confidences():
    nlp = spacy.blank("en")
    nlp.add_pipe("ner")
    nlp.get_pipe("ner").add_label("PER")
    nlp.initialize()
    found = analyse(nlp, TEXT)
    assert found["entities"]["readings"] == [] and found["tags"] is None


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_is_typed_is_shown(ner, method):
    with serving(ner) as port:
        form = urlencode({"text": f"{TEXT}\r\n{EVIL} \u05e9\u05dc\u05d5\u05dd"})
        get = (("GET", f"/?{form}"),)
        request = get[0] if method == "GET" else ("POST", "/", form)
        response, page = ask(port, *request)
    assert response.status == 200 and "script" not in response.getheader("Content-Security-Policy")
    assert EVIL not in page and page.count(html.escape(EVIL).replace("&quot;", "&#34;")) >= 3
    assert re.search(r"<mark>Ada Lovelace<small>PER [01]\.\d\d</small></mark>", page)
    assert len(re.findall(r'<span class="number">[01]\.\d{4}</span>', page)) == 5
    assert "\u05e9\u05dc\u05d5\u05dd</textarea>" in page


def test_nothing_typed_and_too_much(ner):
    with serving(ner) as port:
        assert "<main>" not in ask(port)[1]
        assert "<main>" not in ask(port, "POST", "/", "text=+")[1]
        for body in (f"text={'a' * (MOST + 1)}", "x" * 300_000):
            response, page = ask(port, "POST", "/", body)
            assert response.status == 413 and "more than 20,000 characters" in page
        for length in ("-1", "many", "9" * 30):
            assert ask(port, "POST", "/", None, {"Content-Length": length})[0].status in (400, 413)
        assert ask(port, "GET", "/etc/passwd")[0].status == 404
        assert ask(port, "POST", "/", "text=%FF%FE\u0301".encode())[0].status == 200
        response, page = ask(port, "HEAD")
        assert response.status == 200 and page == ""


def test_command(ner, tmp_path):
    ner.to_disk(tmp_path / "model")
    with serving(ner) as port:
        for used in (port, 70000):
            command = ["skd", "visualize", str(tmp_path / "model"), "--port", str(used)]
            result = CliRunner().invoke(app, command)
            assert result.exit_code == 1 and "SKD262" in result.stderr, result.stderr
    result = CliRunner().invoke(app, ["skd", "visualize", str(tmp_path / "nowhere")])
    assert result.exit_code == 1 and "SKD126" in result.stderr


TYPE = """
addEventListener("load", async () => {
  const frames = [...document.querySelectorAll("iframe")];
  await Promise.all(frames.map(frame => new Promise(done => {
    frame.addEventListener("load", done, {once: true});
    frame.contentDocument.querySelector("textarea").value = decodeURIComponent("TEXT");
    frame.contentDocument.querySelector("button").click();
  })));
  say(frames.map(frame => measure(frame, "p, h1, h2, .text, .wide, textarea, button")));
});
"""


class WithFrames(Handler):
    """The page, and another of the same origin, so that its script may use the frames."""

    text = ""

    def do_GET(self):
        if self.path != "/frames":
            return super().do_GET()
        content = frames_page('src="/"', TYPE.replace("TEXT", quote(self.text))).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


@needs_browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("kind", ["ner", "tagger"])
def test_in_a_browser(request, kind, scheme, tmp_path):
    """Somebody types, also words without end, presses the button, and sees it."""
    text = f"{TEXT} {EVIL} {'w' * 300} \u0634\u0644\u0648\u0645"
    handler = type("Frames", (WithFrames,), {"text": text})
    with serving(request.getfixturevalue(kind), handler) as port:
        found = look_at(f"http://127.0.0.1:{port}/frames", scheme, tmp_path)
    check_frames(found, scheme)
    for frame in found:
        assert EVIL.split("(")[0] in frame["said"]
        assert ("What else it could be" if kind == "ner" else "probability") in frame["said"]
