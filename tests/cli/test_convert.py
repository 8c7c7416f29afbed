import pytest

from ..corpora.samples import posix

TRAIN = "".join(f"Stad{i}\tB-LOC\nlever\tI-PER\n\n" for i in range(20))


@pytest.fixture
def raw(tmp_path):
    path = tmp_path / "raw" / "nb" / "train.tsv"
    path.parent.mkdir(parents=True)
    path.write_text(TRAIN)
    return tmp_path / "raw"


def table(stdout):
    return [line.split() for line in stdout.splitlines()]


def test_table_and_notes(raw, tmp_path, skd):
    result = skd("convert", raw, "corpus")
    assert result.returncode == 0, result.stderr
    header = ["Language", "Split", "Sentences", "Tokens", "Entities", "Labels", "Repaired"]
    assert [*header, "Duplicates"] in table(result.stdout)
    assert ["nb", "train", "18", "36", "36", "2", "20", "0"] in table(result.stdout)
    assert ["nb", "dev", "2", "4", "4", "2", "-", "-"] in table(result.stdout)
    assert "nb dev: no dev file, 2 of the 20 sentences of train taken (seed 0)" in result.stdout
    assert (tmp_path / "corpus/nb/dev.spacy").is_file()


def test_single_file_and_options(tmp_path, skd):
    path = tmp_path / "esp.testa"
    path.write_bytes("Núñez NC B\ncalla VMI O\n".encode("latin-1"))
    result = skd(
        "convert", path, "corpus", "--format", "conll", "--lang", "es", "--split", "test",
        "--encoding", "latin-1", "--type", "PER",
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert ["es", "test", "1", "2", "1", "1", "0", "-"] in table(result.stdout)


def test_duplicates_and_a_limit(raw, tmp_path, skd_here):
    (raw / "nb" / "test.tsv").write_text(TRAIN[:100])  # 4 whole sentences of train, and a part
    result = skd_here("convert", raw, "corpus", "--dev-fraction", "0")
    assert ["nb", "train", "20", "40", "40", "2", "20", "4"] in table(result.stdout)
    dropping = ["convert", raw, "corpus", "--dev-fraction", "0", "--drop-duplicates"]
    result = skd_here(*dropping)
    assert ["nb", "train", "16", "32", "32", "2", "20", "4"] in table(result.stdout)
    assert "nb train: 4 sentences that are in dev or test dropped" in result.stdout
    result = skd_here(*dropping, "--limit", "5")
    assert ["nb", "train", "5", "10", "10", "2", "20", "4"] in table(result.stdout)
    assert "nb train: 5 of 16 sentences drawn (seed 0)" in result.stdout
    assert "Nothing changed" in skd_here(*dropping, "--limit", "5").stdout


def test_nothing_but_duplicates(raw, tmp_path, fails):
    (raw / "nb" / "test.tsv").write_text(TRAIN)
    assert "SKD248" in fails("convert", raw, "corpus", "--drop-duplicates")
    assert not (tmp_path / "corpus").exists()


def test_help_stands_alone(skd):
    result = skd("convert", "--help")
    assert result.returncode == 0
    assert "<language>/unlabelled.txt" in result.stdout
    for option in ("--format", "--dev-fraction", "--seed", "--type", "--tag", "--encoding"):
        assert option in result.stdout


def test_broken_line_is_one_line_and_nothing_is_written(raw, tmp_path, fails):
    (raw / "nb" / "train.tsv").write_text("Oslo\tB-LOC\nby\n")
    error = fails("convert", raw, "corpus")
    assert error.startswith("Error: [SKD091]") and "train.tsv:2: 2 columns expected" in error
    assert not (tmp_path / "corpus").exists()


@posix
@pytest.mark.parametrize(
    "arguments, code",
    [
        (["nowhere", "corpus"], "SKD080"),
        (["raw/nb", "corpus"], "SKD081"),
        (["raw", "raw/nb"], "SKD102"),
        (["raw/nb/train.tsv", "corpus"], "SKD085"),
        (["raw", "corpus", "--format", "conllu"], "SKD091"),
        (["raw", "corpus", "--encoding", "utf-42"], "SKD090"),
        (["raw", "corpus", "--encoding", "punycode"], "SKD090"),
        (["raw", "corpus", "--encoding", "\x1b[31m"], "SKD090"),
        (["raw/nb/train.tsv", "corpus", "--lang", "../nb", "--split", "train"], "SKD083"),
        (["raw", "notes"], "SKD101"),
        (["raw", "/"], "SKD198"),
        (["raw", "."], "SKD198"),
        (["raw", "x" * 300], "SKD107"),
        (["x" * 300, "corpus"], "SKD080"),
        (["\x1b[2J\n", "corpus"], "SKD080"),
        (["raw", "link"], "SKD196"),
        (["raw", "corpus", "--seed", "-1"], "SKD029"),
        (["raw", "corpus", "--limit", "-1"], "SKD029"),
        (["raw", "notes/mine.txt/corpus"], "SKD107"),
    ],
)
def test_bad_input(raw, tmp_path, fails, arguments, code):
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "mine.txt").write_text("precious")
    (tmp_path / "link").symlink_to(tmp_path / "notes")
    before = sorted(str(path) for path in tmp_path.rglob("*"))
    error = fails("convert", *arguments)
    assert error.startswith(f"Error: [{code}]") and error.isprintable()
    assert sorted(str(path) for path in tmp_path.rglob("*")) == before
    assert (tmp_path / "notes" / "mine.txt").read_text() == "precious"


