"""A student in an environment that had nothing: from files, a folder, an index and addresses."""

import json
import os
import shutil
import subprocess
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from spacy_skd.packaging import make_package

from .students import make_student

ROOT = Path(__file__).parents[1]
SOURCES = ("setup.py", "setup.cfg", "pyproject.toml", "MANIFEST.in", "README.md", "LICENSE")
NOT_THERE = ("torch", "transformers", "datasets", "pyarrow", "matplotlib", "pandas")
USE = f"""
import json, spacy, spacy_skd.crf
from importlib.util import find_spec
nlp = spacy.load("xx_skd")
doc = nlp("Ada Lovelace lives in London. Nobody calls.")
print(json.dumps({{
    "ents": [[ent.text, ent.label_] for ent in doc.ents],
    "sentences": len(list(doc.sents)),
    "native": spacy_skd.crf.NATIVE,
    "place": spacy_skd.__file__,
    "heavy": [name for name in {NOT_THERE} if find_spec(name)],
}}))
"""


def run(*command, **settings):
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    words = list(map(str, command))
    result = subprocess.run(words, capture_output=True, encoding="utf-8", env=env, **settings)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def wheels(tmp_path_factory):
    """A folder with the wheels of this package, made from its source distribution, and of a
    student.
    """
    folder = tmp_path_factory.mktemp("wheels")
    source = tmp_path_factory.mktemp("source")
    for name in SOURCES:
        shutil.copy(ROOT / name, source)
    built = shutil.ignore_patterns("*.so", "*.pyd", "*.c", "__pycache__")
    shutil.copytree(ROOT / "spacy_skd", source / "spacy_skd", ignore=built)
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, source)
    (sdist,) = folder.glob("*.tar.gz")
    sdist.unlink()
    place = tmp_path_factory.mktemp("student")
    make_student(place).to_disk(place / "student")
    shutil.copy(make_package(place / "student", place / "packages", "skd", "0.1.0"), folder)
    return sorted(folder.iterdir())


@pytest.fixture(scope="module")
def server(wheels, tmp_path_factory):
    """The wheels at an address, and as an index, whose pages are lists of files (PEP 503)."""
    folder = tmp_path_factory.mktemp("server")
    for wheel in wheels:
        project = folder / "simple" / wheel.name.split("-")[0].replace("_", "-")
        project.mkdir(parents=True)
        shutil.copy(wheel, project)
        shutil.copy(wheel, folder)
    handler = partial(SimpleHTTPRequestHandler, directory=folder)
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    """Of a new environment. What spaCy needs comes from where pip has it."""
    folder = tmp_path_factory.mktemp("empty") / "venv"
    run(sys.executable, "-m", "venv", folder)
    return next(folder.glob("[bS]*/python*"))


@pytest.mark.slow
def test_a_student_is_installed_with_this_package(wheels, server, python, tmp_path):
    student = next(wheel for wheel in wheels if wheel.name.startswith("xx_skd"))
    addresses = [f"{server}/{wheel.name}" for wheel in wheels]
    ways = {
        "files": wheels,
        "a folder": ["-f", student.parent, "xx_skd"],
        "an index": ["--extra-index-url", f"{server}/simple", "xx_skd"],
        "addresses": addresses,
        "the address of the student alone": ["-f", student.parent, addresses[-1]],
    }
    for way, words in ways.items():
        run(python, "-m", "pip", "install", "--quiet", *words, cwd=tmp_path)
        found = json.loads(run(python, "-c", USE, cwd=tmp_path))
        assert found["ents"] == [["Ada Lovelace", "PER"], ["London", "LOC"]], way
        assert found["sentences"] == 2 and found["native"] and found["heavy"] == [], way
        assert Path(found["place"]).is_relative_to(python.parents[1]), way
        run(python, "-m", "pip", "uninstall", "--quiet", "--yes", "xx_skd", "spacy-skd")
