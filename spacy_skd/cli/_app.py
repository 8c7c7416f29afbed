"""`python -m spacy skd`: our group of commands, added to spaCy's own command line."""

import errno
import sys
from contextlib import contextmanager
from enum import Enum
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Optional

import click
import typer
from spacy.cli._util import app as spacy_app
from spacy.cli._util import parse_config_overrides, setup_gpu
from thinc.compat import has_cupy, has_cupy_gpu, has_torch_mps_gpu
from typer.core import TyperGroup

from ..errors import Errors, SkdError
from ..work.processes import kill_as_interrupt

if TYPE_CHECKING:
    from ..teachers import ClassifierSettings
    from ..work.cluster import Cluster

HELP = """One multilingual pipeline, distilled from a teacher per language: convert corpora,
train the teachers, store what they know as soft targets, train the student, evaluate.
"""

# Commands of hours, which keep what they have done.
GO_ON = {"compare", "fetch", "label", "teachers", "train"}
INTERRUPTED = "Interrupted. What was done is kept; the same command goes on where this one was."


class Commands(TyperGroup):
    """What a system says of files, disks and memory becomes one line, whatever the command; and
    Ctrl-C, `kill` and a closed terminal are answered where there is something to go on with.
    """

    def invoke(self, ctx: click.Context) -> Any:
        try:
            with kill_as_interrupt():
                return super().invoke(ctx)
        except KeyboardInterrupt:
            if ctx.invoked_subcommand in GO_ON:
                click.echo(INTERRUPTED, err=True)
            raise
        except OSError as error:
            if error.errno == errno.EPIPE:  # `| head`: click ends quietly
                raise
            command = ctx.invoked_subcommand or "skd"
            raise SkdError(Errors.SKD135.format(command=command, reason=describe(error))) from error
        except MemoryError as error:
            raise SkdError(Errors.SKD136) from error


def describe(error: OSError) -> str:
    """An operating system's error in one line: the files, if it names them, and what is wrong."""
    names = [str(name) for name in (error.filename, error.filename2) if name is not None]
    reason = " ".join((error.strerror or str(error) or type(error).__name__).split())
    return ": ".join([" and ".join(f"'{name}'" for name in names), reason] if names else [reason])


def given_overrides(arguments: List[str]) -> Dict[str, Any]:
    """Settings of a config that a command replaces, by dotted names. Without a value (`--a.b=`) one
    is as the config says: a variable of the project may be empty.
    """
    overrides = parse_config_overrides(arguments)
    return {name: value for name, value in overrides.items() if value != ""}


def check_gpu(gpu_id: int) -> None:
    """Raises `SkdError` if a GPU is asked for and spaCy finds none, before the work."""
    if gpu_id >= 0 and not (has_cupy_gpu or has_torch_mps_gpu):
        reason = "no GPU is found" if has_cupy else "CuPy is not installed (`spacy[cuda12x]`)"
        raise SkdError(Errors.SKD137.format(gpu_id=gpu_id, reason=reason))


def use_gpu(gpu_id: int) -> None:
    """Use this GPU, or none below 0, in this process. Raises `SkdError` if it cannot be used."""
    check_gpu(gpu_id)
    try:
        setup_gpu(gpu_id, silent=gpu_id < 0)
    except Exception as error:  # of CuPy: no such device, another driver
        reason = " ".join(str(error).split())
        raise SkdError(Errors.SKD137.format(gpu_id=gpu_id, reason=reason)) from error


RAY = typer.Option(
    "",
    "--ray",
    help="Work on the machines of a Ray cluster instead of in processes of this one: HOST:PORT of its head, auto on one of its machines, or local for this machine alone",
)
CPUS = typer.Option(
    None, "--cpus", min=0.0, help="With --ray: CPU cores that each task takes; 1 if not given"
)
GPUS = typer.Option(
    None,
    "--gpus",
    min=0.0,
    help="With --ray: GPUs that each task takes, also parts of one; none if not given",
)
JOBS = typer.Option(
    None,
    "--jobs",
    "-j",
    min=1,
    help="How many trainings at a time, each on one CPU core; 1 if not given, with --ray as many as there is room for",
)


class Pooling(str, Enum):
    first = "first"
    mean = "mean"


class ClassifierScheme(str, Enum):
    IOB1 = "IOB1"
    IOB2 = "IOB2"


MAP = typer.Option(
    "",
    "--map",
    "-m",
    help="hf: labels as the student calls them, without B- and the like; nothing drops a label: PERSON=PER,GPE=LOC,MISC=. Or the tags of spans that names mean: LABEL_0=O,LABEL_1=B-PER",
)
POOLING = typer.Option(
    Pooling.first,
    "--pooling",
    help="hf: what counts as the scores of a word: those of its first piece, or the mean of its pieces",
)
SCHEME = typer.Option(
    None,
    "--scheme",
    help="hf: of labels with B- and I-, where the classifier's answers leave it open",
)


def given_classifier(
    rename: str, pooling: Pooling, scheme: Optional[ClassifierScheme]
) -> "ClassifierSettings":
    """How these options say that a token classifier is asked. Raises `SkdError` as `parse_map`."""
    from ..teachers import ClassifierSettings

    return ClassifierSettings(
        renamed=parse_map(rename),
        pooling=pooling.value,
        scheme=None if scheme is None else scheme.value,
    )


def parse_map(text: str) -> Dict[str, str]:
    """The pairs of "PERSON=PER,MISC=". Raises `SkdError` if it is none, or names a label twice."""
    pairs = [pair.strip() for pair in text.split(",") if pair.strip()]
    renamed: Dict[str, str] = {}
    for pair in pairs:
        name, equals, label = map(str.strip, pair.rpartition("="))
        if not equals or not name or name in renamed:
            raise SkdError(Errors.SKD168.format(value=text))
        renamed[name] = label
    return renamed


@contextmanager
def given_cluster(
    address: str, cpus: Optional[float], gpus: Optional[float], gpu_id: int
) -> Iterator[Optional["Cluster"]]:
    """The cluster that the options of a command name, if they name one.

    Raises `SkdError` if it cannot be used, for options that do not go together, and without a
    cluster as `check_gpu` does.
    """
    if not address:
        for option, value in {"--cpus": cpus, "--gpus": gpus}.items():
            if value is not None:
                raise SkdError(Errors.SKD274.format(option=option))
        check_gpu(gpu_id)
        yield None
        return
    if gpu_id >= 0:
        raise SkdError(Errors.SKD275)
    from ..work.cluster import connected

    with connected(address, 1.0 if cpus is None else cpus, gpus or 0.0) as cluster:
        yield cluster


# Without rich markup an error is one line and not a box drawn around it.
app = typer.Typer(name="skd", help=HELP, cls=Commands, no_args_is_help=True, rich_markup_mode=None)
spacy_app.add_typer(app)

# `spacy project run` says what it runs, and its steps what they do: in that order also where the
# output is no terminal.
if hasattr(sys.stdout, "reconfigure"):
    sys.stdout.reconfigure(line_buffering=True)


@app.callback()
def skd(
    with_parent: bool = typer.Option(
        False,
        "--end-with-parent",
        help="End when the process that started this one ends, even if it is killed; the project's steps do",
    ),
) -> None:
    if with_parent:
        from ..lifeline import end_with_parent

        end_with_parent()
