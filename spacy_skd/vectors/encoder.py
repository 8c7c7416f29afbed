"""What is needed of a pretrained encoder: its `tokenizer.json` and its input embeddings."""

import json
import logging
import re
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Tuple

import numpy as np

from ..errors import Errors, SkdError
from .pieces import Pieces

# How encoders call the table of their pieces, the end of the name; in the order of preference.
EMBEDDINGS = (
    "word_embeddings.weight",  # BERT, RoBERTa, XLM-R, DeBERTa, ELECTRA, ALBERT, MPNet, DistilBERT
    "shared.weight",  # T5, BART
    "embed_tokens.weight",  # mT5's encoder, mBART, LLaMA
    "tok_embeddings.weight",  # ModernBERT
    "word_embedding.weight",  # XLNet
    "wte.weight",  # GPT-2
    "embed_in.weight",  # GPT-NeoX
    "embeddings.weight",  # XLM; and any plain table
    "embedding.weight",
)
OTHER_TABLES = re.compile(r"position|token_type|segment|lang_embed|relative|patch")
WIDTHS = (
    "embedding_size",
    "hidden_size",
    "d_model",
    "n_embd",
    "emb_dim",
    "dim",
    "d_embed",
)
HUB_NAME = re.compile(r"[\w.-]+(/[\w.-]+)?")

NO_TOKENIZER = (
    "Save its fast tokenizer there: AutoTokenizer.from_pretrained(...).save_pretrained(...)."
)
NO_EMBEDDINGS = "Give a folder that the encoder was saved to: AutoModel...save_pretrained(...)."

Find = Callable[[str], Optional[Path]]


def read_encoder(source: str) -> Tuple[Pieces, np.ndarray]:
    """The pieces of an encoder and their embeddings (at least pieces, width), float32.

    source (str): A folder, or a name on the Hugging Face Hub, of which only the files that hold
        them are downloaded.
    Raises `SkdError` if there is no such encoder, or if it lacks one of them.
    """
    find = finder(source)
    path = find("tokenizer.json")
    if path is None:
        raise SkdError(
            Errors.SKD174.format(source=source, what="tokenizer.json", hint=NO_TOKENIZER)
        )
    pieces = Pieces(path)
    embeddings = read_embeddings(find, source)
    check_shape(find, embeddings, max(pieces.by_id) + 1, source)
    return pieces, embeddings


def finder(source: str) -> Find:
    """Gives the path of a file of the encoder, or None where it has none of this name."""
    folder = Path(source)
    if folder.is_dir():
        return lambda name: folder / name if (folder / name).is_file() else None
    if folder.exists() or not HUB_NAME.fullmatch(source):
        raise SkdError(Errors.SKD172.format(source=source, reason="there is no such folder"))
    return lambda name: download(source, name)


def download(repository: str, name: str) -> Optional[Path]:
    try:
        from huggingface_hub import hf_hub_download
        from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError
    except ImportError as error:
        raise missing("huggingface_hub", "vectors") from error
    # It says of each attempt why it failed, in many lines.
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)
    try:
        return Path(hf_hub_download(repository, name))
    except LocalEntryNotFoundError as error:  # no network, and nothing in the cache
        reason = "the Hub cannot be reached"
        raise SkdError(Errors.SKD172.format(source=repository, reason=reason)) from error
    except EntryNotFoundError:
        return None
    except Exception as error:  # no such repository, no access, no network: many classes
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise SkdError(Errors.SKD172.format(source=repository, reason=reason)) from error


def read_embeddings(find: Find, source: str) -> np.ndarray:
    for weights, read in READERS.items():
        index, name = find(f"{weights}.index.json"), None
        path = find(weights)
        if index is not None:  # in several files
            shards = read_json(index).get("weight_map", {})
            name = choose(list(shards), source)
            path = find(shards[name])
            if path is None:
                hint = f"{index.name} says that it holds the embeddings."
                raise SkdError(Errors.SKD174.format(source=source, what=shards[name], hint=hint))
        if path is not None:
            try:
                return read(path, name, source)
            except SkdError:
                raise
            except Exception as error:  # whatever a truncated file leads to
                raise unusable(path, error) from error
    what = " or ".join(READERS)
    raise SkdError(Errors.SKD174.format(source=source, what=what, hint=NO_EMBEDDINGS))


def read_json(path: Path) -> Dict[str, Any]:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise unusable(path, error) from error


def unusable(path: Path, error: Exception) -> SkdError:
    reason = " ".join(str(error).split()) or type(error).__name__
    return SkdError(Errors.SKD173.format(path=path, reason=reason))


def choose(names: List[str], source: str) -> str:
    """The name of the tensor that holds the input embeddings."""
    tables = [name for name in names if not OTHER_TABLES.search(name)]
    for ending in EMBEDDINGS:
        found = [name for name in tables if name == ending or name.endswith("." + ending)]
        if found:
            return min(found, key=lambda name: ("decoder" in name, name.count("."), name))
    what = f"input embeddings that are called as usual ({', '.join(EMBEDDINGS)})"
    raise SkdError(Errors.SKD174.format(source=source, what=what, hint=NO_EMBEDDINGS))


def read_safetensors(path: Path, name: Optional[str], source: str) -> np.ndarray:
    try:
        from safetensors import safe_open
    except ImportError as error:
        raise missing("safetensors", "train") from error
    with safe_open(path, framework="np") as tensors:
        name = name or choose(list(tensors.keys()), source)
        if tensors.get_slice(name).get_dtype() != "BF16":
            return tensors.get_tensor(name).astype(np.float32)
    # numpy has no such type: its bits are the upper half of float32's.
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        entry = json.loads(file.read(length))[name]
        start, end = entry["data_offsets"]
        file.seek(8 + length + start)
        halves = np.frombuffer(file.read(end - start), dtype="<u2").reshape(entry["shape"])
    return (halves.astype(np.uint32) << 16).view(np.float32)


def read_torch(path: Path, name: Optional[str], source: str) -> np.ndarray:
    try:
        import torch
    except ImportError as error:
        raise missing("torch", "transformers") from error
    tensors = torch.load(path, map_location="cpu", weights_only=True)
    return tensors[name or choose(list(tensors), source)].float().numpy()


READERS = {"model.safetensors": read_safetensors, "pytorch_model.bin": read_torch}


def check_shape(find: Find, embeddings: np.ndarray, pieces: int, source: str) -> None:
    """The embeddings are a table as wide as the config says, with a row for each piece."""
    path = find("config.json")
    config = {} if path is None else read_json(path)
    widths = {config[key] for key in WIDTHS if isinstance(config.get(key), int)}
    problem = None
    if embeddings.ndim != 2 or (widths and embeddings.shape[1] not in widths):
        problem = ("config.json", f"a width of {' or '.join(map(str, sorted(widths)))}")
    elif len(embeddings) < pieces:
        problem = ("tokenizer.json", f"{pieces} pieces")
    if problem is not None:
        file, expected = problem
        shape = " x ".join(map(str, embeddings.shape))
        raise SkdError(
            Errors.SKD175.format(source=source, shape=shape, file=file, expected=expected)
        )


def missing(package: str, extra: str) -> SkdError:
    what = "Vectors from this encoder"
    return SkdError(Errors.SKD171.format(what=what, package=package, extra=extra))
