"""A tokenizer's file: spaCy's rules, special cases and the trained table. It shows whether it is as
written.
"""

import hashlib
import zlib
from typing import Any, Dict, List, Optional, Tuple

import numpy as np
import srsly

from .. import about
from ..errors import Errors, SkdError
from .boundaries import BITS, WORD_BITS, Boundaries

FORMAT = "spacy-skd tokenizer"
PARTS = {"rules", "special_cases", "table"}

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
    """What `pack` was given. Raises `SkdError` for what is damaged, of another tokenizer or of
    another version.

    source (str): Where the bytes come from, for the message.
    """
    try:
        file = srsly.msgpack_loads(data)
        if file["format"] != FORMAT:
            raise ValueError(f"its format is '{file['format']}'")
        packed = file["content"]
        if hashlib.sha256(packed).hexdigest() != file["checksum"]:
            raise ValueError("its checksum is another")
    except Exception as error:  # whatever the bytes of another or a broken file lead to
        raise SkdError(Errors.SKD252.format(path=source, reason=in_words(error))) from error
    try:
        content = srsly.msgpack_loads(packed)
        if set(content) != PARTS:
            raise ValueError(f"it has {', '.join(sorted(content))}")
        table = content["table"]
        boundaries = None if table is None else unpack_table(table)
    except Exception as error:  # it is as it was written, by another program than this
        values = {"path": source, "version": about.__version__, "reason": in_words(error)}
        raise SkdError(Errors.SKD254.format(**values)) from error
    return content["rules"], content["special_cases"], boundaries


def in_words(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def unpack_table(table: Dict[str, Any]) -> Boundaries:
    weights = np.frombuffer(zlib.decompress(table["weights"]), dtype="<f2").astype(np.float32)
    words = np.frombuffer(zlib.decompress(table["words"]), dtype=np.uint8)
    if len(weights) != 1 << BITS or len(words) != 1 << WORD_BITS:
        raise ValueError(f"its table has {len(weights)} weights")
    return Boundaries(weights, words, table["familiar"])
