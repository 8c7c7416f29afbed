"""Fingerprints: by what sentences, teachers and files are recognised."""

import hashlib
from pathlib import Path
from typing import List, Sequence, Tuple

from spacy.tokens import Doc

from ..corpora.stored import words_and_spaces
from ..folders import check_pipeline
from ..records import LITTER, Manifest, make_manifest

# What a pipeline writes that says nothing of its scores: a description, the rules that split text
# into tokens (a teacher gets tokens), and every string that its vocabulary has met so far.
NOT_THE_TEACHER = ("meta.json", "tokenizer", "strings.json")


def sentence_fingerprint(doc: Doc) -> int:
    """64 bits of a document's words and spaces: the same for the same tokenisation of a text."""
    return fingerprints(*words_and_spaces(doc))[0]


def text_fingerprint(doc: Doc) -> int:
    """64 bits of a document's text without whitespace: the same however it is tokenised."""
    return fingerprints(*words_and_spaces(doc))[1]


def fingerprints(words: List[str], spaces: List[bool]) -> Tuple[int, int]:
    """Both fingerprints of a document, of its tokenisation and of its text."""
    marks = "".join([" " if space else "-" for space in spaces])
    joined = "\0".join(words)
    return _hash64(f"{joined}\0\0{marks}"), _hash64("".join("".join(words).split()))


def _hash64(text: str) -> int:
    digest = hashlib.blake2b(text.encode("utf8"), digest_size=8).digest()
    return int.from_bytes(digest, "little")


def teacher_manifest(path: Path) -> Manifest:
    """The files of the saved pipeline in folder `path`: its config and all that it learned.

    Saving the pipeline again without training leaves them as they were; meta.json does not count.
    Raises `SkdError` for a pipeline that is not as its training left it.
    """
    check_pipeline(path)
    return make_manifest(path, sorted(file for file in path.rglob("*") if _counts(file)))


def _counts(file: Path) -> bool:
    return file.is_file() and file.name not in {*NOT_THE_TEACHER, *LITTER}


def files_fingerprint(files: Sequence[Path], root: Path) -> str:
    """SHA-256 of the names, relative to `root`, and contents of some files, in their order."""
    return manifest_fingerprint(make_manifest(root, files))


def manifest_fingerprint(manifest: Manifest) -> str:
    """SHA-256 of the names and contents of the files of a manifest, in their order."""
    lines = (f"{name} {entry['checksum']}\n" for name, entry in manifest.items())
    return hashlib.sha256("".join(lines).encode("utf8", "surrogateescape")).hexdigest()
