"""Compiling all kernels into the cache, before a first run or an image is made: several processes, each a part.

A part is a tiny but complete use of public functions. The parts use disjoint kernels, apart from the smallest.
"""

import hashlib
import os
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from pathlib import Path

import numpy as np

from benchmarks.asked.asked_by import note
from simulator.numerics.arrays import Floats

_PATIENTS = 40
DONE = "done\n"
_PACKAGES = ("simulator", "analysis", "benchmarks")


def _wave(*shape: int) -> Floats:
    """Numbers between -1 and 1 that look like chance."""
    return np.sin(np.arange(np.prod(shape), dtype=np.float64) ** 2 + 1.0).reshape(shape)


def _propensity() -> None:
    from analysis.propensity.logistic_models import logistic, stepwise

    x, treated = _wave(2, _PATIENTS, 3), _wave(2, _PATIENTS) > 0
    stepwise(x, treated, range(3))
    logistic(x, treated)


def _cox() -> None:
    from analysis.survival.statistics import cox

    time_, event = 2.0 + _wave(2, _PATIENTS), _wave(2, _PATIENTS) > -0.5
    cluster = np.tile(np.arange(_PATIENTS // 2), (2, 2))
    cox(time_, event, _wave(2, _PATIENTS, 2), cluster=cluster)


def _simulation() -> None:
    from analysis.estimators import Sample
    from benchmarks.asked.blocks import prepare
    from benchmarks.asked.load_study import load_study
    from simulator.world.generate import generate

    (cell,) = prepare(load_study("paper", ("population.size=60",)).cells)
    numbers = np.arange(2)
    observed = generate(cell.resolved, 1, numbers).observed
    sample = Sample(observed, cell.scenario.analysis, numbers)
    sample.columns(("age>50",))


def _matching() -> None:
    from analysis.propensity.matching import match
    from analysis.survival import statistics

    time_, event, treated = 2.0 + _wave(2, _PATIENTS), _wave(2, _PATIENTS) > -0.5, _wave(2, _PATIENTS) > 0.2
    match(_wave(2, _PATIENTS), treated)
    statistics.cox_each(time_, event, treated[..., None].astype(np.float64))


def _tables() -> None:
    from analysis.survival import statistics
    from analysis.survival.two_arms import two_arms
    from analysis.two_samples.balance import smd
    from analysis.two_samples.baseline import BaselineRows, LevelRow, baseline

    time_, event, treated = 2.0 + _wave(2, _PATIENTS), _wave(2, _PATIENTS) > -0.5, _wave(2, _PATIENTS) > 0.2
    order = statistics.time_order(time_)
    statistics.km_quantile(time_, event, order=order)
    statistics.kaplan_meier(time_[0], event[0], present=np.ones(_PATIENTS, np.bool_))
    statistics.logrank(time_, event, treated, order=order)
    two_arms(time_, event, treated, order=order)
    values = np.stack([_wave(2, _PATIENTS), treated.astype(np.float64)], axis=-1)
    baseline(values, treated, BaselineRows((0,), (LevelRow(1, (0.0,), True),)), fisher="always", yates=True)
    smd(values, treated, weight=np.ones((2, _PATIENTS)))


def _weighted() -> None:
    from analysis.plan.analysis_plan import SurvivalPlan
    from analysis.survival.weighted_survival import robust_score, weighted_quantile
    from analysis.two_samples.weighted_samples import WeightedSamples, weighted_numbers, weighted_shares

    time_, event, treated = 2.0 + _wave(2, _PATIENTS), _wave(2, _PATIENTS) > -0.5, _wave(2, _PATIENTS) > 0.2
    present, weight = np.ones((2, _PATIENTS), np.bool_), np.ones((2, _PATIENTS))
    cluster = np.tile(np.arange(_PATIENTS // 2), (2, 2))
    sets = WeightedSamples.of(treated, present, weight, cluster)
    weighted_numbers(time_, sets)
    weighted_shares(event.astype(np.int64), 2, sets)
    robust_score(time_, event, treated, weight=weight, cluster=cluster)
    weighted_quantile(time_, event, treated, SurvivalPlan(), weight=weight, cluster=cluster)


def _competing() -> None:
    from analysis.survival.fine_gray import fine_gray
    from analysis.survival.gray import gray_test
    from analysis.survival.incidence import cumulative_incidence

    time_, cause = 2.0 + _wave(2, _PATIENTS), np.arange(2 * _PATIENTS).reshape(2, -1) % 3
    cumulative_incidence(time_, cause, 2.0)
    gray_test(time_, cause, _wave(2, _PATIENTS) > 0.2)
    fine_gray(time_, cause, _wave(2, _PATIENTS, 2))


def _learners() -> None:
    from analysis.propensity.learners import boosted, lasso

    x, treated, here = _wave(2, _PATIENTS, 3), _wave(2, _PATIENTS) > 0, np.ones((2, _PATIENTS), np.bool_)
    lasso(x, treated, here, range(3), _wave(2, _PATIENTS), 2)
    boosted(x, treated, here, range(3), 2)


def _estimators() -> None:
    """Every estimator of the study of all of them, once."""
    from analysis.estimators import Sample
    from benchmarks.asked.blocks import prepare
    from benchmarks.asked.load_study import load_study
    from simulator.world.generate import generate

    (cell,) = prepare(load_study("estimators", ("population.size=60",)).cells)
    numbers = np.arange(2)
    cohorts = generate(cell.resolved, 1, numbers)
    sample = Sample(cohorts.observed, cell.scenario.analysis, numbers, 1, cohorts.hidden.propensity)
    for estimator in cell.scenario.estimators:
        estimator.estimate(sample, next(iter(cell.scenario.endpoints)))


PARTS: dict[str, Callable[[], None]] = {
    "estimators": _estimators,
    "propensity": _propensity,
    "cox": _cox,
    "tables": _tables,
    "simulation": _simulation,
    "matching": _matching,
    "weighted": _weighted,
    "competing": _competing,
    "learners": _learners,
}
"""Longest first, so that the shorter ones fill the gaps."""

STUDY = ("propensity", "cox", "simulation", "matching")
COHORT = ("propensity", "cox", "tables", "matching")


@cache
def stamp() -> str:
    """A digest of all that decides what compiled code is: our sources, numba, LLVM, Python and the processor."""
    from llvmlite import binding
    from numba import __version__ as numba_version

    digest = hashlib.sha256()
    home = Path(__file__).resolve().parents[2]
    for package in _PACKAGES[:2]:
        for path in sorted((home / package).rglob("*.py")):
            digest.update(path.read_bytes())
    digest.update(f"{home} {numba_version} {sys.version} {binding.get_host_cpu_name()}".encode())
    return digest.hexdigest()[:16]


def folder() -> Path | None:
    """Where compiled code is kept; None where nothing can be."""
    from simulator.numerics.compiled import cache_home

    return cache_home()


def compiled(place: Path) -> list[str]:
    """The parts whose compiled code lies in the folder, for these sources on this machine."""
    return [name for name in PARTS if _mark(place, name).exists()]


def _mark(place: Path, name: str) -> Path:
    """The empty file that says that a part is compiled."""
    return place / f"warm-{stamp()}-{name}"


def warm_up(workers: int, say: Callable[[str], None], parts: Sequence[str] = tuple(PARTS)) -> float | None:
    """Seconds that compiling took; None where all was there already, or nothing can be kept (which is said).

    A part that fails in its process is left to the moment when it is needed.
    """
    place = folder()
    if place is None:
        say("no folder for compiled code can be written: every process compiles anew, half a minute long")
        return None
    there = compiled(place)
    waiting = [name for name in PARTS if name in parts and name not in there]
    if not waiting:
        return None
    long = "a minute" if "estimators" in waiting else "half a minute"
    say(f"compiling the kernels for this machine: about {long}, once")
    start = time.monotonic()
    for name in _in_processes(waiting, workers):
        try:
            _mark(place, name).touch()
        except OSError:
            say(f"{place}: cannot be written any more; not all compiled code is kept")
            break
    return time.monotonic() - start


def _in_processes(names: Sequence[str], workers: int) -> list[str]:
    """The parts that ended well, so many at once, a process taking one after the other."""
    waiting, well, alive = deque(names), list[str](), list["subprocess.Popen[str]"]()

    def work() -> None:
        process = None
        while waiting:
            name = waiting.popleft()
            if process is None:
                process = _process()
                alive.append(process)
            assert process.stdin is not None
            assert process.stdout is not None
            try:
                print(name, file=process.stdin, flush=True)
                done = process.stdout.readline() == DONE
            except OSError:
                done = False
            if done:
                well.append(name)
            else:
                process = None

    workers = max(min(workers, len(waiting)), 1)
    with ThreadPoolExecutor(workers) as pool:
        try:
            for task in [pool.submit(work) for _ in range(workers)]:
                task.result()
        finally:
            waiting.clear()
            for process in alive:
                process.kill()
                with suppress(OSError), process:  # closes the pipes
                    pass
    return well


def _process() -> "subprocess.Popen[str]":
    """A fresh interpreter that finds our packages where this one does, and does each part whose name it is told.

    It imports nothing from the current folder, which may be somebody else's.
    """
    home = str(Path(__file__).resolve().parents[2])
    code = f"import sys; sys.path.insert(0, {home!r}); from benchmarks.workers.warm_up import do_parts; do_parts()"
    pipe = subprocess.PIPE
    return subprocess.Popen(
        [sys.executable, "-P", "-c", code], stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True
    )


def do_parts() -> None:
    """Do each part named on a line of stdin, and say so on stdout."""
    for line in sys.stdin:
        PARTS[line.strip()]()
        print(DONE, end="", flush=True)


def ready_kernels(parts: Sequence[str]) -> float | None:
    """Compile what is not compiled yet, in several processes; seconds that it took, None where nothing was to do."""

    return warm_up(min(os.cpu_count() or 1, 4), note, parts)
