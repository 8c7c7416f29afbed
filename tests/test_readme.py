"""What the README, the pages of docs/ and the picture of the house say is so: every block of code
in them is run, or is what it says.
"""

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
from spacy_skd.corpora.convert import convert
from spacy_skd.corpora.stored import read_split
from spacy_skd.objectives import OBJECTIVES

from .conftest import make_examples, make_pipeline

ROOT = Path(__file__).parents[1]
PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
}
README, ARCHITECTURE = PAGES["README.md"], PAGES["docs/architecture.md"]
CI = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
# Without a language: pictures, and formulas.
LANGUAGES = {"bash", "ini", "python", ""}


def blocks(page, language):
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGES[page], flags=re.M | re.S)


def lines(page):
    return [line for block in blocks(page, "bash") for line in block.splitlines()]


COMMANDS = lines("README.md")
ALL_COMMANDS = [(page, line) for page in PAGES for line in lines(page)]
OF_PROJECT = [(page, line) for page, line in ALL_COMMANDS if " project run " in line]
OF_HELP = [line for _, line in ALL_COMMANDS if line.endswith("--help")]
SET_UP = 'pip install -r requirements.txt -e ".[all]"'


def test_the_readme_opens_with_set_up_and_run_and_with_the_tests():
    assert [
        f"{SET_UP} && python -m spacy project run all",
        f"{SET_UP} && python -m pytest -n 2 --dist loadfile",
    ] == COMMANDS


def test_ci_runs_the_test_command_as_it_stands():
    assert COMMANDS[1] in CI


def test_ci_runs_the_quick_form_of_the_main_job():
    (quick,) = [line for line in lines("docs/start.md") if "--vars.teacher_steps" in line]
    options = quick.split(" all . ")[1].split()
    assert [word for word in CI.split() if word in options] == options


def test_every_block_is_of_a_language_that_is_run():
    for page, text in PAGES.items():
        fences = re.findall(r"^```(.*)$", text, flags=re.M)
        assert set(fences) <= LANGUAGES and len(fences) % 2 == 0, page


@pytest.mark.parametrize("page, line", OF_PROJECT)
def test_project_commands_name_steps_and_variables_that_exist(page, line):
    words = shlex.split(line.split(" && ")[-1])
    overrides = {word[2:]: "x" for word in words if word.startswith("--vars.")}
    config = load_project_config(ROOT)
    name = words[words.index("run") + 1]
    assert name in {*config["workflows"], *(command["name"] for command in config["commands"])}
    assert {key[len("vars.") :] for key in overrides} <= set(config["vars"])


@pytest.mark.parametrize("line", OF_HELP)
def test_commands_that_are_pointed_to_have_a_help(line):
    result = CliRunner().invoke(app, shlex.split(line)[3:])
    assert result.exit_code == 0, result.output


def test_every_other_command_is_one_of_ours_or_known():
    """Ours are looked at, with their options, in test_docs.py; tests/cli runs them. What
    `hf download` does with a private repository is in tests/hub/test_push.py.
    """
    known = ("python -m spacy skd ", "python -m spacy train ", "pip install ", "hf auth login")
    known += ("hf download ",)
    for page, line in ALL_COMMANDS:
        assert (page, line) in OF_PROJECT or line.startswith(known), line


@pytest.fixture(scope="module")
def xx_skd():
    nlp = make_pipeline("crf_ner")
    nlp.rename_pipe("pipe", "ner")
    nlp.initialize(lambda: make_examples(nlp))
    for _ in range(20):
        nlp.update(make_examples(nlp))
    return nlp


@pytest.fixture
def run_page(monkeypatch, tmp_path, capsys, xx_skd):
    """Runs the Python of a page, one block after the other, in an empty folder; gives its output.
    The installed pipeline is a small one; downloads are tested in tests/hub.
    """
    load = spacy.load
    known = {"xx_skd": xx_skd, "downloaded": xx_skd}

    def known_or_loaded(name, **settings):
        return known.get(str(name)) or load(name, **settings)

    def run(page):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(
            spacy, "load", lambda name, **kw: known.get(str(name)) or load(name, **kw)
        )
        if "snapshot_download" in PAGES[page]:
            hub = pytest.importorskip("huggingface_hub")
            monkeypatch.setattr(hub, "snapshot_download", lambda *_, **__: "downloaded")
        if "from datasets" in PAGES[page]:
            pytest.importorskip("datasets")
        namespace = {}
        for code in blocks(page, "python"):
            exec(compile(code, page, "exec"), namespace)
        return capsys.readouterr().out.splitlines()

    return run


