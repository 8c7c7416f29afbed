"""A page on this machine: text in, what a pipeline says of it out. Plain HTTP, no scripts."""

import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Optional, Type
from urllib.parse import parse_qs, urlsplit

from spacy.language import Language

from ..errors import Errors, SkdError
from ..templates import open_templates
from .analysis import analyse

TEMPLATE = "page.html.jinja"
# Characters of a text; in a form a character has up to 12 bytes.
MOST = 20_000
MOST_BYTES = 12 * MOST + 100
HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


class Page:
    """The page of a pipeline. Raises `SkdError` without jinja2."""

    def __init__(self, nlp: Language, name: str) -> None:
        absent = SkdError(Errors.SKD171.format(what="Pages", package="jinja2", extra="report"))
        environment = open_templates("spacy_skd.viewer", absent, autoescape=True)
        self.template = environment.get_template(TEMPLATE)
        self.nlp, self.name = nlp, name
        # A vocabulary grows with what is read, which two threads must not do at a time.
        self.lock = threading.Lock()

    def render(self, text: str = "", error: Optional[str] = None) -> str:
        """HTML; everything is escaped."""
        found = None
        if text.strip() and error is None:
            with self.lock:
                found = analyse(self.nlp, text)
        values = {"name": self.name, "text": text, "found": found, "error": error, "most": MOST}
        return self.template.render(values)


class Handler(BaseHTTPRequestHandler):
    """Answers with `page`; GET /?text=... is what the form does by POST."""

    page: Page

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        if url.path != "/":
            return self.answer("There is nothing here.", status=HTTPStatus.NOT_FOUND)
        self.analyse(url.query)

    do_HEAD = do_GET

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > MOST_BYTES:
            self.close_connection = True
            return self.answer(TOO_LONG, status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        self.analyse(self.rfile.read(int(length)).decode("ascii", errors="replace"))

    def analyse(self, form: str) -> None:
        text = parse_qs(form, errors="replace").get("text", [""])[0].replace("\r\n", "\n")
        if len(text) > MOST:
            return self.answer(TOO_LONG, status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        self.answer(None, text=text)

    def answer(
        self, error: Optional[str], text: str = "", status: HTTPStatus = HTTPStatus.OK
    ) -> None:
        content = self.page.render(text, error).encode("utf-8")
        self.send_response(status)
        for name, value in HEADERS.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Texts are nobody's business, not even in a terminal."""


TOO_LONG = f"The text has more than {MOST:,} characters."


def make_server(page: Page, host: str, port: int) -> ThreadingHTTPServer:
    """To be started with `serve_forever`. Raises `SkdError` if the port cannot be used."""
    handler: Type[Handler] = type("PageHandler", (Handler,), {"page": page})
    try:
        return ThreadingHTTPServer((host, port), handler)
    except (OSError, OverflowError) as error:
        reason = " ".join(str(getattr(error, "strerror", None) or error).split())
        raise SkdError(Errors.SKD262.format(port=port, host=host, reason=reason)) from error
