"""A study: cells x blocks of replicates, computed in parallel, each row at its own address.

Every block is a pure function of (cell, replicate numbers, seed), so any split of the work gives the same rows.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property, partial
from math import hypot, isfinite, nan
from threading import Lock
from typing import Literal

import pyarrow as pa

from analysis.estimators.base import NUMBERS
from analysis.kernels.status import Status
from benchmarks.asked.blocks import Block, Cell, block_rows, block_size, halves, joined, lost_rows, pair_key, time_limit
from benchmarks.asked.errors import RunError
from benchmarks.asked.whom import Whom, in_cells, whom
from benchmarks.performance.looks import Look, look, schedule
from benchmarks.performance.measures import Measure, in_direction, performance
from benchmarks.runs.parts import Parts
from benchmarks.runs.records import FAILURES, PERFORMANCE, Record, as_csv, as_parquet
from benchmarks.runs.retries import Again, lost_blocks, mend
from benchmarks.runs.rows import KEYS, Layout, Rows, merged
from benchmarks.runs.store import RunFolder
from benchmarks.study.tidy import tidied
from benchmarks.truth.counted import Truth
from benchmarks.truth.of_cells import Truths, aims, all_estimands, kept_truths, lacking, read_truths
from benchmarks.workers.dask_tls import Tls
from benchmarks.workers.executors import Crew, Rescue, chosen, crew
from benchmarks.workers.stuck import stalled
from simulator.cohort.estimand import Estimand

RESCUE = Rescue(halves, joined, lost_rows, time_limit, partial(lost_rows, late=True))
ProgressCall = Callable[[str, int, int], None]
"""Hears the stage of long work, how many of its steps are done, and of how many."""

RESULTS = "results.parquet"
MADE_OF = "results.json"
TRUTHS = "truth.json"
LOOKS = "looks.json"

JudgedBy = Literal["target", "own"]
"""By the truth of the study's target, the same for all, or by that of the estimator's own estimand."""
ANY_QUESTION = (
    "mean", "empirical_se", "model_se", "relative_error_model_se", "power", "type_1_error", "power_failures_counted",
    "type_1_error_failures_counted", "convergence",
)  # fmt: skip
"""Measures that need no truth: those of tests, and of who does not answer the target."""


@dataclass(frozen=True)
class StudyResult:
    """Everything that a study found: its rows, truths and performance.

    ``truths`` are of each estimator's own estimand, ``targets`` of the study's target in the same marginal measure,
    ``directions`` of the target's hazard ratio by cell and endpoint where there are tests.
    """

    cells: tuple[Cell, ...]
    rows: Rows
    truths: dict[tuple[int, str, str], Truth]
    performance: list[Record]
    rows_sha256: str
    looks: tuple[Look, ...] = ()
    targets: dict[tuple[int, str, str], Truth] = field(default_factory=dict)
    directions: dict[tuple[int, str], Truth] = field(default_factory=dict)

    @cached_property
    def measured(self) -> dict[tuple[int, str, str, str], dict[str, Measure]]:
        """The measures by cell, endpoint, estimator and by what it is judged, ``target`` or ``own``."""
        found: dict[tuple[int, str, str, str], dict[str, Measure]] = {}
        for one in self.performance:
            key = one["cell"], one["endpoint"], one["estimator"], one["judged_by"]
            found.setdefault(key, {})[one["measure"]] = Measure(one["value"], one["mcse"])
        return found

    @cached_property
    def whom(self) -> Whom:
        """Whom the first cell is about."""
        return whom(self.cells[0])

    @cached_property
    def whom_by_cell(self) -> dict[int, Whom]:
        """Whom each cell is about, where cells have targets of their own; else none."""
        return {cell.number: whom(cell) for cell in self.cells} if self.has_targets else {}

    @property
    def has_targets(self) -> bool:
        """Whether the sweep gives cells different targets."""
        return len({cell.scenario.target for cell in self.cells}) > 1

    @property
    def people(self) -> str:
        """The sentence that says who the patients are; of each cell where their targets differ."""
        return in_cells(self.whom_by_cell) if self.has_targets else self.whom.sentence

    def asks_another(self, cell: int, endpoint: str, estimator: str) -> bool:
        """Whether an estimator answers another question than the target's, as a conditional hazard ratio does."""
        return asks_another(self.truths[cell, endpoint, estimator].estimand)


