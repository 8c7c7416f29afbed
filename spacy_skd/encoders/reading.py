"""Words through a model: one vector a word, for any number of sentences of any length."""

from contextlib import nullcontext
from typing import TYPE_CHECKING, Callable, ContextManager, List, Sequence, Tuple

import numpy as np

from ..ragged import split_rows
from .pieces import Window, by_length
from .pretrained import Pretrained, import_torch

if TYPE_CHECKING:
    from torch import Tensor, device
    from transformers import PreTrainedModel
    from transformers.utils import ModelOutput

# More pieces in a batch do not make a CPU faster, but fill a GPU.
CPU_PIECES, GPU_PIECES = 1024, 16384

FIRST, MEAN = "first", "mean"


def read_words(
    pretrained: Pretrained,
    sentences: Sequence[Sequence[str]],
    outputs: Callable[["ModelOutput"], "Tensor"],
    pooling: str,
    **settings: bool,
) -> List[np.ndarray]:
    """What a model says of each word, (n, width) float32 for each sentence.

    outputs (Callable): From what the model returns, (batch, pieces, width).
    pooling (str): "first" or "mean" of a word's pieces.
    settings (bool): Of the model's forward pass, such as `output_hidden_states`.
    """
    torch = import_torch()
    model, device = pretrained.model, pretrained.model.device
    windows = pretrained.subwords.windows(sentences)
    found: List[np.ndarray] = [np.zeros((0, 0), dtype=np.float32)] * len(sentences)
    for chosen in by_length([len(window.ids) for window in windows], batch_size(device)):
        batch = [windows[n] for n in chosen]
        ids, mask = padded(batch, pretrained.subwords.pad)
        with torch.no_grad(), nullcontext() if is_full(model) else half_precision(device):
            output = model(
                input_ids=torch.from_numpy(ids).to(device),
                attention_mask=torch.from_numpy(mask).to(device),
                **settings,
            )
            vectors = pool(outputs(output).float(), batch, pooling).cpu().numpy()
        lengths = [len(window.starts) - 1 for window in batch]
        for window, rows in zip(batch, split_rows(vectors, lengths)):
            i = window.sentence
            if not len(found[i]):
                found[i] = np.empty((len(sentences[i]), rows.shape[1]), dtype=np.float32)
            found[i][window.first : window.first + len(rows)] = rows
    return found


def is_full(model: "PreTrainedModel") -> bool:
    """Whether it needs full precision: DeBERTa's first version masks scores of 16 bits with the
    lowest number of 32, which they do not hold.
    """
    return model.config.model_type == "deberta"


def batch_size(device: "device") -> int:
    """Pieces of a batch with what fills up."""
    return CPU_PIECES if device.type == "cpu" else GPU_PIECES


def padded(batch: Sequence[Window], pad: int) -> Tuple[np.ndarray, np.ndarray]:
    """The pieces of a batch and which of them count, each (windows, longest) int64."""
    longest = max(len(window.ids) for window in batch)
    ids = np.full((len(batch), longest), pad, dtype=np.int64)
    mask = np.zeros_like(ids)
    for i, window in enumerate(batch):
        ids[i, : len(window.ids)] = window.ids
        mask[i, : len(window.ids)] = 1
    return ids, mask


def pool(hidden: "Tensor", batch: Sequence[Window], pooling: str) -> "Tensor":
    """Vectors of pieces (windows, longest, width) -> those of words that count (words, width)."""
    torch = import_torch()
    longest, width = hidden.shape[1:]
    flat = hidden.reshape(-1, width)
    offsets = [i * longest + window.starts for i, window in enumerate(batch)]
    firsts = np.concatenate([starts[:-1] for starts in offsets])
    if pooling == FIRST:
        return flat[torch.from_numpy(firsts).to(flat.device)]
    sizes = np.concatenate([np.diff(starts) for starts in offsets])
    of_word = np.repeat(np.arange(len(sizes)), sizes)
    pieces = np.repeat(firsts - np.cumsum(sizes) + sizes, sizes) + np.arange(len(of_word))
    sums = torch.zeros((len(sizes), width), device=flat.device)
    index = torch.from_numpy(of_word).to(flat.device)
    sums.index_add_(0, index, flat[torch.from_numpy(pieces).to(flat.device)])
    return sums / torch.from_numpy(sizes).to(flat.device)[:, None]


def half_precision(device: "device") -> ContextManager:
    """Matrix products in 16 bits where the hardware computes with them: two to three times as fast,
    for differences of less than 1 % of a vector's length.
    """
    torch = import_torch()
    if device.type == "cpu":
        # torch asks the processor, but has no public name for it.
        native = getattr(torch.cpu, "_is_avx512_bf16_supported", bool)()
        return torch.autocast("cpu", dtype=torch.bfloat16, enabled=native)
    return torch.autocast(device.type, dtype=torch.float16, enabled=device.type == "cuda")
