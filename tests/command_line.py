"""Commands of spaCy and of ours, as documents, messages and the project have them."""

from spacy.cli._util import app
from typer.main import get_command

import spacy_skd.cli  # noqa: F401  adds its commands to spaCy's

LIFELINE = "--end-with-parent"


def spacy_command(words):
    """The command that `python -m spacy ...` runs, and the words after its name. A word that is no
    command is a KeyError.
    """
    command, words = get_command(app), [word for word in words[3:] if word != LIFELINE]
    while hasattr(command, "commands") and words and not words[0].startswith("-"):
        command, words = command.commands[words[0]], words[1:]
    return command, words


def options_of(command):
    names = (name for known in command.params for name in (*known.opts, *known.secondary_opts))
    return {*names, "--help"}
