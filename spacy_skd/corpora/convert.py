"""From a raw corpus in any of the formats to a corpus of spaCy documents."""

import hashlib
import random
import re
from dataclasses import asdict, dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import Any, Dict, Iterable, Iterator, List, Optional, Set, Tuple

from spacy.attrs import TAG
from spacy.tokens import Doc
from tqdm import tqdm

from .. import about
from ..errors import Errors, SkdError, printable
from ..records import canonical, file_checksum
from ..settings import check_number
from .documents import SPLITS, Converted, ReadOptions
from .duplicates import duplicates
from .folder import RawCorpus, find_corpus
from .formats import FORMATS, find_reader
from .layout import check_language
from .lines import check_encoding
from .manifest import intact_manifest, write_manifest
from .multiword import Spellings
from .output import check_apart, replaced_corpus, settle, system_errors, write_split

UNMERGED = "has no multiword tokens, so those of dev and test stay split"
NOT_READ = "{} not read: a file is called train, dev, test, unlabelled or raw, and its extension"
BY_NAME = "{}: labels are matched by name, two names are two labels"
NOT_LEARNED = "{} in no train file, so that nothing learns it"
CONTROLS = (
    '{number} sentences with control characters, first "{text}": text of Windows that is read as '
    "latin-1 has them in place of quotation marks and dashes; its encoding is cp1252"
)
LIKE_DEV = "has no multiword tokens, so what is not written in those of dev was merged here too"
# No text has them, but in latin-1 they are what cp1252 has other characters for.
CONTROL = re.compile("[\x80-\x9f]")

Language = Tuple[str, Dict[str, Converted]]
EntityTypes = Dict[str, Set[str]]  # of each language


@dataclass(frozen=True)
class SplitReport:
    """What was written for one split of one language.

    entities, labels (Optional[int]): Entity spans, and distinct entity types or tags; None where
        the split is not annotated with such.
    repaired (Optional[int]): Tags changed to make sequences legal; None for a dev split drawn from
        train, where its repairs are counted.
    duplicates (Optional[int]): Of train: sentences that are also in dev or test, dropped or not.
    """

    lang: str
    split: str
    sentences: int
    tokens: int
    entities: Optional[int]
    labels: Optional[int]
    repaired: Optional[int]
    duplicates: Optional[int]


@dataclass
class ConversionReport:
    """What was written, and what the owner of the corpus should know about it.

    unchanged (bool): The corpus was there already, made from the same.
    """

    splits: List[SplitReport] = field(default_factory=list)
    notes: List[str] = field(default_factory=list)
    unchanged: bool = False


def convert(
    input_path: Path,
    output_path: Path,
    *,
    format: str = "auto",
    lang: Optional[str] = None,
    split: Optional[str] = None,
    dev_fraction: float = 0.1,
    drop_duplicates: bool = False,
    limit: int = 0,
    seed: int = 0,
    follow_links: bool = False,
    options: ReadOptions = ReadOptions(),
) -> ConversionReport:
    """Convert a raw corpus into `output_path/<language>/<split>.spacy`, one Doc a sentence, with
    the language in `doc.user_data["lang"]`. A corpus that is there already is kept if it was made
    from the same and is undamaged, and otherwise replaced as a whole.

    input_path (Path): A folder `<language>/{train,dev,test}.<extension>` and
        `<language>/{unlabelled,raw}.txt`, or a single file.
    format (str): One of `FORMATS`, or "auto": each file's content decides.
    lang, split (Optional[str]): What a single file holds.
    dev_fraction (float): How much of train becomes dev where a language has no dev; 0 for none.
    drop_duplicates (bool): Whether train goes without the sentences that are also in dev or test.
    limit (int): Most training sentences of a language, of which more are drawn from; 0: all.
    seed (int): For the choice of dev, and of training sentences.
    follow_links (bool): Whether symbolic links may lead out of the input folder.
    RETURNS (ConversionReport): Counts and notes.
    RAISES (SkdError): For anything wrong with the input or the options; nothing is written then.
    """
    _check_options(input_path, output_path, format, lang, dev_fraction, options)
    check_number("--seed", seed, 0, whole=True)
    check_number("--limit", limit, 0, whole=True)
    with system_errors(input_path):
        raw = find_corpus(input_path, lang, split, follow_links)
        settings = [format, dev_fraction, drop_duplicates, limit, seed, asdict(options)]
        made_from = _fingerprint(raw, settings)
    others = [f"{name}: {NOT_READ.format(', '.join(raw.others[name]))}" for name in raw.others]
    if (kept := _current(output_path, made_from)) is not None:
        kept.notes.extend(others)
        return kept
    languages = _read_files(raw, format, options)
    report = ConversionReport()
    types: Dict[str, EntityTypes] = {split_name: {} for split_name in SPLITS}
    with replaced_corpus(output_path) as folder:
        for name, splits in languages:
            if "train" in splits and "dev" not in splits and dev_fraction > 0:
                splits["dev"] = _draw_dev(name, splits["train"], dev_fraction, seed)
            found = _thin(name, splits, drop_duplicates, limit, seed) if "train" in splits else 0
            for split_name in SPLITS:
                if split_name in splits:
                    number = found if split_name == "train" else None
                    converted = splits[split_name]
                    found_types = _write(name, split_name, converted, number, folder, report)
                    types[split_name][name] = found_types
        report.notes.extend(_different_types(types))
        write_manifest(folder, made_from, asdict(report))
    # Not of the corpus: they are others as soon as a file comes or goes.
    report.notes.extend(others)
    return report


