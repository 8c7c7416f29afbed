"""The data of a task as a raw corpus, `<output>/<lang>/<split>.<extension>`: all of it together."""

import hashlib
import shutil
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import AbstractSet, Callable, List, Optional, Sequence

from tqdm import tqdm

from .. import about
from ..corpora.layout import check_language
from ..corpora.lines import decode, encoding_of, encoding_of_text, read_bytes
from ..corpora.output import check_apart
from ..errors import Errors, SkdError
from ..folders import Kind, MadeFolder, remove
from ..locks import locked
from ..records import canonical, file_checksum
from ..settings import check_number
from .datasets import read_hub, read_parquet
from .download import check, checksum_of, download
from .drawing import draw_lines, draw_rows
from .local import find_files
from .spec import Split, Task

FETCHED = Kind("fetched.json", "spacy-skd task", 1, frozenset({"fetched.json"}))
UNKNOWN = "unknown"


@dataclass(frozen=True)
class Piece:
    """One file of the output, not yet made.

    name (str): Relative to the output.
    origin (str): Where it is from: an address, files, or a dataset.
    checksum (Optional[str]): What it will have (see `checksum_of`), where that is known.
    content (str): Changes with what it is made from.
    make (Callable[[Path], None]): Writes it.
    """

    lang: str
    split: str
    name: str
    origin: str
    checksum: Optional[str]
    content: str
    make: Callable[[Path], None]


@dataclass(frozen=True)
class FileReport:
    """What is known of one file that was fetched.

    licence (str): That of the language's data.
    """

    lang: str
    split: str
    name: str
    origin: str
    licence: str
    bytes: int


@dataclass(frozen=True)
class FetchReport:
    """unchanged (bool): All was there already, and as it was fetched."""

    files: List[FileReport]
    unchanged: bool


def fetch(
    task: Task,
    output: Path,
    *,
    source: Optional[Path] = None,
    languages: Sequence[str] = (),
    seed: int = 0,
) -> FetchReport:
    """Bring the data of a task into a folder that `convert` reads, encoded in UTF-8.

    The folder is replaced as a whole once all is there. What was downloaded before an interruption
    is kept beside it, and not fetched again if it has its checksum.

    source (Optional[Path]): A folder that has the data; None: what the task names is downloaded.
    languages (Sequence[str]): Only these; with a source also others than the task's. None: all.
    seed (int): For drawing sentences.
    Raises `SkdError` where data is missing, cannot be fetched or is other than expected, and
        `OSError` where it cannot be written.
    """
    check_number("--seed", seed, 0, whole=True)
    wanted = list(dict.fromkeys(languages)) or list(task.languages)
    for language in wanted:
        check_language(language)
    if source is not None:
        check_apart(source, output)
    made = MadeFolder(output, FETCHED)
    pieces = [
        piece
        for language in wanted
        for piece in (
            remote_pieces(task, language, seed)
            if source is None
            else local_pieces(task, source, language, seed)
        )
    ]
    content = [about.__version__, *([piece.name, piece.content] for piece in pieces)]
    made_from = hashlib.sha256(canonical({"content": content}).encode()).hexdigest()
    with locked(made.place):
        made.check_place()
        if (kept := current(made, made_from)) is not None:
            return kept
        restore(made)
        fill(made, pieces)
        files = [report(task, made, piece) for piece in pieces]
        about_task = {"task": task.name, "about": task.about, "source": task.source}
        described = {"made_from": made_from, "pieces": [asdict(file) for file in files]}
        made.publish({**about_task, **described})
    return FetchReport(files, unchanged=False)


def remote_pieces(task: Task, lang: str, seed: int) -> List[Piece]:
    """What is fetched from elsewhere. Raises `SkdError` where the task does not say where from."""
    if lang not in task.languages:
        known = ", ".join(task.languages)
        raise SkdError(Errors.SKD246.format(task=task.name, lang=lang, known=known))
    language = task.languages[lang]
    pieces = []
    for split, what in task.splits(lang).items():
        if language.url is not None:
            url = f"{language.url}{what.file}"
            make: Callable[[Path], None] = partial(download, url, checksum=what.checksum)
            name = f"{split}{Path(str(what.file)).suffix}"
            content = what.checksum or url
            piece = Piece(lang, split, f"{lang}/{name}", url, what.checksum, content, make)
        elif task.dataset is not None:
            origin = f"{task.dataset} ({lang})"
            make = partial(from_hub, task.dataset, what, lang, split, seed)
            content = f"{origin} {what.sentences} {seed}"
            piece = Piece(lang, split, f"{lang}/{split}.tsv", origin, None, content, make)
        else:
            raise SkdError(Errors.SKD244.format(lang=lang, source=task.source))
        pieces.append(piece)
    return pieces


