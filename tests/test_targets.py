import json
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import spacy
from hypothesis import given
from hypothesis import strategies as st
from spacy.tokens import Doc, DocBin
from spacy.vocab import Vocab

from spacy_skd.errors import SkdError
from spacy_skd.targets import TargetWriter, label, open_targets
from spacy_skd.targets.fingerprints import (
    sentence_fingerprint,
    teacher_fingerprint,
    text_fingerprint,
)
from spacy_skd.targets.label import label_corpus
from spacy_skd.transfer import Teacher

from .conftest import SENTENCES, SMALL_TOK2VEC, make_examples, make_pipeline

VOCAB = Vocab()
TAGS = ("O", "B-PER", "I-PER", "L-PER", "U-PER")

words_and_spaces = st.lists(
    st.tuples(st.text("ab .\n", min_size=1, max_size=3), st.booleans()), min_size=1, max_size=5
)


def make_doc(words, spaces=None):
    return Doc(VOCAB, words=words, spaces=spaces)


def numbered_docs(n, start=0):
    return [make_doc(["sentence", str(i)] + ["x"] * (i % 4)) for i in range(start, start + n)]


def make_teacher(rng=None):
    rng = rng or np.random.default_rng(0)
    size = len(TAGS)
    chain = (rng.normal(size=shape).astype(np.float32) for shape in ((size, size), size, size))
    return Teacher(TAGS, "BILOU", *chain)


def make_plan(**changes):
    teacher = {"path": "../nowhere", "fingerprint": "0"}
    plan = {"lang": "de", "teacher": teacher, "corpus": "0", "splits": ["train"]}
    return {**plan, "dtype": "float16", "shard_size": 4, **changes}


def scores_of(doc, seed=0):
    rng = np.random.default_rng([seed, sentence_fingerprint(doc) % 2**32])
    return rng.normal(scale=5, size=(len(doc), len(TAGS))).astype(np.float32)


def write_store(path, docs, scores=scores_of, teacher=None, **plan):
    writer = TargetWriter(path, make_plan(**plan), teacher or make_teacher())
    for doc in docs:
        writer.add(doc, scores(doc))
    writer.finish()


@pytest.fixture
def targets(tmp_path):
    write_store(tmp_path / "targets" / "de", numbered_docs(10))
    return tmp_path / "targets"


# Fingerprints


@given(words_and_spaces, words_and_spaces)
def test_sentences_have_the_same_fingerprint_if_words_and_spaces_are_the_same(one, other):
    docs = [make_doc(*zip(*tokens)) for tokens in (one, other)]
    same = sentence_fingerprint(docs[0]) == sentence_fingerprint(docs[1])
    assert same == (one == other)
    assert sentence_fingerprint(Doc(Vocab(), *map(list, zip(*one)))) == sentence_fingerprint(
        docs[0]
    )


@given(words_and_spaces, words_and_spaces)
def test_texts_have_the_same_fingerprint_if_only_whitespace_differs(one, other):
    docs = [make_doc(*zip(*tokens)) for tokens in (one, other)]
    same = text_fingerprint(docs[0]) == text_fingerprint(docs[1])
    assert same == ("".join(docs[0].text.split()) == "".join(docs[1].text.split()))


def test_teacher_fingerprint_survives_saving_again_but_not_training(tmp_path):
    nlp = save_teacher(tmp_path / "one")
    before = teacher_fingerprint(tmp_path / "one")
    loaded = spacy.load(tmp_path / "one")
    loaded("Words that no vocabulary has met: xylotomous, Quisquilien.")
    loaded.meta["description"] = "saved again"
    loaded.to_disk(tmp_path / "two")
    assert teacher_fingerprint(tmp_path / "two") == before
    nlp.get_pipe("pipe").model.get_param("start")[0] += 1
    nlp.to_disk(tmp_path / "one")
    assert teacher_fingerprint(tmp_path / "one") != before


# Writing and reading


def test_what_is_written_is_read_whatever_the_order(targets):
    opened = open_targets(targets)
    assert opened.languages == ("de",)
    teacher = make_teacher()
    found = {doc: opened.find(doc, "de") for doc in reversed(numbered_docs(10))}
    for doc, (target,) in found.items():
        emissions = target.emissions()
        assert emissions.dtype == np.float16 and not emissions.flags.writeable
        np.testing.assert_array_equal(emissions, scores_of(doc).astype(np.float16))
    assert len({id(target.teacher) for (target,) in found.values()}) == 1
    assert (target.teacher.tags, target.teacher.scheme) == (TAGS, "BILOU")
    for name in ("transitions", "start", "end"):
        scores = getattr(target.teacher, name)
        assert scores.dtype == np.float32
        np.testing.assert_array_equal(scores, getattr(teacher, name))


