"""`python -m spacy skd vectors`"""

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, List, Optional, Tuple

import typer
from wasabi import msg

from ._app import app, use_gpu

if TYPE_CHECKING:
    from ..vectors.make import VectorsReport


class DType(str, Enum):
    float16 = "float16"
    int8 = "int8"
    float32 = "float32"


@app.command("vectors")
def vectors_cli(
    encoder: str = typer.Argument(..., help="Hugging Face encoder: a folder or a name on the Hub, e.g. intfloat/multilingual-e5-small. Its tokenizer.json and input embeddings are used. Or floret: vectors are trained on the corpus"),
    output: Path = typer.Argument(..., help="Folder for the pipeline that holds the vectors"),
    corpus: Optional[Path] = typer.Option(None, "--corpus", "-c", help="Corpus folder, with <lang>/train.spacy and, if there is more text, <lang>/unlabelled.spacy: only the pieces that its words need are kept, and single characters"),
    pieces: Optional[int] = typer.Option(None, "--pieces", "-p", help="Keep so many pieces: those that the corpus needs, and then the most frequent ones of all languages. By default none of these with --corpus, all without"),
    dims: int = typer.Option(128, "--dims", "-d", help="Dimensions of the vectors: so many principal axes of the embeddings"),
    dtype: DType = typer.Option(DType.float16, "--dtype", "-t", help="Type of the stored numbers; floret has float32"),
    contextual: bool = typer.Option(False, "--contextual", "-x", help="What the encoder says of words in the sentences of the corpus, on average, in place of its input embeddings: words that occur three times have vectors of their own. Takes minutes, and transformers"),
    layer: Optional[int] = typer.Option(None, "--layer", help="With --contextual: the layer that says it. By default two thirds of the way up"),
    gpu_id: int = typer.Option(-1, "--gpu-id", "-g", help="With --contextual: GPU ID or -1 for CPU"),
    lang: str = typer.Option("xx", "--lang", "-l", help="Language of the pipelines that will load the vectors"),
) -> None:  # fmt: skip
    """
    Make word vectors from the subword embeddings of a pretrained encoder.

    The vector of a word is the mean of the embeddings of its pieces, centred and reduced to their
    principal axes. Words that the corpus does not have get one as well, from the pieces that are
    kept. With --contextual it is what a layer says of the word, on average over the sentences of the
    corpus. Where no encoder can be had, floret trains vectors on the corpus. Every spaCy component
    with static vectors can use any of them: [initialize] vectors = OUTPUT.

    Example: python -m spacy skd vectors intfloat/multilingual-e5-small vectors --corpus corpus
    Example: python -m spacy skd vectors intfloat/multilingual-e5-small vectors --corpus corpus --contextual
    Example: python -m spacy skd vectors floret vectors --corpus corpus
    """
    from ..vectors.make import make_vectors

    use_gpu(gpu_id)
    report = make_vectors(
        encoder,
        output,
        corpus=corpus,
        most=pieces,
        dims=dims,
        dtype=dtype.value,
        lang=lang,
        contextual=contextual,
        layer=layer,
    )
    _print_report(report)
    msg.good(f"Vectors written to {output}")


def _print_report(report: "VectorsReport") -> None:
    rows: List[Tuple[str, object]] = [("Rows", report.rows)]
    if report.words is not None:
        rows.append(("Of words", report.words))
    rows += [
        ("Dimensions", report.dims),
        ("Size", f"{report.bytes / 1e6:.1f} MB"),
    ]
    if report.variance is not None:
        rows.append(("Variance kept", f"{report.variance:.1%}"))
    if report.pieces_per_word is not None:
        rows.append(("Pieces a word", f"{report.pieces_per_word:.2f}"))
    msg.table(rows, aligns=("l", "r"))
    for word, similar in report.neighbours.items():
        typer.echo(f"{word}: {', '.join(similar)}")