def asks_another(own: Estimand) -> bool:
    """Whether an estimand is given covariates, so that no marginal target can judge who estimates it."""
    return own.measure.startswith("conditional") or bool(own.adjusted_for)


@dataclass(frozen=True)
class Work:
    """How a study is computed, which changes no number: workers, where they are, replicates per block.

    With ``retry`` what was lost is computed again, but for parts that were ``made`` by this very work.
    """

    jobs: int
    block: int | None = None
    backend: str = "auto"
    tls: Tls | None = None
    retry: bool = True
    made: set[str] = field(default_factory=set, compare=False)

    def workers(self, cells: Sequence[Cell]) -> str:
        """The backend for these cells: users' own functions hold the GIL, so they want processes."""
        plain_python = any(one.kind == "own" for cell in cells for one in cell.scenario.estimators)
        return chosen(self.backend, plain_python, self.jobs)


def compute(
    cells: Sequence[Cell], folder: RunFolder, work: Work, told: ProgressCall, shard: tuple[int, int] = (1, 1)
) -> tuple[int, int]:
    """How many missing blocks were computed and written, and how many were missing in all shards.

    A shard ``(k, n)`` computes every n-th of them, from the k-th on.
    """
    parts = Parts(folder)
    alike = {_content(block): block for cell in cells for block in parts.missing(cell, work.block)}
    missing = list(alike.values())
    todo = [block for block in missing if _turn(block, work.block) % shard[1] == shard[0] - 1]
    again = _to_retry(cells, parts, work, shard) if work.retry else []
    if not todo and not again:
        return 0, len(missing)
    folder.note(f"{len(todo)} blocks to compute with {work.workers(cells)}, {work.jobs} jobs")
    with crew(work.workers(cells), work.jobs, work.tls) as workers:
        if again:
            _retried(workers, parts, again, work, told)
        for _ in _computed(workers, parts, todo, work, told) if todo else ():
            pass
    folder.note(f"{len(todo)} blocks computed")
    return len(todo) + len(again), len(missing)


def _to_retry(cells: Sequence[Cell], parts: Parts, work: Work, shard: tuple[int, int]) -> list[Again]:
    """What was lost, each place once, of the parts that fall to this shard: no two processes mend the same one."""
    found = {
        (one.part.file, one.block.first, one.block.judged): one
        for cell in cells
        for one in lost_blocks(parts, cell, work.block, work.made)
        if _turn(Block(cell, one.part.first, one.part.last, ()), work.block) % shard[1] == shard[0] - 1
    }
    return list(found.values())


def _retried(workers: Crew, parts: Parts, again: Sequence[Again], work: Work, told: ProgressCall) -> None:
    """Compute once more what was lost, and put it into its parts as it comes."""
    count = sum((one.block.last - one.block.first) * len(one.block.judged) for one in again)
    parts.folder.note(f"{count} lost estimates to try again")
    parts.folder.write_checked(MADE_OF, b"[]")  # the rows are put together anew, whatever interrupts this
    gained, guard = 0, Lock()
    of = {id(one.block): one for one in again}

    def keep(block: Block, table: pa.Table) -> None:
        nonlocal gained
        with guard:
            gained += mend(parts, of[id(block)], table)
            work.made.add(parts.place(of[id(block)].part.file))

    def done(finished: int) -> None:
        told("lost estimates tried again", finished, len(again))

    for _ in workers.run_in_order(block_rows, [one.block for one in again], done, keep, RESCUE, stalled(told)):
        pass
    parts.folder.note(f"{gained} of {count} lost estimates found")


def _content(block: Block) -> tuple[object, ...]:
    """What the rows of a block are made from: cells that differ in their number alone share them."""
    return block.cell.key, block.first, block.last, tuple(pair_key(*one) for one in block.judged)


def _turn(block: Block, size: int | None) -> int:
    """The number of a block among all of its study's, whatever else is there already: so shards never overlap."""
    return block.cell.number + block.first // (size or block_size(block.cell.scenario))


def _computed(workers: Crew, parts: Parts, todo: Sequence[Block], work: Work, told: ProgressCall) -> Iterator[pa.Table]:
    """The rows of the blocks, each written as soon as it is there."""

    def keep(block: Block, table: pa.Table) -> None:
        work.made.add(parts.place(parts.keep(block, table)))

    def done(count: int) -> None:
        told("blocks of simulated studies", count, len(todo))

    done(0)
    return workers.run_in_order(block_rows, todo, done, keep, RESCUE, stalled(told))


