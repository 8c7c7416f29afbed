"""All benchmarks that need nothing but the corpora, one after the other, and then the page.

python benchmarks/run_all.py --data ../shared/data
"""

import os
import subprocess
import sys
from pathlib import Path

import typer
from page import ORDER, write
from pipelines import DATA

HERE = Path(__file__).parent
# Threads would hide what costs how much.
ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
ON_RANDOM_SCORES = ("crf", "builds")


def main(data: Path = typer.Option(DATA, help="Folder of real corpora")) -> None:
    """Run them, and end with 1 if one of them has failed."""
    failed = []
    for name in ORDER:
        print(f"\n{name}", flush=True)
        command = [sys.executable, str(HERE / f"{name}.py")]
        if name not in ON_RANDOM_SCORES:
            command += ["--data", str(data)]
        result = subprocess.run(command, env={**os.environ, **dict.fromkeys(ONE_THREAD, "1")})
        failed += [name] if result.returncode else []
    write()
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
        raise SystemExit(1)


if __name__ == "__main__":
    typer.run(main)
