import json
import pickle
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import spacy
from hypothesis import given
from hypothesis import strategies as st
from spacy import registry
from spacy.tokens import Doc, DocBin, Span
from spacy.vocab import Vocab

from spacy_skd.corpora.layout import split_files
from spacy_skd.corpora.output import write_pieces, write_split
from spacy_skd.corpora.stored import read_docs
from spacy_skd.errors import SkdError
from spacy_skd.targets import TargetWriter
from spacy_skd.targets.meta import Origin, Plan
from spacy_skd.training import reader as the_reader
from spacy_skd.training.reader import draw, make_multilingual_corpus, quotas
from spacy_skd.transfer import Teacher

SIZES = {"de": 40, "en": 16, "sl": 4}


@pytest.fixture(scope="module")
def nlp():
    return spacy.blank("xx")


def make_docs(lang, n, word="Satz"):
    vocab = Vocab()
    docs = []
    for i in range(n):
        words = [lang, word, str(i), "."]
        doc = Doc(vocab, words=words, spaces=[True, True, False, False])
        doc.user_data["lang"] = lang
        doc.set_ents([Span(doc, 0, 1, "LOC")])
        docs.append(doc)
    return docs


def save(path, docs, store_user_data=True):
    path.parent.mkdir(parents=True, exist_ok=True)
    DocBin(docs=docs, store_user_data=store_user_data).to_disk(path)


@pytest.fixture
def corpus(tmp_path):
    for lang, n in SIZES.items():
        save(tmp_path / "corpus" / lang / "train.spacy", make_docs(lang, n))
        if lang != "sl":
            save(tmp_path / "corpus" / lang / "dev.spacy", make_docs(lang, 5, "Probe"))
    return tmp_path / "corpus"


def write_targets(path, lang, docs):
    origin = Origin(path="nowhere", fingerprint="", files={})
    settings = {"corpus": "", "splits": ["train"], "dtype": "float16", "shard_size": 7}
    plan = Plan(lang=lang, teacher=origin, **settings)
    chain = [np.zeros((2, 2)), *np.zeros((2, 2))]
    writer = TargetWriter(path, plan, Teacher(("O", "U-LOC"), "BILOU", *chain))
    writer.write(docs, lambda part: map(scores_of, part))
    writer.finish()


def scores_of(doc):
    return np.full((len(doc), 2), float(doc[2].text))


def langs_of(examples):
    return Counter(example.reference.user_data["lang"] for example in examples)


def texts_of(examples):
    return [example.reference.text for example in examples]


def test_reads_every_document_once_with_tokens_and_language(corpus, nlp):
    examples = list(make_multilingual_corpus(corpus)(nlp))
    expected = [doc for lang, n in SIZES.items() for doc in make_docs(lang, n)]
    assert sorted(texts_of(examples)) == sorted(doc.text for doc in expected)
    assert langs_of(examples) == SIZES
    for example in examples:
        assert [t.text for t in example.predicted] == [t.text for t in example.reference]
        assert example.predicted.text == example.reference.text
        assert [ent.label_ for ent in example.reference.ents] == ["LOC"]
        assert not example.predicted.ents and not example.predicted.user_data
        assert "soft_targets" not in example.reference.user_data


def test_is_a_registered_reader(corpus, nlp):
    config = {"@readers": "spacy-skd.MultilingualCorpus.v1", "path": str(corpus), "split": "dev"}
    reader = registry.resolve({"corpus": config})["corpus"]
    assert len(list(reader(nlp))) == 10
    config = {"@readers": "spacy-skd.MultilingualCorpus.v1", "path": None, "targets": None}
    reader = registry.resolve({"corpus": config})["corpus"]
    with pytest.raises(SkdError, match="SKD075.*paths.corpus"):
        reader(nlp)


def test_the_folder_names_the_language_where_the_document_does_not(tmp_path, nlp):
    docs = make_docs("de", 3) + [Doc(Vocab())]
    save(tmp_path / "nds" / "train.spacy", docs, store_user_data=False)
    assert langs_of(make_multilingual_corpus(tmp_path)(nlp)) == {"nds": 3}


def test_user_data_is_kept_as_spacy_reads_it(tmp_path, nlp):
    docs = make_docs("de", 4)
    docs[1].user_data["source"] = ("book", {"page": 7})
    path = tmp_path / "de" / "train.spacy"
    save(path, docs)
    expected = [doc.user_data for doc in DocBin().from_disk(path).get_docs(nlp.vocab)]
    read = make_multilingual_corpus(tmp_path, split="train")(nlp)
    by_text = {example.reference.text: example.reference.user_data for example in read}
    assert [by_text[doc.text] for doc in docs] == expected
    assert expected[1] == {"lang": "de", "source": ("book", {"page": 7})}


