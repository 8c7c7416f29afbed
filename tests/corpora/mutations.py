"""Small corpora spoilt at random: in their bytes, lines, columns, numbers, encoding and structure.

Everything follows from the random generator that is given: a seed gives the same file again.
"""

import random
import re
from dataclasses import dataclass, replace
from typing import Callable, List, Tuple

from spacy_skd.corpora.documents import ReadOptions

from .samples import CONLL2002, CONLL2003, CONLLU, SEMEVAL, TEXT, TWO_COLUMNS, UNER, WIKIANN


@dataclass(frozen=True)
class Sample:
    """A raw corpus of one file, and how it is converted."""

    name: str
    content: bytes
    lang: str = "de"
    split: str = "train"
    format: str = "auto"
    options: ReadOptions = ReadOptions()


SAMPLES = [
    Sample("train.conllu", CONLLU.encode(), "es"),
    Sample("train.txt", CONLL2002.encode("latin-1"), "es", options=ReadOptions("latin-1")),
    Sample("eng.train", CONLL2003.encode(), "en"),
    Sample("train.iob2", TWO_COLUMNS.encode(), "nb"),
    Sample("train.tsv", WIKIANN.encode()),
    Sample("train.iob2", UNER.encode(), "sk"),
    Sample("train.xml", SEMEVAL.encode("latin-1"), "en"),
    Sample("unlabelled.txt", TEXT.encode(), split="unlabelled"),
    Sample("raw.txt", (TEXT * 3).encode(), split="raw"),
]

NUMBERS = [
    b"0", b"-1", b"00", b"1_0", b" 1", b"1.5", b"1e3", b"0x1", b"NaN", b"", b"2147483648",
    b"99999999999999999999", b"9" * 5000, "٣".encode(), "１".encode(), b"1-", b"3-1", b"1-99999999",
]  # fmt: skip
PIECES = [
    b"\0", b"\x1b[31m", b"\r", b"\r\n", b"\r\r\n", b"\n", b"\n\n", b"\t", b"\t\t", b" ", b"\x85",
    b"\xa0", b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xef\xbb\xbf", b"\xff\xfe",
    "\u2028\u2029".encode(), "\u202e".encode(), "\u200d".encode(), "e\u0301".encode(),
    "\U0001f468\u200d\U0001f469".encode(), b"-DOCSTART- O\n", b"# newdoc\n", b"_", b"-", b"B-",
    b"I-X-Y", b"U-PER", b"B-\x1b[2J", b"de:", b":", b"|", b"=", b"SpaceAfter=No", b"%s%d{0}{path}",
    b"\\u0041\\", b"+2AA-", b"&amp", b"&#0;", b"&#xD800;", b"&lol;", b"]]>", b"<![CDATA[<text>]]>",
    b"<!-- -- -->", b"<?xml version='1.0'?>", b"<text>", b"</text>", b"</sentence>", b"<Opinion/>",
    b'<Opinion target="x" from="0" to="1"/>', b"<b/>",
    b'<!DOCTYPE Reviews SYSTEM "file:///etc/passwd">',
    b'<!DOCTYPE Reviews [<!ENTITY lol "lol"><!ENTITY big "&lol;&lol;">]>',
    b'<!DOCTYPE Reviews [<!ENTITY % p SYSTEM "http://example.com/x.dtd">%p;]>',
]  # fmt: skip
ENCODINGS = [
    "utf-8", "utf-8-sig", "latin-1", "cp1252", "cp037", "utf-16", "utf-16-le", "utf-16-be",
    "utf-32", "utf-7", "gb18030", "shift_jis", "iso2022_jp", "hz", "punycode", "idna", "undefined",
    "unicode_escape", "hex", "rot13", "base64", "", "../utf-8", "utf-8\n", "\x1b[31m", "x" * 500,
    "ascii", "big5", "koi8-r", "utf_8_sig",
]  # fmt: skip
LANGUAGES = [
    "de", "en", "xx", "zxx", "punctuation", "char_classes", "__init__", "tokenizer_exceptions",
    "os", "a.b", "..", "de.partial", "de.stale", "meta.json", ".hidden", "de/en", "\x1b[31m",
    "x" * 300, "", "d e", "DE", "pt-BR", "fra", "de\n", "café", "日本",
]  # fmt: skip

Mutation = Callable[[random.Random, bytes], bytes]


def cut(rng: random.Random, data: bytes) -> Tuple[bytes, bytes, bytes]:
    """Before, a short stretch, and after."""
    start = rng.randint(0, len(data))
    end = min(len(data), start + int(rng.expovariate(1 / 8)))
    return data[:start], data[start:end], data[end:]


def change_bytes(rng: random.Random, data: bytes) -> bytes:
    before, within, after = cut(rng, data)
    noise = bytes(rng.randrange(256) for _ in range(rng.randint(1, 4)))
    return before + rng.choice([noise, b"", within * 2, within[::-1], within + noise]) + after


