"""From a task to a raw corpus that can be converted: downloaded, from folders, from datasets."""

import hashlib
import json
from collections import Counter
from pathlib import Path

import pytest

from spacy_skd.corpora.convert import convert
from spacy_skd.errors import SkdError
from spacy_skd.tasks.fetch import fetch
from spacy_skd.tasks.spec import read_task

from ..corpora.samples import CONLL2002, CONLL2003, CONLLU, SEMEVAL, UNER, write

TASKS = Path(__file__).parents[2] / "configs" / "tasks"


def names(folder):
    """All files of a folder but what it says of itself."""
    paths = (path for path in folder.rglob("*") if path.is_file())
    return sorted(path.relative_to(folder).as_posix() for path in paths if path.suffix != ".json")


def git_id(content):
    return "git:" + hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


@pytest.fixture
def downloads(server, task_file):
    """A task of two languages, whose files the stand-in has."""

    def make(where=""):
        text = ""
        for lang in ("es", "sk"):
            text += f'[languages.{lang}]\nlicence = "MIT"\nurl = "{server.url}{where}/{lang}/"\n'
            for split in ("train", "test"):
                content = (CONLLU if lang == "es" else UNER).encode() + b"\n" * len(split)
                name = f"{split}-{lang}.{'conllu' if lang == 'es' else 'iob2'}"
                server.files[f"/{lang}/{name}"] = content
                text += f"[languages.{lang}.{split}]\n"
                text += f'file = "{name}"\nchecksum = "{git_id(content)}"\n'
        return read_task(task_file(text))

    return make


def test_downloaded_and_converted(downloads, tmp_path):
    report = fetch(downloads(), tmp_path / "raw")
    files = ["es/test.conllu", "es/train.conllu", "sk/test.iob2", "sk/train.iob2"]
    assert names(tmp_path / "raw") == files
    assert not report.unchanged and [file.licence for file in report.files] == ["MIT"] * 4
    converted = convert(tmp_path / "raw", tmp_path / "corpus", dev_fraction=0)
    assert Counter(split.lang for split in converted.splits) == {"es": 2, "sk": 2}
    manifest = json.loads((tmp_path / "raw" / "fetched.json").read_text())
    assert [piece["origin"].rpartition("/")[2] for piece in manifest["pieces"]] == [
        "train-es.conllu",
        "test-es.conllu",
        "train-sk.iob2",
        "test-sk.iob2",
    ]


def test_nothing_is_fetched_twice(downloads, server, tmp_path):
    task, raw = downloads(), tmp_path / "raw"
    fetch(task, raw)
    assert fetch(task, raw).unchanged and len(server.asked) == 4
    assert not fetch(task, raw, languages=["sk"]).unchanged and len(server.asked) == 4
    assert names(raw) == ["sk/test.iob2", "sk/train.iob2"]
    (raw / "sk" / "test.iob2").write_text("changed")
    fetch(task, raw, languages=["sk"])
    assert server.asked[4:] == ["/sk/test-sk.iob2"]
    assert (raw / "sk" / "test.iob2").read_bytes() == server.files["/sk/test-sk.iob2"]


def test_what_came_before_a_fault_is_kept(downloads, server, tmp_path):
    task, raw = downloads(), tmp_path / "raw"
    lost = server.files.pop("/sk/train-sk.iob2")
    with pytest.raises(SkdError, match="SKD241.*404"):
        fetch(task, raw)
    assert [path.name for path in tmp_path.iterdir() if path.name != "mine.cfg"] == [
        ".raw.unfinished"
    ]
    assert names(tmp_path / ".raw.unfinished") == ["es/test.conllu", "es/train.conllu"]
    (tmp_path / ".raw.unfinished" / "es" / "test.conllu").write_text("spoilt meanwhile")
    server.files["/sk/train-sk.iob2"] = lost
    fetch(task, raw)
    again = ["/es/test-es.conllu", "/sk/train-sk.iob2", "/sk/test-sk.iob2"]
    assert server.asked[3:] == again and not (tmp_path / ".raw.unfinished").exists()


def test_an_earlier_corpus_survives_a_fault(downloads, server, tmp_path):
    raw = tmp_path / "raw"
    task = downloads()
    fetch(task, raw, languages=["es"])
    before = {name: (raw / name).read_bytes() for name in names(raw)}
    server.files["/sk/test-sk.iob2"] = b"another file"
    with pytest.raises(SkdError, match="SKD242.*test-sk.iob2"):
        fetch(task, raw)
    assert {name: (raw / name).read_bytes() for name in names(raw)} == before


