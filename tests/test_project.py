"""The main job: every step is well formed, runs, is skipped when it need not run, and is not when
it must.
"""

import os
import random
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import srsly
from spacy.cli._util import app
from spacy.vocab import Vocab
from typer.testing import CliRunner
from weasel.cli.run import check_rerun, project_run
from weasel.util import load_project_config, working_dir

from spacy_skd import about
from spacy_skd.corpora.stored import read_split
from spacy_skd.targets import open_targets

from .command_line import LIFELINE, options_of, spacy_command

pytestmark = pytest.mark.usefixtures("warm")

ROOT = Path(__file__).parents[1]
WORKFLOWS = load_project_config(ROOT)["workflows"]
STEPS = WORKFLOWS["all"]
NAMES = {"de": ["Anna", "Bernd", "Carla", "Dora"], "en": ["Alice", "Bob", "Carol", "Dan"]}
WORDS = {"de": ("wohnt", "in", ["Bonn", "Kiel"]), "en": ("lives", "in", ["Leeds", "York"])}
# Steps that always run, and find out by themselves whether something changed.
ALWAYS = ["demo", "convert", "teachers"]
# What the words begin with that variables end.
FIXED = (
    *("--", "configs/", "comparisons", "corpus", "training", "targets", "packages", "metrics"),
    *("xx_skd", "teachers=", "baseline=", "student="),
)
QUICK = {
    "vars.data": "raw",
    "vars.folds": 2,
    "vars.teacher_steps": 4,
    "vars.student_steps": 4,
    "vars.eval_frequency": 4,
    "vars.show": 1,
}


def commands(project=ROOT, **overrides):
    config = load_project_config(project, overrides=overrides)
    return {command["name"]: command for command in config["commands"]}


def scripts():
    """Every line that the project runs, for every task, split into words."""
    for task in ("ner", "pos"):
        for command in commands(**{"vars.task": task}).values():
            for line in command["script"]:
                yield shlex.split(line)


def test_every_step_of_the_workflows_says_what_it_does():
    steps = [step for workflow in WORKFLOWS.values() for step in workflow]
    # The page is there until it is ended: no step of a workflow.
    assert commands().keys() == {*steps, "visualize"}
    assert all(command["help"] for command in commands().values())


def test_every_line_runs_a_known_command_with_known_options():
    for words in scripts():
        if words[:3] != ["python", "-m", "spacy"]:
            is_script = words[0] == "python" and (ROOT / words[1]).is_file()
            assert is_script or words[0] == "pip", "no code on the command line"
            continue
        assert LIFELINE in words, "a step that lives on beside the next run"
        command, arguments = spacy_command(words)
        given = {word.split("=")[0] for word in arguments if word.startswith("--")} - {"--"}
        overrides = {word for word in given if "." in word}
        assert given - overrides <= options_of(command), words
        if "--config" in words or "train" in words:
            config = next(word for word in arguments if word.endswith(".cfg"))
            assert (ROOT / config).is_file()


@pytest.mark.parametrize("value", ["x --seed 5", "it's; rm -rf /", "`touch x` | x", ""])
def test_a_variable_is_one_word_and_is_never_executed(value):
    """weasel puts variables into the lines, and splits these into words as a shell would."""
    variables = load_project_config(ROOT)["vars"]
    plain = commands()
    for name in variables:
        for step, command in commands(**{f"vars.{name}": value}).items():
            for line, plain_line in zip(command["script"], plain[step]["script"]):
                words, plain_words = shlex.split(line), shlex.split(plain_line)
                assert len(words) == len(plain_words), (name, line)
                changed = [i for i, word in enumerate(words) if word != plain_words[i]]
                assert all(value in words[i] for i in changed)
                # A word that may begin with a dash comes after "--" or the name of an option.
                for i in changed:
                    assert words[i].startswith(FIXED) or "--" in words[:i], words


def test_another_run_takes_nothing_away():
    """Whatever the settings: what it writes is called otherwise, the installed package too."""
    for workflow in WORKFLOWS.values():
        ours, theirs = commands(), commands(**{"vars.run": "_b", "vars.data": "raw"})
        for name in set(workflow) - {"demo", "fetch"}:
            outputs = ours[name]["outputs"], theirs[name]["outputs"]
            assert not set(outputs[0]) & set(outputs[1])
            assert [path.split("/")[0] + "_b" for path in outputs[0]] == [
                path.split("/")[0] for path in outputs[1]
            ]
        written = {path.split("/")[0] for name in workflow for path in ours[name]["outputs"]}
        for name in workflow:  # nor does it read what another one writes
            words = [word for line in theirs[name]["script"] for word in shlex.split(line)]
            paths = [word.split("=")[-1] for word in [*words, *theirs[name]["deps"]]]
            read = {path.split("/")[0] for path in paths} & (written - {"demo"})
            assert not read, name
    (line,) = theirs["package"]["script"]
    assert "--name=skd_b" in line and "packages_b" in line