def _fingerprint(raw: RawCorpus, settings: List[Any]) -> str:
    """Of all that a corpus is made from: the raw files with their names, and how they are read."""
    files = {
        f"{lang}/{split}": [path.name, file_checksum(path)]
        for lang, splits in raw.files.items()
        for split, path in splits.items()
    }
    content = {"files": files, "settings": [about.__version__, *settings]}
    return hashlib.sha256(canonical(content).encode()).hexdigest()


def _current(corpus: Path, made_from: str) -> Optional[ConversionReport]:
    """The report of the corpus that is there, if it was made from the same and is undamaged."""
    settle(corpus)
    manifest = intact_manifest(corpus)
    if manifest is None or manifest.made_from != made_from:
        return None
    splits = [SplitReport(**split) for split in manifest.report["splits"]]
    return ConversionReport(splits, manifest.report["notes"], unchanged=True)


def _write(
    lang: str,
    split: str,
    converted: Converted,
    duplicates: Optional[int],
    folder: Path,
    report: ConversionReport,
) -> Set[str]:
    """Write and report a split. Returns its entity types."""
    tally = Tally()
    docs = tally.counted(converted.docs)
    write_split(docs, folder / lang, split)
    report.splits.append(tally.report(lang, split, converted.repaired, duplicates))
    report.notes.extend(f"{lang} {split}: {note}" for note in converted.notes + tally.notes())
    return tally.types


def _different_types(types: Dict[str, EntityTypes]) -> Iterator[str]:
    """Notes on the types that not every language has in train, such as PERSON in one and PER in the
    others, and on those that dev or test has and train has not. Of a language without any entity
    the table says so.

    types (Dict[str, EntityTypes]): Those of each split.
    """
    train = {lang: found for lang, found in types["train"].items() if found}
    known = set(chain(*train.values()))
    labels: Dict[str, List[str]] = {}  # by where they are
    for label in sorted(known):
        having = [lang for lang in train if label in train[lang]]
        lacking = [lang for lang in train if label not in train[lang]]
        if lacking:
            few = len(having) <= len(lacking)
            where = f"only in {', '.join(having)}" if few else f"not in {', '.join(lacking)}"
            labels.setdefault(where, []).append(label)
    if labels:
        groups = (f"{', '.join(names)} {where}" for where, names in labels.items())
        yield f"train: {BY_NAME.format('; '.join(groups))}"
    for split in ("dev", "test") if types["train"] else ():
        for lang, found in types[split].items():
            if found - known:
                yield f"{lang} {split}: {NOT_LEARNED.format(', '.join(sorted(found - known)))}"


@dataclass
class Tally:
    """What is counted of the documents of a split, as they pass."""

    sentences: int = 0
    tokens: int = 0
    entities: int = 0
    has_entities: bool = False
    tags: Set[int] = field(default_factory=set)
    types: Set[str] = field(default_factory=set)
    controls: int = 0
    first_control: str = ""

    def counted(self, docs: Iterable[Doc]) -> Iterator[Doc]:
        for doc in docs:
            self.sentences += 1
            self.tokens += len(doc)
            self.entities += len(doc.ents)
            self.has_entities = self.has_entities or doc.has_annotation("ENT_IOB")
            self.tags.update(int(tag) for tag in doc.to_array([TAG]).ravel())
            self.types.update(ent.label_ for ent in doc.ents)
            if found := CONTROL.search(doc.text):
                around = found.string[max(found.start() - 20, 0) : found.end() + 20]
                self.first_control = self.first_control or around
                self.controls += 1
            yield doc

    def notes(self) -> List[str]:
        if not self.controls:
            return []
        text = printable(self.first_control)
        return [CONTROLS.format(number=self.controls, text=text)]

    def report(
        self, lang: str, split: str, repaired: Optional[int], duplicates: Optional[int]
    ) -> SplitReport:
        labels = len(self.tags - {0}) + len(self.types)
        return SplitReport(
            lang=lang,
            split=split,
            sentences=self.sentences,
            tokens=self.tokens,
            entities=self.entities if self.has_entities else None,
            labels=labels if self.has_entities or labels else None,
            repaired=repaired,
            duplicates=duplicates,
        )


