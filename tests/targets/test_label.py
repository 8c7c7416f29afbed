import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import spacy

from spacy_skd import records
from spacy_skd.errors import SkdError
from spacy_skd.folders import RUN, MadeFolder
from spacy_skd.records import read_record, write_record
from spacy_skd.targets import TargetWriter, open_targets
from spacy_skd.targets.label import label_corpus
from spacy_skd.teachers import pipelines
from spacy_skd.teachers.pipelines import PipelineScorer
from spacy_skd.training.reader import make_multilingual_corpus

from ..conftest import SMALL_TOK2VEC
from .samples import WORDS, check_targets, initialize, run_label, save_docs, save_teacher


def test_label_stores_what_the_teachers_say(project):
    reports = run_label(project, shard_size=2, batch_size=3)
    assert [(r.name, r.status, r.sentences) for r in reports] == [
        ("de", "labelled", 5),
        ("en", "labelled", 7),
    ]
    assert reports[0].tokens == sum(map(len, WORDS)) and reports[0].dtype == "float16"
    check_targets(project, "de", "de", WORDS)
    check_targets(project, "en", "en/model-best", WORDS + [["More"], ["London", "."]])


def test_label_runs_the_components_before_the_crf(project):
    nlp = spacy.blank("xx")
    nlp.add_pipe("sentencizer")
    tok2vec = {"@architectures": "spacy.Tok2VecListener.v1", "width": 32}
    nlp.add_pipe("tok2vec", config={"model": SMALL_TOK2VEC})
    model = {"@architectures": "spacy-skd.CRFTagger.v1", "tok2vec": tok2vec}
    nlp.add_pipe("crf_tagger", config={"model": model})
    initialize(nlp, "crf_tagger", 3)
    nlp.to_disk(project / "teachers" / "de")
    run_label(project, languages=["de"])
    check_targets(project, "de", "de", WORDS)


def test_label_again_changes_nothing(project, monkeypatch):
    run_label(project)
    before = {path: path.stat().st_mtime_ns for path in (project / "targets").rglob("*")}
    monkeypatch.setattr(
        pipelines, "open_pipeline", lambda path: pytest.fail("a teacher was loaded")
    )
    reports = run_label(project)
    assert [report.status for report in reports] == ["nothing changed"] * 2
    assert [report.sentences for report in reports] == [5, 7]
    assert {path: path.stat().st_mtime_ns for path in (project / "targets").rglob("*")} == before


def test_label_replaces_targets_of_a_changed_corpus_teacher_or_setting(project):
    run_label(project)
    save_docs(project / "corpus" / "de" / "train.spacy", WORDS[:3])
    reports = run_label(project)
    assert [report.status for report in reports] == ["labelled", "nothing changed"]
    check_targets(project, "de", "de", WORDS[:3])

    save_teacher(project / "teachers" / "de", seed=7)
    with pytest.raises(SkdError, match="SKD063.*teachers/de"):
        open_targets(project / "targets")
    assert [report.status for report in run_label(project)] == ["labelled", "nothing changed"]
    check_targets(project, "de", "de", WORDS[:3])

    reports = run_label(project, dtype="float32")
    assert [(r.status, r.dtype) for r in reports] == [("labelled", "float32")] * 2
    assert sorted(path.name for path in (project / "targets").iterdir()) == ["de", "en"]


def test_targets_of_a_language_that_has_left_the_corpus_are_in_nobodys_way(project):
    """Their teacher of all languages was trained again for the others, and `label`, which a
    training asked for, left them as they were.
    """
    for name in ("de", "en"):
        shutil.rmtree(project / "teachers" / name)
    save_teacher(project / "teachers")
    run_label(project)
    shutil.rmtree(project / "corpus" / "en")
    save_teacher(project / "teachers", seed=7)
    assert [report.name for report in run_label(project)] == ["de"]
    shutil.rmtree(project / "corpus" / "kk")  # has no text to train with
    read = make_multilingual_corpus(project / "corpus", targets=project / "targets")
    assert all(example.reference.user_data["soft_targets"] for example in read(spacy.blank("xx")))
    with pytest.raises(SkdError, match="SKD063.*targets/en"):
        open_targets(project / "targets")


def test_targets_move_with_their_teachers(project):
    run_label(project)
    (project / "moved").mkdir()
    for name in ("targets", "teachers"):
        (project / name).rename(project / "moved" / name)
    open_targets(project / "moved" / "targets")
    save_teacher(project / "moved" / "teachers" / "de", seed=7)
    with pytest.raises(SkdError, match="SKD063"):
        open_targets(project / "moved" / "targets")
    shutil.rmtree(project / "moved" / "teachers")
    open_targets(project / "moved" / "targets")


