"""`skd push` against a Hub on this machine: what is there afterwards, and what is refused."""

import os
import re
import subprocess
import sys

import pytest
from spacy.cli._util import app
from typer.testing import CliRunner

import spacy_skd.cli  # noqa: F401  adds its commands to spaCy's

from .stand_in import LARGE, READER, WRITER
from .wheels import evaluation, make_wheel

# Releases of huggingface_hub from 1 on hand files to httpx in a way that it warns of.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")

WHEEL = "xx_skd-1.0-py3-none-any.whl"


def push(*args):
    return CliRunner().invoke(app, ["skd", "push", *map(str, args)])


def pushed(*args):
    result = push(*args)
    assert result.exit_code == 0, result.output + result.stderr
    return result.stdout


def refused(code, *args):
    """Exit code 1 and one line, which is returned."""
    result = push(*args)
    assert result.exit_code == 1, result.output
    lines = [line for line in result.stderr.splitlines() if line.startswith("Error")]
    assert len(lines) == 1 and f"[{code}]" in lines[0], result.stderr
    return lines[0]


def head(hub, repo="ada/xx_skd", branch="main"):
    return hub.repositories[repo].commits[branch][-1]


@pytest.fixture
def wheel(tmp_path):
    return make_wheel(tmp_path)


def test_a_repository_is_made_and_filled_by_one_commit(hub, wheel, tmp_path):
    scores = evaluation(tmp_path / "evaluation.json")
    output = pushed(wheel, "--evaluation", scores)
    assert output.endswith(f"pip install {hub.url}/ada/xx_skd/resolve/main/{WHEEL}\n")
    repository = hub.repositories["ada/xx_skd"]
    assert repository.messages == ["initial commit", "xx_skd 1.0"] and not repository.private
    files = head(hub)
    assert {".gitattributes", "README.md", "config.cfg", "meta.json", "ner/model"} <= set(files)
    assert files[WHEEL] == (wheel.read_bytes(), True)
    assert b"model-index" in files["README.md"][0]


def test_a_wheel_under_another_name_is_named_as_pip_needs_it(hub, tmp_path):
    pushed(make_wheel(tmp_path, name="xx_skd-any-py3-none-any.whl"))
    assert [name for name in head(hub) if name.endswith(".whl")] == [WHEEL]


def test_pushing_again_is_one_commit_with_the_changes(hub, wheel, tmp_path):
    pushed(wheel)
    before = len(hub.requests)
    assert "Nothing has changed" in pushed(wheel)
    assert not [request for request in hub.requests[before:] if "/commit/" in request]

    files = head(hub)
    files["notes.md"] = files["ner/extra.txt"] = (b"mine", False)
    before = len(hub.requests)
    (tmp_path / "next").mkdir()
    newer = make_wheel(tmp_path / "next", component="names", version="1.1")
    removed = len([name for name in files if name.startswith("ner/")])
    assert f" {removed} removed" in pushed(newer)
    files = head(hub)
    assert not [name for name in files if name.startswith("ner/")]
    assert {"names/model", "notes.md", WHEEL, "xx_skd-1.1-py3-none-any.whl"} <= set(files)
    assert hub.repositories["ada/xx_skd"].messages[1:] == ["xx_skd 1.0", "xx_skd 1.1"]
    sent = [request for request in hub.requests[before:] if request.startswith("PUT")]
    assert len(sent) == len({*sent}) <= 2, "only what is not there yet"


@pytest.mark.parametrize("name", [WHEEL, "ner/model", "config.cfg"])
def test_files_of_the_same_size_are_told_apart(hub, wheel, name):
    pushed(wheel)
    files = head(hub)
    content, is_large = files[name]
    assert is_large == name.endswith(LARGE)
    files[name] = (content[:-1] + bytes([content[-1] ^ 1]), is_large)
    assert " 1 changed" in pushed(wheel)
    assert head(hub)[name] == (content, is_large)


def test_private_branches_and_other_names(hub, wheel):
    pushed(wheel, "--private", "--branch", "next", "--repo", "lab/names")
    repository = hub.repositories["lab/names"]
    assert repository.private and len(repository.commits["main"]) == 1
    card = head(hub, "lab/names", "next")["README.md"][0].decode()
    assert f"/lab/names/resolve/next/{WHEEL}" in card and 'revision="next"' in card
    assert "Nothing has changed" in pushed(
        wheel, "--private", "--branch", "next", "--repo", "lab/names"
    )


def test_pip_is_sent_to_no_private_repository(hub, wheel, tmp_path):
    """It has no token: `hf download` brings the wheel."""
    output = pushed(wheel, "--private", "--branch", "next")
    assert "resolve" not in output
    env = {**os.environ, "HF_ENDPOINT": hub.url, "HF_HUB_DISABLE_XET": "1"}
    download, pip = output.splitlines()[-1].split(" && ")
    words = [sys.executable, "-m", "huggingface_hub.cli.hf", *download.split()[1:]]
    subprocess.run(words, env=env, cwd=tmp_path / "pipeline", check=True, capture_output=True)
    assert pip == f"pip install {WHEEL}"
    assert (tmp_path / "pipeline" / WHEEL).read_bytes() == wheel.read_bytes()
    hub.repositories["ada/xx_skd"].private = False
    assert pushed(wheel).endswith(f"pip install {hub.url}/ada/xx_skd/resolve/main/{WHEEL}\n")