def test_train_is_shuffled_otherwise_each_epoch_and_alike_for_a_seed(corpus, nlp):
    one, other = (make_multilingual_corpus(corpus, seed=3) for _ in range(2))
    epochs = [[texts_of(reader(nlp)) for _ in range(2)] for reader in (one, other)]
    assert epochs[0] == epochs[1]
    assert epochs[0][0] != epochs[0][1]
    assert epochs[0][0] != texts_of(make_multilingual_corpus(corpus, seed=4)(nlp))


def test_other_splits_come_in_order_whatever_alpha(corpus, nlp):
    reader = make_multilingual_corpus(corpus, split="dev", alpha=0.0, seed=1)
    expected = [doc.text for lang in ("de", "en") for doc in make_docs(lang, 5, "Probe")]
    assert texts_of(reader(nlp)) == texts_of(reader(nlp)) == expected


def test_languages_and_limit(corpus, nlp):
    reader = make_multilingual_corpus(corpus, languages=["sl", "de"], limit=6)
    assert langs_of(reader(nlp)) == {"sl": 4, "de": 6}


def test_a_limit_is_all_that_is_read(corpus, nlp, monkeypatch):
    def read(*args):
        for doc in read_split(*args):
            seen.append(doc)
            yield doc

    seen = []
    read_split = the_reader.read_split
    monkeypatch.setattr(the_reader, "read_split", read)
    reader = make_multilingual_corpus(corpus, languages=["de"], limit=6)
    assert len(list(reader(nlp))) == len(seen) == 6


