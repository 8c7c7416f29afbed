from spacy_skd.work import remote_tasks
from spacy_skd.work.cluster import Cluster
from spacy_skd.work.messages import ATTEMPTS, Done, File, Line
from spacy_skd.work.remote_tasks import RayTasks
from spacy_skd.work.tasks import Task


def test_what_is_carried_out_again_gets_the_state_that_was_left(tmp_path, monkeypatch):
    folder, data = tmp_path / "run", tmp_path / "data"
    folder.mkdir()
    (folder / "state.1").write_text("1")
    data.write_text("data")
    tasks, seen, lines = RayTasks(Cluster()), [], []

    def dies_once(task, parcel, contents):
        seen.append({path.name for path in parcel.files})
        if len(seen) == 1:
            (folder / "state.1").unlink()
            yield File("state.2", b"2")
            return
        yield Line("there")
        yield Done(3, ["state.2"])

    monkeypatch.setattr(tasks, "_messages", dies_once)
    monkeypatch.setattr(remote_tasks, "INTERVAL", 0)
    task = Task("de", ["train"], reads=[data], writes=folder, state="state")
    assert tasks.carry_out(task, lines.append) == 3
    assert seen == [{"data", "state.1"}, {"data", "state.2"}] and lines == ["there"]
    assert [path.name for path in tmp_path.rglob("*.*")] == ["state.2"]


def test_a_task_that_always_dies_is_given_up(tmp_path, monkeypatch):
    tasks, attempts = RayTasks(Cluster()), []
    monkeypatch.setattr(tasks, "_messages", lambda *given: iter(attempts.append(1) or ()))
    monkeypatch.setattr(remote_tasks, "INTERVAL", 0)
    assert tasks.carry_out(Task("de", ["train"]), print) < 0
    assert len(attempts) == ATTEMPTS
