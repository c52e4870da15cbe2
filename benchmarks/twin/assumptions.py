"""How much each assumption matters: by what factor the primary hazard ratio changes when an assumed value moves."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import exp, log, nan
from threading import Lock

import numpy as np

from analysis.paper.block_workflow import BlockAnalysis
from analysis.paper.numbers import BlockNumbers
from benchmarks.asked.blocks import workflow_block
from benchmarks.asked.free_places import DocumentTree, is_number
from benchmarks.asked.sampled import one_sample
from benchmarks.asked.scenario import Scenario
from benchmarks.derived.parts import Assumption
from benchmarks.twin.calibrate import LEFT_OUT
from benchmarks.twin.targets import with_leaf
from benchmarks.workers.executors import in_threads
from simulator.documents.merging import split_path
from simulator.numerics.arrays import Floats
from simulator.world.generate import Reference, generate, resolve_beside

REPLICATES = 200


@dataclass(frozen=True)
class WeighedAssumption:
    """An assumption and what it does to the mean log hazard ratio of the primary analysis when its value moves.

    ``moves`` is the change for a value one prior SD higher, and ``mcse`` its Monte Carlo standard error, both NaN where
    the value cannot be moved.
    """

    assumption: Assumption
    moves: float
    mcse: float


_ONE_WORLD = Lock()
"""Held while a world is worked out: its reference patients take some tens of megabytes meanwhile."""


def weighed(
    tree: DocumentTree,
    assumed: Sequence[Assumption],
    place: str,
    seed: int,
    jobs: int,
    done: Callable[[int, int], None],
) -> list[WeighedAssumption]:
    """The assumptions of a world's ``tree``, those first that most move the ratio at a ``place`` of its numbers.

    Cohorts share their luck, so that a change is that of the value alone.
    """
    key = f"{place}.log_hr"
    bare = {name: part for name, part in tree.items() if name not in LEFT_OUT}
    stated = _log_ratios(bare, key, seed, None)

    def one(assumption: Assumption) -> WeighedAssumption:
        moved = _moved(bare, assumption)
        change = np.full(1, nan) if moved is None or stated is None else _difference(moved, key, seed, stated)
        change = change[np.isfinite(change)]
        if len(change) < 2:
            return WeighedAssumption(assumption, nan, nan)
        return WeighedAssumption(assumption, float(change.mean()), float(change.std(ddof=1) / np.sqrt(len(change))))

    found = list(in_threads(one, assumed, jobs, lambda count: done(count, len(assumed))))
    return sorted(found, key=lambda one: -abs(one.moves) if np.isfinite(one.moves) else 1.0)


@dataclass(frozen=True)
class _Stated:
    """The log hazard ratio of each replicate ``(R,)`` of the stated world, and its reference patients."""

    log_hr: Floats
    reference: Reference


def _difference(tree: DocumentTree, key: str, seed: int, stated: _Stated) -> Floats:
    """What the moved value changes in each replicate."""
    found = _log_ratios(tree, key, seed, stated.reference)
    return np.full(1, nan) if found is None else found.log_hr - stated.log_hr


def _moved(tree: DocumentTree, one: Assumption) -> DocumentTree | None:
    """The tree with the value one prior SD higher; None where it has no such place or the value is no number."""
    if one.prior_sd is None or isinstance(one.value, str):
        return None
    value = exp(log(one.value) + one.prior_sd) if one.log and one.value > 0 else one.value + one.prior_sd
    for text in (one.path, *one.also):
        path = split_path(text, tree)
        if path is None or not is_number(tree, path):
            return None
        tree = with_leaf(tree, path, value)
    return tree


def _log_ratios(tree: DocumentTree, key: str, seed: int, near: Reference | None) -> _Stated | None:
    """The log hazard ratio of each replicate; None where the tree is no world."""
    try:
        scenario = Scenario.model_validate(tree)
        with _ONE_WORLD:
            (resolved, reference), size = resolve_beside(scenario, near), workflow_block(scenario)
    except ValueError:  # of a world that cannot be
        return None
    parts = []
    for first in range(0, REPLICATES, size):
        numbers = np.arange(first, min(first + size, REPLICATES), dtype=np.int64)
        sample = one_sample(scenario, generate(resolved, seed, numbers), seed)
        parts.append(BlockNumbers(BlockAnalysis(sample)).of(key))
    return _Stated(np.concatenate(parts), reference)
