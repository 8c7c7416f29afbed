"""`python -m spacy skd fetch` through its real entry point, and on the real corpora."""

from pathlib import Path

import pytest

from ..corpora.samples import CONLL2003, write
from ..tasks.server import Server

ROOT = Path(__file__).parents[2]
TASKS = ROOT / "configs" / "tasks"
DATA = ROOT / "../shared/data"


@pytest.fixture
def mine(tmp_path):
    for name in ("eng.train", "eng.testa", "eng.testb"):
        write(tmp_path / "mine" / name, CONLL2003)
    return tmp_path / "mine"


def test_a_folder_and_then_nothing_to_do(mine, skd_here, tmp_path):
    command = ["fetch", TASKS / "conll.cfg", "raw", "--from", mine, "--languages", "en"]
    result = skd_here(*command)
    assert result.returncode == 0, result.stderr
    assert "Reuters Corpus" in result.stdout and str(mine / "eng.train") in result.stdout
    assert sorted(path.name for path in (tmp_path / "raw" / "en").iterdir()) == [
        "dev.conll",
        "test.conll",
        "train.conll",
    ]
    assert "Nothing changed" in skd_here(*command).stdout


def test_downloads(skd_here, fails, tmp_path):
    server = Server()
    text = '[task]\nabout = "x"\nsource = "y"\n[languages]\n[languages.de]\nlicence = "MIT"\n'
    text += f'url = "{server.url}/"\n[languages.de.train]\nfile = "a.iob2"\n'
    (tmp_path / "mine.cfg").write_text(text)
    try:
        assert "[SKD241]" in fails("fetch", "mine.cfg", "raw", "--from", "")
        server.files["/a.iob2"] = b"Bonn\tB-LOC\n"
        assert skd_here("fetch", "mine.cfg", "raw").returncode == 0
    finally:
        server.close()
    assert (tmp_path / "raw" / "de" / "train.iob2").read_bytes() == b"Bonn\tB-LOC\n"


@pytest.mark.parametrize(
    "arguments, code",
    [
        (["nowhere.cfg", "raw"], "SKD240"),
        (["mine", "raw"], "SKD240"),
        ([TASKS / "conll.cfg", "raw"], "SKD244"),
        ([TASKS / "conll.cfg", "raw", "--from", "mine"], "SKD243"),
        ([TASKS / "conll.cfg", "mine/raw", "--from", "mine"], "SKD102"),
        ([TASKS / "conll.cfg", "mine/eng.train", "--from", "elsewhere"], "SKD080"),
        ([TASKS / "conll.cfg", "file", "--from", "mine", "--languages", "en"], "SKD132"),
        ([TASKS / "conll.cfg", "full", "--from", "mine", "--languages", "en"], "SKD133"),
        ([TASKS / "conll.cfg", "file/raw", "--from", "mine", "--languages", "en"], "SKD135"),
        ([TASKS / "conll.cfg", "x" * 300, "--from", "mine", "--languages", "en"], "SKD135"),
    ],
)
def test_mistakes_are_one_line(mine, fails, tmp_path, arguments, code):
    (tmp_path / "file").touch()
    write(tmp_path / "full" / "notes.txt", "mine")
    assert code in fails("fetch", *arguments)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "full", "mine"]


needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="../shared/data is not here")
WIKIANN = "de,en,es,fr,nl,pl,pt,ru"


@needs_data
@pytest.mark.parametrize(
    "task, folder, languages, sizes",
    [
        ("ud", "pos/ud", "ta", {"train": 400, "dev": 80, "test": 120}),
        ("uner", "ner/uner", "sv", {"train": 4303, "dev": 504, "test": 1219}),
        ("semeval", "absa/semeval2016", "tr", {"train": 1109, "dev": 123, "test": 144}),
        ("wikiann", "ner/wikiann", "pt", {"train": 4000, "dev": 500, "test": 500}),
    ],
)
def test_tasks_on_real_corpora(skd_here, tmp_path, task, folder, languages, sizes):
    command = ["fetch", TASKS / f"{task}.cfg", "raw", "--from", DATA / folder]
    assert skd_here(*command, "--languages", languages).returncode == 0
    result = skd_here("convert", "raw", "corpus")
    assert result.returncode == 0
    rows = [line.split() for line in result.stdout.splitlines()]
    found = {
        row[1]: int(row[2]) for row in rows if row and row[0] == languages and row[2].isdigit()
    }
    assert {name: found[name] for name in sizes} == sizes


@needs_data
@pytest.mark.slow
@pytest.mark.parametrize(
    "task, folder, languages",
    [
        ("ud", "pos/ud", ""),
        ("uner", "ner/uner", ""),
        ("semeval", "absa/semeval2016", ""),
        ("semeval", "absa/semeval2016-xml", "en,nl"),
        ("wikiann", "ner/wikiann", WIKIANN),
    ],
)
def test_all_languages_of_real_corpora(skd_here, task, folder, languages):
    command = ["fetch", TASKS / f"{task}.cfg", "raw", "--from", DATA / folder]
    result = skd_here(*command, "--languages", languages)
    if folder.endswith("-xml"):  # without test
        assert result.returncode == 1 and "SKD243" in result.stderr
        return
    assert result.returncode == 0
    assert skd_here("convert", "raw", "corpus").returncode == 0