def test_targets_that_were_moved_away_from_their_teachers_are_kept(project):
    run_label(project)
    (project / "targets" / "deep").mkdir()
    for name in ("de", "en"):
        (project / "targets" / name).rename(project / "targets" / "deep" / name)

    def statuses():
        folders = (project / name for name in ("corpus", "teachers", "targets/deep"))
        return [report.status for report in label_corpus(*folders)]

    before = (project / "targets" / "deep" / "de" / "meta.json").read_bytes()
    assert statuses() == ["nothing changed"] * 2
    assert (project / "targets" / "deep" / "de" / "meta.json").read_bytes() == before
    # Where the teacher was another one is, and readers would ask for new targets.
    save_teacher(project / "targets" / "teachers" / "de", seed=7)
    assert statuses() == ["labelled", "nothing changed"]
    open_targets(project / "targets" / "deep")


def test_label_resumes_an_interrupted_run(project, monkeypatch):
    scored = []
    original = PipelineScorer.score

    def interrupted(scorer, docs):
        if len(scored) == 3:
            raise KeyboardInterrupt
        scored.append(docs[0].text)
        return original(scorer, docs)

    monkeypatch.setattr(PipelineScorer, "score", interrupted)
    settings = {"languages": ["en"], "shard_size": 2, "batch_size": 1}
    with pytest.raises(KeyboardInterrupt):
        run_label(project, **settings)
    assert [path.name for path in (project / "targets").iterdir()] == ["en.partial"]
    names = sorted(path.name for path in (project / "targets" / "en.partial").iterdir())
    assert names == ["shard-00000.arrow", "shards.jsonl"]

    monkeypatch.setattr(PipelineScorer, "score", lambda *args: scored.append(1) or original(*args))
    (report,) = run_label(project, **settings)
    assert report.status == "resumed" and len(scored) == 3 + 5
    check_targets(project, "en", "en/model-best", WORDS + [["More"], ["London", "."]])
    assert [path.name for path in (project / "targets").iterdir()] == ["en"]


@pytest.mark.parametrize("renames", [0, 1])
def test_label_completes_a_run_killed_while_it_replaced_targets(project, monkeypatch, renames):
    """At the end the old store is renamed, then the new one; a kill may come before or between."""
    run_label(project, languages=["de"])
    save_docs(project / "corpus" / "de" / "train.spacy", WORDS[:3])
    done = []
    original = Path.rename

    def killed(path, target):
        if Path(target).suffix != ".arrow":
            if len(done) == renames:
                raise KeyboardInterrupt
            done.append(target)
        return original(path, target)

    monkeypatch.setattr(Path, "rename", killed)
    with pytest.raises(KeyboardInterrupt):
        run_label(project, languages=["de"])
    monkeypatch.undo()
    monkeypatch.setattr(PipelineScorer, "score", lambda *args: pytest.fail("scored again"))
    (report,) = run_label(project, languages=["de"])
    assert report.status == "resumed"
    check_targets(project, "de", "de", WORDS[:3])
    assert [path.name for path in (project / "targets").iterdir()] == ["de"]


@pytest.mark.parametrize("what", ["corpus/de/train.spacy", "teachers/de"])
def test_what_is_replaced_while_it_is_labelled_is_not_taken_for_what_it_was(
    project, monkeypatch, what
):
    """Once that was put back, `label` found nothing to do, and a training asked for `label`."""
    path = project / what
    kept = path.with_name("kept")

    def replace_before(job):
        path.rename(kept)
        if what.startswith("corpus"):
            save_docs(path, WORDS[:3])
        else:
            save_teacher(path, seed=7)
        return set()

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr("spacy_skd.targets.label.trained_on", replace_before)
        with pytest.raises(SkdError, match="SKD187.*targets/de"):
            run_label(project, languages=["de"])
    assert not list((project / "targets").iterdir())
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    kept.rename(path)
    assert [report.status for report in run_label(project, languages=["de"])] == ["labelled"]
    check_targets(project, "de", "de", WORDS)


def test_a_run_that_was_planned_otherwise_is_not_resumed(project, monkeypatch):
    monkeypatch.setattr(TargetWriter, "finish", lambda writer: pytest.fail("killed"))
    with pytest.raises(pytest.fail.Exception):
        run_label(project, languages=["de"], shard_size=2, batch_size=1)
    monkeypatch.undo()
    save_teacher(project / "teachers" / "de", seed=7)
    (report,) = run_label(project, languages=["de"], shard_size=2, batch_size=1)
    assert report.status == "labelled"
    check_targets(project, "de", "de", WORDS)


@pytest.mark.parametrize("name", ["meta.json", "shard-00000.arrow"])
def test_label_replaces_damaged_targets(project, name):
    run_label(project, languages=["de"])
    path = project / "targets" / "de" / name
    path.write_bytes(path.read_bytes()[:-2])
    (report,) = run_label(project, languages=["de"])
    assert report.status == "labelled"
    check_targets(project, "de", "de", WORDS)


def test_label_never_replaces_what_is_no_store(project):
    other = project / "targets" / "de" / "thesis.txt"
    other.parent.mkdir(parents=True)
    other.write_text("years of work")
    with pytest.raises(SkdError, match="SKD066"):
        run_label(project)
    assert other.read_text() == "years of work"