def test_uniform_sampling_repeats_small_languages_evenly(corpus, nlp):
    reader = make_multilingual_corpus(corpus, alpha=0.0)
    examples = list(reader(nlp))
    assert langs_of(examples) == {"de": 20, "en": 20, "sl": 20}
    for lang, n in SIZES.items():
        counts = Counter(t for t in texts_of(examples) if t.startswith(lang))
        assert set(counts.values()) <= ({1} if n > 20 else {20 // n, 20 // n + 1})
    predicted = {id(example.predicted) for example in examples}
    assert len(predicted) == len(examples)
    assert set(texts_of(examples)) != set(texts_of(reader(nlp)))


def test_every_epoch_has_every_label(tmp_path, nlp):
    docs = make_docs("de", 400)
    docs[333].set_ents([Span(docs[333], 1, 2, "MISC")])
    docs[111][0].tag_ = "RARE"
    save(tmp_path / "de" / "train.spacy", docs)
    save(tmp_path / "en" / "train.spacy", make_docs("en", 10))
    reader = make_multilingual_corpus(tmp_path, alpha=0.0)
    for _ in range(5):
        references = [example.reference for example in reader(nlp)]
        assert "MISC" in {ent.label_ for doc in references for ent in doc.ents}
        assert "RARE" in {token.tag_ for doc in references for token in doc}


@given(
    st.dictionaries(st.text(max_size=2), st.integers(0, 10**6), min_size=1, max_size=8),
    st.floats(0, 1),
)
def test_quotas(sizes, alpha):
    if not any(sizes.values()):
        return
    shares = quotas(sizes, alpha)
    total = sum(sizes.values())
    assert sum(shares.values()) == total
    weights = {lang: n**alpha for lang, n in sizes.items() if n}
    for lang, weight in weights.items():
        assert abs(shares[lang] - total * weight / sum(weights.values())) <= 1 + 1e-6
    assert quotas(sizes, 1.0) == {lang: n for lang, n in sizes.items() if n}


@given(st.integers(1, 50), st.integers(0, 200), st.integers(0, 2**32), st.data())
def test_draw(n, quota, seed, data):
    always = data.draw(st.lists(st.integers(0, n - 1), unique=True)) if quota < n else []
    drawn = draw(n, quota, always, np.random.default_rng(seed))
    counts = np.bincount(drawn, minlength=n)
    assert len(drawn) == quota and len(counts) == n
    assert counts.max() - counts.min() <= 1
    assert set(always[:quota]) <= set(drawn.tolist())


def test_files_are_read_once(corpus, nlp, monkeypatch):
    read = []
    original = DocBin.from_bytes
    monkeypatch.setattr(
        DocBin, "from_bytes", lambda self, data: read.append(data) or original(self, data)
    )
    reader = make_multilingual_corpus(corpus)
    for _ in range(3):
        list(reader(nlp))
    assert len(read) == 3
    other = spacy.blank("xx")
    assert all(example.reference.vocab is other.vocab for example in reader(other))


# Soft targets


def test_references_carry_soft_targets(corpus, nlp, tmp_path):
    write_targets(tmp_path / "targets" / "de", "de", reversed(make_docs("de", 40)))
    write_targets(tmp_path / "targets" / "en" / "a", "en", make_docs("en", 16))
    write_targets(tmp_path / "targets" / "en" / "b", "en", make_docs("en", 16))
    reader = make_multilingual_corpus(corpus, targets=tmp_path / "targets")
    teachers = set()
    with pytest.warns(UserWarning, match=r"W060.*targets' has no targets of sl:"):
        examples = reader(nlp)
    for example in examples:
        targets = example.reference.user_data["soft_targets"]
        lang = example.reference.user_data["lang"]
        assert len(targets) == {"de": 1, "en": 2, "sl": 0}[lang]
        for target in targets:
            np.testing.assert_array_equal(target.emissions(), scores_of(example.reference))
            teachers.add(id(target.teacher))
    assert len(teachers) == 3


def test_a_sentence_without_soft_target_is_an_error(corpus, nlp, tmp_path):
    write_targets(tmp_path / "targets" / "de", "de", make_docs("de", 39))
    with pytest.raises(SkdError, match=r"SKD061.*\"de Satz 39\.\" \(de\)"):
        make_multilingual_corpus(corpus, targets=tmp_path / "targets")(nlp)


def test_targets_for_other_languages_are_an_error(corpus, nlp, tmp_path):
    write_targets(tmp_path / "targets" / "fr", "fr", make_docs("fr", 2))
    with pytest.raises(SkdError, match=r"SKD072.*targets.*\(fr\)"):
        make_multilingual_corpus(corpus, targets=tmp_path / "targets")(nlp)


def write_text(corpus, lang, n, piece=7):
    """Unlabelled sentences in pieces, and targets for them and for the labelled ones."""
    docs = make_docs(lang, n, "Text")
    for doc in docs:
        doc.set_ents([], default="missing")
    for i, start in enumerate(range(0, n, piece)):
        save(corpus / lang / "unlabelled" / f"{i:05d}.spacy", docs[start : start + piece])
    write_targets(
        corpus.parent / "targets" / lang, lang, [*make_docs(lang, SIZES.get(lang, 0)), *docs]
    )


def is_text(example):
    return example.reference[1].text == "Text"


def reader_with_text(corpus, ratio, **settings):
    targets = corpus.parent / "targets"
    return make_multilingual_corpus(corpus, targets=targets, unlabelled_ratio=ratio, **settings)


@pytest.mark.filterwarnings("ignore:.W060")
def test_unlabelled_text_in_proportion_to_labelled(corpus, nlp):
    write_text(corpus, "de", 30)
    write_text(corpus, "tr", 60)  # has no labelled text at all
    save(corpus / "en" / "unlabelled.spacy", make_docs("en", 9, "Text"))  # has no targets
    for ratio, expected in ((0.5, {"de": 10, "tr": 20}), (2.0, {"de": 40, "tr": 80})):
        examples = list(reader_with_text(corpus, ratio)(nlp))
        assert langs_of(filter(is_text, examples)) == expected
        labelled = [example for example in examples if not is_text(example)]
        assert langs_of(labelled) == SIZES
        plain = make_multilingual_corpus(corpus, languages=list(SIZES))
        assert sorted(texts_of(labelled)) == sorted(texts_of(plain(nlp)))
    languages = [example.reference.user_data["lang"] for example in examples if is_text(example)]
    assert languages != sorted(languages)
    for example in filter(is_text, examples):
        (target,) = example.reference.user_data["soft_targets"]
        np.testing.assert_array_equal(target.emissions(), scores_of(example.reference))
        assert not example.reference.has_annotation("ENT_IOB")
    assert langs_of(reader_with_text(corpus, 0.0, languages=["de"])(nlp)) == {"de": 40}
    uniform = reader_with_text(corpus, 1.0, alpha=0.0)(nlp)
    assert langs_of(filter(is_text, uniform)) == {"de": 30, "tr": 30}


def test_unlabelled_text_goes_on_from_epoch_to_epoch(corpus, nlp):
    write_text(corpus, "de", 30)

    def epochs(seed):
        reader = reader_with_text(corpus, 0.5, languages=["de"], seed=seed)
        return [texts_of(reader(nlp)) for _ in range(6)]

    first = epochs(0)
    counts = Counter(text for epoch in first for text in epoch if " Text " in text)
    assert len(counts) == 30 and set(counts.values()) == {4}  # 6 epochs of 20
    assert first == epochs(0)
    assert first != epochs(1)
    assert len({tuple(epoch) for epoch in first}) == 6


def test_text_alone_is_read_as_a_whole(corpus, nlp):
    write_text(corpus, "tr", 60)
    examples = list(reader_with_text(corpus, 0.1, languages=["tr"])(nlp))
    assert len(set(texts_of(examples))) == 60


def test_a_language_without_labels_needs_targets(corpus, nlp):
    write_text(corpus, "tr", 60)
    assert langs_of(make_multilingual_corpus(corpus)(nlp)) == SIZES
    assert langs_of(make_multilingual_corpus(corpus, split="dev")(nlp)) == {"de": 5, "en": 5}
    with pytest.raises(SkdError, match="SKD077.*'tr'.*train.spacy"):
        make_multilingual_corpus(corpus, languages=["de", "tr"])(nlp)
    with pytest.raises(SkdError, match="SKD076.*'tr'.*unlabelled_ratio"):
        reader_with_text(corpus, 0.0)(nlp)
    write_text(corpus, "de", 3)
    shutil.rmtree(corpus.parent / "targets" / "tr")
    with pytest.raises(SkdError, match="SKD076.*'tr'.*label"):
        reader_with_text(corpus, 1.0)(nlp)


def test_text_without_targets_is_an_error(corpus, nlp):
    write_text(corpus, "de", 3)
    with pytest.raises(SkdError, match="SKD079.*paths.targets"):
        make_multilingual_corpus(corpus, unlabelled_ratio=1.0)(nlp)


@pytest.mark.parametrize("ratio", [-1.0, float("nan"), float("inf")])
def test_ratio_is_a_number_from_0_up(corpus, ratio):
    with pytest.raises(SkdError, match="SKD029.*unlabelled_ratio"):
        make_multilingual_corpus(corpus, unlabelled_ratio=ratio)


def test_a_fold_is_left_out_of_train_and_of_nothing_else(corpus, nlp):
    left_out = [
        set(texts_of(make_multilingual_corpus(corpus)(nlp)))
        - set(texts_of(make_multilingual_corpus(corpus, held_out=f"{i}/4")(nlp)))
        for i in (1, 2, 3, 4)
    ]
    docs = [doc.text for lang, n in SIZES.items() for doc in make_docs(lang, n)]
    assert sorted(text for fold in left_out for text in fold) == sorted(docs)
    german = [doc.text for doc in make_docs("de", 40)]
    assert {text for text in left_out[1] if text.startswith("de")} == set(german[10:20])
    assert langs_of(make_multilingual_corpus(corpus, split="dev", held_out="1/4")(nlp)) == {
        "de": 5,
        "en": 5,
    }
    for wrong in ("0/4", "5/4", "1/1", "2", "a/b", "1/4/2", "-1/4", 2):
        with pytest.raises(SkdError, match="SKD029.*held_out"):
            make_multilingual_corpus(corpus, held_out=wrong)
    with pytest.raises(SkdError, match=r"SKD221.*5 folds of 4 .*\(sl\)"):
        make_multilingual_corpus(corpus, held_out="1/5")(nlp)


@pytest.mark.parametrize("in_pieces", [False, True])
def test_a_fold_is_left_out_of_all_languages(tmp_path, nlp, monkeypatch, in_pieces):
    """A sentence that two languages share may be in other folds of them."""
    monkeypatch.setattr("spacy_skd.corpora.output.PIECE", 10)
    shared = make_docs("xx", 20)
    corpora = {"de": make_docs("de", 20) + shared, "en": shared + make_docs("en", 20)}
    for lang, docs in corpora.items():
        save(tmp_path / lang / "train.spacy", docs)
    if in_pieces:
        (tmp_path / "en" / "train.spacy").unlink()
        write_pieces(iter(corpora["en"]), tmp_path / "en" / "train")
    for i in range(4):
        examples = list(make_multilingual_corpus(tmp_path, held_out=f"{i + 1}/4")(nlp))
        held = {doc.text for docs in corpora.values() for doc in docs[10 * i : 10 * i + 10]}
        texts = [doc.text for docs in corpora.values() for doc in docs]
        assert sorted(texts_of(examples)) == sorted(text for text in texts if text not in held)


# What can be wrong


def test_missing_and_empty_folders(tmp_path, nlp):
    for path in (tmp_path / "missing", tmp_path):
        with pytest.raises(SkdError, match=str(path)):
            make_multilingual_corpus(path)(nlp)


def test_missing_languages_and_splits(corpus, nlp):
    with pytest.raises(SkdError, match="SKD077.*'fr'.*paths.languages"):
        make_multilingual_corpus(corpus, languages=["de", "fr"])(nlp)
    with pytest.raises(SkdError, match="SKD077.*'fr'"):
        make_multilingual_corpus(corpus, split="dev", languages=["de", "fr"])(nlp)
    with pytest.raises(SkdError, match="SKD077.*'sl'.*dev.spacy"):
        make_multilingual_corpus(corpus, split="dev", languages=["sl"])(nlp)
    save(corpus / "kk" / "test.spacy", make_docs("kk", 1))
    with pytest.raises(SkdError, match="SKD077.*'kk'.*train.spacy"):
        make_multilingual_corpus(corpus)(nlp)


def test_a_broken_file_is_named(corpus, nlp):
    path = corpus / "de" / "train.spacy"
    data = path.read_bytes()
    for damaged in (b"", b"text", data[:-9], json.dumps({}).encode()):
        path.write_bytes(damaged)
        with pytest.raises(SkdError, match="SKD078.*de/train.spacy"):
            make_multilingual_corpus(corpus)(nlp)


def test_nothing_is_unpickled(corpus, nlp, monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("unpickling")

    for name in ("load", "loads", "Unpickler"):
        monkeypatch.setattr(pickle, name, refuse)
    assert list(make_multilingual_corpus(Path(corpus))(nlp))


@pytest.mark.filterwarnings("ignore:.W060")
def test_labelled_text_in_pieces_is_read_as_it_is_needed(corpus, nlp, tmp_path, monkeypatch):
    monkeypatch.setattr("spacy_skd.corpora.output.PIECE", 10)
    monkeypatch.setattr("spacy_skd.corpora.output.MOST_HELD", 60)
    monkeypatch.setattr("spacy_skd.training.text.BUFFER", 5)
    docs = make_docs("fr", 95)
    write_split(iter(docs), corpus / "fr", "train")
    write_split(iter(make_docs("it", 60)), corpus / "it", "train")
    assert [len(split_files(corpus, lang, "train")) for lang in ("fr", "it")] == [10, 1]
    opened = []
    monkeypatch.setattr(
        "spacy_skd.training.text.read_docs",
        lambda path, *rest: opened.append(path) or read_docs(path, *rest),
    )
    for lang, n in (("fr", 95), ("it", 60)):
        write_targets(tmp_path / "targets" / lang, lang, make_docs(lang, n))

    reader = make_multilingual_corpus(corpus, targets=tmp_path / "targets")
    epoch = iter(reader(nlp))
    next(example for example in epoch if example.reference.user_data["lang"] == "fr")
    assert len(opened) <= 2  # of ten files
    list(epoch)
    examples = list(reader(nlp))
    assert langs_of(examples) == {**SIZES, "fr": 95, "it": 60}
    french = [e.reference for e in examples if e.reference.user_data["lang"] == "fr"]
    assert all(len(doc.user_data["soft_targets"]) == 1 for doc in french)
    numbers = [doc[2].text for doc in french]
    assert len(set(numbers)) == 95 and numbers != sorted(numbers, key=int)


@pytest.mark.parametrize("part", [1, 2, 3])
def test_a_fold_of_labelled_text_in_pieces_is_left_out(corpus, nlp, monkeypatch, part):
    monkeypatch.setattr("spacy_skd.corpora.output.PIECE", 10)
    docs = make_docs("fr", 40) + make_docs("fr", 5)  # the last five come again
    save(corpus / "fr" / "train.spacy", docs)
    settings = {"languages": ["fr"], "held_out": f"{part}/3"}
    held = Counter(texts_of(make_multilingual_corpus(corpus, **settings)(nlp)))
    (corpus / "fr" / "train.spacy").unlink()
    write_pieces(iter(docs), corpus / "fr" / "train")
    streamed = Counter(texts_of(make_multilingual_corpus(corpus, **settings)(nlp)))
    assert streamed == held and 0 < sum(held.values()) < 45
