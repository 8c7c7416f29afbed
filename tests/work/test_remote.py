from spacy_skd.work import remote
from spacy_skd.work.messages import Done, Lacking, Line, Refused, versions
from spacy_skd.work.parcels import Parcel
from spacy_skd.work.remote import work
from spacy_skd.work.tasks import Task


def said_by(task, **changed):
    given = {"contents": None, "theirs": versions(), "threads": 1, **changed}
    return list(work(task, Parcel.of(task.reads), **given))


def test_a_machine_with_other_releases_refuses(tmp_path):
    theirs = {**versions(), "thinc": "7.0"}
    (refused,) = said_by(Task("de", ["this"]), theirs=theirs)
    assert isinstance(refused, Refused) and "thinc" in refused.reason and "7.0" in refused.reason


def test_a_task_says_what_it_prints_and_how_it_ended(tmp_path, monkeypatch):
    """As on another machine, whose files are elsewhere."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "data.txt"
    path.write_text("here")
    task = Task(
        "de",
        ["runpy", "program.py", path, "--end"],
        settings={"paths.data": path},
        reads=[tmp_path / "program.py", path],
        writes=tmp_path / "out",
    )
    (tmp_path / "program.py").write_text(
        "import sys\nfrom pathlib import Path\n"
        "print(open(sys.argv[1]).read(), sys.argv[2:], flush=True)\n"
        "Path('out').mkdir(exist_ok=True)\nPath('out/made').write_text('x')\nsys.exit(4)\n"
    )
    _, line, done = said_by(task)
    assert (line, done) == (Line("here ['--end']"), Done(4, ["made"]))

    parcel = Parcel.of(task.reads)
    contents = {name: name.read_bytes() for name in parcel.files}
    monkeypatch.setattr(remote, "fetch", bytes)
    path.write_text("changed")
    (tmp_path / "out" / "made").unlink()
    assert list(work(task, parcel, None, versions(), 1)) == [Lacking()]
    _, line, made, done = work(task, parcel, contents, versions(), 1)
    assert line.text.startswith("here ['--end', '--paths.data', '") and done.code == 4
    assert (made.name, made.content, done.names) == ("made", b"x", ["made"])
    assert not (tmp_path / "out" / "made").exists()