@pytest.mark.parametrize("workflow", WORKFLOWS.values(), ids=list(WORKFLOWS))
def test_every_step_depends_on_what_the_steps_before_it_made(workflow):
    made = {"configs", "assets/demo"}
    for name in workflow:
        command = commands()[name]
        for needed in command["deps"]:
            assert needed in made or any(needed.startswith(f"{path}/") for path in made), name
        assert command["outputs"], "weasel never skips a step without outputs"
        made.update(command["outputs"])


def write_raw(folder):
    """A small corpus of two languages in two columns, one of them with text besides."""
    rng = random.Random(0)
    for language, names in NAMES.items():
        verb, preposition, places = WORDS[language]
        for split, size in (("train", 40), ("dev", 8), ("test", 8)):
            sentences = (
                f"{rng.choice(names)}\tB-PER\n{verb}\tO\n{preposition}\tO\n"
                f"{rng.choice(places)}\tB-LOC\n.\tO\n"
                for _ in range(size)
            )
            (folder / language).mkdir(parents=True, exist_ok=True)
            path = folder / language / f"{split}.iob2"
            path.write_text("\n".join(sentences), encoding="utf-8")
    (folder / "de" / "raw.txt").write_text("Emil wohnt in Bonn. Dora auch.\n" * 3, encoding="utf-8")


@pytest.fixture(scope="module")
def finished(tmp_path_factory, warm_python):
    """The project after its main job, and what the last step printed. The package is installed
    beside this environment, not into it.
    """
    project = tmp_path_factory.mktemp("project")
    site = tmp_path_factory.mktemp("site")
    write_raw(project / "raw")
    shutil.copy(ROOT / "project.yml", project)
    shutil.copytree(ROOT / "configs", project / "configs")
    shutil.copytree(ROOT / "assets", project / "assets")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "executable", warm_python)
        for name in STEPS[:-1]:
            if name == "install":
                patch.setenv("PIP_TARGET", str(site))
            project_run(project, name, overrides=QUICK, capture=True)
        patch.delenv("PIP_TARGET")
        patch.setenv("PYTHONPATH", str(site))
        patch.delenv("PYTHONUNBUFFERED", raising=False)
        command = [sys.executable, "-m", "spacy", "project", "run", "all", str(project)]
        command += [word for key, value in QUICK.items() for word in (f"--{key}", str(value))]
        last = subprocess.run(command, capture_output=True, text=True, encoding="utf-8")
    assert last.returncode == 0, last.stderr
    return project, site, last.stdout


def test_it_ends_with_the_table_and_sentences_of_the_installed_pipeline(finished):
    _, _, output = finished
    lines = [line for line in output.splitlines() if line]
    header = next(i for i, line in enumerate(lines) if line.startswith("ents_f "))
    assert lines[header].split() == ["ents_f", "teachers", "baseline", "student", "xx_skd"]
    rows = [line.split()[0] for line in lines[header + 2 : header + 5]]
    assert rows == ["de", "en", "average"]
    assert [line[:5] for line in lines if line.startswith("[")][-2:] == ["[de] ", "[en] "]
    # Also where the output is no terminal, what is run is said before what it prints.
    run = next(i for i, line in enumerate(lines) if line.startswith("Running command"))
    assert run < header


def test_teachers_label_what_they_have_not_seen(finished):
    project, _, _ = finished
    names = {f"{lang}.fold-{i}-of-2" for lang in NAMES for i in (1, 2)}
    for folder in ("training/teachers", "targets"):
        assert {path.name for path in (project / folder).iterdir()} == names
    targets = open_targets(project / "targets")
    known = dict.fromkeys(("train", "unlabelled"), 0)
    for split in known:
        for doc in read_split(project / "corpus", "de", split, Vocab()):
            assert len(targets.find(doc, "de")) == (1 if split == "train" else 2)
            known[split] += 1
    assert known == {"train": 40, "unlabelled": 6}


def test_the_installed_pipeline_is_the_student(finished):
    project, site, _ = finished
    scores = srsly.read_json(project / "metrics" / "evaluation.json")["pipelines"]
    languages = scores["student"]["languages"]
    assert {name: s["ents_f"] for name, s in scores["xx_skd"]["languages"].items()} == {
        name: s["ents_f"] for name, s in languages.items()
    }
    code = "import spacy; print(spacy.load('xx_skd').meta['version'])"
    env = {**os.environ, "PYTHONPATH": str(site)}
    result = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    assert result.stdout.strip() == about.__version__