def all_rows(cells: tuple[Cell, ...], folder: RunFolder, work: Work, told: ProgressCall) -> Rows:
    """All rows of the cells, computed where they are missing, in one file."""
    computed, _ = compute(cells, folder, work, told)
    if computed or folder.read_checked(MADE_OF) != made_of(cells) or not folder.whole(RESULTS):
        parts = Parts(folder)
        folder.write_tables(RESULTS, merged(table for cell in cells for table in parts.rows(cell)))
        folder.write_checked(MADE_OF, made_of(cells))
    return Rows(folder.path / RESULTS, layout_of(cells))


def made_of(cells: Sequence[Cell]) -> bytes:
    """What the rows of these cells are made from, as the folder notes it."""
    return json.dumps([_made_of(cell) for cell in cells]).encode()


def _made_of(cell: Cell) -> list[object]:
    return [cell.key, cell.scenario.run.replicates, [pair_key(*one) for one in cell.scenario.judged()]]


def layout_of(cells: tuple[Cell, ...]) -> Layout:
    """The order of the rows of a study of these cells."""
    return Layout(
        {cell.number: cell.scenario.run.replicates for cell in cells},
        {cell.number: tuple((endpoint, one.name) for endpoint, one in cell.scenario.judged()) for cell in cells},
    )


def judge(rows: Rows, truths: Truths) -> list[Record]:
    """Performance of every estimator by the target and by its own estimand, each measure with its Monte Carlo SE."""
    table: list[Record] = []
    for key, own in truths.own.items():
        target = truths.target[key]
        numbers, status = rows.of(*key, NUMBERS)
        ok = status == Status.OK
        for name in NUMBERS:  # one at a time: replicates may be millions
            numbers[name] = numbers[name][ok]
        value, se, low, high, p = (numbers[name] for name in NUMBERS)
        found = partial(performance, value, se, low, high, p, status[ok], left_out=len(ok) - len(value))
        by_own = found(*_finite(own))
        alike = _finite(own) == _finite(target)
        by_target = dict(by_own if alike else found(*_finite(target)))
        another = asks_another(own.estimand)
        if another or own.estimand.measure == "none":
            by_target = {name: by_target[name] for name in ANY_QUESTION if name in by_target}
        if another:
            distance = Measure(own.value - target.value, hypot(own.mcse, target.mcse))
            by_target["distance_of_truths"] = distance
        direction = truths.direction.get(key[:2])
        if own.estimand.measure == "none" and direction is not None:
            sign = Measure(direction.value, direction.mcse)
            by_target["rejection_in_direction"] = in_direction(value, p, status[ok], sign)
        start = dict(zip(KEYS, key, strict=True))
        table += [
            {**start, "judged_by": judged_by, "measure": name, "value": measure.value, "mcse": measure.mcse}
            for judged_by, measures in (("target", by_target), ("own", by_own))
            for name, measure in measures.items()
        ]
    return table


def _finite(truth: Truth) -> tuple[float, float]:
    """A truth's value and error; no truth where it is not reached."""
    return (truth.value, truth.mcse) if isfinite(truth.value) else (nan, nan)


def with_replicates(cell: Cell, count: int | None) -> Cell:
    """The cell with so many replicates; as it is for None."""
    if count is None:
        return cell
    run = cell.scenario.run.model_copy(update={"replicates": count})
    return replace(cell, scenario=cell.scenario.model_copy(update={"run": run}))


def look_at(cell: Cell, table: Sequence[Record]) -> Look:
    """What a look at the performance of a cell finds."""
    until = cell.scenario.run.until
    assert until is not None
    found: dict[tuple[str, str], dict[str, Measure]] = {}
    for judged_by in ("own", "target"):  # the target's measures come over those of the own estimand
        for one in table:
            if one["cell"] == cell.number and one["judged_by"] == judged_by:
                own = found.setdefault((one["endpoint"], one["estimator"]), {})
                own[one["measure"]] = Measure(one["value"], one["mcse"])
    return look(cell.number, cell.scenario.run.replicates, found, until, RunError)


def run_study(cells: tuple[Cell, ...], folder: RunFolder, work: Work, told: ProgressCall) -> StudyResult:
    """The study computed, its rows, truths and performance written to the folder, which is kept to this process."""
    with folder.lock():
        return _run_study(cells, folder, work, told)


