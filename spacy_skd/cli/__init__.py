"""The commands, in the order of the work; each file imports what it needs only when it runs."""

# isort: off
from . import fetch, convert, vectors, teachers, label, train, package  # noqa: F401
from . import evaluate, calibrate, compare, report, visualize, push  # noqa: F401

# isort: on
from ._app import app

__all__ = ["app"]
