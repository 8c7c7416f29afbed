"""From a raw corpus in any of the formats to a corpus of spaCy documents."""

import random
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Dict, Iterator, List, Optional, Tuple

from spacy.attrs import TAG
from tqdm import tqdm

from ..errors import Errors, SkdError
from .documents import SPLITS, Converted, ReadOptions
from .folder import find_corpus
from .formats import FORMATS, find_reader
from .output import replaced_corpus, write_docs, write_pieces

Language = Tuple[str, Dict[str, Converted]]


@dataclass(frozen=True)
class SplitReport:
    """What was written for one split of one language.

    entities, labels (Optional[int]): Entity spans, and distinct entity types or tags; None where
        the split is not annotated with such.
    repaired (Optional[int]): Tags changed to make sequences legal; None for a dev split drawn from
        train, where its repairs are counted.
    """

    lang: str
    split: str
    sentences: int
    tokens: int
    entities: Optional[int]
    labels: Optional[int]
    repaired: Optional[int]


@dataclass
class ConversionReport:
    """What was written, and what the owner of the corpus should know about it."""

    splits: List[SplitReport] = field(default_factory=list)
    notes: List[str] = field(default_factory=list)


def convert(
    input_path: Path,
    output_path: Path,
    *,
    format: str = "auto",
    lang: Optional[str] = None,
    split: Optional[str] = None,
    dev_fraction: float = 0.1,
    seed: int = 0,
    options: ReadOptions = ReadOptions(),
) -> ConversionReport:
    """Convert a raw corpus into `output_path/<language>/<split>.spacy`, one Doc a sentence, with
    the language in `doc.user_data["lang"]`. A corpus that is there already is replaced as a whole.

    input_path (Path): A folder `<language>/{train,dev,test}.<extension>` and
        `<language>/unlabelled.txt`, or a single file.
    format (str): One of `FORMATS`, or "auto": each file's content decides.
    lang, split (Optional[str]): What a single file holds.
    dev_fraction (float): How much of train becomes dev where a language has no dev; 0 for none.
    seed (int): For the choice of dev.
    RETURNS (ConversionReport): Counts and notes.
    RAISES (SkdError): For anything wrong with the input or the options; nothing is written then.
    """
    _check_options(input_path, output_path, format, lang, dev_fraction, options)
    languages = _read_files(input_path, format, lang, split, options)
    report = ConversionReport()
    with replaced_corpus(output_path) as folder:
        for name, splits in languages:
            if "train" in splits and "dev" not in splits and dev_fraction > 0:
                splits["dev"] = _draw_dev(name, splits["train"], dev_fraction, seed)
            for split_name in SPLITS:
                if split_name in splits:
                    _write(name, split_name, splits[split_name], folder, report)
    return report


def _write(
    lang: str, split: str, converted: Converted, folder: Path, report: ConversionReport
) -> None:
    if split == "unlabelled":
        write_pieces(converted.docs, folder / lang / split)
    else:
        write_docs(converted.docs, folder / lang / f"{split}.spacy")
    report.splits.append(_count(lang, split, converted))
    report.notes.extend(f"{lang} {split}: {note}" for note in converted.notes)


def _count(lang: str, split: str, converted: Converted) -> SplitReport:
    has_entities = any(doc.has_annotation("ENT_IOB") for doc in converted.docs)
    types = [ent.label for doc in converted.docs for ent in doc.ents]
    tags = {tag for doc in converted.docs for tag in doc.to_array([TAG]).ravel()} - {0}
    return SplitReport(
        lang=lang,
        split=split,
        sentences=len(converted.docs),
        tokens=sum(map(len, converted.docs)),
        entities=len(types) if has_entities else None,
        labels=len(tags.union(types)) if has_entities or tags else None,
        repaired=converted.repaired,
    )


def _read_files(
    path: Path, format: str, lang: Optional[str], split: Optional[str], options: ReadOptions
) -> Iterator[Language]:
    corpus = find_corpus(path, lang, split)
    with tqdm(total=corpus.size, unit="B", unit_scale=True, leave=False) as progress:
        for name, files in corpus.files.items():
            splits = {}
            for split_name, file in files.items():
                progress.set_description(f"{name} {split_name}")
                reader = find_reader(file, split_name, format, options)
                splits[split_name] = reader(file, name, options)
                progress.update(file.stat().st_size)
            yield name, splits


def _draw_dev(lang: str, train: Converted, fraction: float, seed: int) -> Converted:
    """Move a random part of train, at least one sentence, into a new dev split."""
    total = len(train.docs)
    size = max(1, round(fraction * total))
    if size >= total:
        raise SkdError(Errors.SKD104.format(lang=lang, total=total))
    chosen = set(random.Random(seed).sample(range(total), size))
    dev = [doc for i, doc in enumerate(train.docs) if i in chosen]
    train.docs = [doc for i, doc in enumerate(train.docs) if i not in chosen]
    note = f"no dev file, {size} of the {total} sentences of train taken (seed {seed})"
    return Converted(dev, repaired=None, notes=[note])


def _check_options(
    input_path: Path,
    output_path: Path,
    format: str,
    lang: Optional[str],
    dev_fraction: float,
    options: ReadOptions,
) -> None:
    if format not in ("auto", *FORMATS):
        raise SkdError(Errors.SKD086.format(format=format, names=", ".join(("auto", *FORMATS))))
    if lang is not None and not re.fullmatch(r"[A-Za-z][\w-]*", lang):
        raise SkdError(Errors.SKD083.format(lang=lang))
    if not 0 <= dev_fraction < 1:
        raise SkdError(Errors.SKD103.format(value=dev_fraction))
    if options.tag not in ("upos", "xpos"):
        raise SkdError(Errors.SKD106.format(value=options.tag))
    if not re.fullmatch(r"[^\s-]\S*", options.default_type):
        raise SkdError(Errors.SKD109.format(value=options.default_type))
    if input_path.resolve() in (output_path.resolve(), *output_path.resolve().parents):
        raise SkdError(Errors.SKD102.format(input=input_path, output=output_path))
