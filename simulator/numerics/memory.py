"""How much memory is left to this process."""

import os
from contextlib import suppress
from pathlib import Path


def free_memory() -> float:
    """Bytes that this process may still take of the machine, its control group and its own limit; inf if unknown."""
    found = [float("inf")]
    with suppress(OSError, ValueError, IndexError):
        found.append(1024.0 * int(Path("/proc/meminfo").read_text().split("MemAvailable:")[1].split()[0]))
    with suppress(OSError, ValueError):
        group = Path("/sys/fs/cgroup")
        most = int((group / "memory.max").read_text())
        found.append(float(most - int((group / "memory.current").read_text())))
    with suppress(ImportError, OSError, ValueError):
        import resource

        most = resource.getrlimit(resource.RLIMIT_AS)[0]
        if most != resource.RLIM_INFINITY:
            pages = int(Path("/proc/self/statm").read_text().split()[0])
            found.append(float(most - pages * os.sysconf("SC_PAGE_SIZE")))
    return min(found)