def _run_study(cells: tuple[Cell, ...], folder: RunFolder, work: Work, told: ProgressCall) -> StudyResult:
    schedules = {
        cell.number: iter(schedule(cell.scenario, until, block_size(cell.scenario)))
        for cell in cells
        if (until := cell.scenario.run.until) is not None
    }
    cells = tuple(with_replicates(cell, next(schedules.get(cell.number, iter(())), None)) for cell in cells)
    looks: dict[tuple[int, int], Look] = {}
    while True:
        rows = all_rows(cells, folder, work, told)
        truths = Truths({}, {}, {})
        for cell in cells:
            truths |= kept_truths(cell, folder, work.jobs, lambda _: None, aims(cell, rows))
            told("truths", cell.number + 1, len(cells))
        table = judge(rows, truths)
        now = [look_at(cell, table) for cell in cells if cell.number in schedules]
        looks |= {(one.cell, one.replicates): one for one in now}
        more = {one.cell: next(schedules[one.cell], None) for one in now if not one.enough}
        if not any(more.values()):
            break
        work = replace(work, retry=False)
        cells = tuple(with_replicates(cell, more.get(cell.number)) for cell in cells)
    tidied(rows, cells, truths, folder)
    result = _result(cells, rows, truths, table, tuple(looks.values()))
    if looks:
        folder.write_checked_json(LOOKS, [asdict(one) for one in result.looks])
    folder.write_checked_json(TRUTHS, truths.records())
    folder.write_bytes("performance.csv", as_csv(result.performance, PERFORMANCE).encode())
    folder.write_checked("performance.parquet", as_parquet(result.performance, PERFORMANCE))
    folder.write_checked("failures.parquet", as_parquet(rows.failures(), FAILURES))
    return result


def read_study(cells: tuple[Cell, ...], folder: RunFolder) -> StudyResult:
    """The result of a finished run, from its folder; RunError where it is incomplete or damaged."""
    if not folder.whole(RESULTS):
        raise RunError(f"{folder.path}: holds no complete run ({RESULTS}); finish it with `trialtwin run`")
    looking = any(cell.scenario.run.until is not None for cell in cells)
    looks = read_looks(folder, cells) if looking else ()
    reached = {one.cell: one.replicates for one in looks}
    cells = tuple(with_replicates(cell, reached.get(cell.number)) for cell in cells)
    rows = Rows(folder.path / RESULTS, layout_of(cells))
    try:
        truths = read_truths(folder.read_checked_json(TRUTHS))
    except ValueError:
        raise RunError(f"{folder.path}: its {TRUTHS} is not one of ours; run the study again") from None
    held = len(truths.own) + len(truths.target) + len(truths.direction)
    if any(lacking(cell, truths) for cell in cells) or held != sum(len(all_estimands(cell)) for cell in cells):
        raise RunError(f"{folder.path}: its {TRUTHS} is of another study; run the study again")
    return _result(cells, rows, truths, judge(rows, truths), looks)


def _result(
    cells: tuple[Cell, ...], rows: Rows, truths: Truths, table: list[Record], looks: tuple[Look, ...]
) -> StudyResult:
    return StudyResult(cells, rows, truths.own, table, rows.digest(), looks, truths.target, truths.direction)


def read_looks(folder: RunFolder, cells: Sequence[Cell]) -> tuple[Look, ...]:
    """The looks of a study with run.until; RunError where they are none that it can have had."""
    held = folder.read_checked_json(LOOKS)
    until = {cell.number: cell.scenario.run.until for cell in cells}
    try:
        looks = tuple(Look(**record) for record in held)
        for one in looks:
            own = until[one.cell]
            counts = type(one.cell) is int and type(one.replicates) is int and type(one.enough) is bool
            if own is None or not counts or not 1 <= one.replicates <= own.most:
                raise ValueError("no look of this study")
            if set(one.errors) != set(own.mcse) or set(one.whose) != set(own.mcse):
                raise ValueError("other measures")
            if not all(map(isfinite, one.errors.values())) or not all(type(who) is str for who in one.whose.values()):
                raise ValueError("no errors")
    except (TypeError, ValueError, KeyError, OverflowError):
        raise RunError(f"{folder.path}: its {LOOKS} is not one of ours; run the study again") from None
    return looks