def test_emissions_are_views_of_the_file(targets):
    (target,) = open_targets(targets).find(numbered_docs(1)[0], "de")
    assert np.shares_memory(target.emissions(), target.emissions())


def test_shards_open_as_memory_mapped_datasets(targets):
    datasets = pytest.importorskip("datasets")
    shards = sorted((targets / "de").glob("shard-*.arrow"))
    assert [path.name for path in shards] == [f"shard-0000{i}.arrow" for i in range(3)]
    rows = [row for path in shards for row in datasets.Dataset.from_file(str(path))]
    for row, doc in zip(rows, numbered_docs(10), strict=True):
        assert row["fingerprint"] == sentence_fingerprint(doc)
        assert row["text_fingerprint"] == text_fingerprint(doc)
        assert row["n_tokens"] == len(doc)
        assert row["emissions"] == scores_of(doc).astype(np.float16).ravel().tolist()
    dataset = datasets.Dataset.from_file(str(shards[0]))
    assert dataset.cache_files == [{"filename": str(shards[0])}]


def test_meta_describes_teacher_and_shards(targets):
    meta = json.loads((targets / "de" / "meta.json").read_text())
    assert meta["version"] == 1 and meta["plan"] == make_plan()
    assert meta["teacher"]["tags"] == list(TAGS)
    assert [shard["sentences"] for shard in meta["shards"]] == [4, 4, 2]
    for shard in meta["shards"]:
        assert (targets / "de" / shard["file"]).stat().st_size == shard["bytes"]
    assert not (targets / "de" / "plan.json").exists()


def test_float32_is_kept_exactly(tmp_path):
    docs = numbered_docs(3)
    write_store(tmp_path / "de", docs, dtype="float32")
    opened = open_targets(tmp_path)
    for doc in docs:
        np.testing.assert_array_equal(opened.find(doc, "de")[0].emissions(), scores_of(doc))


def test_scores_beyond_float16_make_their_shard_float32(tmp_path):
    docs = numbered_docs(8)

    def scores(doc):
        emissions = scores_of(doc)
        emissions[0, 0] = -np.inf
        if doc[1].text == "5":
            emissions[0, 1] = -65536.0
        return emissions

    write_store(tmp_path / "de", docs, scores)
    opened = open_targets(tmp_path)
    for doc in docs:
        dtype = np.float16 if int(doc[1].text) < 4 else np.float32
        emissions = opened.find(doc, "de")[0].emissions()
        assert emissions.dtype == dtype
        np.testing.assert_array_equal(emissions, scores(doc).astype(dtype))


def test_a_language_may_have_several_teachers_or_none(tmp_path):
    docs = numbered_docs(3)
    write_store(tmp_path / "de" / "small", docs)
    write_store(tmp_path / "de" / "large" / "v2", docs, lambda doc: scores_of(doc, 1))
    write_store(tmp_path / "nl", docs, lang="nl")
    opened = open_targets(tmp_path)
    assert opened.languages == ("de", "nl")
    large, small = opened.find(docs[2], "de")
    assert large.teacher is not small.teacher
    np.testing.assert_array_equal(small.emissions(), scores_of(docs[2]).astype(np.float16))
    np.testing.assert_array_equal(large.emissions(), scores_of(docs[2], 1).astype(np.float16))
    assert len(opened.find(docs[2], "nl")) == 1
    assert opened.find(docs[2], "en") == []


