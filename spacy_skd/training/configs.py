"""Training configs: read as `spacy train` does, checked before the work, and what they lead to."""

import hashlib
import os
import re
from pathlib import Path
from typing import Any, Dict, Iterable, Iterator, List, Optional, Sequence, Tuple

from spacy import registry
from spacy.language import Language
from spacy.schemas import ConfigSchemaInit, ConfigSchemaTraining
from spacy.util import (
    get_package_version,
    import_file,
    is_package,
    load_config,
    load_model_from_config,
    resolve_dot_names,
)
from thinc.api import Config, ConfigValidationError

from ..errors import Errors, SkdError
from ..records import file_checksum, file_names
from .reader import files_read
from .sentences import SENTENCES

OUR_READER = "spacy-skd.MultilingualCorpus.v1"
# Whose settings say which files of a corpus folder they read.
READERS = {OUR_READER, "spacy-skd.Labels.v1", SENTENCES}
# Settings that name a file, a folder or an installed pipeline, wherever they stand.
INPUTS = {"path", "vectors", "init_tok2vec", "vocab_data", "source"}
# Variables count where they are put in; the logger's file is written.
LOGGER = "training.logger"
NOT_READ = {"paths", LOGGER}
# What our logger and spaCy's call the file that they write.
LOG_FILE = "output_file"
# Of [paths]: what was computed before and is kept there changes no training.
KEPT = "features"
# spaCy leaves out of these what it does not know, and says nothing.
FILLED = ("nlp", "training", "initialize")
# What is built, and so checked, and has no variables.
BUILT = {*FILLED, "components", "corpora", "pretraining"}
# Of [paths]: what the project and our commands name whatever a config reads of it.
GIVEN = {"corpus", "languages", "targets", "vectors", "encoder", "features", "init"}
PATH_VARIABLE = re.compile(r"\$\{paths[.:](\w+)")


def read_config(path: Path, overrides: Dict[str, Any]) -> Config:
    """The config with its overrides, variables not filled in yet.

    Raises `SkdError` if there is no such file, if it is no config, and for an override that nothing
    in it reads.
    """
    if not path.is_file():
        raise SkdError(Errors.SKD124.format(path=path))
    try:
        config = load_config(path, overrides=overrides, interpolate=False)
        config.interpolate()
        plain = load_config(path, interpolate=False)
    except Exception as error:  # of the parser of ini files, of JSON, of confection
        raise SkdError(Errors.SKD131.format(path=path, reason=one_line(error))) from error
    check_variables(plain, overrides, path)
    return config


def check_variables(config: Config, overrides: Dict[str, Any], path: Path) -> None:
    """Raises `SkdError` for an override that would be one more variable, which no setting reads: a
    slip of the pen, without which the training is another than was asked for.
    """
    read = config.to_str(interpolate=False).replace(":", ".")
    for name in overrides:
        *above, last = name.split(".")
        if above[0] in BUILT or f"${{{name}}}" in read:
            continue
        section: Dict[str, Any] = config
        for part in above:
            section = section[part]
        known = {*section, *Language.default_config.get(above[0], {})}
        if last not in known and not (above == ["paths"] and last in GIVEN):
            raise unread(path, name, known)


def unread(path: Path, name: str, known: Iterable[str]) -> SkdError:
    section = name.rpartition(".")[0]
    names = ", ".join(sorted(known))
    return SkdError(Errors.SKD147.format(path=path, name=name, section=section, known=names))


def check_config(config: Config, path: Path, code: Optional[Path]) -> None:
    """Build all that `spacy train` is going to build from the config, without reading any data.

    code (Optional[Path]): A Python file to import before, with registered functions.
    Raises `SkdError` for whatever cannot be built, and for settings that spaCy does not know.
    """
    if code is not None:
        import_code(code)
    try:
        nlp = load_model_from_config(config, auto_fill=True)
        filled = nlp.config.interpolate()
        for section in FILLED:
            for name in config.get(section, {}):
                if name not in filled[section]:
                    raise unread(path, f"{section}.{name}", filled[section])
        training = registry.resolve(filled["training"], schema=ConfigSchemaTraining)
        registry.resolve(filled["initialize"], schema=ConfigSchemaInit)
        corpora = [training["train_corpus"], training["dev_corpus"]]
        resolve_dot_names(filled, corpora)
    except SkdError:
        raise
    except Exception as error:  # whatever the registered functions raise for what they are given
        raise SkdError(Errors.SKD131.format(path=path, reason=one_line(error))) from error


def import_code(path: Path) -> None:
    """Import a Python file for its registered functions. Raises `SkdError` if that fails."""
    try:
        import_file("python_code", path)
    except Exception as error:  # whatever is in the file
        raise SkdError(Errors.SKD138.format(path=path, reason=one_line(error))) from error


def one_line(error: Exception) -> str:
    """What an error says, in one line; of a config's errors the places and messages alone."""
    if isinstance(error, ConfigValidationError) and error.errors:
        places = [
            (".".join(str(part) for part in entry.get("loc", [])), entry.get("msg", ""))
            for entry in error.errors
        ]
        parent = f"{error.parent}." if error.parent else ""
        return "; ".join(f"{parent}{place}: {message}" for place, message in places)
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if not isinstance(error, ValueError) else text


