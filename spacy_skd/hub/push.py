"""A pipeline to the Hub: its files, its wheel and its card, by one commit."""

import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Dict, Iterator, Optional, Tuple
from urllib.parse import quote

from ..records import file_names
from .card import Scores, make_card, read_scores, scores_within
from .repository import Changes, commit_changes, connect, endpoint, find_changes, prepare, user_name
from .wheel import Wheel, find_wheel, read_wheel

CARD = "README.md"


@dataclass(frozen=True)
class Pushed:
    """What came of it.

    install (str): The command that installs the wheel from there.
    commit (Optional[str]): Address of the commit; None if there was nothing to change.
    """

    repo: str
    install: str
    changes: Changes
    commit: Optional[str]


def push(
    source: Path,
    repo: Optional[str] = None,
    *,
    evaluation: Optional[Path] = None,
    private: bool = False,
    branch: str = "main",
) -> Pushed:
    """Put a pipeline into a repository, which is made if it is not there.

    source (Path): A wheel, or the folder that `skd package` has made.
    repo (Optional[str]): "name/repository", or a repository of the token's owner; None is one
        that is called as the package.
    evaluation (Optional[Path]): What `skd evaluate --output` wrote: the scores of the card. None:
        those that are in the wheel.
    private (bool): For the token's owner and those whom it invites.
    branch (str): Made from main if it is not there.
    Raises `SkdError` if a file cannot be used, without token or rights, if the Hub cannot be
        reached, and for whatever it refuses. The repository's files are as they were then.
    """
    wheel, scores = read_sources(source, evaluation)
    api = connect()
    repo = full_name(repo, wheel, lambda: user_name(api))
    with staged(wheel, scores, repo, branch, str(api.endpoint)) as folder:
        parent, is_private = prepare(api, repo, branch, private)
        changes = find_changes(api, repo, parent, folder)
        commit = None
        if changes:
            message = f"{wheel.package} {wheel.version}"
            commit = commit_changes(api, repo, branch, parent, folder, changes, message)
    install = f"pip install {wheel_url(str(api.endpoint), repo, branch, wheel)}"
    if is_private:  # pip has no way to show the Hub a token
        revision = "" if branch == "main" else f" --revision {branch}"
        install = f"hf download {repo} {wheel.name}{revision} --local-dir ."
        install += f" && pip install {wheel.name}"
    return Pushed(repo, install, changes, commit)


def preview(
    source: Path,
    repo: Optional[str] = None,
    *,
    evaluation: Optional[Path] = None,
    branch: str = "main",
) -> Tuple[Dict[str, int], str]:
    """What `push` would put there, without asking anybody: files and their bytes, and the card."""
    wheel, scores = read_sources(source, evaluation)
    name = full_name(repo, wheel, lambda: "NAME")
    with staged(wheel, scores, name, branch, endpoint()) as folder:
        sizes = {name: (folder / name).stat().st_size for name in file_names(folder)}
        return sizes, (folder / CARD).read_text(encoding="utf-8")


def full_name(repo: Optional[str], wheel: Wheel, owner: Callable[[], str]) -> str:
    repo = repo or wheel.package
    return repo if "/" in repo else f"{owner()}/{repo}"


def read_sources(source: Path, evaluation: Optional[Path]) -> Tuple[Wheel, Optional[Scores]]:
    """The wheel, and the scores if there are any. Raises `SkdError` if one cannot be used."""
    wheel = read_wheel(find_wheel(source))
    if evaluation is None:
        return wheel, scores_within(wheel)
    return wheel, read_scores(evaluation, wheel.package)


@contextmanager
def staged(
    wheel: Wheel, scores: Optional[Scores], repo: str, branch: str, endpoint: str
) -> Iterator[Path]:
    """A folder with all that is to be in the repository, while it is needed."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        wheel.unpack(folder)
        shutil.copyfile(wheel.path, folder / wheel.name)
        url = wheel_url(endpoint, repo, branch, wheel)
        (folder / CARD).write_text(make_card(wheel, repo, branch, scores, url), encoding="utf-8")
        yield folder


def wheel_url(endpoint: str, repo: str, branch: str, wheel: Wheel) -> str:
    return f"{endpoint}/{repo}/resolve/{quote(branch, safe='')}/{wheel.name}"
