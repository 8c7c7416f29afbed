"""The inner loops of the extension, also for the machines that this one is not."""

from pathlib import Path

from spacy_skd import crf

from ..kernels import check, for_all_machines

HERE = Path(__file__).parent


@for_all_machines
def test_inner_loops(tmp_path, more_flags):
    check(HERE / "vectors_check.c", Path(crf.__file__).parent, tmp_path, more_flags)
