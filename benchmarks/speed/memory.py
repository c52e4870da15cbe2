"""How much memory the workflow takes: the growth of the peak, each time in a process of its own.

The process is ``python -m benchmarks.speed.memory BLOCK REPLICATES``: it simulates and analyses the replicates block
by block and prints the megabytes by which its peak exceeds what it held before.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

from benchmarks.speed import cohorts, ours
from benchmarks.speed.contenders import ONE_CORE
from benchmarks.speed.tables import SpeedTable

STATUS = Path("/proc/self/status")
FULL = ((1, 1), (10, 10), (100, 100), (1000, 1000), (100, 1000), (100, 5000))
QUICK = ((1, 1), (10, 10), (10, 50))


def peak_growth(block: int, replicates: int) -> tuple[float, float]:
    """Megabytes held after a first tiny block, and by how many the peak then grows over all replicates."""
    resolved = cohorts.world()
    ours.workflow(cohorts.block(resolved, 2))
    try:
        Path("/proc/self/clear_refs").write_text("5")  # forget the peak so far: that of loading
    except OSError:
        print("the peak of loading cannot be forgotten here; small growth does not show", file=sys.stderr)
    before = _megabytes("VmRSS")
    for first in range(0, replicates, block):
        ours.workflow(cohorts.block(resolved, min(block, replicates - first), first=first))
    return before, max(0.0, _megabytes("VmHWM") - before)


def _megabytes(name: str) -> float:
    found = re.search(rf"^{name}:\s+(\d+) kB", STATUS.read_text("utf-8"), re.MULTILINE)
    if found is None:
        raise ValueError(f"{STATUS} has no {name}")
    return int(found[1]) / 1024


def tables(cases: tuple[tuple[int, int], ...]) -> tuple[SpeedTable, ...]:
    """The growth of the peak against the size of a block and the number of replicates."""
    title, columns = (
        "Memory",
        ("replicates per block", "replicates", "MB before", "MB of growth", "kB per cohort in a block"),
    )
    if not STATUS.exists():
        return (SpeedTable(title, f"Not measured: there is no {STATUS} here.", columns, ()),)
    rows = []
    for block, replicates in cases:
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.speed.memory", str(block), str(replicates)],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, **ONE_CORE},
        )
        before, growth = map(float, done.stdout.split())
        rows.append((block, replicates, before, growth, 1024 * growth / block))
    note = (
        "Simulation and workflow, block by block; each row in a process of its own: its peak over what it held before."
    )
    return (SpeedTable(title, note, columns, tuple(rows)),)


if __name__ == "__main__":
    print(*peak_growth(int(sys.argv[1]), int(sys.argv[2])))
