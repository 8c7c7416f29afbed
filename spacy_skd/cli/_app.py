"""`python -m spacy skd`: our group of commands, added to spaCy's own command line."""

import sys

import typer
from spacy.cli._util import app as spacy_app

HELP = """One multilingual pipeline, distilled from a teacher per language: convert corpora,
train the teachers, store what they know as soft targets, evaluate.
"""

# Without rich markup an error is one line and not a box drawn around it.
app = typer.Typer(name="skd", help=HELP, no_args_is_help=True, rich_markup_mode=None)
spacy_app.add_typer(app)

# `spacy project run` says what it runs, and its steps what they do: in that order also where the
# output is no terminal.
if hasattr(sys.stdout, "reconfigure"):
    sys.stdout.reconfigure(line_buffering=True)
