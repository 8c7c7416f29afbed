import pytest
from spacy.tokens import DocBin
from spacy.vocab import Vocab

from spacy_skd.corpora import convert as convert_module
from spacy_skd.corpora.convert import convert
from spacy_skd.corpora.documents import ReadOptions
from spacy_skd.corpora.stored import read_split
from spacy_skd.errors import SkdError

from .samples import CONLLU, SEMEVAL, TEXT, TWO_COLUMNS, WIKIANN, posix, write

TRAIN = "".join(f"w{i}\tB-LOC\n\n" for i in range(30))


def read(path):
    return list(DocBin().from_disk(path).get_docs(Vocab()))


def words(path):
    return [doc[0].text for doc in read(path)]


@pytest.fixture
def raw(tmp_path):
    write(tmp_path / "raw/nb/train.iob2", TRAIN)
    write(tmp_path / "raw/nb/test.iob2", TWO_COLUMNS)
    write(tmp_path / "raw/nb/unlabelled.txt", TEXT)
    write(tmp_path / "raw/de/train.tsv", WIKIANN)
    write(tmp_path / "raw/de/dev.tsv", WIKIANN)
    return tmp_path / "raw"


def test_formats_may_differ_from_file_to_file(raw, tmp_path):
    write(raw / "es/train.conllu", CONLLU)
    write(raw / "es/test.xml", SEMEVAL, "latin-1")
    report = convert(raw, tmp_path / "corpus")
    counts = {(s.lang, s.split): s for s in report.splits}
    assert list(counts) == [
        ("de", "train"), ("de", "dev"), ("es", "train"), ("es", "dev"), ("es", "test"),
        ("nb", "train"), ("nb", "dev"), ("nb", "test"), ("nb", "unlabelled"),
    ]  # fmt: skip
    for (lang, split), count in counts.items():
        docs = list(read_split(tmp_path / "corpus", lang, split, Vocab()))
        assert {doc.user_data["lang"] for doc in docs} == {lang}
        assert (count.sentences, count.tokens) == (len(docs), sum(map(len, docs)))
    german = counts["de", "train"]
    assert (german.entities, german.labels, german.repaired) == (1, 1, 0)
    assert counts["nb", "unlabelled"].entities is None
    assert counts["es", "train"].labels is not None and counts["es", "train"].entities is None


@pytest.mark.parametrize("encoding, notes", [("latin-1", 1), ("cp1252", 0)])
def test_text_of_windows_that_is_read_as_latin_1_is_said(tmp_path, encoding, notes):
    """Its quotation marks became control characters, and nothing said so."""
    path = write(tmp_path / "train.txt", "„Lodz“ O\nist O\n\nschön O\n", "cp1252")
    options = ReadOptions(encoding=encoding)
    report = convert(path, tmp_path / "c", lang="de", split="test", options=options)
    said = r'de test: 1 sentences with control characters, first "\x84Lodz\x93 ist'
    assert sum(note.startswith(said) and "cp1252" in note for note in report.notes) == notes
    assert len(report.notes) == notes


def test_dev_is_drawn_from_train_and_said(raw, tmp_path):
    report = convert(raw, tmp_path / "a")
    convert(raw, tmp_path / "b")
    convert(raw, tmp_path / "c", seed=1)
    drawn = {run: words(tmp_path / run / "nb/dev.spacy") for run in "abc"}
    kept = words(tmp_path / "a/nb/train.spacy")
    assert len(drawn["a"]) == 3 and drawn["a"] == drawn["b"] != drawn["c"]
    assert sorted(kept + drawn["a"]) == sorted(f"w{i}" for i in range(30))
    assert kept == sorted(kept, key=lambda word: int(word[1:]))
    assert "nb dev: no dev file, 3 of the 30 sentences of train taken (seed 0)" in report.notes


