"""From a trained pipeline to a wheel that says what it is."""

import os
import re
import sys
import tempfile
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence

import srsly
from packaging.version import InvalidVersion, Version

from .corpora.layout import find_languages, lacks_labels, split_files
from .errors import Errors, SkdError
from .evaluation.evaluate import COUNTS, Candidate, evaluate_pipelines
from .folders import Kind, MadeFolder, check_pipeline
from .locks import locked
from .records import file_checksum
from .training.configs import read_config
from .training.runs import CONFIG
from .work.processes import LocalProcesses, kill_as_interrupt

REQUIREMENTS = "requirements.txt"
NAME = re.compile(r"[A-Za-z][A-Za-z0-9]*(_[A-Za-z0-9]+)*")


@dataclass(frozen=True)
class Details:
    """What a wheel says of itself, in its metadata and in the pipeline's; "" is not known.

    sources (str): The data, one after the other with ";" between them, each "NAME, LICENCE, URL"
        or as much of it as there is.
    """

    description: str = ""
    author: str = ""
    email: str = ""
    url: str = ""
    license: str = ""
    sources: str = ""

    def entries(self) -> Dict[str, Any]:
        """Those that are known, as spaCy has them in meta.json."""
        found: Dict[str, Any] = {name: text.strip() for name, text in asdict(self).items()}
        found["sources"] = [parse_source(text) for text in self.sources.split(";") if text.strip()]
        return {name: value for name, value in found.items() if value}


def parse_source(text: str) -> Dict[str, str]:
    """Raises `SkdError` for a source with more to it than name, licence and address."""
    parts = [part.strip() for part in text.split(",")]
    if len(parts) > 3 or not parts[0]:
        raise SkdError(Errors.SKD269.format(source=text.strip()))
    return {key: part for key, part in zip(("name", "license", "url"), parts) if part}


def make_package(
    model: Path,
    output: Path,
    name: str,
    version: str,
    details: Optional[Details] = None,
    corpus: Optional[Path] = None,
) -> Path:
    """Build a wheel of the pipeline `model` with `spacy package`, in `output/<package>-<version>`.

    `output/requirements.txt` names the wheel and its checksum, for `pip install -r`: whoever
    installs it needs not know the version, and gets what was built.

    name (str): Of the package, without the language that it begins with.
    version (str): By PEP 440; it is written in its normal form.
    corpus (Optional[Path]): The converted corpus that it was trained on: its languages, or those
        that the run was given, and the pipeline's scores on their test splits, become part of
        meta.json. None: those on dev stay.
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
    meta = describe(model, details or Details(), corpus)
    own = {"package.json", "meta.json", "setup.py", "MANIFEST.in", "README.md", "LICENSE"}
    own |= {"LICENSES_SOURCES", "build", "dist", package, f"{package}.egg-info"}
    kind = Kind("package.json", "spacy-skd package", 1, frozenset(own))
    folder = MadeFolder(output / full_name, kind)
    folder.check_place()
    with locked(folder.path):
        folder.clear()
        try:
            build(model, folder.unfinished, full_name, name, version, meta)
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


def check_run(run: str) -> None:
    """Raise `SkdError` unless a run of the project can be called so: it ends the package's name."""
    name = f"skd{run}"
    check_name(name, Errors.SKD148.format(run=run, name=name))


def check_name(name: str, message: str) -> None:
    """Raise `SkdError` with this message unless a package can have the name."""
    if not NAME.fullmatch(name):
        raise SkdError(message)


def package_name(model: Path, name: str) -> str:
    """The name that is imported: the pipeline's language first, as spaCy has it."""
    check_name(name, Errors.SKD142.format(name=name))
    try:
        lang = srsly.read_json(model / "meta.json")["lang"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SkdError(Errors.SKD143.format(path=model)) from error
    return name if name.startswith(f"{lang}_") else f"{lang}_{name}"


def describe(model: Path, details: Details, corpus: Optional[Path]) -> Dict[str, Any]:
    """meta.json of the package: that of the pipeline, and what is known beyond it."""
    meta = {**srsly.read_json(model / "meta.json"), **learned(model), **details.entries()}
    if corpus is not None:
        names = sorted(meta.get("languages") or find_languages(corpus, []))
        unlabelled = [name for name in names if lacks_labels(corpus, name)]
        labelled = [name for name in names if name not in unlabelled]
        meta["languages"] = find_languages(corpus, ["train"], labelled)
        if meta.get("distilled"):
            meta["languages_without_labels"] = unlabelled
            meta["languages"] = names
        known = [name for name in unlabelled if split_files(corpus, name, "test")]
        meta["performance"] = performance(model, corpus, sorted(labelled + known))
    return meta


def learned(model: Path) -> Dict[str, Any]:
    """What the config of its run says: whether it learned from soft targets, "distilled", and the
    "languages" where it was given some. Nothing where there is no run beside it. Raises `SkdError`
    as `run_paths` does.
    """
    paths = run_paths(model)
    if paths is None:
        return {}
    languages = paths.get("languages")
    found: Dict[str, Any] = {"languages": languages} if languages else {}
    return {**found, "distilled": paths.get("targets") is not None}


def run_paths(model: Path) -> Optional[Dict[str, Any]]:
    """`[paths]` of the run that trained it, such as its targets and languages, which the pipeline
    itself does not name; None where there is none. Raises `SkdError` if they are not as the run
    left them.
    """
    if not (model.parent / CONFIG).is_file():
        return None
    check_pipeline(model, also=[CONFIG])
    return dict(read_config(model.parent / CONFIG, {}).get("paths", {}))


def performance(model: Path, corpus: Path, languages: Sequence[str]) -> Dict[str, Any]:
    """The averages on the test splits, under spaCy's names, and those of each language."""
    candidate = Candidate(model.name, str(model))
    report, _ = evaluate_pipelines([candidate], corpus, languages=languages)
    (scores,) = report["pipelines"].values()
    averages = dict(scores["average"])
    for name in COUNTS:
        del averages[name]
    averages["speed"] = averages.pop("words_per_second")
    return {**averages, "languages": scores["languages"]}


def build(
    model: Path, folder: Path, full_name: str, name: str, version: str, meta: Dict[str, Any]
) -> None:
    """Fill `folder` as `spacy package` fills that of a package; show its output if it fails."""
    folder.mkdir(parents=True)
    lines: List[str] = []
    processes = LocalProcesses()
    with tempfile.TemporaryDirectory() as scratch:
        described = Path(scratch, "meta.json")
        srsly.write_json(described, meta)
        command = ["spacy", "package", str(model), str(folder), "--name", name]
        command += ["--version", version, "--build", "wheel", "--meta-path", str(described)]
        try:
            with kill_as_interrupt():
                code = processes.run(command, lines.append)
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