def test_the_wheel_says_what_it_is(finished):
    _, site, _ = finished
    meta = srsly.read_json(site / "xx_skd" / "meta.json")
    assert (meta["languages"], meta["distilled"]) == (["de", "en"], True)
    assert (
        set(meta["performance"]["languages"]) == {"de", "en"} and meta["performance"]["speed"] > 0
    )
    (metadata,) = site.glob("xx_skd-*.dist-info/METADATA")
    text = metadata.read_text(encoding="utf-8")
    assert "\nSummary: One multilingual pipeline, distilled" in text
    assert "\nRequires-Dist: spacy-skd" in text


def test_saved_pipelines_name_no_path_of_the_project(finished):
    project, _, _ = finished
    config = (project / "training" / "student" / "model-best" / "config.cfg").read_text("utf-8")
    paths = config[config.index("[paths]") :].split("\n\n")[0].splitlines()[1:]
    assert paths and all(line.endswith(" = null") for line in paths)


def test_a_second_run_says_that_nothing_changed(finished):
    project, _, _ = finished
    overrides = [word for key, value in QUICK.items() for word in (f"--{key}", str(value))]
    result = CliRunner().invoke(app, ["project", "run", "all", str(project), *overrides])
    assert result.exit_code == 0, result.output
    for name in STEPS:
        skipped = f"Skipping '{name}': nothing changed" in result.output
        assert skipped == (name not in ALWAYS)


def steps_to_run(project, **overrides):
    """The steps that would do something else than before, or that the project would not skip,
    before any of them changes what the others depend on.
    """
    with working_dir(project):
        before, now = commands(project, **QUICK), commands(project, **{**QUICK, **overrides})
        return [
            name
            for name in STEPS
            if (
                now[name]["script"] != before[name]["script"]
                if name in ALWAYS
                else check_rerun(project, now[name])
            )
        ]


def test_the_step_baseline_makes_what_is_trained_beside_the_student(finished, capfd):
    project_run(finished[0], "baseline", overrides=QUICK)
    assert "Nothing changed" in capfd.readouterr().out


def test_the_demo_corpus_is_made_only_where_it_is_asked_for(finished, tmp_path, capfd):
    assert not (finished[0] / "demo").exists()  # made from other data
    for name in ("project.yml", "assets"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, tmp_path / name)
    project_run(tmp_path, "demo")
    project_run(tmp_path, "convert")
    languages = {path.name for path in (tmp_path / "assets" / "demo").glob("??")}
    assert {path.name for path in (tmp_path / "corpus").glob("??")} == languages
    (tmp_path / "assets" / "demo" / "es").rename(tmp_path / "assets" / "demo" / "pt")
    project_run(tmp_path, "demo")
    project_run(tmp_path, "convert")
    languages = languages - {"es"} | {"pt"}
    assert {path.name for path in (tmp_path / "corpus").glob("??")} == languages
    capfd.readouterr()
    project_run(tmp_path, "demo")
    assert "demo: nothing changed" in capfd.readouterr().out


@pytest.mark.parametrize(
    "variable, value, steps",
    [
        ("vars.objective", "posterior", ["student"]),
        ("vars.teacher_steps", 5, ["teachers"]),
        ("vars.folds", 3, ["teachers"]),
        ("vars.seeds", "0,1", ["teachers"]),
        ("vars.unlabelled", 0.5, ["student"]),
        ("vars.kd_final", 0.3, ["student"]),
        ("vars.kd_initial", 0.9, ["student"]),
        ("vars.student_steps", 5, ["student"]),
        ("vars.task", "pos", ["teachers", "student"]),
        ("vars.teacher", "ner_teacher_adapted", ["teachers"]),
        ("vars.teachers", "multilingual", ["teachers"]),
        ("vars.encoder", "elsewhere", ["teachers", "student"]),
        ("vars.seed", 1, ["demo", "convert", "teachers", "student"]),
        ("vars.version", "0.2.0", ["package"]),
        ("vars.license", "MIT", ["package"]),
    ],
)
def test_another_variable_runs_what_depends_on_it(finished, variable, value, steps):
    assert steps_to_run(finished[0], **{variable: value}) == steps


@pytest.mark.parametrize("run", ["_é", "-2"])
def test_a_run_that_no_package_can_be_called_is_refused_before_the_work(tmp_path, capfd, run):
    shutil.copy(ROOT / "project.yml", tmp_path)
    write_raw(tmp_path / "raw")
    with pytest.raises(SystemExit):
        project_run(tmp_path, "convert", overrides={**QUICK, "vars.run": run})
    assert f"[SKD148] --run is '{run}'" in capfd.readouterr().err
    assert not list(tmp_path.glob("corpus*"))


def test_what_was_interrupted_is_run_again(finished, tmp_path):
    project = tmp_path / "project"
    shutil.copytree(finished[0], project)
    (project / "training" / "student" / "model-best" / "meta.json").unlink()
    assert steps_to_run(project)[0] == "student"
