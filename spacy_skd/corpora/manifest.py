"""What a converted corpus consists of: `corpus.json`, by which its readers notice a file that is
missing, altered, renamed or not of this corpus.

A corpus without it, such as one that was put together by hand, is read as it is.
"""

import hashlib
import os
from functools import lru_cache
from pathlib import Path
from typing import Any, Dict, Iterator, Optional

from ..errors import Errors, SkdError
from ..records import (
    Damaged,
    FileEntry,
    Part,
    make_manifest,
    parse_part,
    read_record,
    write_record,
)

MANIFEST = "corpus.json"
FORMAT = "spacy-skd corpus"
# Of a split that is one file, and of a split in pieces.
PATTERNS = ("{lang}/*.spacy", "{lang}/*/*.spacy")


class CorpusManifest(Part):
    """made_from (str): A fingerprint of the raw files and of how they were converted.
    report (Dict[str, Any]): What was said of it then.
    """

    format: str
    made_from: str
    report: Dict[str, Any]
    files: Dict[str, FileEntry]


def write_manifest(corpus: Path, made_from: str, report: Dict[str, Any]) -> None:
    """Describe all files of a corpus."""
    files = make_manifest(corpus, sorted(spacy_files(corpus)))
    content = {"format": FORMAT, "made_from": made_from, "report": report, "files": files}
    write_record(corpus / MANIFEST, content)


def intact_manifest(corpus: Path) -> Optional[CorpusManifest]:
    """The manifest of a corpus that is in all as it says; None for any other."""
    try:
        manifest = read_manifest(corpus)
        check_files(corpus)
        if manifest is not None:
            for name in manifest.files:
                check_content(corpus / name, (corpus / name).read_bytes())
        return manifest
    except (OSError, SkdError):
        return None


def spacy_files(corpus: Path, lang: str = "*") -> Iterator[Path]:
    for pattern in PATTERNS:
        yield from filter(Path.is_file, corpus.glob(pattern.format(lang=lang)))


def read_manifest(corpus: Path) -> Optional[CorpusManifest]:
    """The manifest of a corpus, None if it has none. Raises `SkdError` if it is damaged."""
    path = corpus / MANIFEST
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        return None
    return _read(path, (status.st_ino, status.st_size, status.st_mtime_ns))


# Once and not for each file of a corpus, of which there may be thousands.
@lru_cache(maxsize=8)
def _read(path: Path, version: object) -> CorpusManifest:
    try:
        manifest = parse_part(CorpusManifest, read_record(path))
        if manifest.format != FORMAT:
            raise Damaged("it is of something else")
        return manifest
    except Damaged as error:
        raise SkdError(Errors.SKD185.format(path=path, reason=error)) from error


def check_files(corpus: Path, lang: str = "*") -> None:
    """Raise `SkdError` unless a language, or each, has the files that it was converted to."""
    manifest = read_manifest(corpus)
    if manifest is None:
        return
    found = {path.relative_to(corpus).as_posix() for path in spacy_files(corpus, lang)}
    expected = {name for name in manifest.files if lang in ("*", name.partition("/")[0])}
    for name in sorted(found ^ expected):
        reason = "is missing" if name in expected else "is new"
        raise _differs(corpus, name, reason)


def check_content(path: Path, content: bytes) -> None:
    """Raise `SkdError` unless a file's content is what its corpus says, if it is in one."""
    for corpus in list(path.absolute().parents)[1:3]:  # <lang>/<split>.spacy, or a piece of a split
        manifest = read_manifest(corpus)
        if manifest is not None:
            name = path.absolute().relative_to(corpus).as_posix()
            entry = manifest.files.get(name)
            if entry is None:
                raise _differs(corpus, name, "is new")
            if entry.checksum != hashlib.sha256(content).hexdigest():
                raise _differs(corpus, name, "is truncated or altered")


def _differs(corpus: Path, name: str, reason: str) -> SkdError:
    manifest = corpus / MANIFEST
    return SkdError(Errors.SKD181.format(path=corpus / name, reason=reason, manifest=manifest))
