"""What documents, messages and examples say of commands, options and variables is so."""

import re
import shlex
from pathlib import Path

import pytest
from thinc.api import Config
from weasel.util import load_project_config

from spacy_skd.errors import Errors, Warnings

from .command_line import options_of, spacy_command

ROOT = Path(__file__).parents[1]
PROJECT = load_project_config(ROOT)
PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for path in [
        *sorted(ROOT.glob("*.md")),
        *sorted((ROOT / "docs").glob("*.md")),
        *sorted((ROOT / "usage_examples").rglob("*.md")),
        ROOT / "project.yml",
        *sorted((ROOT / "assets").rglob("*.md")),
        *sorted((ROOT / "configs").glob("*.cfg")),
        *sorted((ROOT / "benchmarks").glob("*.py")),
        *sorted((ROOT / "spacy_skd" / "cli").glob("*.py")),
    ]
}
PAGES["errors.py"] = "\n".join(
    text
    for messages in (Errors, Warnings)
    for code, text in vars(messages).items()
    if re.fullmatch(r"(SKD|W)\d+", code)
)
# A command ends with its line, with the code that it stands in, or where a sentence goes on.
COMMAND = re.compile(r"(?:python -m )?spacy (?:skd|project run)\b[^`\n,;)]*")
COMMANDS = sorted(
    {(page, found.strip()) for page, text in PAGES.items() for found in COMMAND.findall(text)}
)


def overridable():
    """Settings of our configs, as the command line names them."""
    for path in (ROOT / "configs").glob("*.cfg"):
        config = Config().from_disk(path, interpolate=False)
        for section, values in config.items():
            yield from (f"--{section}.{name}" for name in values)


SETTINGS = set(overridable())


@pytest.mark.parametrize("page", PAGES)
def test_variables_that_are_named_exist(page):
    named = set(re.findall(r"--vars\.([A-Za-z_]\w*)", PAGES[page]))
    assert named <= set(PROJECT["vars"])


def test_there_are_commands_to_look_at():
    pages = {page for page, _ in COMMANDS}
    assert {"README.md", "project.yml", "errors.py"} <= pages and len(COMMANDS) >= 25


@pytest.mark.parametrize("page, text", COMMANDS)
def test_commands_that_are_named_exist(page, text):
    words = shlex.split(re.sub(r"<.*", "", text).replace("'", ""))
    if words[0] == "spacy":
        words = ["python", "-m", *words]
    command, arguments = spacy_command(words)
    given = {word.split("=")[0] for word in arguments if word.startswith("--")} - {"--"}
    variables = {word for word in given if word.startswith("--vars.")}
    overrides = {word for word in given if "." in word} - variables
    assert given - variables - overrides <= options_of(command)
    assert overrides <= SETTINGS
    if words[3:5] == ["project", "run"] and arguments:
        steps = {*PROJECT["workflows"], *(step["name"] for step in PROJECT["commands"])}
        assert arguments[0] in steps


def test_targets_of_make_that_are_named_exist():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, flags=re.M))
    assert set(re.findall(r"^\.PHONY: (.*)", makefile, flags=re.M)[0].split()) == targets
    workflow = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    text = PAGES["CONTRIBUTING.md"] + workflow.replace("make PYTHON=python", "\nmake")
    named = re.findall(r"(?:^|`)make ([a-z ]+)", text, flags=re.M)
    assert named and {word for words in named for word in words.split()} <= targets


def test_the_pages_of_github_workflows_name_files_that_exist():
    for path in (ROOT / ".github" / "workflows").glob("*.yml"):
        for name in re.findall(r"\.ci/\S+", path.read_text(encoding="utf-8")):
            assert (ROOT / name.rstrip(".")).is_file(), name
