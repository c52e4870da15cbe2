"""Whether this machine has nothing else to do: what other processes take counts in times by the clock."""

import os
import time
from pathlib import Path

import pytest

STAT = Path("/proc/stat")


def two_free_cores() -> None:
    """Skips the test where there are no two free cores, or where nobody can tell."""
    if not STAT.exists():
        pytest.skip("reads from /proc how busy the machine is")
    cores = len(os.sched_getaffinity(0))
    before, started = _cpu_seconds(), time.monotonic()
    time.sleep(2)
    busy = (_cpu_seconds() - before) / (time.monotonic() - started)
    if cores < 2 or busy > 0.2:
        pytest.skip(f"needs two free cores: {cores} here, {busy:.1f} of them busy")


def _cpu_seconds() -> float:
    """What all processes of this machine have used: user, nice and system."""
    return sum(map(int, STAT.read_text().split()[1:4])) / os.sysconf("SC_CLK_TCK")