def insert_piece(rng: random.Random, data: bytes) -> bytes:
    before, within, after = cut(rng, data)
    return before + rng.choice(PIECES) + rng.choice([within, b""]) + after


def truncate(rng: random.Random, data: bytes) -> bytes:
    middle = rng.randint(0, len(data))
    return rng.choice([data[:middle], data[middle:]])


def change_lines(rng: random.Random, data: bytes) -> bytes:
    lines = data.split(b"\n")
    i, j = rng.randrange(len(lines)), rng.randrange(len(lines))
    action = rng.randrange(6)
    if action == 0:
        lines[i], lines[j] = lines[j], lines[i]
    elif action == 1:
        del lines[min(i, j) : max(i, j)]
    elif action == 2:
        lines.insert(i, lines[j])
    elif action == 3:
        lines[i : i + 2] = [b"".join(lines[i : i + 2])]
    elif action == 4:
        lines.insert(i, rng.choice([b"", b" ", b"\t", b"#", "\u3000".encode()]))
    else:
        rng.shuffle(lines)
    return b"\n".join(lines)


def change_columns(rng: random.Random, data: bytes) -> bytes:
    lines = data.split(b"\n")
    i = rng.randrange(len(lines))
    separator = rng.choice([b"\t", b" "])
    cells = lines[i].split(separator)
    j = rng.randrange(len(cells))
    other = rng.choice([b"", b"x", cells[rng.randrange(len(cells))], rng.choice(PIECES)])
    cells[j : j + 1] = rng.choice([[], [other], [cells[j], other], [cells[j] + other]])
    lines[i] = rng.choice([separator, b"\t", b"  "]).join(cells)
    return b"\n".join(lines)


def change_numbers(rng: random.Random, data: bytes) -> bytes:
    numbers = list(re.finditer(rb"\d+", data))
    if not numbers:
        return data
    place = rng.choice(numbers)
    return data[: place.start()] + rng.choice(NUMBERS) + data[place.end() :]


def change_encoding(rng: random.Random, data: bytes) -> bytes:
    if rng.random() < 0.3:
        name = rng.choice(ENCODINGS).encode()
        return re.sub(rb'encoding="[^"]*"', lambda _: b'encoding="%s"' % name, data)
    text = data.decode(rng.choice(["utf-8", "latin-1"]), "replace")
    return text.encode(rng.choice(ENCODINGS[:14]), "ignore")


def change_line_ends(rng: random.Random, data: bytes) -> bytes:
    ends = [b"\r", b"\r\n", b"\r\r\n", b"\n\n", b"\n \n", b"", "\u2028".encode(), b"\x0b", b"\x85"]
    end = rng.choice(ends)
    if rng.random() < 0.5:
        return data.replace(b"\n", end)
    return b"".join(line + rng.choice([b"\n", end]) for line in data.split(b"\n"))


def change_size(rng: random.Random, data: bytes) -> bytes:
    before, within, after = cut(rng, data)
    many = rng.choice([10, 300, 3000])
    return rng.choice(
        [
            before + (within or b"x") * many + after,
            data * min(many, 20),
            before + b"<a>" * many + within + b"</a>" * many + after,
            rng.choice([b"", b" ", b"\n", b"\t", b"\r", b"\0", b"\xef\xbb\xbf"]) * many,
        ]
    )


MUTATIONS: List[Mutation] = [
    change_bytes, insert_piece, truncate, change_lines, change_columns, change_numbers,
    change_encoding, change_line_ends, change_size,
]  # fmt: skip


def mutated(rng: random.Random) -> Sample:
    """A sample spoilt one to four times; now and then what is said of it is spoilt as well."""
    sample = rng.choice(SAMPLES)
    data = sample.content
    for _ in range(rng.choice([1, 1, 1, 2, 3, 4])):
        data = rng.choice(MUTATIONS)(rng, data)
    sample = replace(sample, content=data)
    if rng.random() < 0.1:
        sample = replace(sample, lang=rng.choice(LANGUAGES))
    if rng.random() < 0.1:
        sample = replace(sample, options=replace(sample.options, encoding=rng.choice(ENCODINGS)))
    if rng.random() < 0.1:
        names = ["auto", "conllu", "conll", "wikiann", "uner", "semeval", "text", "csv", "\x1b[31m"]
        sample = replace(sample, format=rng.choice(names))
    if rng.random() < 0.05:
        split = rng.choice(["train", "dev", "unlabelled", "raw", "other", "../train"])
        sample = replace(sample, split=split)
    if rng.random() < 0.05:
        tag, kind = rng.choice(["upos", "xpos", "feats"]), rng.choice(["X", "", "a b", "\x1b[31m"])
        sample = replace(sample, options=replace(sample.options, tag=tag, default_type=kind))
    return sample