def test_partial_downloads_are_not_kept(downloads, tmp_path):
    with pytest.raises(SkdError, match="SKD241.*the connection broke"):
        fetch(downloads("/broken"), tmp_path / "raw")
    assert [path.name for path in tmp_path.iterdir()] == ["mine.cfg"]


def test_a_full_disk(downloads, server, tmp_path, limited_files):
    task = downloads()
    with limited_files(500), pytest.raises(OSError):
        fetch(task, tmp_path / "raw")
    assert not (tmp_path / "raw").exists() and not list(tmp_path.rglob("*.partial"))


def test_what_is_not_ours_is_left_alone(downloads, server, tmp_path):
    write(tmp_path / "raw" / "es" / "notes.txt", "mine")
    with pytest.raises(SkdError, match="SKD133"):
        fetch(downloads(), tmp_path / "raw")
    assert names(tmp_path / "raw") == ["es/notes.txt"] and not server.asked


@pytest.mark.parametrize(
    "task, options, code",
    [
        ("conll", {}, "SKD244.*'en'.*clips"),
        ("semeval", {}, "SKD244.*'tr'.*semeval2016"),
        ("ud", {"languages": ["xx"]}, "SKD246.*'xx'.*en, he, ja"),
        ("ud", {"languages": ["../x"]}, "SKD083"),
        ("ud", {"source": Path("nowhere")}, "SKD080"),
        ("ud", {"source": Path("raw/x")}, "SKD198"),
        ("ud", {"source": Path(".")}, "SKD102"),
        ("ud", {"seed": -1}, "SKD029"),
    ],
)
def test_mistakes(tmp_path, monkeypatch, task, options, code):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SkdError, match=code):
        fetch(read_task(TASKS / f"{task}.cfg"), Path("raw"), **options)
    assert not list(tmp_path.iterdir())


def test_conll_in_its_own_format(tmp_path):
    mine = tmp_path / "mine"
    for name in ("esp.train", "esp.testa", "esp.testb"):
        write(mine / name, CONLL2002, "latin-1")
    for name in ("deu.train", "deu.testa", "deu.testb"):
        write(mine / "de" / name, CONLL2003.replace("Lee", "Lée"), "latin-1")
    for split in ("train", "dev", "test"):  # someone has written it in UTF-8
        write(mine / "nl" / f"{split}.txt", CONLL2002)
    task = read_task(TASKS / "conll.cfg")
    fetch(task, tmp_path / "raw", source=mine, languages=["es", "de", "nl"])
    kinds = {"de": "conll", "es": "conll", "nl": "txt"}
    assert names(tmp_path / "raw") == [
        f"{lang}/{split}.{kind}"
        for lang, kind in kinds.items()
        for split in ("dev", "test", "train")
    ]
    for lang in ("es", "nl"):
        text = (tmp_path / "raw" / lang / f"train.{kinds[lang]}").read_text(encoding="utf-8")
        assert "Núñez\xa0II NP I-PER" in text
    report = convert(tmp_path / "raw", tmp_path / "corpus")
    assert [(s.lang, s.sentences, s.entities) for s in report.splits if s.split == "train"] == [
        ("de", 2, 4),
        ("es", 2, 2),
        ("nl", 2, 2),
    ]
    assert "de train: IOB1: 3 tags written as IOB2" in report.notes


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
def test_a_byte_order_mark_says_more_than_the_task(tmp_path, encoding):
    mine = tmp_path / "mine"
    for name in ("esp.train", "esp.testa"):
        write(mine / name, CONLL2002, encoding)
    xml = SEMEVAL.replace("ISO-8859-1", encoding)
    write(mine / "es" / "test.xml", xml, encoding)
    fetch(read_task(TASKS / "conll.cfg"), tmp_path / "raw", source=mine, languages=["es"])
    text = (tmp_path / "raw" / "es" / "train.conll").read_text(encoding="utf-8")
    assert text == CONLL2002
    # It declares its encoding, and so stays in it.
    assert (tmp_path / "raw" / "es" / "test.xml").read_text(encoding=encoding) == xml