def test_files_that_are_called_otherwise_are_named(raw, tmp_path):
    """A dev set that is called valid.txt is none; one is drawn from train."""
    write(raw / "nb/valid.txt", TWO_COLUMNS)
    write(raw / "nb/more/dev.txt", TWO_COLUMNS)
    note = "nb: more/, valid.txt not read: a file is called train, dev, test, unlabelled or raw, "
    first, again = (convert(raw, tmp_path / "corpus") for _ in range(2))
    assert again.unchanged and first.notes == again.notes
    assert [line for line in first.notes if "not read" in line] == [f"{note}and its extension"]
    (raw / "nb/valid.txt").rename(raw / "nb/dev.txt")
    report = convert(raw, tmp_path / "corpus")
    assert not report.unchanged and not any("valid" in line for line in report.notes)


def test_labels_that_not_every_language_has_are_named(tmp_path):
    """PERSON in one language beside PER in the others was trained as two labels without a word."""
    types = {"de": "LOC PER", "fr": "LOC PER MISC", "nb": "LOC PER", "pl": "LOC PERSON ORG"}
    types["sk"] = ""
    for lang, names in types.items():
        tags = "".join(f"{name.lower()}\tB-{name}\n\n" for name in names.split())
        write(tmp_path / f"raw/{lang}/train.iob2", f"{tags}here\tO\n\n")
        write(tmp_path / f"raw/{lang}/dev.iob2", "a\tB-LOC\n\n")
    write(tmp_path / "raw/fr/test.iob2", "a\tB-PERS\nb\tB-LAW\n\nc\tB-ORG\n\n")
    by_name = "labels are matched by name, two names are two labels"
    notes = [
        f"train: MISC only in fr; ORG, PERSON only in pl; PER not in pl: {by_name}",
        "fr test: LAW, PERS in no train file, so that nothing learns it",
    ]
    first, again = (convert(tmp_path / "raw", tmp_path / "corpus") for _ in range(2))
    assert again.unchanged and first.notes == again.notes == notes
    for lang in types:
        write(tmp_path / f"raw/{lang}/train.iob2", "a\tB-LOC\n\n")
    (tmp_path / "raw/fr/test.iob2").unlink()
    assert convert(tmp_path / "raw", tmp_path / "corpus").notes == []
    for lang in types:  # nothing to compare with
        (tmp_path / f"raw/{lang}/train.iob2").unlink()
    assert convert(tmp_path / "raw", tmp_path / "corpus").notes == []


def test_same_input_same_bytes(raw, tmp_path):
    for run in "ab":
        convert(raw, tmp_path / run)
    for path in (tmp_path / "a").rglob("*.spacy"):
        twin = tmp_path / "b" / path.relative_to(tmp_path / "a")
        assert path.read_bytes() == twin.read_bytes()


def test_no_dev_on_request(raw, tmp_path):
    convert(raw, tmp_path / "corpus", dev_fraction=0)
    assert not (tmp_path / "corpus/nb/dev.spacy").exists()
    assert len(read(tmp_path / "corpus/nb/train.spacy")) == 30


def test_single_file(raw, tmp_path):
    convert(raw / "nb/test.iob2", tmp_path / "corpus", lang="nn", split="test")
    assert [p.name for p in (tmp_path / "corpus/nn").iterdir()] == ["test.spacy"]
    convert(raw / "nb/unlabelled.txt", tmp_path / "corpus", lang="nn", split="unlabelled")
    files = [p for p in (tmp_path / "corpus").rglob("*") if p.is_file()]
    names = [path.relative_to(tmp_path / "corpus").as_posix() for path in sorted(files)]
    assert names == ["corpus.json", "nn/unlabelled/00000.spacy"]


def test_nothing_is_written_when_a_file_is_broken(raw, tmp_path):
    convert(raw, tmp_path / "corpus")
    before = {p: p.read_bytes() for p in (tmp_path / "corpus").rglob("*.spacy")}
    write(raw / "nb/test.iob2", "a\tO\nb\n")
    with pytest.raises(SkdError, match="SKD091.*test.iob2:2:"):
        convert(raw, tmp_path / "corpus")
    assert {p: p.read_bytes() for p in (tmp_path / "corpus").rglob("*.spacy")} == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["corpus", "raw"]


