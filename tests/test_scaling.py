"""What more workers bring, as ratios within one run; on a machine with two free cores, else skipped."""

import time
from statistics import median

import pytest

from benchmarks.asked.blocks import Block, block_rows, blocks, prepare
from benchmarks.asked.load_study import load_study
from benchmarks.workers.executors import crew
from tests.idle import two_free_cores
from tests.measured import Measured

pytestmark = pytest.mark.slow
ROUNDS = 15  # one round alone gave from 1.6 to 2.2 on a virtual machine whose cores are shared


def _ratios(one: tuple[str, int], other: tuple[str, int], tasks: list[Block]) -> tuple[float, float]:
    """The median ratio of wall times of the tasks by warm workers, taken in turns; seconds of the other."""
    found, seconds = [], []
    with crew(*one) as a, crew(*other) as b:
        for workers in (a, b):
            list(workers.run_in_order(block_rows, tasks[:4]))
        for _ in range(ROUNDS):
            took = []
            for workers in (a, b):
                started = time.perf_counter()
                list(workers.run_in_order(block_rows, tasks))
                took.append(time.perf_counter() - started)
            found.append(took[0] / took[1])
            seconds.append(took[1])
    return median(found), median(seconds)


def _tasks(replicates: int, block: int | None = None) -> list[Block]:
    return blocks(prepare(load_study("paper", replicates=replicates).cells)[0], block)


def test_two_threads_are_nearly_twice_one(measured: Measured) -> None:
    two_free_cores()
    ratio, _ = _ratios(("threads", 1), ("threads", 2), _tasks(1560))
    measured("two threads against one", f"{ratio:.2f} times as fast")
    assert ratio > 1.8


def test_dask_costs_little_for_blocks_of_a_second(measured: Measured) -> None:
    two_free_cores()
    tasks = _tasks(6000, 750)
    ratio, seconds = _ratios(("dask", 2), ("threads", 2), tasks)
    measured("Dask against threads", f"{ratio:.2f} times the time, blocks of {2 * seconds / len(tasks):.2f} s")
    assert ratio < 1.15
