"""From a trained pipeline to a wheel."""

import os
import re
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import List

import srsly
from packaging.version import InvalidVersion, Version

from .errors import Errors, SkdError
from .folders import Kind, MadeFolder, check_pipeline
from .locks import locked
from .records import file_checksum
from .training.processes import LocalProcesses, kill_as_interrupt

REQUIREMENTS = "requirements.txt"
NAME = re.compile(r"[A-Za-z][A-Za-z0-9]*(_[A-Za-z0-9]+)*")


def make_package(model: Path, output: Path, name: str, version: str) -> Path:
    """Build a wheel of the pipeline `model` with `spacy package`, in `output/<package>-<version>`.

    `output/requirements.txt` names the wheel and its checksum, for `pip install -r`: whoever
    installs it needs not know the version, and gets what was built.

    name (str): Of the package, without the language that it begins with.
    version (str): By PEP 440; it is written in its normal form.
    RETURNS (Path): The wheel.
    Raises `SkdError` for a name, a version or a pipeline that is none or damaged, if something else
        is at the package's place, and if building fails; what was there before is kept then.
    """
    version = normal_version(version)
    package = package_name(model, name)
    full_name = f"{package}-{version}"
    check_pipeline(model)
    if find_spec("build") is None:
        raise SkdError(Errors.SKD144)
    own = {"package.json", "meta.json", "setup.py", "MANIFEST.in", "README.md", "LICENSE"}
    own |= {"LICENSES_SOURCES", "build", "dist", package, f"{package}.egg-info"}
    kind = Kind("package.json", "spacy-skd package", 1, frozenset(own))
    folder = MadeFolder(output / full_name, kind)
    folder.check_place()
    with locked(folder.path):
        folder.clear()
        try:
            build(model, folder.unfinished, full_name, name, version)
            folder.publish({"pipeline": package})
        finally:
            folder.clear()
    wheel = folder.path / "dist" / f"{full_name}-py3-none-any.whl"
    write_requirements(output / REQUIREMENTS, wheel)
    return wheel


def normal_version(text: str) -> str:
    try:
        return str(Version(text))
    except InvalidVersion:
        raise SkdError(Errors.SKD141.format(version=text)) from None


def package_name(model: Path, name: str) -> str:
    """The name that is imported: the pipeline's language first, as spaCy has it."""
    if not NAME.fullmatch(name):
        raise SkdError(Errors.SKD142.format(name=name))
    try:
        lang = srsly.read_json(model / "meta.json")["lang"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SkdError(Errors.SKD143.format(path=model)) from error
    return name if name.startswith(f"{lang}_") else f"{lang}_{name}"


def build(model: Path, folder: Path, full_name: str, name: str, version: str) -> None:
    """Fill `folder` as `spacy package` fills that of a package; show its output if it fails."""
    folder.mkdir(parents=True)
    command = ["spacy", "package", str(model), str(folder), "--name", name]
    lines: List[str] = []
    processes = LocalProcesses()
    try:
        with kill_as_interrupt():
            command += ["--version", version, "--build", "wheel"]
            code = processes.carry_out(command, lines.append)
    finally:
        processes.stop()
    wheels = list(folder.glob(f"{full_name}/dist/{full_name}-py3-none-any.whl"))
    if code != 0 or not wheels:
        print(*lines, sep="\n", file=sys.stderr)
        reason = f"`spacy package` ended with exit code {code}, see above"
        raise SkdError(Errors.SKD145.format(reason=reason))
    for path in (folder / full_name).iterdir():
        path.rename(folder / path.name)
    (folder / full_name).rmdir()


def write_requirements(path: Path, wheel: Path) -> None:
    unfinished = path.with_name(f".{path.name}.unfinished")
    line = f"{wheel.resolve().as_uri()} --hash=sha256:{file_checksum(wheel)}\n"
    unfinished.write_text(line, encoding="utf-8")
    os.replace(unfinished, path)