def test_nothing_is_unpickled(targets, monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("unpickling")

    for name in ("load", "loads", "Unpickler"):
        monkeypatch.setattr(pickle, name, refuse)
    assert open_targets(targets).find(numbered_docs(1)[0], "de")[0].emissions().shape == (2, 5)


MEMORY = """
import sys
from pathlib import Path
from spacy.tokens import Doc
from spacy.vocab import Vocab
from spacy_skd.targets import open_targets

def resident():
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024

vocab = Vocab()
docs = [Doc(vocab, words=[str(i)] + ["x"] * 499) for i in range(int(sys.argv[2]))]
before = resident()
targets = open_targets(Path(sys.argv[1]))
total, peak = 0.0, 0.0
for i, doc in enumerate(docs):
    total += targets.find(doc, "de")[0].emissions().sum()
    if i % 50 == 49:
        peak = max(peak, resident())
assert total > 0
print(peak - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_memory_does_not_grow_with_the_store(tmp_path):
    tags = tuple(map(str, range(65)))
    chain = [np.zeros((65, 65), np.float32), *np.zeros((2, 65), np.float32)]
    emissions = np.ones((500, 65), dtype=np.float32)
    grown = []
    for size in (50, 1500):  # 6 MB and 195 MB
        folder = tmp_path / str(size)
        docs = (make_doc([str(i)] + ["x"] * 499) for i in range(size))
        teacher = Teacher(tags, "plain", *chain)
        plan = {"dtype": "float32", "shard_size": 500}
        write_store(folder / "de", docs, lambda doc: emissions, teacher, **plan)
        command = [sys.executable, "-c", MEMORY, str(folder), str(size)]
        grown.append(float(subprocess.check_output(command, text=True)))
    assert grown[1] - grown[0] < 100


# What can be wrong with a store


def test_no_targets(tmp_path):
    for path in (tmp_path, tmp_path / "missing"):
        with pytest.raises(SkdError, match="SKD060.*spacy skd label"):
            open_targets(path)


def test_unfinished_stores_do_not_count(targets):
    for name in ("en.partial", "en.stale"):
        shutil.copytree(targets / "de", targets / name)
    assert open_targets(targets).languages == ("de",)
    shutil.rmtree(targets / "de")
    with pytest.raises(SkdError, match="SKD060"):
        open_targets(targets)


def test_other_sentences_and_other_tokenisations_are_told_apart(targets):
    opened = open_targets(targets)
    with pytest.raises(SkdError, match=r"SKD061.*\"sentence 10 x x\" \(de\)"):
        opened.find(numbered_docs(1, start=10)[0], "de")
    with pytest.raises(SkdError, match=r"SKD062.*\"sentence 0\" \(de\)"):
        opened.find(make_doc(["sentence 0"], [False]), "de")
    with pytest.raises(SkdError, match="SKD062"):
        opened.find(make_doc(["sentence", "0"], [False, False]), "de")
    with pytest.raises(SkdError, match="SKD061") as error:
        opened.find(make_doc(["long"] * 50 + ["\n"]), "de")
    assert f'"{("long " * 12)}..."' in str(error.value) and "\n" not in str(error.value)


def test_a_truncated_altered_or_missing_shard(targets):
    path = targets / "de" / "shard-00001.arrow"
    data = path.read_bytes()
    altered = bytearray(data)
    altered[len(data) // 2] ^= 1
    for damaged in (data[:-8], b"", bytes(altered)):
        path.write_bytes(damaged)
        with pytest.raises(SkdError, match="SKD064.*shard-00001.arrow"):
            open_targets(targets)
    path.unlink()
    with pytest.raises(SkdError, match="SKD064.*missing"):
        open_targets(targets)
    path.write_bytes(data)
    open_targets(targets)


def test_a_truncated_or_foreign_meta(targets):
    path = targets / "de" / "meta.json"
    text = path.read_text()
    meta = json.loads(text)
    without_shards = {name: value for name, value in meta.items() if name != "shards"}
    for damaged in (text[: len(text) // 2], "", json.dumps(without_shards)):
        path.write_text(damaged)
        with pytest.raises(SkdError, match="SKD065.*meta.json"):
            open_targets(targets)
    for foreign in ("[]", '{"lang": "xx", "name": "pipeline"}'):
        path.write_text(foreign)
        with pytest.raises(SkdError, match="SKD066"):
            open_targets(targets)
    path.write_text(json.dumps({**meta, "version": 2}))
    with pytest.raises(SkdError, match="SKD067.*version 2"):
        open_targets(targets)


def test_scores_that_are_no_numbers_are_not_written(tmp_path):
    doc = make_doc(["Ada", "sleeps"])
    for value in (np.nan, np.inf):
        with pytest.raises(SkdError, match=r"SKD071.*\"Ada sleeps\" \(de\)"):
            write_store(tmp_path / "de", [doc], lambda doc: np.full((2, 5), value))
    chain = [np.full((5, 5), np.nan), *np.zeros((2, 5))]
    with pytest.raises(SkdError, match="SKD071.*transitions"):
        write_store(tmp_path / "de", [doc], teacher=Teacher(TAGS, "BILOU", *chain))
    assert not (tmp_path / "de").exists()


# Labelling


def save_teacher(path, factory="crf_ner", seed=0):
    """A pipeline with random weights: quick to make, and different for every sentence."""
    nlp = make_pipeline(factory)
    initialize(nlp, "pipe", seed)
    path.mkdir(parents=True, exist_ok=True)
    nlp.to_disk(path)
    return nlp


def initialize(nlp, name, seed):
    nlp.initialize(lambda: make_examples(nlp))
    rng = np.random.default_rng(seed)
    model = nlp.get_pipe(name).model
    for node, params in ((model.layers[-1], ("W", "b")), (model, ("transitions", "start", "end"))):
        for param in params:
            shape = node.get_param(param).shape
            node.set_param(param, rng.normal(size=shape).astype(np.float32))


def save_docs(path, sentences):
    path.parent.mkdir(parents=True, exist_ok=True)
    docs = [Doc(VOCAB, words=words, user_data={"lang": path.parent.name}) for words in sentences]
    DocBin(docs=docs, store_user_data=True).to_disk(path)


WORDS = [words for words, _ in SENTENCES]


@pytest.fixture
def project(tmp_path):
    """A corpus of two languages, one with unlabelled text, and their teachers."""
    for lang in ("de", "en"):
        save_docs(tmp_path / "corpus" / lang / "train.spacy", WORDS + WORDS[:2])
        save_docs(tmp_path / "corpus" / lang / "test.spacy", WORDS)
    pieces = ([["More"], ["London", "."]], [WORDS[0]])
    for i, words in enumerate(pieces):
        save_docs(tmp_path / "corpus" / "en" / "unlabelled" / f"0000{i}.spacy", words)
    save_docs(tmp_path / "corpus" / "kk" / "test.spacy", WORDS)
    save_teacher(tmp_path / "teachers" / "de")
    save_teacher(tmp_path / "teachers" / "en" / "model-best", seed=1)
    return tmp_path


def run_label(project, **settings):
    folders = (project / name for name in ("corpus", "teachers", "targets"))
    return label_corpus(*folders, **settings)


def check_targets(project, lang, teacher, sentences):
    """The store holds what the teacher says of just these sentences."""
    nlp = spacy.load(project / "teachers" / teacher)
    docs = [Doc(nlp.vocab, words=words) for words in sentences]
    for _, component in nlp.pipeline[:-1]:
        docs = [component(doc) for doc in docs]
    pipe = nlp.pipeline[-1][1]
    opened = open_targets(project / "targets")
    for doc, scores in zip(docs, pipe.score_docs(docs)):
        (target,) = opened.find(doc, lang)
        np.testing.assert_allclose(target.emissions(), scores, rtol=1e-3, atol=1e-4)
    assert target.teacher.tags == pipe.tags
    np.testing.assert_array_equal(target.teacher.transitions, pipe.teacher.transitions)
    np.testing.assert_array_equal(target.teacher.start, pipe.teacher.start)
    assert sum(len(store) for store in opened.stores[lang]) == len(sentences)


def test_label_stores_what_the_teachers_say(project):
    reports = run_label(project, shard_size=2, batch_size=3)
    assert [(r.language, r.status, r.sentences) for r in reports] == [
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
    monkeypatch.setattr(label, "load_teacher", lambda path: pytest.fail("a teacher was loaded"))
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


def test_label_resumes_an_interrupted_run(project, monkeypatch):
    scored = []
    original = label.score

    def interrupted(nlp, pipe, docs):
        if len(scored) == 3:
            raise KeyboardInterrupt
        scored.append(docs[0].text)
        return original(nlp, pipe, docs)

    monkeypatch.setattr(label, "score", interrupted)
    settings = {"languages": ["en"], "shard_size": 2, "batch_size": 1}
    with pytest.raises(KeyboardInterrupt):
        run_label(project, **settings)
    assert [path.name for path in (project / "targets").iterdir()] == ["en.partial"]
    names = sorted(path.name for path in (project / "targets" / "en.partial").iterdir())
    assert names == ["plan.json", "shard-00000.arrow"]

    monkeypatch.setattr(label, "score", lambda *args: scored.append(1) or original(*args))
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
    monkeypatch.setattr(label, "score", lambda *args: pytest.fail("scored again"))
    (report,) = run_label(project, languages=["de"])
    assert report.status == "resumed"
    check_targets(project, "de", "de", WORDS[:3])
    assert [path.name for path in (project / "targets").iterdir()] == ["de"]


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
    path.write_bytes(path.read_bytes()[:-1])
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
    assert not (project / "targets" / "de").exists()


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
