"""When a run is finished, what it is made from, and what it never removes. Nothing is trained here:
a folder is filled as a training would fill it.
"""

import os
from pathlib import Path

import pytest
import spacy
from thinc.api import Adam

from spacy_skd.errors import SkdError
from spacy_skd.training.checkpoints import Checkpoint, Progress
from spacy_skd.training.runs import BEST, LAST, Run, RunReport

CONFIG = """
[paths]
corpus = null
languages = null
targets = null
vectors = null
features = null

[system]
seed = 0

[corpora]

[corpora.train]
@readers = "spacy-skd.MultilingualCorpus.v1"
path = ${paths.corpus}
languages = ${paths.languages}
split = "train"
targets = ${paths.targets}
unlabelled_ratio = 0.0

[corpora.dev]
@readers = "spacy-skd.MultilingualCorpus.v1"
path = ${paths.corpus}
languages = ${paths.languages}
split = "dev"

[training]
seed = ${system.seed}

[training.logger]
@loggers = "spacy-skd.LanguageLogger.v1"
output_file = "log/training.jsonl"

[initialize]
vectors = ${paths.vectors}

[components]

[components.ner]
features = ${paths.features}
"""


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("config.cfg").write_text(CONFIG, encoding="utf-8")
    for name in ("corpus/de/train.spacy", "corpus/de/dev.spacy", "corpus/en/train.spacy"):
        write(name, name)
    return make_run


def write(name, text):
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def make_run(path="training/de", languages=("de",), **overrides):
    paths = {"paths.corpus": "corpus", "paths.languages": list(languages)}
    return Run("de", Path(path), Path("config.cfg"), {**paths, **overrides})


def make(run):
    """Carry out a run without training."""
    run.made.clear()
    run.begin(run.fingerprint(), -1)
    for folder in (BEST, LAST):
        write(run.made.unfinished / folder / "ner" / "model", "weights")
    run.publish(run.fingerprint(), RunReport("de", "trained", sentences=3, score=0.5))
    return run


def test_a_run_is_finished_when_it_has_been_made(run):
    assert run().finished() is None
    make(run())
    assert run().finished() == RunReport("de", "skipped", sentences=3, score=0.5)
    assert [path.name for path in Path("training").iterdir()] == ["de"]


@pytest.mark.parametrize("name", ["corpus/de/train.spacy", "corpus"])
def test_what_was_begun_stays_while_what_it_reads_is_away(run, name):
    state = Checkpoint(run().made.unfinished, run().fingerprint())
    state.folder.mkdir(parents=True)
    state.save(spacy.blank("xx"), Adam(0.1), Progress(steps=401))
    os.rename(name, "elsewhere")
    run().clear()
    os.rename("elsewhere", name)
    run().clear()
    assert state.found() is not None
    assert run().step_of_another(run().fingerprint()) is None
    assert run().step_of_another("f") == 400
    # One that is damaged nobody can go on with.
    write(state.folder / "checkpoint.401.msgpack", "")
    run().clear()
    assert not state.folder.exists()


def test_damage_of_any_file_is_noticed(run):
    folder = make(run()).folder
    names = [path for path in folder.rglob("*") if path.is_file()]
    assert len(names) == 4
    for path in names:
        intact = path.read_bytes()
        for damaged in (intact[:-2], b"", b"\xff" + intact[1:], intact + b"}"):
            path.write_bytes(damaged)
            assert run().finished() is None, (path, damaged)
            run().made.check_place()  # it may be replaced
        path.unlink()
        assert run().finished() is None
        path.write_bytes(intact)
        assert run().finished() is not None


def test_features_that_are_kept_count_for_nothing(run):
    before = run(**{"paths.features": "features"}).fingerprint()
    assert run(**{"paths.features": "elsewhere"}).fingerprint() == before
    write("features/encoder.sqlite", "1")
    assert run(**{"paths.features": "features"}).fingerprint() == before


def test_what_a_run_is_made_from(run):
    """Everything that leads to another pipeline, and nothing else, leads to another fingerprint."""
    write("vectors/data", "1")
    write("targets/de/meta.json", "1")
    write("corpus/de/unlabelled.spacy", "1")
    settings = {"paths.vectors": "vectors", "paths.targets": "targets"}

    def make_it(**overrides):
        return run(**{**settings, **overrides}).fingerprint()

    seen = [make_it(), make_it(**{"system.seed": 1}), make_it(languages=("de", "en"))]
    files = ("vectors/data", "targets/de/meta.json")
    for name in (*files, "corpus/de/train.spacy", "corpus/de/dev.spacy"):
        write(name, "2")
        seen.append(make_it())
    os.rename("corpus/de/dev.spacy", "corpus/de/test.spacy")
    seen.append(make_it())
    seen.append(make_it(**{"corpora.train.unlabelled_ratio": 1.0}))
    assert len(set(seen)) == len(seen)

    now = make_it()
    write("corpus/en/train.spacy", "2")  # of another language
    write("corpus/de/unlabelled.spacy", "2")  # not read
    write("log/training.jsonl", "written, not read")
    write("en", "a file that is called like a setting")
    write("targets/.de.lock", "")
    assert make_it() == now
    os.rename("corpus", "moved")
    os.rename("vectors", "elsewhere")
    assert make_it(**{"paths.corpus": "moved", "paths.vectors": "elsewhere"}) == now


def test_overrides_in_another_order_are_the_same(run):
    first = run(**{"system.seed": 1, "initialize.vectors": None})
    second = run(**{"initialize.vectors": None, "system.seed": 1})
    assert first.fingerprint() == second.fingerprint()


def test_the_config_is_the_one_that_was_read(run):
    changing = run()
    before = changing.fingerprint()
    write("config.cfg", CONFIG.replace("seed = 0", "seed = 7"))
    assert changing.fingerprint() == before
    make(changing)
    assert "seed = 0" in (changing.folder / "run.cfg").read_text("utf-8")
    assert run().finished() is None


def test_bad_configs_are_one_line(run):
    write("config.cfg", "[paths\ncorpus = 1")
    with pytest.raises(SkdError, match="SKD131") as error:
        run().fingerprint()
    assert "\n" not in str(error.value)
    write("config.cfg", CONFIG.replace("${system.seed}", "${system.nothing}"))
    with pytest.raises(SkdError, match="SKD131.*system"):
        run().fingerprint()
    with pytest.raises(SkdError, match="SKD124"):
        Run("de", Path("out"), Path("nowhere.cfg")).fingerprint()