def test_semeval_in_its_own_format(tmp_path):
    mine = tmp_path / "mine"
    write(mine / "ABSA16_Restaurants_Train_SB1_v2.xml", SEMEVAL, "latin-1")
    write(mine / "EN_REST_SB1_TEST.xml.gold", SEMEVAL, "latin-1")
    write(mine / "tr" / "train.xml", SEMEVAL, "latin-1")
    write(mine / "TU_REST_SB1_TEST.xml.gold", SEMEVAL, "latin-1")
    task = read_task(TASKS / "semeval.cfg")
    fetch(task, tmp_path / "raw", source=mine, languages=["en", "tr"])
    assert names(tmp_path / "raw") == ["en/test.xml", "en/train.xml", "tr/test.xml", "tr/train.xml"]
    report = convert(tmp_path / "raw", tmp_path / "corpus")
    assert {(s.lang, s.split, s.sentences) for s in report.splits} == {
        (lang, split, n)
        for lang in ("en", "tr")
        for split, n in [("train", 2), ("dev", 1), ("test", 3)]
    }


def test_a_file_of_its_owners_name_must_be_theirs(tmp_path, downloads):
    for name in ("train-es.conllu", "test-es.conllu"):
        write(tmp_path / "mine" / name, CONLLU)
    task = downloads()
    with pytest.raises(SkdError, match="SKD242.*train-es.conllu"):
        fetch(task, tmp_path / "raw", source=tmp_path / "mine", languages=["es"])
    for split in ("train", "test"):
        old = tmp_path / "mine" / f"{split}-es.conllu"
        write(tmp_path / "mine" / "es" / f"{split}.conllu", old.read_text())
        old.unlink()
    fetch(task, tmp_path / "raw", source=tmp_path / "mine", languages=["es"])
    assert names(tmp_path / "raw") == ["es/test.conllu", "es/train.conllu"]


# WikiAnn.

LABELS = ["O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC"]


