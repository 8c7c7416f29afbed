"""Folders that are made as a whole: what is replaced, what is refused, and what a kill leaves."""

from pathlib import Path

import pytest

from spacy_skd.errors import SkdError
from spacy_skd.folders import RUN, Kind, MadeFolder, check_pipeline

KIND = Kind("made.json", "test", 1, frozenset({"made.json", "a"}))


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def write(path, text):
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(text, encoding="utf-8")


def make(path="out/x", text="1", kind=KIND):
    """The folder with one file in it."""
    folder = MadeFolder(Path(path), kind)
    folder.check_place()
    folder.clear()
    name = "model-best/model" if kind is RUN else "a/b"
    write(folder.unfinished / name, text)
    folder.publish({"text": text})
    return folder


def names(path):
    found = Path(path).rglob("*")
    return sorted(entry.relative_to(path).as_posix() for entry in found if not entry.is_dir())


def test_made_and_replaced_as_a_whole():
    assert make().manifest()["text"] == "1"
    folder = make(text="2")
    assert folder.manifest()["text"] == "2" and folder.difference(folder.manifest()) is None
    assert names("out") == ["x/a/b", "x/made.json"]


@pytest.mark.parametrize("files", [["thesis.tex"], ["a/b"], ["made.json", "thesis.tex"]])
def test_a_folder_that_was_not_made_so_is_left_alone(files):
    for name in files:
        write(f"out/x/{name}", "mine")
    with pytest.raises(SkdError, match="SKD133.*out/x"):
        make()
    assert names("out/x") == sorted(files)


def test_a_file_that_was_added_is_left_alone():
    make()
    write("out/x/a/thesis.tex", "mine")
    with pytest.raises(SkdError, match="SKD133.*a/thesis.tex"):
        make(text="2")
    assert Path("out/x/a/b").read_text("utf-8") == "1"


def test_a_file_that_is_added_meanwhile_is_left_alone():
    folder = make()
    write(folder.unfinished / "a" / "b", "2")
    write("out/x/thesis.tex", "mine")
    with pytest.raises(SkdError, match="SKD133.*thesis.tex"):
        folder.publish({})
    assert names("out/x") == ["a/b", "made.json", "thesis.tex"]


@pytest.mark.parametrize("leftover", ["made.json", "made.json.tmp"])
def test_what_its_making_goes_on_with_stays_until_nothing_can_fail(leftover):
    folder = make()
    for name, text in {"a/b": "2", "state": "2", leftover: "of an attempt"}.items():
        write(folder.unfinished / name, text)
    state = [folder.unfinished / "state"]
    write("out/x/thesis.tex", "mine")
    with pytest.raises(SkdError, match="SKD133.*thesis.tex"):
        folder.publish({}, state)
    assert state[0].exists()
    Path("out/x/thesis.tex").unlink()
    folder.publish({}, state)
    assert names("out") == ["x/a/b", "x/made.json"]
    assert folder.difference(folder.manifest()) is None


def test_damaged_ones_are_replaced():
    make()
    for name in ("a/b", "made.json"):
        write(f"out/x/{name}", "damaged")
        folder = MadeFolder(Path("out/x"), KIND)
        manifest = folder.manifest()
        assert manifest is None or folder.difference(manifest) == "a/b has 7 bytes instead of 1"
        assert make().manifest() is not None


def test_an_empty_folder_and_the_litter_of_file_managers_are_nothing():
    write("out/x/.DS_Store", "")
    folder = make()
    write("out/x/.DS_Store", "")
    assert folder.difference(folder.manifest()) is None


def test_files_and_dangling_links_are_no_output():
    write("out/x", "a file")
    with pytest.raises(SkdError, match="SKD132.*a file"):
        make()
    Path("out/y").symlink_to("nowhere")
    with pytest.raises(SkdError, match="SKD132.*a link to nowhere"):
        make("out/y")


def test_the_place_behind_a_link_is_filled():
    Path("disk").mkdir()
    Path("out").mkdir()
    Path("out/x").symlink_to(Path("disk").resolve())
    make()
    assert make(text="2").manifest()["text"] == "2"
    assert Path("out/x").is_symlink() and names("disk") == ["a/b", "made.json"]


@pytest.mark.parametrize("killed_after", ["making", "first rename", "second rename"])
def test_what_a_kill_leaves_behind_is_put_right(killed_after):
    folder = make()
    write(folder.unfinished / "a" / "b", "2")
    if killed_after != "making":
        folder.place.rename(folder.replaced)
    if killed_after == "second rename":
        folder.unfinished.rename(folder.place)
    folder.clear()
    assert [path.name for path in Path("out").iterdir()] == ["x"]
    expected = "2" if killed_after == "second rename" else "1"
    assert Path("out/x/a/b").read_text("utf-8") == expected


def test_a_pipeline_that_is_not_as_its_run_left_it():
    make("run", kind=RUN)
    path = Path("run/model-best")
    check_pipeline(path)
    write("elsewhere/model-best/model", "that nobody vouches for")
    check_pipeline(Path("elsewhere/model-best"))
    write(path / "notes.txt", "not read")
    write("run/notes.txt", "not read")
    check_pipeline(path)
    write(path / "model", "2")
    with pytest.raises(SkdError, match="SKD139.*model-best.*model has another checksum"):
        check_pipeline(path)
    write(path / "model", "1")
    write("run/run.json", "{")
    with pytest.raises(SkdError, match="SKD139.*run.json is damaged"):
        check_pipeline(path)
