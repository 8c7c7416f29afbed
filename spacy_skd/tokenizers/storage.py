"""A tokenizer's file: spaCy's rules, special cases and the trained table. It shows whether it is as
written.
"""

import hashlib
import zlib
from typing import Any, Dict, List, Optional, Tuple

import numpy as np
import srsly

from ..errors import Errors, SkdError
from .boundaries import BITS, WORD_BITS, Boundaries

FORMAT = "spacy-skd tokenizer"

# The words of each string.
SpecialCases = Dict[str, List[str]]


def pack(rules: bytes, special_cases: SpecialCases, boundaries: Optional[Boundaries]) -> bytes:
    """The content of the file."""
    content: Dict[str, Any] = {"rules": rules, "special_cases": special_cases, "table": None}
    if boundaries is not None:
        content["table"] = {
            "weights": zlib.compress(boundaries.weights.astype("<f2").tobytes()),
            "words": zlib.compress(boundaries.words.tobytes()),
            "familiar": sorted(boundaries.familiar),
        }
    packed = srsly.msgpack_dumps(content)
    checksum = hashlib.sha256(packed).hexdigest()
    return srsly.msgpack_dumps({"format": FORMAT, "checksum": checksum, "content": packed})


def unpack(data: bytes, source: str) -> Tuple[bytes, SpecialCases, Optional[Boundaries]]:
    """What `pack` was given. Raises `SkdError` for what is damaged or of another tokenizer.

    source (str): Where the bytes come from, for the message.
    """
    try:
        file = srsly.msgpack_loads(data)
        if file["format"] != FORMAT:
            raise ValueError(f"its format is '{file['format']}'")
        packed = file["content"]
        if hashlib.sha256(packed).hexdigest() != file["checksum"]:
            raise ValueError("its checksum is another")
        content = srsly.msgpack_loads(packed)
        table = content["table"]
        boundaries = None if table is None else unpack_table(table)
        return content["rules"], content["special_cases"], boundaries
    except Exception as error:  # whatever the bytes of another or a broken file lead to
        reason = " ".join(str(error).split()) or type(error).__name__
        raise SkdError(Errors.SKD252.format(path=source, reason=reason)) from error


def unpack_table(table: Dict[str, Any]) -> Boundaries:
    weights = np.frombuffer(zlib.decompress(table["weights"]), dtype="<f2").astype(np.float32)
    words = np.frombuffer(zlib.decompress(table["words"]), dtype=np.uint8)
    if len(weights) != 1 << BITS or len(words) != 1 << WORD_BITS:
        raise ValueError(f"its table has {len(weights)} weights")
    return Boundaries(weights, words, table["familiar"])
