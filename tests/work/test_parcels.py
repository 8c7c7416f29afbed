import os

import pytest

from spacy_skd.work.parcels import Arrivals, Departures, Parcel, Workplace, marked, unpacked


@pytest.fixture
def parcel(tmp_path, monkeypatch):
    """Two files, one of them below the working directory."""
    here = tmp_path / "here"
    (here / "corpus").mkdir(parents=True)
    (here / "corpus" / "train.spacy").write_bytes(b"sentences")
    (tmp_path / "encoder.bin").write_bytes(b"weights")
    monkeypatch.chdir(here)
    return Parcel.of([here / "corpus" / "train.spacy", tmp_path / "encoder.bin"])


def contents_of(parcel):
    return {path: path.read_bytes() for path in parcel.files}


def test_files_are_used_where_they_are(parcel):
    with unpacked(parcel, None, bytes) as workplace:
        assert workplace == Workplace(parcel.folder)
        assert all(workplace.place(path) == path for path in parcel.files)


@pytest.mark.parametrize("change", ["content", "time", "gone"])
def test_files_of_another_look_are_not_those_that_are_meant(parcel, change):
    contents = contents_of(parcel)
    path = parcel.folder / "corpus" / "train.spacy"
    if change == "gone":
        path.unlink()
    else:
        path.write_bytes(b"other" if change == "content" else path.read_bytes())
        os.utime(path, ns=(0, 1 if change == "time" else parcel.files[path][1]))
    with unpacked(parcel, None, bytes) as workplace:
        assert workplace is None
    with unpacked(parcel, contents, bytes) as workplace:
        assert workplace.place(path).read_bytes() == b"sentences"
        # a relative path is the same from the working directory, wherever that is
        assert (workplace.folder / "corpus" / "train.spacy").read_bytes() == b"sentences"
        assert (workplace.folder / ".." / "encoder.bin").read_bytes() == b"weights"
        root = workplace.root
    assert not root.exists()


def test_where_something_is_written_tells_whether_folders_are_shared(parcel, tmp_path):
    with marked(tmp_path / "runs" / "de") as mark:
        assert Parcel.of(list(parcel.files), mark).is_here()
        assert not Parcel.of(list(parcel.files), (mark[0], "another machine's")).is_here()
    assert not Parcel.of(list(parcel.files), mark).is_here()
    assert list((tmp_path / "runs").iterdir()) == []


def test_what_is_made_comes_back_once_and_again_when_it_has_changed(tmp_path):
    root, target = tmp_path / "root", tmp_path / "runs" / "de"
    workplace = Workplace(root, root)
    there = workplace.place(target)
    there.mkdir(parents=True)
    (there / "run.cfg").write_bytes(b"given")
    departures = Departures(workplace, target)
    assert list(departures.changed()) == [] and not departures.has_changed("state")
    (there / "state").write_bytes(b"1")
    (there / "model").mkdir()
    (there / "model" / "config.cfg").write_text(f'path = "{root}/data/corpus"')
    assert departures.has_changed("state")
    sent = list(departures.changed(last="state"))
    # the last vouches for the others; a path is what it is on the machine that asked
    assert sent == [("model/config.cfg", b'path = "/data/corpus"'), ("state", b"1")]
    assert list(departures.changed(last="state")) == []

    arrivals = Arrivals(target)
    for name, content in [*sent, ("old", b"state of before")]:
        arrivals.take(name, content)
    arrivals.keep_only(["model/config.cfg", "state"])
    assert sorted(path.name for path in target.rglob("*")) == ["config.cfg", "model", "state"]
    assert (target / "state").read_bytes() == b"1"


def test_a_single_file_comes_back_without_its_neighbours(tmp_path):
    root, target = tmp_path / "root", tmp_path / "measured" / "scores.json"
    target.parent.mkdir()
    (target.parent / "other.json").write_text("{}")
    workplace = Workplace(root, root)
    departures = Departures(workplace, target)
    workplace.place(target).parent.mkdir(parents=True)
    workplace.place(target).write_bytes(b"{1}")
    arrivals = Arrivals(target)
    for name, content in departures.changed():
        arrivals.take(name, content)
    arrivals.keep_only([name for name, _ in workplace.made(target)])
    assert target.read_bytes() == b"{1}"
    assert sorted(path.name for path in target.parent.iterdir()) == ["other.json", "scores.json"]


def test_names_that_lead_out_of_the_folder_are_not_written(tmp_path):
    with pytest.raises(AssertionError):
        Arrivals(tmp_path / "runs" / "de").take("../fr/model", b"")
