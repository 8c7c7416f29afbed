from contextlib import contextmanager
from pathlib import Path
from typing import Callable, ContextManager, Iterator

import pytest

from .server import Server


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


@pytest.fixture
def task_file(tmp_path: Path) -> Callable[[str], Path]:
    """Writes a task: all of it but its heading."""

    def make(text: str, **settings: str) -> Path:
        head = {"about": '"A task"', "source": '"https://example.com"', **settings}
        lines = [f"{name} = {value}" for name, value in head.items()]
        path = tmp_path / "mine.cfg"
        path.write_text("[task]\n" + "\n".join(lines) + "\n\n[languages]\n" + text)
        return path

    return make


@pytest.fixture
def limited_files() -> Callable[[int], ContextManager[None]]:
    """Lets the system refuse to write more than so many bytes to a file, as a full disk does."""
    resource = pytest.importorskip("resource", reason="only POSIX systems limit files")

    @contextmanager
    def limit(number: int) -> Iterator[None]:
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (number, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    return limit
