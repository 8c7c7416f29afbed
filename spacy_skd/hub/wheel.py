"""The wheel of a pipeline: found, checked, and what is in it."""

import zipfile
from configparser import Error as ConfigError
from dataclasses import dataclass
from email.parser import HeaderParser
from pathlib import Path
from typing import Any, Dict, List
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version
from spacy.schemas import ModelMetaSchema, validate
from thinc.api import Config

from ..errors import Errors, SkdError
from ..packaging import REQUIREMENTS
from ..records import Damaged, parse_object, stays_inside


@dataclass(frozen=True)
class Wheel:
    """A wheel that was read, and how to read on.

    package (str): What is imported, such as "xx_skd".
    name (str): The file's name by what is in it, whatever it is called here: pip reads name,
        version and tags from it, and refuses a wheel whose metadata say something else.
    root (str): Where the pipeline is in the wheel, with a slash at its end.
    """

    path: Path
    package: str
    version: str
    name: str
    root: str
    meta: Dict[str, Any]
    config: Config

    def unpack(self, folder: Path) -> None:
        """Write the pipeline's files to a folder, as `spacy.load` opens it."""
        with zipfile.ZipFile(self.path) as archive:
            for entry in archive.infolist():
                name = entry.filename[len(self.root) :]
                if entry.filename.startswith(self.root) and name and not entry.is_dir():
                    (folder / name).parent.mkdir(parents=True, exist_ok=True)
                    (folder / name).write_bytes(archive.read(entry))


def find_wheel(source: Path) -> Path:
    """The wheel that is meant: itself, or that of a folder which `skd package` or `spacy package`
    made, for one package or for several; of several the one that was built last.

    Raises `SkdError` if there is none, or more than one.
    """
    if source.is_file():
        return source
    if not source.is_dir():
        raise SkdError(Errors.SKD260.format(path=source, reason="it does not exist"))
    wheels = sorted([*source.glob("*.whl"), *source.glob("dist/*.whl")])
    if not wheels and (source / REQUIREMENTS).is_file():
        wheels = built_last(source / REQUIREMENTS)
    if len(wheels) != 1:
        reason = "it holds several" if wheels else "there is none in it"
        if not wheels and (source / "config.cfg").is_file():
            reason = "it is the pipeline itself: package it first"
        raise SkdError(Errors.SKD260.format(path=source, reason=reason))
    return wheels[0]


def built_last(requirements: Path) -> List[Path]:
    """The wheel that `skd package` names, if it is there."""
    url = urlsplit(requirements.read_text(encoding="utf-8").split(" --hash")[0].strip())
    path = Path(url2pathname(unquote(url.path)))
    return [path] if url.scheme == "file" and path.is_file() else []


def read_wheel(path: Path) -> Wheel:
    """Raises `SkdError` if a file is no wheel, is damaged, or holds no pipeline of spaCy's."""
    try:
        with zipfile.ZipFile(path) as archive:
            if broken := archive.testzip():
                raise Damaged(f"{broken} is damaged")
            return read_archive(path, archive)
    except (OSError, zipfile.BadZipFile, EOFError, NotImplementedError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise SkdError(Errors.SKD260.format(path=path, reason=reason)) from error
    except (Damaged, ConfigError, InvalidVersion, ValueError) as error:
        reason = " ".join(str(error).split())
        raise SkdError(Errors.SKD260.format(path=path, reason=reason)) from error


def read_archive(path: Path, archive: zipfile.ZipFile) -> Wheel:
    names = archive.namelist()
    for name in names:
        if not stays_inside(name):
            raise Damaged(f"it would write to {name!a}")
    metadata = headers(archive, "METADATA")
    tags = headers(archive, "WHEEL").get_all("Tag", [])
    package, version = str(metadata["Name"]), str(Version(str(metadata["Version"])))
    package = canonicalize_name(package).replace("-", "_")
    root = f"{package}/{package}-{version}/"
    if len(tags) != 1 or not {f"{root}config.cfg", f"{root}meta.json"} <= set(names):
        raise Damaged("it holds no pipeline that `spacy package` has packaged")
    meta = parse_object(archive.read(f"{root}meta.json"))
    if mistakes := validate(ModelMetaSchema, meta):
        raise Damaged(f"its meta.json: {mistakes[0]}")
    return Wheel(
        path=path,
        package=package,
        version=version,
        name=f"{package}-{version}-{tags[0]}.whl",
        root=root,
        meta=meta,
        config=Config().from_bytes(archive.read(f"{root}config.cfg"), interpolate=False),
    )


def headers(archive: zipfile.ZipFile, name: str) -> Any:
    """The lines of a wheel's METADATA or WHEEL."""
    found = [
        n for n in archive.namelist() if n.count("/") == 1 and n.endswith(f".dist-info/{name}")
    ]
    if len(found) != 1:
        raise Damaged(f"it holds no {name}")
    return HeaderParser().parsestr(archive.read(found[0]).decode("utf-8", errors="replace"))