# Their output is looked at below.
LOOKED_AT = {"docs/components.md", "docs/in-an-app.md", "docs/own-data.md"}


@pytest.mark.parametrize("page", [p for p in PAGES if blocks(p, "python") and p not in LOOKED_AT])
def test_the_python_of_a_page_runs(run_page, page):
    run_page(page)


def test_the_examples_of_the_components_run_one_after_the_other(run_page):
    entities, confidence, best, *others = run_page("docs/components.md")
    assert entities == "[('Anna Weber', 'PER'), ('Rom', 'LOC')]"
    assert re.fullmatch(r"\[\('Anna Weber', [01]\.\d+\), \('Rom', [01]\.\d+\)\]", confidence)
    assert best.startswith(entities) and len(others) == 2


def test_a_dataset_of_hugging_face_becomes_a_corpus(run_page, tmp_path):
    run_page("docs/own-data.md")
    assert (tmp_path / "my_corpus" / "de" / "train.iob2").is_file()
    convert(tmp_path / "my_corpus", tmp_path / "corpus", dev_fraction=0.0)
    [doc] = read_split(tmp_path / "corpus", "de", "train", spacy.blank("de").vocab)
    assert [(ent.text, ent.label_) for ent in doc.ents] == [("Berlin", "LOC")]


def test_the_page_for_applications_runs(run_page):
    found = run_page("docs/in-an-app.md")
    assert "False" not in " ".join(found)
    assert found[:2] == ["Ada PER True", "London LOC True"]
    assert "[('Acme', 'ORG'), ('London', 'LOC')]" in found
    assert found[-1] == "[('Ada', 'PER'), ('London', 'LOC')]"


@pytest.mark.parametrize(
    "page, text", [(page, text) for page in PAGES for text in blocks(page, "ini")]
)
def test_config_examples_use_what_is_registered(page, text):
    """They are parts of configs, whose other parts variables may point to."""
    sections = "".join(f"[{name}]\n\n" for name in missing_parents(text))
    config = Config().from_str(sections + text, interpolate=False)
    for component in config.get("components", {}).values():
        if "factory" in component:
            assert spacy.Language.has_factory(component["factory"])
    for kind, name in re.findall(r'^@(\w+) = "([^"]+)"', text, flags=re.M):
        assert registry.has(kind, name), name


def missing_parents(text):
    """Sections above those of a part of a config, which has them elsewhere."""
    named = re.findall(r"^\[(.+)\]$", text, flags=re.M)
    above = {".".join(n.split(".")[:i]) for n in named for i in range(1, n.count(".") + 1)}
    return sorted(above - set(named))


def test_the_objectives_are_those_of_the_package():
    page = PAGES["docs/distillation.md"]
    _, *rows = page[page.index("| `objective`") :].split("\n\n")[0].splitlines()
    named = re.findall(r"^\| `(\w+)` \|", "\n".join(rows), flags=re.M)
    assert sorted(named) == sorted(OBJECTIVES)


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_to_files_and_headings(page):
    for target, heading in re.findall(r"\]\((?!http)([^)#\s]*)#?([^)\s]*)\)", PAGES[page]):
        file = (ROOT / page).parent / target if target else ROOT / page
        assert file.exists(), target
        if heading:
            titles = re.findall(r"^#+ (.*)$", file.read_text(encoding="utf-8"), flags=re.M)
            assert heading in map(anchor, titles), (target, heading)


def anchor(title):
    """As the Markdown of GitHub, and of the site, makes it of a heading."""
    return re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")


def test_the_picture_shows_every_file_of_the_package():
    house = re.search(r"^```\nspacy_skd/\n(.*?)^configs/", ARCHITECTURE, flags=re.M | re.S)[1]
    shown = set(re.findall(r"\w+\.(?:pyx|pxd|py|h)\b", house))
    kinds = (".py", ".pyx", ".pxd", ".h")
    files = (path for path in (ROOT / "spacy_skd").rglob("*") if path.suffix in kinds)
    there = {path.name for path in files} - {"__init__.py"}
    assert shown == there
