"""The inner loops of the extension, also for the machines that this one is not."""

import shutil
import subprocess
from pathlib import Path

import pytest

from spacy_skd import crf

HERE = Path(__file__).parent
HEADERS = Path(crf.__file__).parent
compiler = shutil.which("cc")


@pytest.mark.skipif(compiler is None, reason="there is no C compiler")
@pytest.mark.parametrize("more_flags", [[], ["-DBASELINE_ONLY"], ["-DNO_VECTOR_TYPES"]])
def test_inner_loops(tmp_path, more_flags):
    program = tmp_path / "vectors_check"
    flags = ["-O3", "-ffp-contract=off", f"-I{HEADERS}", *more_flags]
    subprocess.run([compiler, *flags, HERE / "vectors_check.c", "-o", program, "-lm"], check=True)
    result = subprocess.run([program], capture_output=True, text=True)
    assert result.returncode == 0, result.stdout
