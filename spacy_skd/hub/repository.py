"""A repository of the Hub: made, compared with what is to be in it, and changed by one commit."""

import hashlib
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Optional, Set, Tuple

import srsly

from ..errors import Errors, SkdError
from ..records import file_checksum, file_names

if TYPE_CHECKING:
    from huggingface_hub import HfApi

# By which releases of huggingface_hub speak HTTP; their errors without a response mean that
# nobody answered.
HTTP_LIBRARIES = {"requests", "urllib3", "httpx", "httpx2", "httpcore", "httpcore2"}


@dataclass(frozen=True)
class Changes:
    """How a folder differs from a repository, by names of files."""

    added: List[str]
    changed: List[str]
    removed: List[str]

    def __bool__(self) -> bool:
        return bool(self.added or self.changed or self.removed)


def connect() -> "HfApi":
    """The Hub, with the token of HF_TOKEN or of `hf auth login`.

    Raises `SkdError` without huggingface_hub, and without token.
    """
    try:
        from huggingface_hub import HfApi, get_token
    except ImportError as error:
        raise missing("huggingface_hub") from error
    token = get_token()
    if token is None:
        raise SkdError(Errors.SKD263.format(reason="there is none"))
    return HfApi(token=token)


def endpoint() -> str:
    """The address of the Hub. Raises `SkdError` without huggingface_hub."""
    try:
        from huggingface_hub.constants import ENDPOINT
    except ImportError as error:
        raise missing("huggingface_hub") from error
    return str(ENDPOINT)


def missing(package: str) -> SkdError:
    return SkdError(Errors.SKD171.format(what="Uploads", package=package, extra="hub"))


def user_name(api: "HfApi") -> str:
    """Whom the token belongs to. Raises `SkdError` as `in_one_line` does."""
    with in_one_line("the account of the token"):
        return str(api.whoami()["name"])


def prepare(api: "HfApi", repo: str, branch: str, private: bool) -> Tuple[str, bool]:
    """Make the repository and the branch unless they are there; the branch's last commit, and
    whether the repository is private.

    Raises `SkdError` if it is to be private and is public already, and as `in_one_line` does.
    """
    with in_one_line(repo):
        api.create_repo(repo, exist_ok=True, private=private or None)
        is_private = bool(api.repo_info(repo).private)
        if private and not is_private:
            raise SkdError(Errors.SKD266.format(repo=repo))
        if branch != "main":
            api.create_branch(repo, branch=branch, exist_ok=True)
        return str(api.repo_info(repo, revision=branch).sha), is_private


def find_changes(api: "HfApi", repo: str, commit: str, folder: Path) -> Changes:
    """What a commit would change, by the checksums that the Hub has of its files.

    Files are removed if they belonged to a component of the pipeline that is there, and are not in
    the new one. Whatever else there is stays: wheels of earlier versions, and what somebody added.
    """
    with in_one_line(repo):
        tree = api.list_repo_tree(repo, recursive=True, revision=commit)
        there = {entry.path: entry for entry in tree if hasattr(entry, "blob_id")}
        ours = file_names(folder)
        parts = {"vocab"}
        if "meta.json" in there:
            known = api.hf_hub_download(repo, "meta.json", revision=commit)
            parts |= components_in(Path(known))
    stale = [name for name in there if "/" in name and name.split("/")[0] in parts]
    return Changes(
        added=[name for name in ours if name not in there],
        changed=[n for n in ours if n in there and not is_same(folder / n, there[n])],
        removed=[name for name in stale if name not in ours],
    )


def components_in(meta: Path) -> Set[str]:
    """Names of the folders of components; whoever wrote the file, it is no reason to stop."""
    try:
        found: Dict[str, Any] = srsly.read_json(meta)
        return {str(name) for name in found["components"]}
    except (OSError, ValueError, KeyError, TypeError):
        return set()


def is_same(path: Path, entry: Any) -> bool:
    """By SHA-256 of large files, and by git's SHA-1 of small ones."""
    if entry.size != path.stat().st_size:
        return False
    if entry.lfs is not None:
        return bool(entry.lfs.sha256 == file_checksum(path))
    digest = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
    digest.update(path.read_bytes())
    return bool(entry.blob_id == digest.hexdigest())


def commit_changes(
    api: "HfApi", repo: str, branch: str, parent: str, folder: Path, changes: Changes, message: str
) -> str:
    """One commit, after the Hub has checked the card and each file; the commit's address.

    Raises `SkdError` as `in_one_line` does; the repository is as it was then.
    """
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

    operations: List[Any] = [
        CommitOperationAdd(name, str(folder / name)) for name in changes.added + changes.changed
    ]
    operations += [CommitOperationDelete(name) for name in changes.removed]
    with in_one_line(repo), below_bars():
        done = api.create_commit(
            repo, operations, commit_message=message, revision=branch, parent_commit=parent
        )
    return str(done.commit_url)


@contextmanager
def below_bars() -> Iterator[None]:
    """An error begins a line: bars of uploads that were broken off may have left theirs open."""
    try:
        yield
    except BaseException:
        print(file=sys.stderr)
        raise


@contextmanager
def in_one_line(what: str) -> Iterator[None]:
    """What the Hub or the network says, as an `SkdError`."""
    try:
        yield
    except SkdError:
        raise
    except Exception as error:
        said = in_words(what, error)
        if said is None:
            raise
        raise said from error


def in_words(what: str, error: BaseException) -> Optional[SkdError]:
    """None for errors of other kinds, which are ours."""
    from huggingface_hub.errors import HFValidationError, OfflineModeIsEnabled

    modules = {kind.__module__.split(".")[0] for kind in type(error).__mro__}
    response = getattr(error, "response", None)
    if isinstance(error, RuntimeError) and error.__cause__ is not None:  # of an upload
        return in_words(what, error.__cause__)
    if isinstance(error, HFValidationError):
        return SkdError(Errors.SKD267.format(repo=what, reason=shorter(error)))
    if isinstance(error, OfflineModeIsEnabled):
        return SkdError(Errors.SKD264.format(reason="HF_HUB_OFFLINE is set"))
    if response is not None:
        return refused(what, response.status_code, shorter(error))
    if modules & HTTP_LIBRARIES or isinstance(error, OSError):  # also what a download ends with
        return SkdError(Errors.SKD264.format(reason=shorter(error)))
    if isinstance(error, ValueError):  # the card, or what was uploaded
        return SkdError(Errors.SKD268.format(repo=what, reason=shorter(error)))
    return None


def refused(what: str, status: Optional[int], reason: str) -> SkdError:
    if status == 401:
        return SkdError(Errors.SKD263.format(reason=f"the Hub does not accept it ({reason})"))
    if status in (403, 404):
        return SkdError(Errors.SKD265.format(repo=what, reason=reason))
    if status == 412:
        reason = "somebody else changed it meanwhile: push again"
    return SkdError(Errors.SKD268.format(repo=what, reason=reason))


def shorter(error: BaseException) -> str:
    """An error in one line, without the addresses of documentation that may follow."""
    text = " ".join(str(error).split()).rstrip(".") or type(error).__name__
    return text if len(text) <= 300 else f"{text[:300]} ..."
