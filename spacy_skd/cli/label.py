"""`python -m spacy skd label`"""

from enum import Enum
from pathlib import Path
from typing import Any, Dict, Optional

import typer
from spacy.cli._util import string_to_list
from wasabi import msg

from ..errors import Errors, SkdError
from ._app import CPUS, GPUS, RAY, app, given_cluster, use_gpu


class DType(str, Enum):
    float16 = "float16"
    float32 = "float32"


class Pooling(str, Enum):
    first = "first"
    mean = "mean"


class ClassifierScheme(str, Enum):
    IOB1 = "IOB1"
    IOB2 = "IOB2"


@app.command("label")
def label_cli(
    corpus: Path = typer.Argument(..., help="Corpus folder, with <lang>/train.spacy and, if there is more text, <lang>/unlabelled/"),
    teachers: str = typer.Option("training/teachers", "--teachers", "-t", help="Folder of the teachers, pipelines with one crf_ner or crf_tagger: <lang>/model-best or <lang>; of several <lang>.fold-1-of-4 and so on, as `teachers` makes them; or one for all languages. Or a token classifier of Hugging Face for all: hf:NAME_OR_FOLDER"),
    output: Path = typer.Option(Path("targets"), "--output", "-o", help="Folder for the soft targets: <lang>"),
    languages: str = typer.Option("", "--languages", "-l", help="Comma-separated; default: every language in the corpus folder"),
    splits: str = typer.Option("train,unlabelled", "--splits", "-s", help="Comma-separated; those that a language has are labelled"),
    dtype: DType = typer.Option(DType.float16, "--dtype", "-d", help="Precision of the stored scores. Shards with scores beyond float16 become float32"),
    shard_size: int = typer.Option(5000, "--shard-size", "-z", min=1, help="Sentences in a file: what an interruption can lose"),
    batch_size: int = typer.Option(256, "--batch-size", "-b", min=1, help="Sentences that a teacher scores at a time"),
    rename: str = typer.Option("", "--map", "-m", help="hf: labels as the student calls them, without B- and the like; nothing drops a label: PERSON=PER,GPE=LOC,MISC="),
    pooling: Pooling = typer.Option(Pooling.first, "--pooling", help="hf: what counts as the scores of a word: those of its first piece, or the mean of its pieces"),
    scheme: Optional[ClassifierScheme] = typer.Option(None, "--scheme", help="hf: of labels with B- and I-, where the classifier's answers leave it open"),
    gpu_id: int = typer.Option(-1, "--gpu-id", "-g", help="GPU ID or -1 for CPU"),
    ray: str = RAY,
    cpus: Optional[float] = CPUS,
    gpus: Optional[float] = GPUS,
) -> None:  # fmt: skip
    """
    Store what each language's teacher says of its sentences: the soft targets of the student.

    Of several teachers each has a store of its own, which the student averages. One that was trained
    without a part of the sentences is asked for that part, and never for a sentence that it has seen.

    A sentence's scores are matched by its words, so labels may change and sentences be shuffled, but
    new sentences or another tokenisation need new targets. Targets that are still right are kept,
    an interrupted run is completed, and targets of a changed corpus or teacher are replaced.

    Example: python -m spacy skd label corpus --teachers training/teachers --output targets
    Example: python -m spacy skd label corpus --teachers hf:NAME_OR_FOLDER --map PERSON=PER,MISC=
    """
    from ..targets.label import label_corpus
    from ..teachers import ClassifierSettings

    classifier = ClassifierSettings(
        renamed=parse_map(rename),
        pooling=pooling.value,
        scheme=None if scheme is None else scheme.value,
    )
    with given_cluster(ray, cpus, gpus, gpu_id) as cluster:
        use_gpu(gpu_id)
        reports = label_corpus(
            corpus,
            teachers,
            output,
            classifier=classifier,
            languages=string_to_list(languages),
            splits=string_to_list(splits),
            dtype=dtype.value,
            shard_size=shard_size,
            batch_size=batch_size,
            cluster=cluster,
        )
    _print_reports(reports)
    if all(report.status == "nothing changed" for report in reports):
        msg.good("Nothing changed")
    else:
        msg.good(f"Soft targets written to {output}")


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


def _print_reports(reports: Any) -> None:
    header = ("Store", "Sentences", "Tokens", "Tags", "Type", "MB", "Seconds", "Status")
    rows = [
        [
            report.name,
            report.sentences,
            report.tokens,
            report.tags,
            report.dtype,
            f"{report.bytes / 1e6:.1f}",
            f"{report.seconds:.1f}",
            report.status,
        ]
        for report in reports
    ]
    msg.table(rows, header=header, divider=True, aligns=("l", "r", "r", "r", "l", "r", "r", "l"))
