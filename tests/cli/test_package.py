"""`package`: the wheel of a pipeline, and what it never does."""

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import spacy
import srsly

from spacy_skd.folders import RUN, MadeFolder


@pytest.fixture
def student(tmp_path):
    """A run whose pipeline is empty."""
    folder = MadeFolder(tmp_path / "student", RUN)
    folder.unfinished.mkdir()
    spacy.blank("xx").to_disk(folder.unfinished / "model-best")
    (folder.unfinished / "run.cfg").write_text("[paths]\ntargets = null\n", "utf-8")
    folder.publish({"fingerprint": "", "report": {}})
    return folder.path


def test_builds_a_wheel_quietly_and_pip_takes_it(skd, student, tmp_path):
    package = ("package", "student/model-best", "packages", "--name", "skd", "--version")
    result = skd(*package, "1.0-beta.2")
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stderr == "" and len(result.stdout.split()) == 5, "quietly"
    wheel = tmp_path / "packages/xx_skd-1.0b2/dist/xx_skd-1.0b2-py3-none-any.whl"
    assert "xx_skd/xx_skd-1.0b2/config.cfg" in zipfile.ZipFile(wheel).namelist()
    names = sorted(path.name for path in (tmp_path / "packages").iterdir())
    assert names == ["requirements.txt", "xx_skd-1.0b2"]

    pip = [sys.executable, "-m", "pip", "install", "--no-deps", "--quiet", "--target", "site"]
    pip += ["--requirement", "packages/requirements.txt"]
    installed = subprocess.run(pip, cwd=tmp_path, capture_output=True, text=True)
    assert installed.returncode == 0, installed.stderr
    assert (tmp_path / "site" / "xx_skd" / "xx_skd-1.0b2" / "config.cfg").is_file()
    wheel.write_bytes(wheel.read_bytes()[:-1] + b"\x01")
    altered = subprocess.run([*pip, "--upgrade"], cwd=tmp_path, capture_output=True, text=True)
    assert altered.returncode != 0 and "DO NOT MATCH THE HASHES" in altered.stderr

    assert skd(*package, "1.0b2").returncode == 0  # the altered one is replaced
    mine = tmp_path / "packages" / "xx_skd-1.0b2" / "notes.txt"
    mine.write_text("mine")
    result = skd(*package, "1.0b2")
    assert result.returncode == 1 and "SKD133" in result.stderr and "notes.txt" in result.stderr
    assert mine.read_text() == "mine"


def test_what_is_known_of_it_is_in_the_metadata(skd_here, fails, student, tmp_path):
    package = ("package", "student/model-best", "packages", "--name", "skd", "--version", "1.0")
    sources = "Gold, CC BY 4.0, https://example.org; Text"
    details = ("--author", "Ada", "--license", "MIT", "--description", "Näher am Wort")
    result = skd_here(*package, *details, "--sources", sources)
    assert result.returncode == 0, result.stderr
    with zipfile.ZipFile(
        tmp_path / "packages/xx_skd-1.0/dist/xx_skd-1.0-py3-none-any.whl"
    ) as wheel:
        metadata = wheel.read("xx_skd-1.0.dist-info/METADATA").decode()
        meta = srsly.json_loads(wheel.read("xx_skd/xx_skd-1.0/meta.json"))
    assert "\nSummary: Näher am Wort\n" in metadata and "\nAuthor: Ada\n" in metadata
    assert re.search(r"^License(-Expression)?: MIT$", metadata, flags=re.M)
    gold = {"name": "Gold", "license": "CC BY 4.0", "url": "https://example.org"}
    assert meta["sources"] == [gold, {"name": "Text"}]
    assert meta["distilled"] is False and "languages" not in meta
    for wrong in ("a, b, c, d", ", MIT"):
        assert "SKD269" in fails(*package, "--sources", wrong)


