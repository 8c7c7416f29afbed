"""`python -m spacy skd label`"""

from enum import Enum
from pathlib import Path
from typing import Any, Optional

import typer
from spacy.cli._util import string_to_list
from wasabi import msg

from ._app import (
    CPUS,
    GPUS,
    MAP,
    POOLING,
    RAY,
    SCHEME,
    ClassifierScheme,
    Pooling,
    app,
    given_classifier,
    given_cluster,
    use_gpu,
)


class DType(str, Enum):
    float16 = "float16"
    float32 = "float32"


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
    rename: str = MAP,
    pooling: Pooling = POOLING,
    scheme: Optional[ClassifierScheme] = SCHEME,
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

    classifier = given_classifier(rename, pooling, scheme)
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
