import subprocess
import sys

import pytest
from spacy import registry
from spacy.cli._util import app as spacy_app
from typer.testing import CliRunner

COMMANDS = ["fetch", "convert", "vectors", "teachers", "label", "train", "package", "evaluate"]
COMMANDS += ["calibrate", "compare", "report", "visualize", "push"]


def run(*args: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, *args], capture_output=True, encoding="utf-8")


def test_spacys_own_help_names_our_group():
    result = run("-m", "spacy", "--help")
    assert result.returncode == 0, result.stderr
    assert " skd " in result.stdout and " train " in result.stdout


def test_help_of_the_group_names_the_commands_in_the_order_of_the_work():
    result = run("-m", "spacy", "skd", "--help")
    assert result.returncode == 0, result.stderr
    listed = result.stdout.split("Commands:")[1].splitlines()
    assert [line.split()[0] for line in listed if line.strip()][: len(COMMANDS)] == COMMANDS


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_each_command_stands_alone(command):
    registry.cli.get_all()
    result = CliRunner().invoke(spacy_app, ["skd", command, "--help"], prog_name="python -m spacy")
    assert result.exit_code == 0, result.output
    assert f"Usage: python -m spacy skd {command}" in result.output
    assert f"Example: python -m spacy skd {command}" in " ".join(result.output.split())


def test_the_commands_import_nothing_heavy():
    """spaCy itself imports torch where it is installed, so what counts is what we add to it."""
    code = (
        "import sys, spacy.cli; before = set(sys.modules); import spacy_skd.cli;"
        "print(*{name.split('.')[0] for name in set(sys.modules) - before})"
    )
    result = run("-c", code)
    assert result.returncode == 0, result.stderr
    added = set(result.stdout.split())
    assert "spacy_skd" in added
    heavy = {"torch", "datasets", "transformers", "pandas", "pyarrow", "matplotlib", "conllu"}
    assert not added & heavy


def test_unknown_option_is_named():
    result = run("-m", "spacy", "skd", "teachers", "corpus", "--config", "c.cfg", "--job", "2")
    assert result.returncode == 2
    assert "--job" in result.stderr
