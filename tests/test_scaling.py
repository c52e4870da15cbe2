"""What more workers bring, as ratios within one run; on a machine with two free cores, else skipped."""

import os
import time
from statistics import median

import pytest

from benchmarks.blocks import Block, block_rows, blocks, prepare
from benchmarks.executors import crew
from benchmarks.verbs import load_study

pytestmark = pytest.mark.slow
ROUNDS = 5


def _free_cores() -> None:
    cores = len(os.sched_getaffinity(0))
    busy = os.getloadavg()[0]
    if cores < 2 or busy > 0.3 * cores:
        pytest.skip(f"needs two free cores: {cores} here, load {busy:.1f}")


def _seconds(backend: str, jobs: int, tasks: list[Block]) -> list[float]:
    """Wall time of the tasks by workers that are warm, several times."""
    found = []
    with crew(backend, jobs) as workers:
        list(workers.run_in_order(block_rows, tasks[:jobs]))
        for _ in range(ROUNDS):
            started = time.perf_counter()
            list(workers.run_in_order(block_rows, tasks))
            found.append(time.perf_counter() - started)
    return found


def _tasks(replicates: int, block: int | None = None) -> list[Block]:
    return blocks(prepare(load_study("paper", replicates=replicates).cells)[0], block)


def test_two_threads_are_nearly_twice_one() -> None:
    _free_cores()
    tasks = _tasks(1560)
    one, two = _seconds("threads", 1, tasks), _seconds("threads", 2, tasks)
    ratio = median(one) / median(two)
    print(f"two threads against one: {ratio:.2f}")
    assert ratio > 1.8


def test_dask_costs_little_for_blocks_of_a_second() -> None:
    _free_cores()
    tasks = _tasks(6000, 750)
    threads, dask = _seconds("threads", 2, tasks), _seconds("dask", 2, tasks)
    ratio = median(dask) / median(threads)
    print(f"dask against threads: {ratio:.2f}, blocks of {2 * median(threads) / len(tasks):.2f} s")
    assert ratio < 1.15