def test_its_languages_are_those_that_its_run_was_given(skd_here, fails, student, corpus, tmp_path):
    """A teacher of German out of a corpus of two languages speaks no English."""
    nlp = spacy.blank("xx")
    nlp.add_pipe("crf_ner").add_label("PER")
    nlp.initialize()
    nlp.to_disk(student / "model-best")
    (student / "run.json").unlink()
    package = ("package", student / "model-best", "packages", "--name", "skd", "--version", "1.0")
    for given, known in (('["de"]', ["de"]), ("null", ["de", "en"])):
        (student / "run.cfg").write_text(f"[paths]\nlanguages = {given}\n", "utf-8")
        result = skd_here(*package, "--corpus", corpus)
        assert result.returncode == 0, result.stderr
        meta = srsly.read_json(tmp_path / "packages/xx_skd-1.0/meta.json")
        assert meta["languages"] == list(meta["performance"]["languages"]) == known
    # A copy, such as of `skd calibrate`, has no run beside it and says so itself.
    (student / "run.cfg").unlink()
    nlp.meta["languages"] = ["de"]
    nlp.to_disk(student / "model-best")
    assert skd_here(*package, "--corpus", corpus).returncode == 0
    assert srsly.read_json(tmp_path / "packages/xx_skd-1.0/meta.json")["languages"] == ["de"]
    (student / "run.cfg").write_text('[paths]\nlanguages = ["ru"]\n', "utf-8")
    assert "SKD123" in fails(*package, "--corpus", corpus)


@pytest.mark.parametrize(
    "version", ["0', True); print('x", "../../corpus", "1.0 --name x", "", "1.0/..", "latest"]
)
def test_a_version_is_a_version(fails, student, tmp_path, version):
    package = ("package", student / "model-best", "packages", "--name", "skd")
    line = fails(*package, f"--version={version}")
    assert "SKD141" in line
    assert not (tmp_path / "packages").exists()


def test_bad_input(fails, student, tmp_path):
    def fails_with(code, model="student/model-best", output="packages", name="skd"):
        line = fails("package", model, output, "--name", name, "--version", "1.0")
        assert code in line, line
        return line

    for name in ("", "a b", "../x", "1x", "a__b", "a-b", "é"):
        fails_with("SKD142", name=name)
    fails_with("SKD143", model="nowhere")
    fails_with("SKD143", model="student")
    (tmp_path / "file").touch()
    fails_with("SKD135", output="file")
    other = tmp_path / "packages" / "xx_skd-1.0" / "thesis.tex"
    other.parent.mkdir(parents=True)
    other.write_text("mine")
    assert "thesis.tex" in fails_with("SKD133")
    assert other.read_text() == "mine"


def test_a_damaged_pipeline_is_not_packaged(fails, student):
    config = Path(student, "model-best", "config.cfg")
    config.write_text(config.read_text("utf-8").replace("1000", "1001"), "utf-8")
    line = fails("package", config.parent, "packages", "--name", "skd", "--version", "1.0")
    assert "SKD139" in line and "config.cfg" in line


def test_nor_is_one_whose_training_was_altered(fails, student):
    """Whether it has teachers is read from the config that it was trained with."""
    config = Path(student, "run.cfg")
    config.write_bytes(config.read_bytes() + b"\xc3")
    model = Path(student, "model-best")
    line = fails("package", model, "packages", "--name", "skd", "--version", "1.0")
    assert "SKD139" in line and "run.cfg" in line


def test_the_log_is_shown_where_building_fails(skd, student, tmp_path):
    """A pipeline that spaCy cannot package, in a folder of its own that no run vouches for."""
    model = tmp_path / "broken"
    (student / "model-best").rename(model)
    (model / "meta.json").write_text('{"lang": "xx"}')
    (model / "config.cfg").write_text("[nlp\n")
    result = skd("package", "broken", "packages", "--name", "skd", "--version", "1.0")
    assert result.returncode == 1 and result.stdout == ""
    lines = result.stderr.rstrip().splitlines()
    assert len(lines) > 1 and lines[-1].startswith("Error: [SKD145]")
    assert list((tmp_path / "packages").iterdir()) == []
