"""The site of the documentation: what is made for it, and that it is built without warnings."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from spacy_skd.errors import Errors, Warnings

ROOT = Path(__file__).parents[1]


def module(name):
    path = ROOT / "docs" / "site" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


def test_the_page_of_error_codes_has_them_all():
    page = module("hooks").error_codes()
    codes = {
        name
        for kind in (Errors, Warnings)
        for name in vars(kind)
        if re.fullmatch(r"(SKD|W)\d+", name)
    }
    assert len(codes) > 150
    assert set(re.findall(r"^### (\w+)$", page, flags=re.M)) == codes


def test_links_out_of_the_folder_become_names():
    change = module("hooks").on_page_markdown
    text = "see [configs/](../configs) and [teachers](teachers.md)"
    assert change(text, None, None, None) == "see `configs/` and [teachers](teachers.md)"


def test_every_page_is_in_the_menu():
    text = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    listed = set(re.findall(r"([\w-]+\.md)$", text[text.index("\nnav:") :], flags=re.M))
    pages = {path.name for path in (ROOT / "docs").glob("*.md")}
    assert listed == pages | {"errors.md", "changelog.md"}


def test_docstrings_become_lists():
    pytest.importorskip("griffe")
    text = "Does it.\n\nk (int): At least 1,\n    or more.\nRETURNS (List[int]): All.\nRaises `E`."
    assert module("docstrings").as_markdown(text) == (
        "Does it.\n\n\n- **k** (`int`): At least 1,\n    or more.\n"
        "- **RETURNS** (`List[int]`): All.\n- Raises `E`."
    )


@pytest.mark.slow
def test_the_site_is_built_without_warnings(tmp_path):
    for package in ("mkdocs", "material", "mkdocstrings"):
        pytest.importorskip(package)
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "-q", "-d", str(tmp_path)]
    env = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    result = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert "WARNING" not in result.stderr
    api = (tmp_path / "api" / "index.html").read_text(encoding="utf-8")
    assert 'id="spacy_skd.crf.inference.kbest"' in api and "<strong>RETURNS</strong>" in api
    # Whoever reads it asks no other machine.
    for path in tmp_path.rglob("*.html"):
        loaded = re.findall(
            r'<(?:script|link|img)[^>]+(?:src|href)="(https?:[^"]+)"', path.read_text("utf-8")
        )
        assert not [address for address in loaded if "canonical" not in address], path
