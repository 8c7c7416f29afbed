"""Whatever happens to files of targets, of interrupted runs and of corpora: what is read is what
was written, or one line says what is wrong; and the command that made them repairs it, unless
something is in the way that is not ours.
"""

import shutil
from collections import Counter

import numpy as np
import pytest
from spacy.tokens import Doc
from spacy.vocab import Vocab

from spacy_skd.corpora.convert import convert
from spacy_skd.corpora.layout import find_languages
from spacy_skd.corpora.stored import read_split
from spacy_skd.errors import SkdError
from spacy_skd.targets import label, open_targets
from spacy_skd.teachers import pipelines
from spacy_skd.teachers.pipelines import load_pipeline

from ..corruption import corrupt
from .samples import run_label, save_teacher

SETTINGS = {"shard_size": 4, "batch_size": 4}
SPLITS = ("train", "dev", "test", "unlabelled")


def write_raw(folder):
    for lang in ("de", "nl"):
        (folder / lang).mkdir(parents=True)
        for split in SPLITS[:3]:
            lines = (f"{lang}\tB-PER\n{split}{i}\tO\n" + "x\tO\n" * (i % 3) for i in range(9))
            (folder / lang / f"{split}.iob2").write_text("\n".join(lines))
        text = "".join(f"free {lang} {i} {'y ' * (i % 3)}\n" for i in range(7))
        (folder / lang / "unlabelled.txt").write_text(text)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A corpus, teachers, targets, and targets as an interrupted run leaves them."""
    path = tmp_path_factory.mktemp("world")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("spacy_skd.corpora.output.PIECE", 3)
        write_raw(path / "raw")
        convert(path / "raw", path / "corpus")
        for seed, lang in enumerate(("de", "nl")):
            save_teacher(path / "teachers" / lang, seed=seed)
        run_label(path, **SETTINGS)
        (path / "targets").rename(path / "whole")
        patch.setattr(label.TargetWriter, "finish", interrupt)
        with pytest.raises(KeyboardInterrupt):
            run_label(path, **SETTINGS)
        (path / "targets").rename(path / "interrupted")
    return path


def interrupt(writer):
    raise KeyboardInterrupt


@pytest.fixture(scope="module")
def teachers(world):
    """Loaded once: damage to teachers is not the matter here."""
    return {path: load_pipeline(path) for path in (world / "teachers").iterdir()}


@pytest.fixture
def quick(world, teachers, monkeypatch):
    monkeypatch.setattr("spacy_skd.corpora.output.PIECE", 3)
    monkeypatch.setattr("spacy_skd.targets.store.PAUSE", 0)
    loaded = {path.name: nlp for path, nlp in teachers.items()}
    monkeypatch.setattr(pipelines, "load_pipeline", lambda path: loaded[path.name])


def attempt(function, *args):
    """The result, or None where one line of ours says why there is none."""
    try:
        return function(*args)
    except SkdError as error:
        message = str(error)
        assert message.startswith("[SKD") and message.isprintable() and len(message) < 1500, message
        return None


def scores_of(targets, docs):
    """All that a training would read of the targets of some documents."""
    opened = open_targets(targets)
    found = {}
    for lang, words in docs:
        for target in opened.find(Doc(Vocab(), words=words), lang):
            teacher = target.teacher
            chain = (teacher.transitions, teacher.start, teacher.end, target.emissions())
            found[(lang, *words)] = (teacher.tags, *(scores.tobytes() for scores in chain))
    return found


def docs_of(corpus):
    """All that a training or an evaluation would read of a corpus."""
    found = find_languages(corpus, ["train", "dev", "test"])
    return [
        (split, doc.user_data["lang"], [token.text for token in doc], [e.label_ for e in doc.ents])
        for lang in found
        for split in SPLITS
        for doc in read_split(corpus, lang, split, Vocab())
    ]


def sentences(world, splits=("train", "unlabelled")):
    docs = docs_of(world / "corpus")
    return [(lang, words) for split, lang, words, _ in docs if split in splits]


def files_of(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


def damage_targets(world, folder, rng):
    expected = scores_of(world / "whole", sentences(world))
    shutil.copytree(world / "whole", folder / "targets")
    done = corrupt(rng, files_of(folder / "targets"))
    read = attempt(scores_of, folder / "targets", sentences(world))
    assert read in (None, expected), done
    return done, repair(world, folder, expected, done, read)


def damage_interrupted(world, folder, rng):
    expected = scores_of(world / "whole", sentences(world))
    shutil.copytree(world / "interrupted", folder / "targets")
    done = corrupt(rng, files_of(folder / "targets"))
    return done, repair(world, folder, expected, done, None)


def repair(world, folder, expected, done, read):
    for name in ("corpus", "teachers"):
        if not (folder / name).exists():
            (folder / name).symlink_to(world / name)
    if attempt(lambda: run_label(folder, **SETTINGS)) is None:
        return told(done)
    assert scores_of(folder / "targets", sentences(world)) == expected, done
    assert all(path.suffix == "" for path in (folder / "targets").iterdir()), done
    return "as it was" if read is not None else "repaired"


def told(done):
    """Only what we did not make is left for its owner to remove."""
    assert done.split()[0] in ("folder", "bare_folder", "link", "duplicate"), done
    return "told"


def damage_corpus(world, folder, rng):
    expected = docs_of(world / "corpus")
    shutil.copytree(world / "corpus", folder / "corpus")
    done = corrupt(rng, files_of(folder / "corpus"))
    read = attempt(docs_of, folder / "corpus")
    assert read in (None, expected), done
    if attempt(convert, world / "raw", folder / "corpus") is None:
        return done, told(done)
    assert docs_of(folder / "corpus") == expected, done
    return done, "as it was" if read is not None else "repaired"


PROGRAMS = {
    "targets": damage_targets,
    "interrupted": damage_interrupted,
    "corpus": damage_corpus,
}


def run(name, world, tmp_path, times, seed):
    counts = Counter()
    for i in range(times):
        folder = tmp_path / str(i)
        folder.mkdir()
        done, became = PROGRAMS[name](world, folder, np.random.default_rng([seed, i]))
        counts[done.split()[0], became] += 1
        if done.startswith("folder"):  # with something in it that is not ours
            assert became == "told" and list(folder.rglob("thesis.txt")), done
        shutil.rmtree(folder)
    print(name, dict(counts))
    return counts


@pytest.mark.parametrize("name", PROGRAMS)
def test_damage_is_told_or_repaired(quick, world, tmp_path, name):
    counts = run(name, world, tmp_path, times=25, seed=0)
    assert any(became == "repaired" for _, became in counts)


@pytest.mark.slow
@pytest.mark.parametrize("name", PROGRAMS)
def test_much_damage_is_told_or_repaired(quick, world, tmp_path, name):
    counts = run(name, world, tmp_path, times=600, seed=1)
    for became in ("repaired", "as it was", "told"):
        assert any(key[1] == became for key in counts) or name == "interrupted"