def test_empty_folder(tmp_path, fails):
    (tmp_path / "raw").mkdir()
    assert "[SKD081]" in fails("convert", "raw", "corpus")


def test_a_corpus_is_converted_once(skd_here, tmp_path):
    """Names of folders and files count as much as what is in them, in the raw corpus and the
    converted one.
    """
    for name in ("de/train", "de/test", "nl/train"):
        path = tmp_path / "raw" / f"{name}.iob2"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(TRAIN)

    def convert(*options):
        result = skd_here("convert", "raw", "corpus", *options)
        assert result.returncode == 0, result.stderr
        return result.stdout

    table = convert()
    assert "Corpus written" in table
    again = convert()
    assert "Nothing changed" in again and again.splitlines()[:-1] == table.splitlines()[:-1]
    (tmp_path / ".corpus.old").mkdir()  # of a run that was killed at its very end
    assert "Nothing changed" in convert()
    assert not (tmp_path / ".corpus.old").exists()
    assert "Corpus written" in convert("--seed", 1)
    assert "Nothing changed" in convert("--seed", 1)

    (tmp_path / "raw" / "nl").rename(tmp_path / "raw" / "af")
    assert "Corpus written" in convert()
    assert not (tmp_path / "corpus" / "nl").exists() and (tmp_path / "corpus" / "af").exists()
    (tmp_path / "corpus" / "af").rename(tmp_path / "corpus" / "nl")
    assert "Corpus written" in convert()
    assert (tmp_path / "corpus" / "af").exists()
    path = tmp_path / "corpus" / "de" / "train.spacy"
    path.write_bytes(path.read_bytes()[:-1])
    assert "Corpus written" in convert()
    (tmp_path / "raw" / "de" / "test.iob2").rename(tmp_path / "raw" / "de" / "dev.iob2")
    assert "Corpus written" in convert()
    assert "Nothing changed" in convert()


@posix
def test_links_are_followed_on_request(raw, tmp_path, skd_here, fails):
    (tmp_path / "outside.tsv").write_text(TRAIN)
    (raw / "nb" / "test.tsv").symlink_to(tmp_path / "outside.tsv")
    assert "[SKD194]" in fails("convert", "raw", "corpus")
    result = skd_here("convert", "raw", "corpus", "--follow-links")
    assert result.returncode == 0 and (tmp_path / "corpus/nb/test.spacy").is_file()