def test_a_name_without_owner_is_one_of_the_owner_of_the_token(hub, wheel):
    assert f"{hub.url}/ada/names/resolve/" in pushed(wheel, "--repo", "names")
    assert "/ada/names/resolve/" in head(hub, "ada/names")["README.md"][0].decode()
    assert 'snapshot_download("NAME/names"' in pushed(wheel, "--repo", "names", "--dry-run")


def test_what_is_public_does_not_become_private_by_a_push(hub, wheel):
    pushed(wheel)
    commits = len(hub.repositories["ada/xx_skd"].commits["main"])
    refused("SKD266", make_wheel(wheel.parent, version="1.1"), "--private")
    assert len(hub.repositories["ada/xx_skd"].commits["main"]) == commits


def test_a_dry_run_asks_nobody(hub, wheel, monkeypatch):
    monkeypatch.delenv("HF_TOKEN")
    output = pushed(wheel, "--dry-run")
    assert WHEEL in output and "ner/model" in output and "\n# xx_skd\n" in output
    assert hub.requests == [] and hub.repositories == {}


def test_no_token_no_rights_no_network(hub, wheel, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", READER)
    refused("SKD265", wheel, "--repo", "ada/xx_skd")
    refused("SKD265", wheel)
    monkeypatch.setenv("HF_TOKEN", "hf_forged")
    assert "does not accept" in refused("SKD263", wheel)
    monkeypatch.delenv("HF_TOKEN")
    assert "there is none" in refused("SKD263", wheel)
    monkeypatch.setenv("HF_TOKEN", WRITER)
    refused("SKD265", wheel, "--repo", "else/xx_skd")
    refused("SKD267", wheel, "--repo", "a b/c")
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    refused("SKD264", wheel)
    assert hub.repositories == {}


def test_the_token_of_a_login_is_used(hub, wheel, monkeypatch, tmp_path):
    monkeypatch.delenv("HF_TOKEN")
    (tmp_path / "token").write_text(WRITER)
    pushed(wheel)


def test_what_the_hub_refuses_leaves_the_repository_as_it_was(hub, wheel, monkeypatch):
    hub.damage_uploads = True
    assert "BadDigest" in refused("SKD268", wheel)
    hub.damage_uploads, hub.change_meanwhile = False, True
    assert "push again" in refused("SKD268", wheel)
    hub.change_meanwhile = False
    monkeypatch.setattr("spacy_skd.hub.card.as_licence", lambda text: "cc-by-9.0")
    monkeypatch.setattr("spacy_skd.hub.card.LICENCES", {"cc-by-9.0"})
    assert "license" in refused("SKD268", wheel)
    assert set(head(hub)) == {".gitattributes"}


def test_an_error_begins_a_line(hub, wheel, monkeypatch):
    """Bars of uploads that were broken off may end anywhere."""

    def breaks_off(*args, **kwargs):
        print("xx_skd-1.0-py3-none-any.whl:   0%|          |", end="", file=sys.stderr)
        raise ValueError("broken off")

    monkeypatch.setattr("huggingface_hub.HfApi.create_commit", breaks_off)
    assert "broken off" in refused("SKD268", wheel)


def test_bad_input(hub, tmp_path):
    refused("SKD260", tmp_path / "nowhere.whl")
    wheel = make_wheel(tmp_path)
    refused("SKD261", wheel, "--evaluation", tmp_path / "nowhere.json")
    refused("SKD268", wheel, "--branch", "a b..c")
    assert set(hub.repositories) <= {"ada/xx_skd"}


def test_what_was_pushed_is_downloaded_and_installed(hub, wheel, tmp_path):
    """As the card shows it; pip, and whoever loads it, in processes of their own."""
    pushed(wheel)
    env = {**os.environ, "HF_ENDPOINT": hub.url, "HF_HUB_DISABLE_XET": "1"}
    env |= {"HF_HOME": str(tmp_path / "home"), "PYTHONPATH": str(tmp_path / "site")}
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target"]
    url = f"{hub.url}/ada/xx_skd/resolve/main/{WHEEL}"
    subprocess.run([*pip, str(tmp_path / "site"), url], check=True)
    blocks = re.findall(r"```python\n(.*?)```", head(hub)["README.md"][0].decode(), flags=re.S)
    code = "".join(f"{block}print(nlp.get_pipe('ner').labels)\n" for block in blocks)
    result = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    assert result.stdout == "('LOC', 'PER')\n" * 2, result.stderr
    (folder,) = (tmp_path / "home").rglob("snapshots/*")
    assert "config.cfg" in os.listdir(folder) and WHEEL not in os.listdir(folder)