def test_label_bad_teachers(project):
    teachers = project / "teachers"
    with pytest.raises(SkdError, match="SKD068.*'kk'"):
        run_label(project, splits=["test"])
    spacy.blank("xx").to_disk(teachers / "de")
    with pytest.raises(SkdError, match="SKD069.*has 0"):
        run_label(project)
    (teachers / "de" / "config.cfg").write_text("[nlp")
    with pytest.raises(SkdError, match="SKD126.*teachers/de"):
        run_label(project)
    shutil.rmtree(teachers / "de")
    with pytest.raises(SkdError, match="SKD068.*'de'"):
        run_label(project)
    assert not (project / "targets").exists()


def test_label_names_the_sentence_whose_scores_are_no_numbers(project):
    nlp = spacy.load(project / "teachers" / "de")
    nlp.get_pipe("pipe").model.layers[-1].get_param("b")[0] = np.nan
    nlp.to_disk(project / "teachers" / "de")
    with pytest.raises(SkdError, match=r"SKD071.*teachers/de.*\"Ada Lovelace.*\(de\)"):
        run_label(project)
    # An unfinished store with nothing in it would be in the way of whoever reads the others.
    assert not list((project / "targets").iterdir())


def test_label_bad_corpus_and_settings(project):
    with pytest.raises(SkdError, match="SKD073.*bfloat16"):
        run_label(project, dtype="bfloat16")
    with pytest.raises(SkdError, match="SKD077.*'fr'.*corpus/fr"):
        run_label(project, languages=["de", "fr"])
    with pytest.raises(SkdError, match="SKD077.*rain.spacy"):
        run_label(project, splits=["rain"])
    (project / "corpus" / "de" / "train.spacy").write_bytes(b"no DocBin")
    with pytest.raises(SkdError, match="SKD078.*train.spacy"):
        run_label(project)
    assert not (project / "targets" / "de").exists()


def test_a_teacher_that_is_not_as_it_was_trained_does_not_label(project):
    """A flipped bit in its weights would change labels unseen."""
    made = MadeFolder(project / "teachers" / "de", RUN)
    save_teacher(made.unfinished / "model-best")
    shutil.rmtree(made.path)
    made.publish({"fingerprint": "0"})
    (report,) = run_label(project, languages=["de"])
    assert report.status == "labelled"
    path = made.path / "model-best" / "pipe" / "model"
    data = bytearray(path.read_bytes())
    data[-100] ^= 1
    path.write_bytes(data)
    with pytest.raises(SkdError, match="SKD139.*teachers/de/model-best.*pipe/model"):
        run_label(project, languages=["de"])
    config = made.path / "model-best" / "config.cfg"
    config.write_bytes(config.read_bytes()[:-20])  # read before all else, and no config any more
    with pytest.raises(SkdError, match="SKD139.*teachers/de/model-best.*config.cfg"):
        run_label(project, languages=["de"])


# Where the description of a store may lead


def reseal(store, **teacher):
    """Describe the teacher of a store in another way, with a right checksum."""
    content = read_record(store / "meta.json")
    content["plan"]["teacher"].update(teacher)
    write_record(store / "meta.json", content)


@pytest.fixture
def opened_files(monkeypatch):
    """The files of teachers that are opened."""
    opened = []
    original = records.file_checksum
    monkeypatch.setattr(
        records, "file_checksum", lambda path: opened.append(path) or original(path)
    )
    return opened


@pytest.mark.parametrize("path", ["../../../../../../../../../../..", "..", ".", "../../corpus"])
def test_a_path_that_does_not_lead_to_the_teacher_leads_nowhere(project, opened_files, path):
    run_label(project, languages=["de"])
    reseal(project / "targets" / "de", path=path)
    opened_files.clear()
    open_targets(project / "targets")
    assert opened_files == []


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFO on this system")
def test_pipes_and_other_large_files_in_the_place_of_a_teacher_are_not_read(project, opened_files):
    run_label(project, languages=["de"])
    teacher = project / "teachers" / "de"
    shutil.rmtree(teacher)
    os.mkfifo(teacher)
    open_targets(project / "targets")
    teacher.unlink()
    for make in (os.mkfifo, lambda path: os.symlink("/dev/zero", path), write_sparse_file):
        teacher.mkdir()
        make(teacher / "config.cfg")
        opened_files.clear()
        if make is write_sparse_file:
            with pytest.raises(SkdError, match="SKD063"):
                open_targets(project / "targets")
        else:
            open_targets(project / "targets")
        assert opened_files == []
        shutil.rmtree(teacher)


def write_sparse_file(path):
    with path.open("wb") as file:
        file.truncate(1 << 40)


def test_no_other_files_of_a_teacher_are_looked_at(project, opened_files):
    run_label(project, languages=["de"])
    (project / "teachers" / "de" / "recording.wav").write_bytes(bytes(1 << 20))
    opened_files.clear()
    open_targets(project / "targets")
    assert {path.name for path in opened_files} >= {"config.cfg", "model"}
    assert "recording.wav" not in {path.name for path in opened_files}
