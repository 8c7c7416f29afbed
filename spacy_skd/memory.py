"""How much memory a process has needed."""

import re
import sys
from pathlib import Path


def peak_memory() -> int:
    """Bytes of this process that were resident at most.

    Not what `getrusage` says where the system tells it otherwise: that counts what the process that
    started this one had used until then.
    """
    if sys.platform == "win32":
        import psutil

        return int(psutil.Process().memory_info().peak_wset)
    try:
        status = Path("/proc/self/status").read_text(encoding="utf-8")
        return 1024 * int(re.search(r"^VmHWM:\s+(\d+) kB", status, flags=re.M)[1])  # type: ignore[index]
    except (OSError, TypeError):
        import resource

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024