@pytest.mark.parametrize(
    "settings, code",
    [
        ({"format": "csv"}, "SKD086"),
        ({"format": "frames"}, "SKD086"),
        ({"format": "text"}, "SKD108"),
        ({"dev_fraction": 1.0}, "SKD103"),
        ({"lang": "../de"}, "SKD083"),
        ({"options": ReadOptions(tag="deprel")}, "SKD106"),
        ({"options": ReadOptions(default_type="a b")}, "SKD109"),
        ({"lang": "de.partial"}, "SKD083"),
        ({"lang": ""}, "SKD083"),
        ({"dev_fraction": float("nan")}, "SKD103"),
        ({"seed": -1}, "SKD029.*--seed"),
        ({"seed": True}, "SKD029.*--seed"),
        ({"options": ReadOptions(default_type="\x1b[31m")}, "SKD109"),
        ({"options": ReadOptions(default_type="X" * 100)}, "SKD109"),
        ({"options": ReadOptions(encoding="utf-42")}, "SKD090"),
        ({"options": ReadOptions(encoding="punycode")}, "SKD090"),
    ],
)
def test_bad_settings(raw, tmp_path, settings, code):
    with pytest.raises(SkdError, match=code):
        convert(raw, tmp_path / "corpus", **settings)
    assert not (tmp_path / "corpus").exists()


def test_output_inside_input(raw):
    for output in (raw, raw / "corpus"):
        with pytest.raises(SkdError, match="SKD102"):
            convert(raw, output)


def test_too_small_for_a_dev_split(tmp_path):
    write(tmp_path / "raw/de/train.tsv", "w\tO\n")
    with pytest.raises(SkdError, match="SKD104"):
        convert(tmp_path / "raw", tmp_path / "corpus")


def test_raw_text_joins_the_unlabelled(raw, tmp_path):
    write(raw / "nb/raw.txt", "Hei, du. Ha det!\n")
    write(raw / "de/raw.txt", "Na?")
    counts = {(s.lang, s.split): s for s in convert(raw, tmp_path / "corpus").splits}
    assert counts["nb", "unlabelled"].sentences == 4 and counts["de", "unlabelled"].sentences == 1
    docs = list(read_split(tmp_path / "corpus", "nb", "unlabelled", Vocab()))
    assert [t.text for t in docs[0]] == ["Hei", ",", "du", "."]
    assert docs[-1].text == "Noch einer\u2028hier . "
    assert not list((tmp_path / "corpus").rglob("raw*"))


def test_unlabelled_text_may_be_raw(raw, tmp_path):
    write(raw / "nb/unlabelled.txt", "Hei, du. Ha det!\n")
    convert(raw, tmp_path / "corpus", options=ReadOptions(tokenize=True))
    docs = list(read_split(tmp_path / "corpus", "nb", "unlabelled", Vocab()))
    assert [doc.text.strip() for doc in docs] == ["Hei, du.", "Ha det!"]


def test_empty_text_leaves_the_old_corpus(raw, tmp_path):
    convert(raw, tmp_path / "corpus")
    write(raw / "nb/unlabelled.txt", "\ufeff\n")
    with pytest.raises(SkdError, match="SKD088.*nb/unlabelled.txt"):
        convert(raw, tmp_path / "corpus")
    assert (tmp_path / "corpus/nb/unlabelled/00000.spacy").is_file()


@posix
def test_the_input_is_not_replaced(raw, tmp_path):
    before = sorted(str(path) for path in tmp_path.rglob("*"))
    for output in (raw, raw / "nb", raw / "new", raw / "nb" / "train.iob2"):
        with pytest.raises(SkdError, match="SKD102"):
            convert(raw, output)
    with pytest.raises(SkdError, match="SKD198"):
        convert(raw / "nb" / "train.iob2", raw, lang="nb", split="train")
    (tmp_path / "link").symlink_to(raw)
    with pytest.raises(SkdError, match="SKD102"):
        convert(raw, tmp_path / "link" / "corpus")
    (tmp_path / "link").unlink()
    assert sorted(str(path) for path in tmp_path.rglob("*")) == before


