"""How fast cohorts are simulated, and what more threads bring to the workflow."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from benchmarks.speed import cohorts, ours
from benchmarks.speed.clock import least_seconds
from benchmarks.speed.tables import SpeedTable
from simulator.world.generate import generate


@dataclass(frozen=True)
class CapacitySize:
    """How much is measured: block sizes of the simulation, replicates per block of the threads, repeats."""

    blocks: tuple[int, ...]
    thread_block: int
    repeats: int


FULL = CapacitySize((1, 10, 100, 1000), 100, 7)
QUICK = CapacitySize((1, 10), 5, 1)


def simulation(size: CapacitySize) -> tuple[SpeedTable, ...]:
    """Patients per second and milliseconds per replicate of `generate`, on one core."""
    resolved = cohorts.world()
    patients, rows = resolved.world.population.size, []
    for block in size.blocks:
        numbers = np.arange(block, dtype=np.int64)
        seconds = least_seconds(lambda n=numbers: generate(resolved, cohorts.SEED, n), size.repeats)  # type: ignore[misc]
        rows.append((block, 1e3 * seconds / block, block * patients / seconds))
    return (
        SpeedTable(
            "Simulation",
            f"Cohorts of {patients} patients with both potential outcomes, on one core; least of {size.repeats} runs.",
            ("replicates per block", "CPU ms per replicate", "patients per second"),
            tuple(rows),
        ),
    )


def serial_share(faster: float, count: int) -> float:
    """The share s of the work that does not split, by Amdahl's law: 1 / faster = s + (1 - s) / count; NaN for one."""
    return (1 / faster - 1 / count) / (1 - 1 / count) if count > 1 else float("nan")


def threads(size: CapacitySize, cores: int) -> tuple[SpeedTable, ...]:
    """The workflow over 1, 2, 4, ... threads up to the number of cores: wall time, since it is what threads save."""
    counts = sorted({1, cores, *(2**k for k in range(1, 10) if 2**k < cores)})
    observed = cohorts.block(cohorts.world(), size.thread_block)
    tasks = [observed] * (4 * cores)
    ours.workflow(observed)
    rows: list[tuple[int, float, float, float, float]] = []
    for count in counts:
        with ThreadPoolExecutor(count) as pool:
            taken = []
            for _ in range(size.repeats):
                start = time.perf_counter()
                list(pool.map(ours.workflow, tasks))
                taken.append(time.perf_counter() - start)
        per_cohort = min(taken) / (len(tasks) * size.thread_block)
        faster = rows[0][1] / (1e3 * per_cohort) if rows else 1.0
        rows.append((count, 1e3 * per_cohort, faster, faster / count, serial_share(faster, count)))
    return (
        SpeedTable(
            "Threads",
            f"Wall time of the workflow over {len(tasks)} blocks of {size.thread_block} cohorts on a machine of {cores}"
            f" cores, least of {size.repeats} runs; whatever else the machine does is in it. The serial share is"
            " the one that by Amdahl's law would give this speed-up (Karp and Flatt 1990).",
            ("threads", "wall ms per cohort", "times faster than one", "share of the ideal", "serial share"),
            tuple(rows),
        ),
    )
