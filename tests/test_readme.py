"""What the README and the picture of the house say is so."""

import re
import shlex
from pathlib import Path

import pytest
import spacy
from spacy import registry
from spacy.cli._util import app
from thinc.api import Config
from typer.testing import CliRunner
from weasel.util import load_project_config

import spacy_skd.cli  # noqa: F401  adds its commands to spaCy's
from spacy_skd.objectives import OBJECTIVES

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
IN_AN_APP = (ROOT / "docs" / "in-an-app.md").read_text(encoding="utf-8")
CI = (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", README, flags=re.M | re.S)


COMMANDS = [line for block in blocks("bash") for line in block.splitlines()]
SET_UP = 'pip install -r requirements.txt -e ".[all]"'


def test_it_opens_with_set_up_and_run_and_with_the_tests():
    run, tests = COMMANDS[:2]
    assert run == f"{SET_UP} && python -m spacy project run all"
    assert tests == f"{SET_UP} && python -m pytest"


def test_ci_runs_the_test_command_as_it_stands():
    assert COMMANDS[1] in CI


def test_ci_runs_the_quick_form_of_the_main_job():
    (quick,) = [line for line in COMMANDS if "--vars.teacher_steps" in line]
    options = quick.split(" all . ")[1].split()
    assert [word for word in CI.split() if word in options] == options


@pytest.mark.parametrize("line", [line for line in COMMANDS if " project run " in line])
def test_project_commands_name_steps_and_variables_that_exist(line):
    words = shlex.split(line.split(" && ")[-1])
    overrides = {word[2:]: "x" for word in words if word.startswith("--vars.")}
    config = load_project_config(ROOT)
    name = words[words.index("run") + 1]
    assert name in {*config["workflows"], *(command["name"] for command in config["commands"])}
    assert {key[len("vars.") :] for key in overrides} <= set(config["vars"])


@pytest.mark.parametrize("line", [line for line in COMMANDS if line.endswith("--help")])
def test_commands_that_are_pointed_to_have_a_help(line):
    result = CliRunner().invoke(app, shlex.split(line)[3:])
    assert result.exit_code == 0, result.output


def test_every_command_of_the_readme_is_covered():
    known = [line for line in COMMANDS if " project run " in line or line.endswith("--help")]
    assert set(COMMANDS) - set(known) == {COMMANDS[1]}


def test_the_examples_of_the_components_run_one_after_the_other(capsys):
    examples = [block for block in blocks("python") if "xx_skd" not in block]
    namespace = {}
    for code in examples:
        exec(compile(code, "README.md", "exec"), namespace)
    entities, confidence, best, *others = capsys.readouterr().out.splitlines()
    assert entities == "[('Anna Weber', 'PER'), ('Rom', 'LOC')]"
    assert re.fullmatch(r"\[\('Anna Weber', [01]\.\d+\), \('Rom', [01]\.\d+\)\]", confidence)
    assert best.startswith(entities) and len(others) == 2


def test_the_page_for_applications_runs(capsys):
    code = re.findall(r"^```python\n(.*?)^```$", IN_AN_APP, flags=re.M | re.S)
    namespace = {}
    for block in code:
        exec(compile(block, "docs/in-an-app.md", "exec"), namespace)
    lines = capsys.readouterr().out.splitlines()
    assert "False" not in " ".join(lines)
    assert lines[:2] == ["Ada PER True", "London LOC True"]
    assert "[('Acme', 'ORG'), ('London', 'LOC')]" in lines
    assert lines[-1] == "[('Ada', 'PER'), ('London', 'LOC')]"


def test_the_examples_of_the_installed_pipeline_run(monkeypatch, capsys):
    nlp = spacy.blank("xx")
    monkeypatch.setattr(spacy, "load", {"xx_skd": nlp}.__getitem__)
    examples = [block for block in blocks("python") if "xx_skd" in block]
    assert examples
    for code in examples:
        exec(compile(code, "README.md", "exec"), {})


@pytest.mark.parametrize("text", blocks("ini"))
def test_config_examples_use_what_is_registered(text):
    config = Config().from_str(f"[components]\n\n{text}", interpolate=False)
    component = config["components"]["ner"]
    assert spacy.Language.has_factory(component.pop("factory"))
    names = re.findall(r'^@(\w+) = "([^"]+)"', text, flags=re.M)
    assert names
    for kind, name in names:
        assert registry.has(kind, name), name


def test_the_objectives_are_those_of_the_package():
    _, *rows = README[README.index("| `objective`") :].split("\n\n")[0].splitlines()
    named = re.findall(r"^\| `(\w+)` \|", "\n".join(rows), flags=re.M)
    assert sorted(named) == sorted(OBJECTIVES)


def test_links_lead_to_files():
    for folder, text in ((ROOT, README), (ROOT / "docs", ARCHITECTURE + IN_AN_APP)):
        for target in re.findall(r"\]\((?!http)([^)#]+)\)", text):
            assert (folder / target).exists(), target


def test_the_picture_shows_every_file_of_the_package():
    house = re.search(r"^```\nspacy_skd/\n(.*?)^configs/", ARCHITECTURE, flags=re.M | re.S)[1]
    shown = set(re.findall(r"\w+\.(?:pyx|py|h)\b", house))
    kinds = (".py", ".pyx", ".h")
    files = (path for path in (ROOT / "spacy_skd").rglob("*") if path.suffix in kinds)
    there = {path.name for path in files} - {"__init__.py"}
    assert shown == there