def local_pieces(task: Task, folder: Path, lang: str, seed: int) -> List[Piece]:
    """What a folder of the user's has of a language. Raises as `find_files`, and where a file has
    its owners' name and another checksum than they say.
    """
    splits = task.splits(lang)
    pieces = []
    for split, files in find_files(folder, lang, splits).items():
        what = splits.get(split, Split())
        if files[0].name == what.file:
            check(files[0], what.checksum, files[0])
        origin = ", ".join(map(str, files))
        how = [what.sentences, seed if what.sentences else 0, task.encoding, task.extension]
        content = canonical({"files": [file_checksum(file) for file in files], "how": how})
        if files[0].suffix == ".parquet":
            make: Callable[[Path], None] = partial(from_parquet, files, what, lang, split, seed)
            extension = ".tsv"
        else:
            make = partial(from_file, files[0], what, lang, split, seed, task.encoding)
            is_owners = files[0].name == what.file and task.extension is not None
            extension = f".{task.extension}" if is_owners else files[0].suffix
        name = f"{lang}/{split}{extension}"
        pieces.append(Piece(lang, split, name, origin, None, content, make))
    return pieces


def from_hub(dataset: str, what: Split, lang: str, split: str, seed: int, path: Path) -> None:
    rows = read_hub(dataset, lang, split)
    write(path, draw_rows(rows, what.sentences, draw_seed(seed, lang, split), lang))


def from_parquet(
    files: Sequence[Path], what: Split, lang: str, split: str, seed: int, path: Path
) -> None:
    rows = read_parquet(files, lang, split)
    write(path, draw_rows(rows, what.sentences, draw_seed(seed, lang, split), lang))


def from_file(
    file: Path, what: Split, lang: str, split: str, seed: int, encoding: str, path: Path
) -> None:
    if is_xml(file):  # it declares its own encoding
        shutil.copyfile(file, path)
        return
    actual = encoding_of_text(file.read_bytes(), encoding)
    if what.sentences is not None:
        write(path, draw_lines(file, what.sentences, draw_seed(seed, lang, split), actual))
    elif actual == "utf-8":
        shutil.copyfile(file, path)
    else:
        write(path, decode(read_bytes(file), actual, file, Errors.SKD089))


def is_xml(file: Path) -> bool:
    with file.open("rb") as content:
        start = content.read(64)
    return start.decode(encoding_of(start, "latin-1"), "replace").lstrip().startswith("<?xml")


def draw_seed(seed: int, lang: str, split: str) -> str:
    return f"{seed} {lang} {split}"


def write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")


def current(made: MadeFolder, made_from: str) -> Optional[FetchReport]:
    """The report of what is there, if it was made from the same and is undamaged."""
    manifest = made.manifest()
    if (
        manifest is None
        or manifest.get("made_from") != made_from
        or made.difference(manifest) is not None
    ):
        return None
    return FetchReport([FileReport(**file) for file in manifest["pieces"]], unchanged=True)


def restore(made: MadeFolder) -> None:
    """Put right what a killed process left, but for finished downloads, which are of use."""
    if made.replaced.exists() and not made.place.exists():
        made.replaced.rename(made.place)
    remove(made.replaced)


def fill(made: MadeFolder, pieces: Sequence[Piece]) -> None:
    """Make every piece that is not there, in the unfinished folder, and nothing else in it.

    Where a piece cannot be made, downloads that have their checksum stay for the next time.
    """
    folder = made.unfinished
    finished = {piece.name for piece in pieces if piece.checksum and is_there(folder, piece)}
    clear_but(folder, finished)
    try:
        with tqdm(total=len(pieces), unit="file", disable=None) as bar:
            for piece in pieces:
                bar.set_description(piece.name)
                if piece.name not in finished:
                    path = folder / piece.name
                    path.parent.mkdir(parents=True, exist_ok=True)
                    if piece.checksum and is_there(made.place, piece):
                        shutil.copyfile(made.place / piece.name, path)
                    else:
                        piece.make(path)
                bar.update(1)
    except BaseException:
        clear_but(folder, {piece.name for piece in pieces if piece.checksum})
        raise


def is_there(folder: Path, piece: Piece) -> bool:
    path = folder / piece.name
    if path.is_symlink() or not path.is_file():
        return False
    return checksum_of(path, str(piece.checksum)) == piece.checksum


def clear_but(folder: Path, kept: AbstractSet[str]) -> None:
    """Remove from the unfinished folder all but the files of these names."""
    if not folder.is_dir():
        return
    for path in sorted(folder.rglob("*"), reverse=True):  # what is in a folder before it
        if path.is_dir() and not path.is_symlink():
            if not any(path.iterdir()):
                path.rmdir()
        elif path.relative_to(folder).as_posix() not in kept:
            path.unlink()
    if not any(folder.iterdir()):
        folder.rmdir()


def report(task: Task, made: MadeFolder, piece: Piece) -> FileReport:
    language = task.languages.get(piece.lang)
    return FileReport(
        lang=piece.lang,
        split=piece.split,
        name=piece.name,
        origin=piece.origin,
        licence=UNKNOWN if language is None else language.licence,
        bytes=(made.unfinished / piece.name).stat().st_size,
    )
