"""The commands, in the order of the work; each file imports what it needs only when it runs."""

from . import fetch, convert, vectors, teachers, label, train, package  # isort: skip  # noqa: F401
from . import evaluate, compare, report, push  # isort: skip  # noqa: F401
from ._app import app

__all__ = ["app"]
