"""What is installed: requirements, extras, kernels, and the install without a compiler."""

import configparser
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
import srsly
from packaging.requirements import Requirement
from packaging.version import Version

from spacy_skd import about

ROOT = Path(__file__).parents[1]
HEAVY = ("torch", "transformers", "spacy-transformers", "datasets", "pyarrow", "matplotlib")
PAPERS = {"10.18653/v1/2020.acl-main.304", "10.18653/v1/2021.acl-long.46"}


@pytest.fixture(scope="module")
def setup_cfg():
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg", encoding="utf-8")
    return parser


def test_running_a_pipeline_needs_nothing_heavy(setup_cfg):
    required = setup_cfg["options"]["install_requires"].strip().splitlines()
    assert any(line.startswith("spacy>") for line in required)
    assert not [line for line in required if line.startswith(HEAVY)]


def test_the_tests_on_the_lowest_releases_pin_those_of_setup_cfg(setup_cfg):
    lines = setup_cfg["options"]["install_requires"].strip().splitlines()
    everywhere = [Requirement(line) for line in lines if not {";", "#"} & set(line)]
    lowest = {
        requirement.name: Version(specifier.version)
        for requirement in everywhere
        for specifier in requirement.specifier
        if specifier.operator == ">="
    }
    pins = (ROOT / ".ci" / "floor.txt").read_text(encoding="utf-8").splitlines()
    pinned = dict(line.split("==") for line in pins if not line.startswith("#"))
    assert {name: Version(version) for name, version in pinned.items()} == lowest
    assert len(lowest) == len(everywhere)


def test_all_is_every_extra_together(setup_cfg):
    extras = dict(setup_cfg["options.extras_require"])
    together = extras.pop("all").strip()
    assert together == f"spacy-skd[{','.join(extras)}]"
    assert not any(line.startswith("torch") for line in extras["train"].splitlines())


def test_the_version_is_the_same_everywhere():
    citation = srsly.read_yaml(ROOT / "CITATION.cff")
    project = srsly.read_yaml(ROOT / "project.yml")
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    versions = {citation["version"], project["vars"]["version"]}
    assert versions == {about.__version__}
    assert f"\n## {about.__version__}\n" in changes


def test_the_citation_names_both_papers():
    citation = srsly.read_yaml(ROOT / "CITATION.cff")
    assert {reference["doi"] for reference in citation["references"]} == PAPERS


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """The sources alone, without what was built from them."""
    folder = tmp_path_factory.mktemp("source")
    for name in ("setup.py", "setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder)
    built = shutil.ignore_patterns("*.so", "*.pyd", "*.c", "__pycache__")
    shutil.copytree(ROOT / "spacy_skd", folder / "spacy_skd", ignore=built)
    return folder


def build(source, target, **env):
    """Copy the package and what can be built of its kernels to `target`."""
    command = [sys.executable, "setup.py", "build", "--build-base", str(target / "build")]
    command += ["--build-lib", str(target)]
    result = subprocess.run(
        command, cwd=source, env={**os.environ, **env}, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
    return sorted(path.name.split(".")[0] for path in (target / "spacy_skd").rglob("*.so"))


def best_score_of_two_tokens(folder):
    """What a fresh process prints that imports the package from `folder`."""
    code = (
        # What is installed in place looks for a module that a copy lacks where the sources are.
        "import sys\n"
        "finders = [each for each in sys.meta_path if 'Editable' not in str(each)]\n"
        "sys.meta_path = finders\n"
        "import numpy as np\n"
        "from spacy_skd.crf import NATIVE, Potentials, viterbi\n"
        "zeros = np.zeros(2, dtype='float32')\n"
        "chain = Potentials(np.eye(2, dtype='float32'), np.array([2]), np.eye(2), zeros, zeros)\n"
        "print(NATIVE, viterbi(chain)[1].tolist())\n"
    )
    env = {**os.environ, "PYTHONPATH": str(folder)}
    command = [sys.executable, "-c", code]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True)


def test_without_a_compiler_it_installs_and_warns_once(source, tmp_path):
    assert build(source, tmp_path, CC="no-such-compiler", CXX="no-such-compiler") == []
    result = best_score_of_two_tokens(tmp_path)
    assert result.stdout == "False [2.0]\n", result.stderr
    assert result.stderr.count("Warning: [W001]") == 1


@pytest.mark.skipif(os.name != "posix" or not shutil.which("cc"), reason="no C compiler is here")
def test_with_a_compiler_the_kernels_are_built(source, tmp_path):
    sums = ["chains", "posterior", "native"]
    paths = ["decoding", "path_finder", "gap_finder", "lazy_finder", "best_paths"]
    others = ["maxout", "rows", "adam", "_cyutility"]
    assert build(source, tmp_path) == sorted([*sums, *paths, *others])
    result = best_score_of_two_tokens(tmp_path)
    assert result.stdout == "True [2.0]\n", result.stderr
    assert "W001" not in result.stderr


def test_a_source_distribution_holds_what_the_kernels_are_built_from(source, tmp_path):
    command = [sys.executable, "setup.py", "-q", "sdist", "--dist-dir", str(tmp_path)]
    subprocess.run(command, cwd=source, check=True, capture_output=True)
    (archive,) = tmp_path.iterdir()
    with tarfile.open(archive) as files:
        names = {Path(name).name for name in files.getnames()}
    kernels = (ROOT / "spacy_skd").rglob("*")
    assert {path.name for path in kernels if path.suffix in (".pyx", ".pxd", ".h")} <= names


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="no checkout, which says what there is")
def test_a_source_distribution_holds_the_project_and_its_tests(tmp_path):
    """All that is versioned but what serves the repository itself, and nothing that was built."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, encoding="utf-8"
    )
    tracked = {name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()}
    for name in tracked:
        (tmp_path / "source" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / "source" / name)
    for built in ("spacy_skd/crf/native.c", "spacy_skd/__pycache__/about.cpython-311.pyc"):
        (tmp_path / "source" / built).parent.mkdir(exist_ok=True)
        (tmp_path / "source" / built).touch()
    command = [sys.executable, "setup.py", "-q", "sdist", "--dist-dir", str(tmp_path / "dist")]
    subprocess.run(command, cwd=tmp_path / "source", check=True, capture_output=True)
    (archive,) = (tmp_path / "dist").iterdir()
    with tarfile.open(archive) as files:
        packed = {name.partition("/")[2] for name in files.getnames()}
    of_repository = (".github/", ".git", ".editorconfig", ".pre-commit-config.yaml")
    assert {name for name in tracked if not name.startswith(of_repository)} <= packed
    built = (".pyc", ".so", "crf/native.c", "_cyutility.c")
    assert not [name for name in packed if name.endswith(built)]
