"""Thousands of spoilt corpora: each is an error with a code, or a corpus that reads back; and none
takes longer than its size explains.
"""

import random
import time

import pytest
from spacy.vocab import Vocab

from spacy_skd.corpora.convert import convert
from spacy_skd.corpora.documents import SPLITS
from spacy_skd.corpora.stored import read_docs
from spacy_skd.errors import SkdError

from .mutations import SAMPLES, Sample, mutated

# Of a processor; several times what the slowest of them takes.
MOST_SECONDS = 10.0


def check(sample: Sample, folder) -> str:
    """Convert a sample, as a file of its own, and look at what comes of it."""
    folder.mkdir()
    raw, corpus = folder / sample.name, folder / "corpus"
    raw.write_bytes(sample.content)
    start = time.process_time()
    try:
        report = convert(
            raw,
            corpus,
            lang=sample.lang,
            split=sample.split,
            format=sample.format,
            dev_fraction=0.0,
            options=sample.options,
        )
    except SkdError as error:
        message = str(error)
        assert message.startswith("[SKD") and message.isprintable() and len(message) < 3000
        assert [path.name for path in folder.iterdir()] == [sample.name]
        outcome = message[:8]
    else:
        (count,) = report.splits
        files = sorted(corpus.rglob("*.spacy"))
        docs = [doc for path in files for doc in read_docs(path, "none", Vocab())]
        assert (len(docs), sum(map(len, docs))) == (count.sentences, count.tokens)
        assert 0 < count.sentences <= count.tokens <= len(sample.content)
        assert all(len(doc) and all(token.text for token in doc) for doc in docs)
        assert {doc.user_data["lang"] for doc in docs} == {sample.lang}
        assert {path.relative_to(corpus).parts[1].split(".")[0] for path in files} <= set(SPLITS)
        assert count.entities is None or count.entities == sum(len(doc.ents) for doc in docs)
        outcome = "success"
    assert time.process_time() - start < MOST_SECONDS
    return outcome


def outcomes(seeds, folder):
    """The outcome of each seed, the failures among them with what is needed to see them again."""
    found, failures = {}, []
    for seed in seeds:
        sample = mutated(random.Random(seed))
        try:
            outcome = check(sample, folder / str(seed))
            found[outcome] = found.get(outcome, 0) + 1
        except Exception as error:
            failures.append(
                f"seed {seed}: {type(error).__name__}: {str(error)[:300]}: {sample!r:.300}"
            )
    return found, failures


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_samples_are_sound_before_they_are_spoilt(sample, tmp_path):
    assert check(sample, tmp_path / "x") == "success"


def test_a_few_spoilt_corpora(tmp_path):
    found, failures = outcomes(range(250), tmp_path)
    assert not failures, "\n".join(failures)
    assert found["success"] > 25 and len(found) > 8


@pytest.mark.slow
@pytest.mark.parametrize("first", range(1000, 13_000, 1000))
def test_thousands_of_spoilt_corpora(first, tmp_path):
    found, failures = outcomes(range(first, first + 1000), tmp_path)
    print(dict(sorted(found.items())))
    assert not failures, "\n".join(failures)


def xml(text: str, opinions: str = "") -> str:
    sentence = f"<sentence><text>{text}</text><Opinions>{opinions}</Opinions></sentence>"
    return f"<Reviews>{sentence}</Reviews>"


