"""Opening a pretrained model of Hugging Face: a folder, or a name of the Hub."""

import hashlib
import io
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Iterator, List, Optional

import srsly

from ..errors import Errors, SkdError
from .pieces import VERSION, Subwords

if TYPE_CHECKING:
    import torch
    from transformers import PretrainedConfig, PreTrainedModel

# The attention of longer windows costs more than their context brings.
MAX_PIECES = 512


@dataclass(frozen=True)
class Pretrained:
    """A model that reads pieces, ready to predict, and the tokenizer that cuts words into them.

    auto_class (str): Which of transformers' heads it has: "AutoModel" for none.
    """

    auto_class: str
    model: "PreTrainedModel"
    subwords: Subwords

    def fingerprint(self) -> str:
        """SHA-256 of all that its answers depend on: config, tokenizer, weights as rounded, and how
        it is asked.
        """
        digest = hashlib.sha256(f"version {VERSION}".encode("ascii"))
        for part in (self.config.to_json_string(), self.subwords.tokenizer.to_str()):
            digest.update(part.encode("utf8"))
        for name, weights in self.model.state_dict().items():
            digest.update(name.encode("utf8"))
            digest.update(weights.contiguous().cpu().numpy().tobytes())
        return digest.hexdigest()

    def parameters(self) -> "Iterator[torch.nn.Parameter]":
        return self.model.parameters()

    @property
    def config(self) -> "PretrainedConfig":
        return self.model.config

    def rounded(self) -> "Pretrained":
        """Itself, its weights rounded to the 16 bits in which they are saved: then it says the same
        before and after.
        """
        for weights in self.model.parameters():
            weights.copy_(weights.half())
        return self

    def to_bytes(self) -> bytes:
        torch = import_torch()
        file = io.BytesIO()
        half = {
            name: weights.half() if weights.is_floating_point() else weights
            for name, weights in self.model.state_dict().items()
        }
        torch.save(half, file)
        return srsly.msgpack_dumps(
            {
                "auto_class": self.auto_class,
                "config": self.config.to_dict(),
                "tokenizer": self.subwords.tokenizer.to_str(),
                "max_pieces": self.subwords.max_pieces,
                "weights": file.getvalue(),
            }
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> "Pretrained":
        torch, transformers = import_torch(), import_transformers()
        from tokenizers import Tokenizer

        msg = srsly.msgpack_loads(data)
        config = transformers.AutoConfig.for_model(**msg["config"])
        model = getattr(transformers, msg["auto_class"]).from_config(config)
        weights = torch.load(io.BytesIO(msg["weights"]), weights_only=True, map_location="cpu")
        model.load_state_dict(weights)
        tokenizer = Tokenizer.from_str(msg["tokenizer"])
        subwords = Subwords(tokenizer, msg["max_pieces"], config.pad_token_id or 0)
        return cls(msg["auto_class"], ready(model), subwords)


def open_pretrained(
    name: Optional[str], auto_class: str, depth: Optional[int] = None
) -> Pretrained:
    """Open a model.

    name (Optional[str]): A folder as `save_pretrained` leaves it, or a name of the Hub.
    auto_class (str): "AutoModel" or the same with a head.
    depth (Optional[int]): Keep only so many of its layers; None: all.
    Raises `SkdError` if transformers is not installed, if there is no such model or not so many
    layers, if the model is no encoder or lacks the head, or if it has no fast tokenizer.
    """
    transformers = import_transformers()
    if not name:
        raise SkdError(Errors.SKD150)
    try:
        with quiet(transformers):
            config = transformers.AutoConfig.from_pretrained(name)
            model, missing = load_model(name, auto_class, config, depth)
    except SkdError:
        raise
    except Exception as error:  # a wrong name, no network, a damaged file: errors of many kinds
        raise SkdError(Errors.SKD151.format(name=name, reason=one_line(error))) from error
    if missing:
        reason = f"its weights lack {missing[0]}"
        raise SkdError(Errors.SKD152.format(name=name, type=auto_class, reason=reason))
    return Pretrained(auto_class, ready(model), open_subwords(name, config))


def load_model(
    name: str, auto_class: str, config: "PretrainedConfig", depth: Optional[int]
) -> "tuple[PreTrainedModel, List[str]]":
    """The model, and the names of its weights that were not there: they would be random."""
    if config.is_encoder_decoder:
        reason = f"a {config.model_type} is an encoder and a decoder"
        raise SkdError(Errors.SKD152.format(name=name, type=auto_class, reason=reason))
    if depth is not None:
        if depth > config.num_hidden_layers:
            layers = config.num_hidden_layers
            raise SkdError(Errors.SKD153.format(name=name, depth=depth, layers=layers))
        config.num_hidden_layers = depth
    loader = getattr(import_transformers(), auto_class)
    model, info = loader.from_pretrained(name, config=config, output_loading_info=True)
    # The pooler is for whole sentences; nothing here asks it.
    return model, [key for key in info["missing_keys"] if "pooler" not in key]


def open_subwords(name: str, config: "PretrainedConfig") -> Subwords:
    transformers = import_transformers()
    try:
        with quiet(transformers):
            # For byte-level vocabularies: without it the first words of a sentence would be others.
            tokenizer = transformers.AutoTokenizer.from_pretrained(
                name, use_fast=True, add_prefix_space=True
            )
    except Exception as error:
        raise SkdError(Errors.SKD154.format(name=name, reason=one_line(error))) from error
    if not tokenizer.is_fast:
        reason = f"{type(tokenizer).__name__} is a slow one"
        raise SkdError(Errors.SKD154.format(name=name, reason=reason))
    return Subwords(
        tokenizer.backend_tokenizer,
        max_pieces(tokenizer.model_max_length, config),
        config.pad_token_id or 0,
    )


def max_pieces(of_tokenizer: int, config: "PretrainedConfig") -> int:
    """Pieces that the model can read at once. Tokenizers that do not know say 1e30; some models
    count their positions from behind the padding's index, so that they have fewer than they say.
    """
    positions = getattr(config, "max_position_embeddings", None) or MAX_PIECES
    if of_tokenizer > positions:
        return min(MAX_PIECES, positions - (config.pad_token_id or 0) - 1)
    return min(MAX_PIECES, of_tokenizer)


def ready(model: "PreTrainedModel") -> "PreTrainedModel":
    """The model as it predicts: frozen, in full precision, on the device that thinc uses, and
    without the name of the folder it came from.
    """
    from thinc.api import get_torch_default_device

    model.config._name_or_path = ""
    model.requires_grad_(False)
    return model.float().to(get_torch_default_device()).eval()


@contextmanager
def quiet(transformers: ModuleType) -> Iterator[None]:
    """Without warnings that a head or a pooler is not used: it is meant to be."""
    logging = transformers.utils.logging
    before = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(before)


def one_line(error: Exception) -> str:
    """The first sentence of an error; transformers says much more."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text.split(". ")[0][:200].rstrip(".")


def import_torch() -> ModuleType:
    import_transformers()
    import torch

    return torch


def import_transformers() -> ModuleType:
    try:
        import torch  # noqa: F401
        import transformers
    except ImportError as error:
        raise SkdError(Errors.SKD155) from error
    return transformers
