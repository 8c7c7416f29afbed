"""A file from an address: whole and the right one, or not at all."""

import hashlib
import os
from contextlib import suppress
from pathlib import Path
from typing import Optional

import requests
from tqdm import tqdm

from ..errors import Errors, SkdError

CHUNK = 1 << 16
# Seconds without an answer, or without a further byte of it.
PATIENCE = 30.0


def download(url: str, path: Path, checksum: Optional[str] = None) -> None:
    """Fetch a file into `path`, whose folder is there. It is written beside it and renamed once it
    is complete and has the checksum; until then what was at `path` stays.

    checksum (Optional[str]): See `checksum_of`; None: not known.
    Raises `SkdError` where there is no answer, another one than the file, less of it than was
    announced, or another file than expected; `OSError` where it cannot be written.
    """
    partial = path.with_name(f"{path.name}.partial")
    try:
        fetch(url, partial)
        check(partial, checksum, url)
        os.replace(partial, path)
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


def fetch(url: str, path: Path) -> None:
    try:
        # Without compression on the way, so that as many bytes come as are announced.
        headers = {"Accept-Encoding": "identity"}
        with requests.get(url, stream=True, timeout=PATIENCE, headers=headers) as answer:
            if answer.status_code != 200:
                reason = f"{answer.status_code} {answer.reason}".strip()
                raise SkdError(Errors.SKD241.format(url=url, reason=reason))
            announced = answer.headers.get("Content-Length", "")
            total = int(announced) if announced.isdecimal() else None
            received = receive(answer, path, total)
    except requests.RequestException as error:
        raise SkdError(Errors.SKD241.format(url=url, reason=in_words(error))) from error
    if total is not None and received != total:
        reason = f"only {received} of {total} bytes came"
        raise SkdError(Errors.SKD241.format(url=url, reason=reason))


def receive(answer: requests.Response, path: Path, total: Optional[int]) -> int:
    """Write the content as it comes; returns its bytes."""
    received = 0
    bar = tqdm(desc=path.stem, total=total, unit="B", unit_scale=True, leave=False, disable=None)
    with path.open("wb") as file, bar:
        for chunk in answer.iter_content(CHUNK):
            file.write(chunk)
            received += len(chunk)
            bar.update(len(chunk))
    return received


def in_words(error: requests.RequestException) -> str:
    """What went wrong, without the objects of the library that a message of its names."""
    if isinstance(error, requests.Timeout):
        return f"no answer within {PATIENCE:g} seconds"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "the connection broke"
    if isinstance(error, requests.exceptions.SSLError):
        return "its certificate is not trusted"
    if isinstance(error, requests.ConnectionError):
        return "no connection"
    return " ".join(str(error).split())


def check(path: Path, checksum: Optional[str], origin: object) -> None:
    """Raises `SkdError` if a file has another checksum than it should."""
    if checksum is None:
        return
    found = checksum_of(path, checksum)
    if found != checksum:
        raise SkdError(Errors.SKD242.format(origin=origin, expected=checksum, found=found))


def checksum_of(path: Path, kind: str) -> str:
    """The checksum of a file as another one, "git:..." or "sha256:...", has it.

    git's is the SHA-1 of a header with the size and of the content: the id under which a repository
    has the file, so that it can be known without the file.
    """
    kind = kind.partition(":")[0]
    digest = hashlib.sha256() if kind == "sha256" else hashlib.sha1(usedforsecurity=False)
    if kind == "git":
        digest.update(b"blob %d\0" % path.stat().st_size)
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return f"{kind}:{digest.hexdigest()}"