def parquet(path, size, *, column="ner_tags", names=True, strings=False):
    """`size` different sentences as the Hub has them, and one that cannot be written as lines."""
    datasets = pytest.importorskip("datasets")
    tag = datasets.ClassLabel(names=LABELS) if names else datasets.Value("int64")
    tag = datasets.Value("string") if strings else tag
    rows = [[f"w{i}", "Bad", "Ems"] for i in range(size)] + [["a\tb", "c", "d"]]
    tags = [["O", "B-LOC", "I-LOC"] if strings else [0, 5, 6]] * len(rows)
    features = datasets.Features(
        {"tokens": datasets.Sequence(datasets.Value("string")), column: datasets.Sequence(tag)}
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    dataset = datasets.Dataset.from_dict({"tokens": rows, column: tags}, features=features)
    dataset.to_parquet(str(path))


def wikiann(task_file, **settings):
    return read_task(
        task_file(
            '[languages.de]\nlicence = "CC"\n', sentences='{"train": 8, "dev": 2}', **settings
        )
    )


def words(path):
    return path.read_text(encoding="utf-8").split("\n\n")


@pytest.mark.parametrize("strings", [False, True])
def test_drawn_from_parquet_files(tmp_path, task_file, strings):
    parquet(tmp_path / "mine" / "de" / "train-00000-of-00002.parquet", 30, strings=strings)
    parquet(tmp_path / "mine" / "de" / "train-00001-of-00002.parquet", 30, strings=strings)
    parquet(tmp_path / "mine" / "de" / "validation.parquet", 2, strings=strings)
    task = wikiann(task_file)
    raws = [tmp_path / f"raw{i}" for i in range(3)]
    for raw, seed in zip(raws, (0, 0, 1)):
        fetch(task, raw, source=tmp_path / "mine", seed=seed)
    same, again, other = (words(raw / "de" / "train.tsv") for raw in raws)
    assert len(same) == 8 and same == again and set(same) != set(other)
    report = convert(raws[0], tmp_path / "corpus")
    assert [(s.split, s.sentences, s.entities) for s in report.splits] == [
        ("train", 8, 8),
        ("dev", 2, 2),
    ]


def test_drawn_from_a_dataset(tmp_path, task_file):
    """A folder laid out as those of the Hub are, which `datasets` opens in the same way."""
    data = tmp_path / "data"
    parquet(data / "de" / "train-00000-of-00001.parquet", 20)
    parquet(data / "de" / "validation-00000-of-00001.parquet", 5)
    files = [{"split": s, "path": f"de/{s}-*"} for s in ("train", "validation")]
    card = {"configs": [{"config_name": "de", "data_files": files}]}
    (data / "README.md").write_text(f"---\n{json.dumps(card)}\n---\n")
    fetch(wikiann(task_file, dataset=f'"{data.as_posix()}"'), tmp_path / "raw")
    assert len(words(tmp_path / "raw" / "de" / "train.tsv")) == 8
    assert len(words(tmp_path / "raw" / "de" / "dev.tsv")) == 2


@pytest.mark.parametrize(
    "options, reason",
    [
        ({"column": "labels"}, "it has no column 'ner_tags'"),
        ({"names": False}, "the numbers in 'ner_tags' have no names"),
    ],
)
def test_columns_that_cannot_be_read(tmp_path, task_file, options, reason):
    for name in ("train", "dev"):
        parquet(tmp_path / "mine" / "de" / f"{name}.parquet", 3, **options)
    with pytest.raises(SkdError, match=f"SKD245.*{reason}"):
        fetch(wikiann(task_file), tmp_path / "raw", source=tmp_path / "mine")


@pytest.mark.parametrize(
    "words, tags",
    [
        (["a", "b", "c"], ["O"]),
        (["a"], ["O", "O"]),
        (["a"], None),
        (None, ["O"]),
        ("a b", "O O"),
    ],
)
def test_rows_that_have_not_a_tag_for_each_word(tmp_path, task_file, words, tags):
    datasets = pytest.importorskip("datasets")
    for name in ("train", "dev"):
        path = tmp_path / "mine" / "de" / f"{name}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        datasets.Dataset.from_dict({"tokens": [words], "ner_tags": [tags]}).to_parquet(str(path))
    with pytest.raises(SkdError, match="SKD245.*row 1 has not one of 'ner_tags'"):
        fetch(wikiann(task_file), tmp_path / "raw", source=tmp_path / "mine")


def test_tags_that_are_not_told_are_missing_annotation(tmp_path, task_file):
    datasets = pytest.importorskip("datasets")
    tag = datasets.Sequence(datasets.ClassLabel(names=LABELS))
    features = datasets.Features(
        {"tokens": datasets.Sequence(datasets.Value("string")), "ner_tags": tag}
    )
    rows = {"tokens": [["Bad", "Ems", "lebt"]], "ner_tags": [[-1, None, 0]]}
    for name in ("train", "dev"):
        path = tmp_path / "mine" / "de" / f"{name}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        datasets.Dataset.from_dict(rows, features=features).to_parquet(str(path))
    fetch(wikiann(task_file), tmp_path / "raw", source=tmp_path / "mine")
    text = (tmp_path / "raw" / "de" / "train.tsv").read_text(encoding="utf-8")
    assert text == "de:Bad\t-\nde:Ems\t-\nde:lebt\tO\n"


def test_parquet_that_is_none(tmp_path, task_file):
    pytest.importorskip("datasets")
    for name in ("train", "dev"):
        write(tmp_path / "mine" / "de" / f"{name}.parquet", "no parquet")
    with pytest.raises(SkdError, match="SKD245") as error:
        fetch(wikiann(task_file), tmp_path / "raw", source=tmp_path / "mine")
    assert "\n" not in str(error.value) and not (tmp_path / "raw").exists()


def test_a_dataset_that_is_not_there(tmp_path, task_file):
    pytest.importorskip("datasets")
    nowhere = (tmp_path / "nowhere" / "at" / "all").as_posix()
    with pytest.raises(SkdError, match="SKD245"):
        fetch(wikiann(task_file, dataset=f'"{nowhere}"'), tmp_path / "raw")
    assert not (tmp_path / "raw").exists()


def test_drawn_from_files(tmp_path, task_file):
    for name, size in (("train", 30), ("dev", 1)):
        lines = "".join(f"de:w{i}\tO\nde:Ems\tB-LOC\n\n" for i in range(size))
        write(tmp_path / "mine" / "de" / name, lines)
    fetch(wikiann(task_file), tmp_path / "raw", source=tmp_path / "mine")
    assert len(words(tmp_path / "raw" / "de" / "train")) == 8
    report = convert(tmp_path / "raw", tmp_path / "corpus")
    assert [(s.split, s.sentences) for s in report.splits] == [("train", 8), ("dev", 1)]
