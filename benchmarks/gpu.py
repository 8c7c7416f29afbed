"""On a GPU: does a pipeline say the same as on the CPU, and what does a CRF cost beside an encoder?

    python benchmarks/gpu.py share
    python benchmarks/gpu.py same training/student/model-best corpus

`share` trains the model of configs/ner_teacher_trf.cfg on an encoder of the size of XLM-R base, of
random weights, on made-up sentences of which each word is one piece: text of several pieces a word
only makes the encoder slower. The CRF's time is all between the emission layer's forward and its
backward pass: scores to the host, gold and targets, the loss, its gradient back to the device.

Both need a GPU and say so in one line where none is. `share --gpu-id -1` measures the same on the
CPU, where `--layers` and `--width` make it short.
"""

import sys
import tempfile
import time
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any, Callable, Dict, List, Tuple

import numpy as np
import spacy
import typer
from spacy.cli._util import setup_gpu
from spacy.training import Example
from spacy.training.initialize import init_nlp
from spacy.util import load_config, registry
from thinc.api import Model
from thinc.compat import has_cupy, has_cupy_gpu
from unlabelled_text import WORDS, sentences

from spacy_skd.corpora.layout import find_languages
from spacy_skd.corpora.output import write_docs
from spacy_skd.corpora.stored import copy_tokens, read_split
from spacy_skd.evaluation.tables import aligned

CONFIG = Path(__file__).parents[1] / "configs" / "ner_teacher_trf.cfg"
SPECIAL = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
SENTENCES, WARM_UP = 2000, 3

app = typer.Typer(help=__doc__)


def require_gpu(gpu_id: int) -> None:
    """End with one line where there is no GPU to measure."""
    reason = None
    if not has_cupy:
        reason = "CuPy is not installed (`pip install spacy[cuda12x]`)"
    elif not has_cupy_gpu:
        reason = "CuPy finds no GPU"
    else:
        import torch

        if not torch.cuda.is_available():
            reason = "torch is a build for the CPU"
    if reason is not None:
        sys.exit(f"This measures a GPU, and {reason}.")
    setup_gpu(gpu_id)


def make_encoder(folder: Path, layers: int, width: int) -> None:
    """An XLM-R of random weights that knows our made-up words."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast, XLMRobertaConfig, XLMRobertaModel

    vocabulary = {word: i for i, word in enumerate(SPECIAL + [f"w{i}" for i in range(WORDS)])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    names = {"bos_token": "<s>", "eos_token": "</s>", "cls_token": "<s>", "sep_token": "</s>"}
    names.update(pad_token="<pad>", unk_token="<unk>", mask_token="<mask>")
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, model_max_length=512, **names
    ).save_pretrained(folder)
    config = XLMRobertaConfig(
        vocab_size=250_002,
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=max(1, width // 64),
        intermediate_size=4 * width,
        max_position_embeddings=514,
        pad_token_id=1,
    )
    XLMRobertaModel(config).save_pretrained(folder)


def synchronize() -> None:
    if has_cupy_gpu:
        import torch

        torch.cuda.synchronize()


class Between:
    """The seconds between the forward and the backward pass of a layer."""

    def __init__(self, layer: Model) -> None:
        self.seconds: List[float] = []
        self._forward = layer._func
        layer._func = self._timed

    def _timed(self, model: Model, X: Any, is_train: bool) -> Tuple[Any, Callable]:
        Y, backprop = self._forward(model, X, is_train)
        synchronize()
        start = time.perf_counter()

        def timed_backprop(dY: Any) -> Any:
            synchronize()
            self.seconds.append(time.perf_counter() - start)
            return backprop(dY)

        return Y, timed_backprop


@app.command()
def share(
    gpu_id: int = typer.Option(0, help="GPU, or -1 for the CPU"),
    steps: int = typer.Option(50, help="Steps that count"),
    words: int = typer.Option(1000, help="Words of a batch"),
    layers: int = typer.Option(12, help="Of the encoder"),
    width: int = typer.Option(768, help="Of the encoder"),
) -> None:
    """Print how much of a training step is the CRF's."""
    if gpu_id >= 0:
        require_gpu(gpu_id)
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        make_encoder(folder / "encoder", layers, width)
        for split in ("train", "dev"):
            write_docs(sentences(SENTENCES, 0, labelled=True), folder / f"corpus/xx/{split}.spacy")
        overrides: Dict[str, Any] = {
            "paths.corpus": str(folder / "corpus"),
            "paths.encoder": str(folder / "encoder"),
            "training.batcher.size": words,
        }
        nlp = init_nlp(load_config(CONFIG, overrides, interpolate=True), use_gpu=gpu_id)
        settings = registry.resolve(nlp.config["training"], schema=None, validate=False)
        reader = registry.resolve(nlp.config["corpora"], validate=False)["train"]
        pipe: Any = nlp.get_pipe("ner")
        crf = Between(pipe.model.layers[1])
        seconds = []
        for batch in islice(settings["batcher"](reader(nlp)), steps + WARM_UP):
            synchronize()
            start = time.perf_counter()
            nlp.update(batch, sgd=settings["optimizer"], drop=0.1, losses={})
            synchronize()
            seconds.append(time.perf_counter() - start)
    shares = [part / whole for part, whole in zip(crf.seconds[WARM_UP:], seconds[WARM_UP:])]
    row = [median(seconds[WARM_UP:]), median(crf.seconds[WARM_UP:])]
    cells = [*(f"{1000 * value:.1f}" for value in row), f"{100 * median(shares):.1f} %"]
    print(aligned(["ms a step", "ms of the CRF", "share"], [cells]))


