"""Tasks are read strictly, and those of the project say what they should."""

from pathlib import Path

import pytest

from spacy_skd.errors import SkdError
from spacy_skd.tasks.spec import Split, read_task

TASKS = Path(__file__).parents[2] / "configs" / "tasks"
LANGUAGES = {
    "conll": "en de es nl",
    "semeval": "tr es nl en ru",
    "ud": "en he ja sl fr id fa ta",
    "uner": "da en pt sk sv zh",
    "wikiann": "en ta eu he id fa sl fr",
}
TAMIL = '[languages.ta]\nlicence = "MIT"\n\n[languages.ta.train]\nfile = "ta.conllu"\n'


def test_every_task_of_the_project_is_looked_at():
    assert {path.stem for path in TASKS.glob("*.cfg")} == set(LANGUAGES)


@pytest.mark.parametrize("name", LANGUAGES)
def test_languages_and_splits(name):
    task = read_task(TASKS / f"{name}.cfg")
    assert task.name == name and list(task.languages) == LANGUAGES[name].split()
    for language, of_language in task.languages.items():
        splits = task.splits(language)
        without_dev = name == "semeval" or (name, language) == ("ud", "sl")
        assert set(splits) == {"train", "test"} | (set() if without_dev else {"dev"})
        fetched = [split for split in splits.values() if split.checksum]
        assert len(fetched) == (len(splits) if of_language.url else 0)


def test_no_two_files_of_a_task_are_the_same():
    for name in ("ud", "uner"):
        task = read_task(TASKS / f"{name}.cfg")
        sums = [s.checksum for lang in task.languages for s in task.splits(lang).values()]
        assert len(set(sums)) == len(sums)


def test_sizes_of_wikiann():
    task = read_task(TASKS / "wikiann.cfg")
    sizes = {lang: [s.sentences for s in task.splits(lang).values()] for lang in ("en", "fr", "de")}
    assert sizes == {"en": [8000, 1000, 1000], "fr": [4000, 500, 500], "de": [4000, 500, 500]}


def test_a_split_of_its_own_takes_the_place_of_what_all_have(task_file):
    task = read_task(task_file(TAMIL, sentences='{"train": 5, "test": 2}'))
    assert task.splits("ta") == {"train": Split(file="ta.conllu"), "test": Split(sentences=2)}


@pytest.mark.parametrize(
    "text, settings, reason",
    [
        ("", {}, "languages"),
        (TAMIL.replace("ta", "t a"), {}, "SKD083"),
        (TAMIL.replace("train", "trian"), {}, "'trian' is no split; use train, dev, test"),
        (TAMIL.replace("ta.conllu", "../ta.conllu"), {}, "languages.ta.splits.train.file"),
        (TAMIL + 'checksum = "md5:00"\n', {}, "languages.ta.splits.train.checksum"),
        (TAMIL + "sentences = 0\n", {}, "languages.ta.splits.train.sentences"),
        (TAMIL + "size = 3\n", {}, "languages.ta.splits.train.size"),
        (TAMIL.replace("licence", "license"), {}, "languages.ta.licence"),
        (
            TAMIL.replace("[languages.ta.train]", 'url = "ftp://x/"\n[languages.ta.train]'),
            {},
            "url",
        ),
        ('[languages.ta]\nlicence = "MIT"\n', {}, "'ta' has no split"),
        ('[languages.ta]\nlicence = "MIT"\nurl = "http://x/"\n[languages.ta.dev]\n', {}, "no file"),
        (TAMIL, {"encoding": '"utf-42"'}, "SKD090"),
        (TAMIL, {"extension": '"../x"'}, "extension"),
        (TAMIL, {"sentences": '{"trian": 5}'}, "sentences"),
        (TAMIL, {"colour": "1"}, "colour"),
        (TAMIL + "[more]\na = 1\n", {}, "[more] is unknown"),
        ("[languages", {}, "SKD240"),
    ],
)
def test_mistakes_are_named(task_file, text, settings, reason):
    with pytest.raises(SkdError, match="SKD240") as error:
        read_task(task_file(text, **settings))
    assert reason in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize("content", [None, b"\xff\xfe", b"[task", b"a = 1"])
def test_what_is_no_task(tmp_path, content):
    path = tmp_path / "mine.cfg"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SkdError, match="SKD240"):
        read_task(path)
