"""The `tokenizer.json` of an encoder, cut down to the pieces that are wanted.

Every word that has been cut into wanted pieces before is cut into the same pieces afterwards: the
best segmentation stays the best among fewer. Other words fall into what pieces there are, in the
end single characters.
"""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any, Dict, Iterable, List, Optional, Sequence, Set, Tuple

from ..errors import Errors, SkdError
from .subwords import load_tokenizer

# What marks the beginning of a word, or that none begins, in the pieces of the known algorithms.
MARKS = ("▁", "##", "</w>")
PROBE = "is"


class Pieces:
    """A tokenizer and its pieces, by the ids of the encoder.

    path (Path): Its `tokenizer.json`.
    Raises `SkdError` for what is no tokenizer.
    """

    def __init__(self, path: Path) -> None:
        try:
            source = json.loads(path.read_text(encoding="utf-8"))
            self.tokenizer = load_tokenizer(json.dumps(plain(source)))
            # As it says it itself: files of older versions leave out what has become explicit.
            self.spec: Dict[str, Any] = json.loads(self.tokenizer.to_str())
            special = {token["content"] for token in source.get("added_tokens") or []}
        except SkdError:
            raise
        except Exception as error:  # tokenizers raises plain exceptions
            reason = " ".join(str(error).split())
            raise SkdError(Errors.SKD173.format(path=path, reason=reason)) from error
        self.model: Dict[str, Any] = self.spec["model"]
        self.by_id: Dict[int, str] = {
            index: piece for piece, index in self.tokenizer.get_vocab().items()
        }
        self.prefix = word_prefix(self.tokenizer)
        self.of_bytes = '"ByteLevel"' in json.dumps(
            [self.spec["normalizer"], self.spec["pre_tokenizer"]]
        )
        unknown = unknown_piece(self.model)
        special.update([] if unknown is None else [unknown])
        texts = {i for i, piece in self.by_id.items() if piece not in special}
        self.usable: Set[int] = {i for i in texts if self.surface(i)}
        # A word that the blank before it does not join ("▁", "東京") is not half blank.
        self.mute: List[str] = [self.by_id[i] for i in sorted(texts - self.usable)]
        if unknown is not None and unknown in self.tokenizer.get_vocab():
            self.mute.append(unknown)

    def of_words(self, words: Iterable[str]) -> List[List[int]]:
        """The ids of the pieces of each word, those that say nothing left out."""
        encode = self.tokenizer.encode
        encoded = (encode(self.prefix + word, add_special_tokens=False).ids for word in words)
        return [[piece for piece in ids if piece in self.usable] for ids in encoded]

    def characters(self) -> Set[int]:
        """The pieces of one character (of one byte, where pieces are made of bytes)."""
        return {i for i in self.usable if len(self.surface(i)) <= 1 or is_byte(self.by_id[i])}

    def most_frequent(self) -> List[int]:
        """The ids of all pieces, those first that were more frequent where the tokenizer was made.

        Unigram models store a piece's logarithmic probability. The others list their pieces in the
        order in which they were found, which is roughly that of their frequency.
        """
        if self.model["type"] != "Unigram":
            return sorted(self.usable)
        scores = dict(map(tuple, self.model["vocab"]))
        return sorted(self.usable, key=lambda i: (-scores[self.by_id[i]], i))

    def surface(self, piece: int) -> str:
        """A piece as it stands in a text, without the marks of its kind."""
        text = self.by_id[piece]
        if self.of_bytes:
            from tokenizers.decoders import ByteLevel

            return ByteLevel().decode([text]).strip(" ")
        for mark in MARKS:
            text = text.replace(mark, "")
        return text

    def reduced(self, wanted: Iterable[int]) -> Tuple[str, List[int]]:
        """A `tokenizer.json` with these pieces alone.

        wanted (Iterable[int]): Ids of pieces.
        RETURNS (Tuple[str, List[int]]): The text, and the ids of the encoder in the order of its
            own: piece i of the new tokenizer was piece ids[i]. After them come pieces that are
            needed for cutting words but say nothing about them: marks alone, the unknown piece.
        """
        kept = set(wanted) & self.usable
        model = dict(self.model)
        if model["type"] == "BPE":
            on_the_way, model["merges"] = derivations(model, [self.by_id[i] for i in kept])
            kept |= {i for i in self.usable if self.by_id[i] in on_the_way}
        ids = sorted(kept)
        names = [self.by_id[i] for i in ids] + self.mute
        if model["type"] == "Unigram":
            scores, unknown = dict(map(tuple, model["vocab"])), unknown_piece(model)
            model["vocab"] = [[name, scores[name]] for name in names]
            model["unk_id"] = None if unknown is None else names.index(unknown)
        else:
            model["vocab"] = {name: i for i, name in enumerate(names)}
        spec = {**self.spec, "model": model}
        return json.dumps(spec, ensure_ascii=False, separators=(",", ":")), ids


def unknown_piece(model: Dict[str, Any]) -> Optional[str]:
    """What stands for text that no piece covers, if the model has such a piece."""
    if model["type"] == "Unigram":
        return None if model["unk_id"] is None else model["vocab"][model["unk_id"]][0]
    return model.get("unk_token")


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


def is_byte(piece: str) -> bool:
    """Whether it stands for a byte of a character that has no piece: <0x1F>."""
    return len(piece) == 6 and piece.startswith("<0x") and piece.endswith(">")


def derivations(
    model: Dict[str, Any], pieces: Sequence[str]
) -> Tuple[Set[str], List[Tuple[str, str]]]:
    """All pieces on the way to these, and the merges that make them, in their order.

    Byte-pair encoding joins the pair of the lowest rank, again and again. What happens within a
    piece does not depend on its neighbours, so that the merges of each piece alone are enough.
    """
    merges: List[Tuple[str, str]] = [tuple(merge) for merge in model["merges"]]
    # A pair that is listed twice has its first rank.
    ranks = {pair: rank for rank, pair in reversed(list(enumerate(merges)))}
    join = model.get("continuing_subword_prefix") or ""
    end = model.get("end_of_word_suffix") or ""
    used: Set[int] = set()
    made: Set[str] = set()
    for piece in pieces:
        parts = characters_of(piece, join, end)
        made.update(parts)
        while known := [(ranks[p], i) for i, p in enumerate(pairwise(parts)) if p in ranks]:
            rank, i = min(known)
            used.add(rank)
            parts[i : i + 2] = [parts[i] + parts[i + 1][len(join) :]]
            made.add(parts[i])
    return made, [merges[rank] for rank in sorted(used)]


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