@posix
def test_links_are_followed_on_request(raw, tmp_path):
    write(tmp_path / "outside.tsv", WIKIANN)
    (raw / "de" / "test.tsv").symlink_to(tmp_path / "outside.tsv")
    with pytest.raises(SkdError, match="SKD194"):
        convert(raw, tmp_path / "corpus")
    assert not (tmp_path / "corpus").exists()
    convert(raw, tmp_path / "corpus", follow_links=True)
    assert (tmp_path / "corpus/de/test.spacy").is_file()


def test_a_file_that_vanishes_is_named(raw, tmp_path, monkeypatch):
    find = convert_module.find_corpus

    def find_and_lose(*arguments):
        corpus = find(*arguments)
        (raw / "de" / "dev.tsv").unlink()
        return corpus

    monkeypatch.setattr(convert_module, "find_corpus", find_and_lose)
    with pytest.raises(SkdError, match="SKD107.*dev.tsv"):
        convert(raw, tmp_path / "corpus")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["raw"]


def test_multiword_tokens_stay_split_where_train_has_none(tmp_path):
    plain = "".join(line for line in CONLLU.splitlines(True) if "-" not in line.split("\t")[0])
    for lang, train in (("es", CONLLU), ("he", plain)):
        write(tmp_path / f"raw/{lang}/train.conllu", train)
        write(tmp_path / f"raw/{lang}/dev.conllu", CONLLU)
    report = convert(
        tmp_path / "raw", tmp_path / "corpus", options=ReadOptions(merge_subtokens=True)
    )
    assert words(tmp_path / "corpus/es/dev.spacy") == ["Vámo", "dá"]
    assert words(tmp_path / "corpus/he/dev.spacy") == ["Vamos", "da"]
    note = "has no multiword tokens, so those of dev and test stay split"
    assert [line for line in report.notes if note in line] == [f"he train: {note}"]


def test_what_is_never_written_in_dev_is_merged_in_a_train_without_multiword_tokens(tmp_path):
    article = (
        "1-3\tבבית" + "\t_" * 8 + "\n1\tב\t_\tADP" + "\t_" * 6
        + "\n2\tה_\t_\tDET" + "\t_" * 6 + "\n3\tבית\t_\tNOUN" + "\t_" * 6 + "\n\n"
    )  # fmt: skip
    plain = "".join(line for line in article.splitlines(True) if "-" not in line.split("\t")[0])
    write(tmp_path / "raw/he/train.conllu", plain)
    write(tmp_path / "raw/he/dev.conllu", article * 3)
    corpus, options = tmp_path / "corpus", ReadOptions(merge_subtokens=True)
    report = convert(tmp_path / "raw", corpus, options=options)
    assert [(split.split, split.tokens) for split in report.splits] == [("train", 2), ("dev", 6)]
    assert report.notes == [
        "he train: has no multiword tokens, so what is not written in those of dev was merged here "
        "too"
    ]


def test_a_train_whose_multiword_tokens_are_all_written_stays_as_it_was_read(tmp_path):
    row = "{}\t{}\t_\t{}\t_\t_\t_\t_\t_\t_\n".format
    written = row("1-2", "dálo", "_") + row(1, "da", "VERB") + row(2, "lo", "PRON") + "\n"
    fused = row("1-2", "al", "_") + row(1, "a", "ADP") + row(2, "el", "DET") + "\n"
    write(tmp_path / "raw/es/train.conllu", written)
    write(tmp_path / "raw/es/dev.conllu", fused * 3)
    corpus, options = tmp_path / "corpus", ReadOptions(merge_subtokens=True)
    assert convert(tmp_path / "raw", corpus, options=options).notes == []
    assert (
        words(corpus / "es/train.spacy") == ["dá"] and words(corpus / "es/dev.spacy") == ["al"] * 3
    )