@app.command()
def same(
    pipeline: Path = typer.Argument(..., help="A trained pipeline with ner or tagger of ours"),
    corpus: Path = typer.Argument(..., help="Converted corpus folder"),
    split: str = typer.Option("dev", help="What both label"),
    limit: int = typer.Option(500, help="Sentences of each language"),
    gpu_id: int = typer.Option(0, help="GPU"),
) -> None:
    """Print scores on the CPU and on the GPU, and how far emission scores differ."""
    require_gpu(gpu_id)
    spacy.require_cpu()
    on_cpu = labelled(pipeline, corpus, split, limit)
    setup_gpu(gpu_id)
    on_gpu = labelled(pipeline, corpus, split, limit)
    scores = [name for name, value in on_cpu[0].items() if isinstance(value, float)]
    rows = [[name, f"{on_cpu[0][name]:.4f}", f"{on_gpu[0][name]:.4f}"] for name in scores]
    print(aligned(["score", "CPU", "GPU"], rows))
    apart = max(float(np.abs(a - b).max()) for a, b in zip(on_cpu[1], on_gpu[1]))
    print(f"Largest difference of an emission score: {apart:.2e}")


def labelled(
    pipeline: Path, corpus: Path, split: str, limit: int
) -> Tuple[Dict[str, Any], List[np.ndarray]]:
    """Scores of a pipeline, and the emission scores of its first component of ours."""
    nlp = spacy.load(pipeline)
    docs = [
        doc
        for lang in find_languages(corpus, [split])
        for doc in islice(read_split(corpus, lang, split, nlp.vocab), limit)
    ]
    scores = nlp.evaluate([Example(copy_tokens(doc, nlp.vocab), doc) for doc in docs])
    fresh = [copy_tokens(doc, nlp.vocab) for doc in docs]
    components: List[Any] = [component for _, component in nlp.pipeline]
    pipe = next(component for component in components if hasattr(component, "score_docs"))
    for component in components:
        if component is pipe:
            break
        fresh = list(component.pipe(fresh))
    return scores, list(pipe.score_docs(fresh))


if __name__ == "__main__":
    app()
