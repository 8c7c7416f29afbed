"""Token and tag columns of datasets of Hugging Face: from the Hub, or in parquet files."""

import logging
import tempfile
from pathlib import Path
from typing import Any, Iterator, List, Optional, Sequence

from ..corpora.iob import MISSING
from ..errors import Errors, SkdError
from .drawing import TAGS, WORDS, Sentence

# What Hugging Face calls a split.
NAMES = {"dev": "validation"}


def parquet_files(folder: Path, split: str) -> List[Path]:
    """Those of a split in the folder of a language, as the Hub lays them out."""
    names = (split, NAMES.get(split, split))
    patterns = [pattern for name in names for pattern in (f"{name}.parquet", f"{name}-*.parquet")]
    return next((found for p in patterns if (found := sorted(folder.glob(p)))), [])


def read_parquet(files: Sequence[Path], lang: str, split: str) -> List[Sentence]:
    """Raises `SkdError` for files that cannot be read and where columns are missing."""
    from_parquet = import_datasets().Dataset.from_parquet
    # Whatever the library makes of the files is thrown away: they are read once.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as cache:
        try:
            rows = from_parquet(list(map(str, files)), cache_dir=cache, keep_in_memory=True)
        except Exception as error:  # of pyarrow and of datasets, of many kinds
            raise unusable(files[0].parent, lang, split, error) from error
        return list(sentences(rows, files[0].parent, lang, split))


def read_hub(name: str, lang: str, split: str) -> List[Sentence]:
    """Raises `SkdError` where the dataset cannot be reached or has no such language or split."""
    load = import_datasets().load_dataset
    try:
        rows = load(name, lang, split=NAMES.get(split, split))
    except Exception as error:  # of the network, of the Hub, of pyarrow
        raise unusable(name, lang, split, error) from error
    return list(sentences(rows, name, lang, split))


def sentences(rows: Any, name: object, lang: str, split: str) -> Iterator[Sentence]:
    """Words and names of tags of each row. Raises `SkdError` where these are not as many."""
    lacking = [column for column in (WORDS, TAGS) if column not in rows.column_names]
    if lacking:
        raise unusable(name, lang, split, f"it has no column '{lacking[0]}'")
    names = getattr(getattr(rows.features[TAGS], "feature", None), "names", None)
    for number, row in enumerate(rows, start=1):
        words, tags = row[WORDS], row[TAGS]
        if not (isinstance(words, list) and isinstance(tags, list) and len(words) == len(tags)):
            reason = f"row {number} has not one of '{TAGS}' for each of '{WORDS}'"
            raise unusable(name, lang, split, reason)
        if names is None and any(not isinstance(tag, str) for tag in tags):
            raise unusable(name, lang, split, f"the numbers in '{TAGS}' have no names")
        yield words, tags if names is None else [name_of(tag, names) for tag in tags]


def name_of(tag: Optional[int], names: Sequence[str]) -> str:
    """-1 is what Hugging Face has for a tag that is not told."""
    return MISSING if tag is None or tag == -1 else names[tag]


def unusable(name: object, lang: str, split: str, reason: object) -> SkdError:
    if isinstance(reason, Exception):
        reason = f"{type(reason).__name__}: {' '.join(str(reason).split())}"
    reason = str(reason).rstrip(".")
    return SkdError(Errors.SKD245.format(name=name, lang=lang, split=split, reason=reason))


def import_datasets() -> Any:
    try:
        import datasets
    except ImportError as error:
        raise SkdError(Errors.SKD247) from error
    datasets.disable_progress_bars()
    # What goes wrong is said once, by the error.
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)
    return datasets
