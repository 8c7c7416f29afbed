"""Files that show whether they are as they were written: JSON sealed by a checksum of its own, and
manifests, which say what the files of a folder were like.
"""

import hashlib
import json
import os
import stat
from contextlib import suppress
from io import FileIO
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Dict, Iterable, List, Mapping, Optional, Type, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

CHECKSUM = "checksum"
CHUNK = 1 << 20
LITTER = {".DS_Store", "Thumbs.db", "desktop.ini"}
MOST_BYTES = 1 << 28

# Flags that a system lacks are 0. NONBLOCK: opening a pipe must not wait for its other end.
READ_ONLY = os.O_RDONLY
for _name in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_BINARY"):
    READ_ONLY |= getattr(os, _name, 0)

Manifest = Dict[str, Dict[str, Any]]
"""{name relative to the folder, with slashes: {"bytes": int, "checksum": SHA-256}}"""


Count = Annotated[int, Field(ge=0, le=2**53)]
Checksum = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32,64}$")]
P = TypeVar("P", bound="Part")


class Part(BaseModel):
    """A part of a record: no more and no less than its fields, and nothing converted: "3" is no
    number.
    """

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)


class FileEntry(Part):
    """What a manifest says of a file."""

    bytes: Count
    checksum: Checksum


class Damaged(ValueError):
    """A record is not as it was written; the text of the error says why."""


def sealed(content: Mapping[str, Any]) -> str:
    """Content of JSON's types as one line of JSON, with the SHA-256 of all the rest in it, under a
    name that the content itself does not use.
    """
    assert CHECKSUM not in content
    return canonical({**content, CHECKSUM: checksum_of(content)})


def unsealed(text: bytes) -> Dict[str, Any]:
    """The content of sealed JSON, without its checksum. Raises `Damaged` if any byte but line ends
    after it has changed since it was sealed, whatever the bytes are.
    """
    content = parse_object(text)
    content.pop(CHECKSUM, None)
    try:
        intact = text.rstrip(b"\n") == sealed(content).encode("ascii")
    except ValueError:  # numbers that are none
        intact = False
    if not intact:
        raise Damaged("its checksum differs")
    return content


def parse_object(text: bytes) -> Dict[str, Any]:
    """A JSON object. Raises `Damaged` for all other bytes."""
    try:
        content = json.loads(text.decode("utf8"))
    except UnicodeDecodeError as error:
        raise Damaged("it is not encoded in UTF-8") from error
    # RecursionError: brackets nested too deep. ValueError: also numbers of thousands of digits.
    except (ValueError, RecursionError) as error:
        raise Damaged("it is no JSON") from error
    if not isinstance(content, dict):
        raise Damaged("it is no JSON object")
    return content


def canonical(content: Mapping[str, Any]) -> str:
    """The same line for the same content, in ASCII."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)


def checksum_of(content: Mapping[str, Any]) -> str:
    """SHA-256 of content of JSON's types. Raises `ValueError` for numbers that are none."""
    return hashlib.sha256(canonical(content).encode("ascii")).hexdigest()


def write_record(path: Path, content: Mapping[str, Any]) -> None:
    """Seal content into a file, which is replaced as a whole or not at all.

    Raises `OSError` where that fails, and leaves nothing then.
    """
    unfinished = path.with_name(f"{path.name}.tmp")
    try:
        unfinished.write_text(sealed(content) + "\n", encoding="ascii")
        os.replace(unfinished, path)
    except OSError:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
        raise


def read_record(path: Path) -> Dict[str, Any]:
    """The content of a sealed file. Raises `Damaged`, or `OSError` if it cannot be read."""
    return unsealed(read_plain(path))


def read_plain(path: Path) -> bytes:
    """The bytes of a file that is meant to be a record. Raises as `open_plain` does, and `Damaged`
    for more of them than any record has.
    """
    with open_plain(path) as file:
        if os.fstat(file.fileno()).st_size > MOST_BYTES:
            raise Damaged("it is too large")
        return file.readall()


def open_plain(path: Path) -> FileIO:
    """Open a file to read it, without following a symbolic link or waiting for a pipe.

    Raises `Damaged` if it is anything but a plain file, and `OSError` if it cannot be opened.
    """
    if path.is_symlink():
        raise Damaged("it is a symbolic link")
    number = os.open(path, READ_ONLY)
    if not stat.S_ISREG(os.fstat(number).st_mode):
        os.close(number)
        raise Damaged("it is no file")
    return FileIO(number, "rb")


def parse_part(kind: Type[P], content: Any) -> P:
    """Content of JSON's types as a part of a record. Raises `Damaged` if it does not fit."""
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ascii(".".join(map(str, first["loc"])))[:80]  # a file's own names may be in it
        raise Damaged(f"{place}: {first['msg']}") from error


def file_checksum(path: Path) -> str:
    """SHA-256 of a file's bytes, read in pieces."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def file_names(root: Path) -> List[str]:
    """Everything below `root` but folders, relative to it, with slashes, in order. Links are named,
    not followed; what file managers leave in folders that are looked at is left out.
    """
    names = []
    for parent, folders, files in os.walk(root):
        links = [name for name in folders if os.path.islink(os.path.join(parent, name))]
        here = Path(parent).relative_to(root)
        names += [(here / name).as_posix() for name in files + links if name not in LITTER]
    return sorted(names)


def make_manifest(root: Path, files: Iterable[Path]) -> Manifest:
    """What files below the folder `root` are like."""
    return {
        path.relative_to(root).as_posix(): {
            "bytes": path.stat().st_size,
            CHECKSUM: file_checksum(path),
        }
        for path in files
    }


def first_difference(root: Path, manifest: Manifest) -> Optional[str]:
    """How the files below `root` differ from their manifest, in words; None if they do not.

    Nothing but plain files of the right size is opened, whatever names the manifest holds.
    """
    for name, entry in manifest.items():
        if reason := difference(root, name, entry):
            return f"{name} {reason}"
    return None


def difference(root: Path, name: str, entry: Mapping[str, Any]) -> Optional[str]:
    """How one file below `root` differs from its entry in a manifest."""
    if not stays_inside(name):
        return "is no name of a file in this folder"
    path = root / name
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            return "is no file"
        if status.st_size != entry["bytes"]:
            return f"has {status.st_size} bytes instead of {entry['bytes']}"
        if file_checksum(path) != entry[CHECKSUM]:
            return "has another checksum"
    except FileNotFoundError:
        return "is missing"
    except OSError as error:
        return f"cannot be read ({error.strerror})"
    return None


def stays_inside(name: str) -> bool:
    """Whether a relative name with slashes can only mean something below its folder."""
    parts = PurePosixPath(name).parts
    return bool(parts) and not set(name) & set("\0\\:") and not {"/", "//", ".."} & set(parts)
