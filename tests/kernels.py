"""C programs that compare the inner loops of the extensions with plain ones, also as other machines
get them than this one."""

import shutil
import subprocess

import pytest

compiler = shutil.which("cc")


PLAIN = ["-DNO_INTRINSICS", "-DNO_VECTOR_TYPES"]


def for_all_machines(test):
    """A test that is given more flags of the compiler."""
    flags = pytest.mark.parametrize("more_flags", [[], ["-DBASELINE_ONLY"], PLAIN[:1], PLAIN])
    return pytest.mark.skipif(compiler is None, reason="there is no C compiler")(flags(test))


def check(source, headers, folder, more_flags):
    """Build a program and have it find no difference."""
    program = folder / source.stem
    flags = ["-O3", "-ffp-contract=off", "-fno-math-errno", f"-I{headers}", *more_flags]
    subprocess.run([compiler, *flags, source, "-o", program, "-lm"], check=True)
    result = subprocess.run([program], capture_output=True, text=True)
    assert result.returncode == 0, result.stdout