def _read_files(corpus: RawCorpus, format: str, options: ReadOptions) -> Iterator[Language]:
    bar = tqdm(total=corpus.size, unit="B", unit_scale=True, leave=False, disable=None)
    with bar as progress:
        for name, files in corpus.files.items():
            progress.set_description(name)
            splits = _read_splits(name, files, format, options)
            if _only_evaluation_merged(splits):
                unmerged = replace(options, merge_subtokens=False)
                splits = _merge_like_dev(
                    splits, _read_splits(name, files, format, unmerged), options.tag
                )
            if "raw" in splits:
                splits["unlabelled"] = _join(splits.pop("raw"), splits.get("unlabelled"))
            yield name, splits
            progress.update(sum(file.stat().st_size for file in files.values()))


def _read_splits(
    lang: str, files: Dict[str, Path], format: str, options: ReadOptions
) -> Dict[str, Converted]:
    readers = {split: find_reader(file, split, format, options) for split, file in files.items()}
    return {split: readers[split](file, lang, options) for split, file in files.items()}


def _only_evaluation_merged(splits: Dict[str, Converted]) -> bool:
    """Whether train does not know multiword tokens, and words of dev or test were merged: of a
    treebank of which only those parts were aligned with its text, such as the Hebrew one.
    """
    others = any(splits[split].merged for split in ("dev", "test") if split in splits)
    return "train" in splits and not splits["train"].multiword and others


def _merge_like_dev(
    merged: Dict[str, Converted], unmerged: Dict[str, Converted], tag: str
) -> Dict[str, Converted]:
    """The splits with train merged by what dev tells; all as they are where that is nothing."""
    train = list(unmerged["train"].docs)
    dev = unmerged["dev"].docs if "dev" in unmerged else ()
    spellings = Spellings(dev)
    docs = [spellings.merge(doc, tag) for doc in train]
    if all(doc is old for doc, old in zip(docs, train)):
        unmerged["train"].notes.append(UNMERGED)
        return unmerged
    notes = [*unmerged["train"].notes, LIKE_DEV]
    return {**merged, "train": replace(unmerged["train"], docs=docs, notes=notes)}


def _join(first: Converted, second: Optional[Converted]) -> Converted:
    if second is None:
        return first
    return Converted(chain(first.docs, second.docs), notes=first.notes + second.notes)


def _draw_dev(lang: str, train: Converted, fraction: float, seed: int) -> Converted:
    """Move a random part of train, at least one sentence, into a new dev split."""
    docs = list(train.docs)
    total = len(docs)
    size = max(1, round(fraction * total))
    if size >= total:
        raise SkdError(Errors.SKD104.format(lang=lang, total=total))
    chosen = set(random.Random(seed).sample(range(total), size))
    dev = [doc for i, doc in enumerate(docs) if i in chosen]
    train.docs = [doc for i, doc in enumerate(docs) if i not in chosen]
    note = f"no dev file, {size} of the {total} sentences of train taken (seed {seed})"
    return Converted(dev, repaired=None, notes=[note])


def _thin(lang: str, splits: Dict[str, Converted], drop: bool, limit: int, seed: int) -> int:
    """Take from train what is in dev or test, if that is to be dropped, and what is beyond the
    limit. Returns how many of its sentences were dropped, or would be.
    """
    train = splits["train"]
    docs = list(zip(train.docs, duplicates(splits)))
    dropped = sum(is_duplicate for _, is_duplicate in docs) if drop else 0
    if dropped:
        train.notes.append(f"{dropped} sentences that are in dev or test dropped")
        if dropped == len(docs):
            raise SkdError(Errors.SKD248.format(lang=lang, total=dropped))
        docs = [(doc, is_duplicate) for doc, is_duplicate in docs if not is_duplicate]
    if 0 < limit < len(docs):
        train.notes.append(f"{limit} of {len(docs)} sentences drawn (seed {seed})")
        chosen = sorted(random.Random(seed).sample(range(len(docs)), limit))
        docs = [docs[i] for i in chosen]
    train.docs = [doc for doc, _ in docs]
    return dropped or sum(is_duplicate for _, is_duplicate in docs)


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
    if lang is not None:
        check_language(lang)
    if not 0 <= dev_fraction < 1:
        raise SkdError(Errors.SKD103.format(value=dev_fraction))
    check_encoding(options.encoding)
    if options.tag not in ("upos", "xpos"):
        raise SkdError(Errors.SKD106.format(value=options.tag))
    if not re.fullmatch(r"[^\s-]\S{0,63}", options.default_type) or not (
        options.default_type.isprintable()
    ):
        raise SkdError(Errors.SKD109.format(value=options.default_type))
    check_apart(input_path, output_path)