def opinions(n: int) -> str:
    """Each inside the one before it, and all wrong."""
    return "".join(
        f'<Opinion target="x" from="{i}" to="{n - i}"/>\n' for i in range(0, n // 2 - 1, 20)
    )


WORD = "1\tw\t_\tX\t_\t_\t_\t_\t_\t_\n"
# File, and its content as a function of a size in characters.
GROWING = {
    "text in short lines": ("train.xml", lambda n: xml("word\n" * (n // 5))),
    "text with character references": ("train.xml", lambda n: xml("&#65;" * (n // 5))),
    "quotation marks without end": ("train.xml", lambda n: xml("'" * n)),
    "opinions in opinions": ("train.xml", lambda n: xml("word " * (n // 5), opinions(n))),
    "deep nesting": ("train.xml", lambda n: "<a>" * (n // 7) + "</a>" * (n // 7)),
    "unclosed tags": ("train.xml", lambda n: "<a>" * (n // 3)),
    "attributes": ("train.xml", lambda n: (
        "<a " + " ".join(f"a{i}=''" for i in range(n // 8)) + "/>")),
    "one attribute": ("train.xml", lambda n: f'<Reviews a="{"x" * n}"/>'),
    "comment": ("train.xml", lambda n: f"<!--{'- ' * (n // 2)}-->{xml('a')}"),
    "words of CoNLL-U": ("train.conllu", lambda n: "".join(
        WORD.replace("1", str(i), 1) for i in range(1, n // len(WORD)))),
    "multiword tokens": ("train.conllu", lambda n: "".join(
        f"{i}-{i + 1}" + WORD[1:] + f"{i}" + WORD[1:] + f"{i + 1}" + WORD[1:]
        for i in range(1, n // 60, 2))),
    "sentences of CoNLL-U": ("train.conllu", lambda n: (WORD + "\n") * (n // len(WORD))),
    "one number": ("train.conllu", lambda n: "1" * n + WORD[1:]),
    "column MISC": ("train.conllu", lambda n: WORD[:-2] + "a=b|" * (n // 4)),
    "comments": ("train.conllu", lambda n: "# a\n" * (n // 4) + WORD),
    "one token": ("train.tsv", lambda n: "w" * n + "\tO\n"),
    "one tag": ("train.tsv", lambda n: "w\tB-" + "X" * n),
    "one broken tag": ("train.tsv", lambda n: "w\tO\nw\t" + "I-" * (n // 2) + " "),
    "spaces in columns": ("train.txt", lambda n: "a" + " " * n + "O\n"),
    "spaces and no column": ("train.txt", lambda n: "a" + " " * n),
    "columns": ("train.txt", lambda n: "a " * (n // 2) + "O\n"),
    "one sentence": ("train.tsv", lambda n: "w\tB-X\n" * (n // 6)),
    "sentences": ("train.tsv", lambda n: "w\tB-X\n\n" * (n // 7)),
    "different words": ("train.tsv", lambda n: "".join(
        f"w{i}\tI-{i % 9}\n" for i in range(n // 10))),
    "prefix of WikiAnn": ("train.tsv", lambda n: "de:" * (n // 3) + "\tO\n"),
    "old Mac": ("train.tsv", lambda n: "w\tO\r" * (n // 4)),
    "carriage returns": ("train.tsv", lambda n: "w\tO" + "\r" * n + "x"),
    "blank lines": ("train.tsv", lambda n: "\n" * n + "w\tO"),
    "hyphens": ("train.tsv", lambda n: "-" * n + "\tO\n" + "a-" * n + ":"),
    "one line of text": ("unlabelled.txt", lambda n: "word " * (n // 5)),
    "spaces in text": ("unlabelled.txt", lambda n: "a" + " " * n + "b"),
    "lines of text": ("unlabelled.txt", lambda n: "a b\n" * (n // 4)),
    "one line of raw text": ("raw.txt", lambda n: "A word. " * (n // 8)),
    "raw text without spaces": ("raw.txt", lambda n: "a" * n),
    "raw text of marks": ("raw.txt", lambda n: '"(' * (n // 2)),
}  # fmt: skip


def seconds(name: str, n: int, folder) -> float:
    file, content = GROWING[name]
    folder.mkdir()
    (folder / file).write_text(content(n), encoding="utf-8")
    split = file.split(".")[0]
    start = time.process_time()
    try:
        convert(folder / file, folder / "corpus", lang="de", split=split, dev_fraction=0.0)
    except SkdError as error:
        assert str(error).isprintable() and len(str(error)) < 3000
    return time.process_time() - start


@pytest.mark.parametrize("name", ["text in short lines", "quotation marks without end"])
def test_what_once_was_quadratic(name, tmp_path):
    """A megabyte took 15 seconds, 40 kB of quotation marks 450."""
    assert seconds(name, 40_000, tmp_path / "x") < 20


@pytest.mark.slow
@pytest.mark.parametrize("name", GROWING)
def test_time_grows_with_size(name, tmp_path):
    """With the square, a hundred times the size would take ten thousand times as long."""
    seconds(name, 1000, tmp_path / "warm")
    size = 1_000 if "mark" in name else 10_000
    small = min(seconds(name, size, tmp_path / f"small{i}") for i in range(3))
    for times in (10, 100):
        large = seconds(name, times * size, tmp_path / f"large{times}")
        print(f"{name}: {small:.3f} s, of {times} times the size {large:.3f} s")
        assert large < 2.5 * times * max(small, 0.02)
