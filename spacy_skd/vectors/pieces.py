"""The `tokenizer.json` of an encoder, cut down to the pieces that are wanted.

Every word that has been cut into wanted pieces before is cut into the same pieces afterwards: the
best segmentation stays the best among fewer. Other words fall into what pieces there are, in the
end single characters.
"""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any, Dict, Iterable, List, Sequence, Set, Tuple

from ..errors import Errors, SkdError
from .subwords import load_tokenizer

MODELS = ("Unigram", "WordPiece", "BPE", "WordLevel")
# What marks the beginning of a word, or that none begins, in the pieces of the known algorithms.
MARKS = ("▁", "Ġ", "##", "</w>")
PROBE = "is"


class Pieces:
    """A tokenizer and its pieces, by the ids of the encoder.

    path (Path): Its `tokenizer.json`.
    Raises `SkdError` for what is no tokenizer or has a model of an unknown kind.
    """

    def __init__(self, path: Path) -> None:
        try:
            spec = json.loads(path.read_text(encoding="utf-8"))
            self.spec = plain(spec)
            self.tokenizer = load_tokenizer(json.dumps(self.spec))
        except SkdError:
            raise
        except Exception as error:  # tokenizers raises plain exceptions
            raise SkdError(Errors.SKD173.format(path=path, reason=error)) from error
        self.model: Dict[str, Any] = self.spec["model"]
        if self.model["type"] not in MODELS:
            reason = f"a model of the type {self.model['type']}, not one of {', '.join(MODELS)}"
            raise SkdError(Errors.SKD173.format(path=path, reason=reason))
        special = {token["content"] for token in spec.get("added_tokens") or []}
        self.by_id: Dict[int, str] = {
            index: piece for piece, index in self.tokenizer.get_vocab().items()
        }
        self.usable: Set[int] = {i for i, piece in self.by_id.items() if piece not in special}
        self.prefix = word_prefix(self.tokenizer)

    def of_words(self, words: Iterable[str]) -> List[List[int]]:
        """The ids of the pieces of each word, unknown ones left out."""
        encode = self.tokenizer.encode
        encoded = (encode(self.prefix + word, add_special_tokens=False).ids for word in words)
        return [[piece for piece in ids if piece in self.usable] for ids in encoded]

    def characters(self) -> Set[int]:
        """The pieces of one character (of one byte, where pieces are made of bytes)."""
        return {
            i for i in self.usable if len(unmarked(self.by_id[i])) <= 1 or is_byte(self.by_id[i])
        }

    def reduced(self, wanted: Iterable[int]) -> Tuple[str, List[int]]:
        """A `tokenizer.json` with these pieces alone.

        wanted (Iterable[int]): Ids of pieces.
        RETURNS (Tuple[str, List[int]]): The text, and the ids of the encoder in the order of its
            own: piece i of the new tokenizer was piece ids[i]. After them comes the unknown piece,
            where there is one.
        """
        kept = sorted(set(wanted) & self.usable)
        model = dict(self.model)
        if model["type"] == "BPE":
            needed, model["merges"] = derivations(self.model, [self.by_id[i] for i in kept])
            known = {piece: i for i, piece in self.by_id.items()}
            kept = sorted({*kept, *(known[piece] for piece in needed)})
        names = [self.by_id[i] for i in kept]
        if model["type"] == "Unigram":
            scores = dict(map(tuple, model["vocab"]))
            table = [[name, scores[name]] for name in names]
            if model.get("unk_id") is not None:
                table.append(model["vocab"][model["unk_id"]])
                model["unk_id"] = len(names)
            model["vocab"] = table
        else:
            unknown = model.get("unk_token")
            vocab = {name: i for i, name in enumerate(names)}
            if unknown is not None and unknown in model["vocab"]:
                vocab.setdefault(unknown, len(names))
            model["vocab"] = vocab
        spec = {**self.spec, "model": model}
        return json.dumps(spec, ensure_ascii=False, separators=(",", ":")), kept


def plain(spec: Dict[str, Any]) -> Dict[str, Any]:
    """Without what only encoders need: special tokens, of which a text may hold the names."""
    unused = dict.fromkeys(("truncation", "padding", "post_processor", "decoder"))
    return {**spec, **unused, "added_tokens": []}


def word_prefix(tokenizer: Any) -> str:
    """What a lone word needs before it, in order to be cut as it is within a sentence.

    SentencePiece puts its mark before every text and BERT's WordPiece has none, but pieces of bytes
    (RoBERTa) begin with the blank before the word.
    """
    inside = tokenizer.encode(f"{PROBE} {PROBE}", add_special_tokens=False).ids
    for prefix in ("", " "):
        alone = tokenizer.encode(prefix + PROBE, add_special_tokens=False).ids
        if inside[-len(alone) :] == alone:
            return prefix
    return ""


def unmarked(piece: str) -> str:
    for mark in MARKS:
        piece = piece.replace(mark, "")
    return piece


def is_byte(piece: str) -> bool:
    """Whether it stands for a byte of a character that has no piece: <0x1F>."""
    return len(piece) == 6 and piece.startswith("<0x") and piece.endswith(">")


def derivations(
    model: Dict[str, Any], pieces: Sequence[str]
) -> Tuple[Set[str], List[Tuple[str, str]]]:
    """The merges that make these pieces, in their order, and all pieces on the way.

    Byte-pair encoding joins the pair of the lowest rank, again and again. What happens within a
    piece does not depend on its neighbours, so that the merges of each piece alone are enough.
    """
    merges: List[Any] = [tuple(m.split(" ") if isinstance(m, str) else m) for m in model["merges"]]
    ranks = {pair: rank for rank, pair in reversed(list(enumerate(merges)))}
    join = model.get("continuing_subword_prefix") or ""
    used: Set[int] = set()
    needed: Set[str] = set()
    for piece in pieces:
        parts = characters_of(piece, join, model.get("end_of_word_suffix") or "")
        needed.update(part for part in parts if part in model["vocab"])
        while len(parts) > 1:
            found = [(ranks[pair], i) for i, pair in enumerate(pairwise(parts)) if pair in ranks]
            if not found:
                break
            rank, i = min(found)
            used.add(rank)
            parts[i : i + 2] = [parts[i] + parts[i + 1][len(join) :]]
            needed.add(parts[i])
    return needed, [merges[rank] for rank in sorted(used)]


def characters_of(piece: str, join: str, end: str) -> List[str]:
    """The parts that byte-pair encoding starts from, with the marks that they carry."""
    inside = bool(join) and piece.startswith(join)
    text = piece[len(join) :] if inside else piece
    last = ""
    if end and text.endswith(end):
        text, last = text[: -len(end)], end
    parts = [
        character if i == 0 and not inside else join + character for i, character in enumerate(text)
    ]
    if parts:
        parts[-1] += last
    return parts
