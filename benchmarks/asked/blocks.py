"""Cells and blocks of replicates: the unit of work, whose rows depend on nothing but its own content."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pyarrow as pa

from analysis.estimators import Estimator
from analysis.estimators.base import COUNTS, NUMBERS
from analysis.estimators.pooled import estimated
from analysis.kernels.status import Status
from benchmarks.asked.sampled import samples
from benchmarks.asked.scenario import Scenario, Settings
from simulator.documents.loading import digest
from simulator.numerics.arrow_columns import column_of, words_of
from simulator.world.generate import ResolvedWorld, generate, resolve
from simulator.world.sections import NOT_THE_WORLD

EndpointEstimators = tuple[tuple[str, Estimator], ...]
"""Endpoints, each with an estimator that is applied to it."""

PATIENTS_PER_BLOCK = 25_000
LEAST_WORKFLOWS = 8  # replicates, where a block has room for as many: what is not compiled costs as much for one


@dataclass(frozen=True)
class Cell:
    """One cell of a study: its number, what the sweep set, and the scenario made ready."""

    number: int
    settings: Settings
    scenario: Scenario
    resolved: ResolvedWorld

    @cached_property
    def key(self) -> str:
        """The digest of all that its cohorts and their analysis are made from: cells of the same key share rows."""
        world = self.scenario.model_dump(mode="json", exclude=set(NOT_THE_WORLD))
        return digest({**world, "seed": self.scenario.run.seed})

    @property
    def endpoints(self) -> tuple[str, ...]:
        """The endpoints of the cell, in the order of its rows."""
        return tuple(dict.fromkeys(endpoint for endpoint, _ in self.scenario.judged()))


@dataclass(frozen=True)
class Block:
    """Replicates ``first`` up to, not including, ``last`` of one cell, and what is estimated in them."""

    cell: Cell
    first: int
    last: int
    judged: EndpointEstimators


def prepare(cells: Iterable[tuple[Settings, Scenario]]) -> tuple[Cell, ...]:
    """The cells made ready; each world is resolved once, users' functions are named by their code."""
    return tuple(
        Cell(number, settings, _pinned(scenario), resolve(scenario))
        for number, (settings, scenario) in enumerate(cells)
    )


def _pinned(scenario: Scenario) -> Scenario:
    if not any(one.kind == "own" for one in scenario.estimators):
        return scenario
    estimators = tuple(one.pinned() if one.kind == "own" else one for one in scenario.estimators)
    return scenario.model_copy(update={"estimators": estimators})


def block_size(scenario: Scenario) -> int:
    """How many replicates make a block: memory is bounded by the block."""
    return max(1, min(100, PATIENTS_PER_BLOCK // scenario.screened()))


def workflow_block(scenario: Scenario) -> int:
    """How many replicates of the whole workflow make a block: all tables and models of one take some times as much."""
    whole = block_size(scenario)
    return max(whole // 4, min(LEAST_WORKFLOWS, whole))


def blocks(cell: Cell, size: int | None = None) -> list[Block]:
    """The blocks of a cell."""
    judged = tuple(cell.scenario.judged())
    step, total = size or block_size(cell.scenario), cell.scenario.run.replicates
    return [Block(cell, first, min(first + step, total), judged) for first in range(0, total, step)]


def pair_key(endpoint: str, estimator: Estimator) -> str:
    """The digest of an endpoint and an estimator with all its options, of a user's function with its code."""
    made = estimator.pinned() if estimator.kind == "own" else estimator
    return digest({"endpoint": endpoint, "estimator": made.model_dump(mode="json")})


def block_rows(block: Block) -> pa.Table:
    """The rows of one block, ordered by replicate, endpoint and estimator."""
    scenario = block.cell.scenario
    replicates = np.arange(block.first, block.last, dtype=np.int64)
    cohorts = generate(block.cell.resolved, scenario.run.seed, replicates)
    sampled = samples(scenario, cohorts, scenario.run.seed)
    made = [estimated(sampled, estimator, endpoint) for endpoint, estimator in block.judged]
    numbers = {name: np.stack([getattr(one, name) for one in made], axis=1).ravel() for name in (*NUMBERS, *COUNTS)}
    return _table(block, numbers, np.stack([one.status for one in made], axis=1).ravel())


def time_limit(block: Block) -> float | None:
    """The seconds that a process may take over a block: only what a study says of compiled estimators, and a minute.

    Users' own functions, of which one may be tried twice, are held to their time one by one.
    """
    run, missing = block.cell.scenario.run, block.cell.scenario.analysis.missing
    if run.compiled_timeout is None or all(one.kind == "own" for _, one in block.judged):
        return None
    calls = sum(2 if one.kind == "own" else 1 for _, one in block.judged)
    calls *= missing.imputations if missing.method == "imputation" else 1
    return 60.0 + run.compiled_timeout * calls * (block.last - block.first)


def lost_rows(block: Block, late: bool = False) -> pa.Table:
    """The rows of a block whose worker was lost each time, or took too long: no numbers, WORKER_LOST or TIMEOUT."""
    size = (block.last - block.first) * len(block.judged)
    numbers = {name: np.full(size, np.nan) for name in NUMBERS} | {name: np.zeros(size) for name in COUNTS}
    return _table(block, numbers, np.full(size, Status.TIMEOUT if late else Status.WORKER_LOST))


def halves(block: Block) -> Sequence[Block]:
    """The block in two: its replicates or, of one replicate, its estimators; empty for one estimator."""
    middle = (block.first + block.last) // 2
    if middle > block.first:
        return (replace(block, last=middle), replace(block, first=middle))
    some = len(block.judged) // 2
    return (replace(block, judged=block.judged[:some]), replace(block, judged=block.judged[some:])) if some else ()


def joined(tables: Sequence[pa.Table]) -> pa.Table:
    """The tables of neighbouring blocks as one."""
    return pa.concat_tables(tables).unify_dictionaries().combine_chunks()


def _table(block: Block, numbers: dict[str, np.ndarray], status: np.ndarray) -> pa.Table:
    replicates, each = np.arange(block.first, block.last, dtype=np.int64), len(block.judged)
    columns: dict[str, object] = {
        "replicate": column_of(np.repeat(replicates, each)),
        "endpoint": words_of([endpoint for endpoint, _ in block.judged] * len(replicates)).dictionary_encode(),
        "estimator": words_of([one.name for _, one in block.judged] * len(replicates)).dictionary_encode(),
    }
    columns |= {name: column_of(numbers[name], kind=pa.float64()) for name in NUMBERS}
    columns |= {name: column_of(numbers[name], kind=pa.int32()) for name in COUNTS}
    return pa.table({**columns, "status": column_of(status, kind=pa.int8())})
