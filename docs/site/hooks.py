"""What the site has beyond the pages of this folder: made when it is built, never stored."""

import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
INDEX = '<meta http-equiv="refresh" content="0; url=start/">'


def on_files(files: Any, config: Any) -> Any:
    """Pages that are generated."""
    from mkdocs.structure.files import File

    pages = {"errors.md": error_codes(), "changelog.md": changelog()}
    for name, content in pages.items():
        files.append(File.generated(config, name, content=content))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """Links out of docs/ lead to files of the repository, which the site does not have."""
    return re.sub(r"\[`?([^\]`]+)`?\]\(\.\./[^)]*\)", r"`\1`", markdown)


def on_post_build(config: Any) -> None:
    """The address of the site is that of its first page."""
    page = f"<!doctype html>\n<title>{config['site_name']}</title>\n{INDEX}\n"
    Path(config["site_dir"], "index.html").write_text(page, encoding="utf-8")


def error_codes() -> str:
    """Every message with its code, as users see it; in braces what stands for a value."""
    from spacy_skd.errors import Errors, Warnings

    lines = [
        "# Error codes",
        "",
        "A message begins with its code. In braces: what is filled in.",
    ]
    for title, messages in (("Errors", Errors), ("Warnings", Warnings)):
        lines += ["", f"## {title}"]
        for code in sorted(name for name in vars(messages) if re.fullmatch(r"(SKD|W)\d+", name)):
            text = str(vars(messages)[code])
            lines += ["", f"### {code}", "", f"```text\n{text}\n```"]
    return "\n".join(lines) + "\n"


def changelog() -> str:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    return re.sub(r"`docs/([\w-]+\.md)`", r"[\1](\1)", text)
