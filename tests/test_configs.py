"""The configs are complete, and every registered name is the same wherever it is said."""

import configparser
import pkgutil
import subprocess
import sys
from importlib import import_module
from importlib.metadata import EntryPoint
from pathlib import Path

import catalogue
import pytest
from spacy.cli._util import app
from spacy.util import load_config
from typer.testing import CliRunner

import spacy_skd

ROOT = Path(__file__).parents[1]
CONFIGS = sorted((ROOT / "configs").glob("*.cfg"))
# What a pipeline that is only loaded and run has to do without.
EXTRAS = ["torch", "transformers", "spacy_transformers", "datasets", "pyarrow", "conllu", "build"]
EXTRAS += ["ray"]


def entry_points():
    """What setup.cfg announces: group -> the entry points in it."""
    setup = configparser.ConfigParser()
    setup.optionxform = str
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    groups = setup["options.entry_points"].items()
    return {
        group: [
            EntryPoint(*(part.strip() for part in line.split(" = ")), group)
            for line in lines.strip().splitlines()
        ]
        for group, lines in groups
    }


ENTRY_POINTS = entry_points()


def announced():
    """(group, name) of all entry points but the command, which no decorator registers."""
    groups = ENTRY_POINTS.keys() - {"spacy_cli"}
    return {(group, point.name) for group in groups for point in ENTRY_POINTS[group]}


def import_everything():
    for module in pkgutil.walk_packages(spacy_skd.__path__, "spacy_skd."):
        import_module(module.name)


def decorated():
    """(group, name) -> function, of all that the package registers by decorator."""
    import_everything()
    ours = {}
    for (*namespace, name), function in catalogue.REGISTRY.items():
        if getattr(function, "__module__", "").startswith("spacy_skd."):
            group = "_".join(namespace).replace("internal_factories", "factories")
            ours[group, name] = function
    return ours


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_debug_config_passes(path):
    result = CliRunner().invoke(app, ["debug", "config", str(path)])
    assert result.exit_code == 0, result.output
    assert "Config is valid" in result.output


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_configs_are_complete(path, tmp_path):
    filled = tmp_path / "filled.cfg"
    result = CliRunner().invoke(app, ["init", "fill-config", str(path), str(filled)])
    assert result.exit_code == 0, result.output
    assert "already complete" in result.output


def test_there_are_configs_for_both_tasks():
    names = {path.stem for path in CONFIGS}
    assert {"ner_teacher", "ner_student", "pos_teacher", "pos_student"} <= names


def test_decorators_and_entry_points_name_the_same():
    assert set(decorated()) == announced()


def test_entry_points_resolve_to_what_is_decorated():
    functions = decorated()
    for group, points in ENTRY_POINTS.items():
        for point in points:
            loaded = point.load()
            if group != "spacy_cli":
                assert loaded is functions[group, point.name], point


def test_registered_names_have_our_prefix_and_a_version():
    for group, name in announced():
        if group == "spacy_factories":
            assert name.startswith("crf_")
        else:
            assert name.startswith("spacy-skd.") and name.endswith(".v1"), name


def test_all_that_is_registered_loads_without_the_extras():
    modules = sorted({p.value.split(":")[0] for points in ENTRY_POINTS.values() for p in points})
    code = (
        "import sys\n"
        f"sys.modules.update(dict.fromkeys({EXTRAS}))\n"  # an import of None raises ImportError
        "from importlib import import_module\n"
        f"for name in {modules}: import_module(name)\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("task", ["ner", "pos"])
def test_adapted_teachers_have_the_baselines_model(task):
    adapted, student = (
        load_config(ROOT / "configs" / f"{task}_{name}.cfg")
        for name in ("teacher_adapted", "student")
    )
    models = {n: pipe["model"] for n, pipe in student["components"].items() if "model" in pipe}
    assert models == {name: adapted["components"][name]["model"] for name in models} != {}
