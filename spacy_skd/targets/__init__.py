"""Soft targets: what the teachers say of each sentence, stored once and read at every step.

`label.py` runs teachers over a corpus, `writer.py` writes their scores shard by shard, `store.py`
opens them and matches them to documents, by the fingerprints of `fingerprints.py`.

    targets/<lang>/meta.json              plan, teacher (tags, scheme, chain scores), shards, sealed
    targets/<lang>/shard-00000.arrow ...  one row a sentence; `datasets.Dataset.from_file` opens it
    targets/<lang>.partial/               of a run that is not complete, with shards.jsonl: what is

A language may have several stores in sub-folders, one for each teacher: targets/<lang>/<name>/...
"""

from .store import SoftTarget, SoftTargets, open_targets
from .writer import TargetWriter

__all__ = ["SoftTarget", "SoftTargets", "TargetWriter", "open_targets"]
