"""Our docstrings as Markdown: arguments, results and errors as a list, a term to each line."""

import re
from typing import Any

from griffe import Extension


class Docstrings(Extension):
    def on_object(self, *, obj: Any, **kwargs: Any) -> None:
        if obj.docstring is not None:
            obj.docstring.value = as_markdown(obj.docstring.value)


def as_markdown(text: str) -> str:
    """`name (type): ...`, `RETURNS (type): ...` and `Raises ...` begin an entry of a list, if a
    paragraph begins with one, and deeper lines belong to it.
    """
    paragraphs = []
    for paragraph in text.split("\n\n"):
        lines = paragraph.splitlines()
        if any(is_entry(line) for line in lines):
            lines = [f"- {marked(line)}" if is_entry(line) else line for line in lines]
            first = next(i for i, line in enumerate(lines) if line.startswith("- "))
            lines.insert(first, "")
        paragraphs.append("\n".join(lines))
    return "\n\n".join(paragraphs)


def is_entry(line: str) -> bool:
    return re.match(r"(\w[\w, *]* \(.+?\)|RETURNS( \(.+?\))?):|Raises\b", line) is not None


def marked(line: str) -> str:
    found = re.match(r"(\w[\w, *]*?)( \(.+?\))?:", line)
    if found is None:
        return line
    name, kind = found[1], found[2]
    return f"**{name}**{f' (`{kind[2:-1]}`)' if kind else ''}:{line[found.end() :]}"
