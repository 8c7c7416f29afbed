import shutil

import pytest

from spacy_skd.errors import SkdError
from spacy_skd.targets import TargetWriter, open_targets
from spacy_skd.targets import writer as writer_module
from spacy_skd.targets.fingerprints import sentence_fingerprint

from .samples import make_doc, make_plan, make_teacher, numbered_docs, scores_of

DOCS = numbered_docs(10)  # three shards


@pytest.fixture
def partial(tmp_path):
    """What an interrupted run leaves: two shards and their record."""
    writer = TargetWriter(tmp_path / "de", make_plan(), make_teacher())
    with pytest.raises(KeyboardInterrupt):
        writer.write(interrupted(DOCS, 9), lambda docs: map(scores_of, docs))
    return tmp_path / "de.partial"


def interrupted(docs, n):
    yield from docs[:n]
    raise KeyboardInterrupt


def resume(partial, **plan):
    """Write the store; returns the numbers of the documents that had to be scored."""
    scored = []

    def score(docs):
        scored.extend(int(doc[1].text) for doc in docs)
        return map(scores_of, docs)

    path = partial.with_name("de")
    writer = TargetWriter(path, make_plan(**plan), make_teacher())
    writer.write(DOCS, score)
    writer.finish()
    opened = open_targets(path)
    for doc in DOCS:
        (target,) = opened.find(doc, "de")
        assert (target.emissions() == scores_of(doc).astype(target.emissions().dtype)).all()
    assert [path.name for path in path.parent.iterdir()] == ["de"]
    return scored


def test_shards_that_are_as_they_were_written_are_kept(partial):
    assert sorted(path.name for path in partial.iterdir()) == [
        "shard-00000.arrow",
        "shard-00001.arrow",
        "shards.jsonl",
    ]
    assert resume(partial) == [8, 9]


@pytest.mark.parametrize("name, scored", [("shard-00000", range(4)), ("shard-00001", range(4, 8))])
def test_only_damaged_shards_are_replaced(partial, name, scored):
    path = partial / f"{name}.arrow"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.write_bytes(data)
    assert resume(partial) == [*scored, 8, 9]


def test_exchanged_shards_are_replaced(partial):
    one, other = partial / "shard-00000.arrow", partial / "shard-00001.arrow"
    data = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(data)
    assert resume(partial) == list(range(10))


def test_without_its_record_no_shard_is_taken_over(partial):
    (partial / "shards.jsonl").unlink()
    assert resume(partial) == list(range(10))


@pytest.mark.parametrize("garbage", [b"", b"\xff\n\0\n[", b'{"plan": 1}\n' * 3, b"[" * 99_999])
def test_garbage_in_the_record(partial, garbage):
    (partial / "shards.jsonl").write_bytes(garbage)
    assert resume(partial) == list(range(10))


def test_a_record_that_ends_in_the_middle_of_a_line(partial):
    """A run that was killed while it wrote it; the next one must not write on in that line."""
    path = partial / "shards.jsonl"
    path.write_bytes(path.read_bytes()[:-20])
    assert resume(partial) == list(range(4, 10))


def test_a_run_that_finished_no_shard_leaves_nothing(tmp_path):
    writer = TargetWriter(tmp_path / "de", make_plan(), make_teacher())
    with pytest.raises(KeyboardInterrupt):
        writer.write(interrupted(DOCS, 3), lambda docs: map(scores_of, docs))
    assert not list(tmp_path.iterdir())


def test_leftovers_are_cleared(partial):
    for name in ("shard-00002.tmp", "shard-00009.arrow", "meta.json", "meta.json.tmp"):
        (partial / name).write_text("left over")
    assert resume(partial) == [8, 9]


@pytest.mark.parametrize(
    "change", [{"dtype": "float32"}, {"shard_size": 5}, {"corpus": "1"}, {"splits": ["dev"]}]
)
def test_shards_of_another_plan_are_not_taken_over(partial, change):
    assert resume(partial, **change) == list(range(10))


def test_lines_of_another_plan_are_not_taken_over(partial, tmp_path):
    """Neither where the record of one run came into the folder of another."""
    other = TargetWriter(tmp_path / "other", make_plan(corpus="1"), make_teacher())
    other.write(DOCS[:8], lambda docs: map(scores_of, docs))
    shutil.copy(tmp_path / "other.partial" / "shards.jsonl", partial)
    shutil.rmtree(tmp_path / "other.partial")
    assert resume(partial) == list(range(10))


def test_what_is_not_ours_stays(partial):
    (partial / "thesis.txt").write_text("years of work")
    with pytest.raises(SkdError, match="SKD066.*thesis.txt"):
        resume(partial)
    assert (partial / "thesis.txt").exists() and (partial / "shard-00000.arrow").exists()


@pytest.mark.parametrize("what", ["file", "link"])
def test_something_in_the_place_of_the_folder(partial, what, tmp_path):
    partial.rename(tmp_path / "elsewhere")
    if what == "file":
        partial.write_text("thesis")
    else:
        partial.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SkdError, match="SKD066|SKD183"):
        resume(partial)
    assert (tmp_path / "elsewhere" / "shard-00000.arrow").exists()


def test_scores_for_fewer_documents_than_there_are(tmp_path):
    writer = TargetWriter(tmp_path / "de", make_plan(), make_teacher())
    with pytest.raises(ValueError):
        writer.write(DOCS, lambda docs: list(map(scores_of, docs))[:-1])


def test_a_shard_of_long_documents_ends_early(tmp_path, monkeypatch):
    monkeypatch.setattr(writer_module, "MOST_SCORES", 30)  # of 5 tags: 6 tokens
    path = tmp_path / "de"
    writer = TargetWriter(path, make_plan(), make_teacher())
    writer.write(DOCS, lambda docs: map(scores_of, docs))
    meta = writer.finish()
    assert all(shard.tokens <= 6 for shard in meta.shards) and len(meta.shards) > 3
    assert sum(shard.sentences for shard in meta.shards) == 10


def test_no_document_at_all(tmp_path):
    writer = TargetWriter(tmp_path / "de", make_plan(), make_teacher())
    writer.write([], lambda docs: pytest.fail("scored"))
    writer.finish()
    assert open_targets(tmp_path).languages == ("de",)


def test_each_different_sentence_is_written_once(tmp_path):
    """Not those that are left out, nor documents without tokens."""
    left_out = {sentence_fingerprint(doc) for doc in DOCS[:2]}
    docs = [make_doc([]), *DOCS, *DOCS[3:], make_doc([])]
    writer = TargetWriter(tmp_path / "de", make_plan(), make_teacher())
    writer.write(docs, lambda docs: map(scores_of, docs), left_out)
    assert sum(shard.sentences for shard in writer.finish().shards) == 8
    opened = open_targets(tmp_path)
    assert opened.find(DOCS[9], "de")
    with pytest.raises(SkdError, match="SKD061"):
        opened.find(DOCS[0], "de")
