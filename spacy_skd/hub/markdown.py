"""Texts of others in Markdown: shown as they are, whatever is in them."""

import re
from typing import Any, List, Sequence

# What Markdown or the HTML in it could take for its own.
SPECIAL = re.compile(r"[\\`*_{}\[\]()#|!~$&<>]|^[-+=]|(?<=^\d)\.")
ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


class Markdown(str):
    """Text that is Markdown already."""


def escape(value: Any) -> Markdown:
    """Text as Markdown on one line; what is Markdown already stays."""
    if isinstance(value, Markdown):
        return value
    text = " ".join(str(value).split())
    return Markdown(SPECIAL.sub(lambda m: ENTITIES.get(m[0], f"\\{m[0]}"), text))


def code(value: Any) -> Markdown:
    """Text in the font of code. HTML, because a `|` between backticks would end a table's cell, and
    a backtick the code.
    """
    return Markdown(f"<code>{escape(value)}</code>")


def link(text: Any, url: str) -> Markdown:
    """A link, if it is to a page of the web and nothing else; otherwise the text alone."""
    if not re.fullmatch(r"https?://[^\s<>()\"'\\|]+", url):
        return escape(text)
    return Markdown(f"[{escape(text)}]({url})")


def table(head: Sequence[Any], rows: Sequence[Sequence[Any]], others: str = "---") -> Markdown:
    """A table; the other columns than the first may be aligned to the right, "--:"."""
    lines: List[Sequence[Any]] = [head, ["---", *[others] * (len(head) - 1)], *rows]
    cells = [line if i == 1 else [escape(cell) for cell in line] for i, line in enumerate(lines)]
    return Markdown("\n".join(f"| {' | '.join(line)} |" for line in cells))