def describe_inputs(config: Config, code: Optional[Path] = None) -> Dict[str, str]:
    """What a training with this config depends on: {what: checksum or version}.

    Files are named by the setting that leads to them and not by their path, so that the same data
    in another place is the same. Of a corpus folder only what its reader reads counts.

    code (Optional[Path]): The Python file with registered functions.
    """
    return {
        "config": settings_checksum(config),
        **{f"{where}: {name}": file_checksum(path) for where, name, path in input_files(config)},
        **dict(input_packages(config)),
        **({} if code is None else {"code": file_checksum(code)}),
    }


def settings_checksum(config: Config) -> str:
    """Of all settings, but for those of [paths] that lead to what is there, whose content counts,
    and those that nothing uses, or the logger alone, whose file is there after the training.
    """
    settings = config.copy()
    paths = settings.pop("paths", {})
    reading = settings.copy()
    reading.get("training", {}).pop("logger", None)
    used = used_paths(reading, paths)
    for name, value in used.items():
        if isinstance(value, str) and (name == KEPT or os.path.exists(value)):
            used[name] = None
    if used:
        settings["paths"] = used
    return hashlib.sha256(settings.to_str(interpolate=False).encode("utf-8")).hexdigest()


def used_paths(settings: Config, paths: Dict[str, Any]) -> Dict[str, Any]:
    """Those of [paths] that other settings refer to, or that those refer to."""
    used: Dict[str, Any] = {}
    todo = PATH_VARIABLE.findall(settings.to_str(interpolate=False))
    while todo:
        name = todo.pop()
        if name in paths and name not in used:
            used[name] = paths[name]
            todo += PATH_VARIABLE.findall(str(paths[name]))
    return dict(sorted(used.items()))


def input_files(config: Config) -> Iterator[Tuple[str, str, Path]]:
    """(setting, name below what it leads to, path) of each file that the training reads."""
    filled = config.interpolate()
    for where, reader in our_readers(filled):
        for name, path in files_read(reader).items():
            yield where, name, path
    for where, value in input_settings(config, filled):
        path = Path(value)
        # Not of Path: those raise for texts that no file can be called.
        names = file_names(path) if os.path.isdir(path) else [""] if os.path.isfile(path) else []
        yield from ((where, name, path / name) for name in names if (path / name).is_file())


def absolute_paths(config: Config, files: Sequence[Path]) -> Dict[str, Path]:
    """Settings by dotted names that lead to some of the files by an absolute path, and where what
    was computed is kept.
    """
    above = {parent for path in files for parent in (path, *path.parents)}
    found = {}
    for name, value in leaves(config):
        path = Path(value)
        if path.is_absolute() and (path in above or name == f"paths.{KEPT}"):
            found[name] = path
    return found


def leaves(node: Dict[str, Any], where: str = "") -> Iterator[Tuple[str, str]]:
    """(dotted name, text) of each setting that is a text."""
    for key, value in node.items():
        place = f"{where}.{key}" if where else key
        if isinstance(value, dict):
            yield from leaves(value, place)
        elif isinstance(value, str):
            yield place, value


def own_log(config: Config, name: str) -> Dict[str, str]:
    """The settings that give one of several trainings of a config a log file of its own, if it has
    any: "log.jsonl" becomes "log.<name>.jsonl".
    """
    found = {}
    for place, path in leaves(config.interpolate()):
        if path and place.startswith(f"{LOGGER}.") and place.endswith(f".{LOG_FILE}"):
            stem, suffix = os.path.splitext(path)
            found[place] = f"{stem}.{name}{suffix}"
    return found


def train_files(config: Config) -> List[Path]:
    """The files that training sentences come from, as far as our reader reads them."""
    readers = [reader for _, reader in our_readers(config.interpolate())]
    training = [reader for reader in readers if reader["@readers"] == OUR_READER]
    found = [files_read(reader) for reader in training if reader.get("split") == "train"]
    return [path for files in found for path in files.values() if path.suffix == ".spacy"]


def input_packages(config: Config) -> Iterator[Tuple[str, str]]:
    """(setting, version) of each installed pipeline that the training takes something from."""
    for where, value in input_settings(config, config.interpolate()):
        if not os.path.exists(value) and is_package(value):
            yield where, f"version {get_package_version(value)}"


def our_readers(node: Dict[str, Any], where: str = "") -> Iterator[Tuple[str, Dict[str, Any]]]:
    """(place, settings) of each block that is read by a reader of this package."""
    if node.get("@readers") in READERS:
        yield where, node
        return
    for key, child in node.items():
        if isinstance(child, dict):
            yield from our_readers(child, f"{where}.{key}" if where else key)


def input_settings(
    raw: Dict[str, Any], filled: Dict[str, Any], where: str = ""
) -> Iterator[Tuple[str, str]]:
    """(place, value) of each text that can name a file, a folder or a pipeline to read: where a
    variable of [paths] is put in, in settings that are for this, and whatever looks like a path, by
    itself or in a list.
    """
    if where in NOT_READ or filled.get("@readers") in READERS:
        return
    for key, value in filled.items():
        place, source = f"{where}.{key}" if where else key, raw.get(key)
        if isinstance(value, dict):
            yield from input_settings(source if isinstance(source, dict) else {}, value, place)
        elif isinstance(value, list):
            texts = {str(i): text for i, text in enumerate(value)}
            yield from input_settings({}, texts, place)
        elif isinstance(value, str) and key != KEPT:
            is_path = "${paths." in str(source) or "/" in value or os.sep in value
            # A slash alone separates something; as a path it would be all that there is.
            if (is_path or key in INPUTS) and value.strip("/" + os.sep):
                yield place, value
