"""A study: cells x blocks of replicates, computed in parallel, each row at its own address.

Every block is a pure function of (cell, replicate numbers, seed), so any split of the work gives the same rows.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property

import pandas as pd
import pyarrow as pa

from analysis.kernels.status import Status
from benchmarks.blocks import Block, Cell, block_rows, block_size, halves, joined, lost_rows, pair_key
from benchmarks.executors import Crew, Rescue, chosen, crew
from benchmarks.looks import Look, look, schedule
from benchmarks.parts import Parts
from benchmarks.performance import Measure, performance
from benchmarks.rows import KEYS, NUMBERS, Layout, Rows, merged
from benchmarks.store import RunError, RunFolder
from benchmarks.truth import Truth
from benchmarks.truths import aims, kept_truths, read_truths, truth_record

Told = Callable[[str, int, int], None]
"""Hears the stage of long work, how many of its steps are done, and of how many."""

RESULTS = "results.parquet"
MADE_OF = "results.json"
TRUTHS = "truth.json"
LOOKS = "looks.json"


@dataclass(frozen=True)
class StudyResult:
    """Everything that a study found: its rows, truths and performance."""

    cells: tuple[Cell, ...]
    rows: Rows
    truths: dict[tuple[int, str, str], Truth]
    performance: pd.DataFrame
    rows_sha256: str
    looks: tuple[Look, ...] = ()

    @cached_property
    def measured(self) -> dict[tuple[int, str, str], dict[str, Measure]]:
        """The measures by cell, endpoint and estimator."""
        found: dict[tuple[int, str, str], dict[str, Measure]] = {}
        columns = (self.performance[name] for name in (*KEYS, "measure", "value", "mcse"))
        for cell, endpoint, estimator, name, value, mcse in zip(*columns, strict=True):
            found.setdefault((cell, endpoint, estimator), {})[name] = Measure(value, mcse)
        return found


@dataclass(frozen=True)
class Work:
    """How a study is computed, which changes no number: workers, where they are, replicates per block."""

    jobs: int
    block: int | None = None
    backend: str = "auto"

    def workers(self, cells: Sequence[Cell]) -> str:
        """The backend for these cells: users' own functions hold the GIL, so they want processes."""
        plain_python = any(one.kind == "own" for cell in cells for one in cell.scenario.estimators)
        return chosen(self.backend, plain_python, self.jobs)


def compute(
    cells: Sequence[Cell], folder: RunFolder, work: Work, told: Told, shard: tuple[int, int] = (1, 1)
) -> tuple[int, int]:
    """How many missing blocks were computed and written, and how many were missing in all shards.

    A shard ``(k, n)`` computes every n-th of them, from the k-th on.
    """
    parts = Parts(folder)
    alike = {_content(block): block for cell in cells for block in parts.missing(cell, work.block)}
    missing = list(alike.values())
    todo = [block for block in missing if _turn(block, work.block) % shard[1] == shard[0] - 1]
    if not todo:
        return 0, len(missing)
    folder.note(f"{len(todo)} blocks to compute with {work.workers(cells)}, {work.jobs} jobs")
    with crew(work.workers(cells), work.jobs) as workers:
        for _ in _computed(workers, parts, todo, told):
            pass
    folder.note(f"{len(todo)} blocks computed")
    return len(todo), len(missing)


def _content(block: Block) -> tuple[object, ...]:
    """What the rows of a block are made from: cells that differ in their number alone share them."""
    return block.cell.key, block.first, block.last, tuple(pair_key(*one) for one in block.judged)


def _turn(block: Block, size: int | None) -> int:
    """The number of a block among all of its study's, whatever else is there already: so shards never overlap."""
    return block.cell.number + block.first // (size or block_size(block.cell.scenario))


def _computed(workers: Crew, parts: Parts, todo: Sequence[Block], told: Told) -> Iterator[pa.Table]:
    """The rows of the blocks, each written as soon as it is there."""

    def done(count: int) -> None:
        told("blocks of replicates", count, len(todo))

    rescue = Rescue(halves, joined, lost_rows)
    return workers.run_in_order(block_rows, todo, done, parts.keep, rescue)


def all_rows(cells: tuple[Cell, ...], folder: RunFolder, work: Work, told: Told) -> Rows:
    """All rows of the cells, computed where they are missing, in one file."""
    computed, _ = compute(cells, folder, work, told)
    made_of = json.dumps([_made_of(cell) for cell in cells]).encode()
    if computed or folder.read_checked(MADE_OF) != made_of or not folder.whole(RESULTS):
        parts = Parts(folder)
        folder.write_tables(RESULTS, merged(table for cell in cells for table in parts.rows(cell)))
        folder.write_checked(MADE_OF, made_of)
    return Rows(folder.path / RESULTS, layout_of(cells))


def _made_of(cell: Cell) -> list[object]:
    return [cell.key, cell.scenario.run.replicates, [pair_key(*one) for one in cell.scenario.judged()]]


def layout_of(cells: tuple[Cell, ...]) -> Layout:
    """The order of the rows of a study of these cells."""
    return Layout(
        {cell.number: cell.scenario.run.replicates for cell in cells},
        {cell.number: tuple((endpoint, one.name) for endpoint, one in cell.scenario.judged()) for cell in cells},
    )


def judge(rows: Rows, truths: dict[tuple[int, str, str], Truth]) -> pd.DataFrame:
    """Performance of every estimator: one row per cell, endpoint, estimator and measure, with Monte Carlo SE."""
    table: list[dict[str, object]] = []
    for key, truth in truths.items():
        numbers, status = rows.of(*key, NUMBERS)
        ok = status == Status.OK
        for name in NUMBERS:  # one at a time: replicates may be millions
            numbers[name] = numbers[name][ok]
        value, se, low, high, p = (numbers[name] for name in NUMBERS)
        left_out = len(ok) - len(value)
        measures = performance(value, se, low, high, p, status[ok], truth.value, truth.mcse, left_out=left_out)
        start = dict(zip(KEYS, key, strict=True))
        table += [
            {**start, "measure": name, "value": measure.value, "mcse": measure.mcse}
            for name, measure in measures.items()
        ]
    return pd.DataFrame(table)


def _with_replicates(cell: Cell, count: int | None) -> Cell:
    """The cell with so many replicates; as it is for None."""
    if count is None:
        return cell
    run = cell.scenario.run.model_copy(update={"replicates": count})
    return replace(cell, scenario=cell.scenario.model_copy(update={"run": run}))


def look_at(cell: Cell, table: pd.DataFrame) -> Look:
    """What a look at the performance of a cell finds."""
    until = cell.scenario.run.until
    assert until is not None
    own = table[table["cell"] == cell.number]
    found = {
        (str(endpoint), str(estimator)): {
            str(name): Measure(float(value), float(mcse))
            for name, value, mcse in zip(part["measure"], part["value"], part["mcse"], strict=True)
        }
        for (endpoint, estimator), part in own.groupby(["endpoint", "estimator"], sort=False)
    }
    return look(cell.number, cell.scenario.run.replicates, found, until, RunError)


def run_study(cells: tuple[Cell, ...], folder: RunFolder, work: Work, told: Told) -> StudyResult:
    """The study computed, its rows, truths and performance written to the folder, which is kept to this process."""
    with folder.lock():
        return _run_study(cells, folder, work, told)


def _run_study(cells: tuple[Cell, ...], folder: RunFolder, work: Work, told: Told) -> StudyResult:
    schedules = {
        cell.number: iter(schedule(cell.scenario, until, block_size(cell.scenario)))
        for cell in cells
        if (until := cell.scenario.run.until) is not None
    }
    cells = tuple(_with_replicates(cell, next(schedules.get(cell.number, iter(())), None)) for cell in cells)
    looks: dict[tuple[int, int], Look] = {}
    while True:
        rows = all_rows(cells, folder, work, told)
        truths: dict[tuple[int, str, str], Truth] = {}
        for cell in cells:
            found = kept_truths(cell, folder, work.jobs, lambda _: None, aims(cell, rows))
            told("truths", cell.number + 1, len(cells))
            truths |= {(cell.number, *key): truth for key, truth in found.items()}
        table = judge(rows, truths)
        now = [look_at(cell, table) for cell in cells if cell.number in schedules]
        looks |= {(one.cell, one.replicates): one for one in now}
        more = {one.cell: next(schedules[one.cell], None) for one in now if not one.enough}
        if not any(more.values()):
            break
        cells = tuple(_with_replicates(cell, more.get(cell.number)) for cell in cells)
    result = StudyResult(cells, rows, truths, table, rows.digest(), tuple(looks.values()))
    if looks:
        folder.write_checked_json(LOOKS, [asdict(one) for one in result.looks])
    folder.write_checked_json(TRUTHS, [truth_record(key, truth) for key, truth in truths.items()])
    folder.write_bytes("performance.csv", result.performance.to_csv(index=False).encode())
    folder.write_table("performance.parquet", pa.Table.from_pandas(result.performance, preserve_index=False))
    folder.write_table("failures.parquet", pa.Table.from_pandas(rows.failures(), preserve_index=False))
    return result


def read_study(cells: tuple[Cell, ...], folder: RunFolder) -> StudyResult:
    """The result of a finished run, from its folder; RunError where it is incomplete or damaged."""
    if not folder.whole(RESULTS):
        raise RunError(f"{folder.path}: holds no complete run ({RESULTS}); finish it with `trialtwin run`")
    looking = any(cell.scenario.run.until is not None for cell in cells)
    looks = _looks(folder) if looking else ()
    reached = {one.cell: one.replicates for one in looks}
    cells = tuple(_with_replicates(cell, reached.get(cell.number)) for cell in cells)
    rows = Rows(folder.path / RESULTS, layout_of(cells))
    try:
        truths = read_truths(folder.read_checked_json(TRUTHS))
    except ValueError:
        raise RunError(f"{folder.path}: its {TRUTHS} is not one of ours; run the study again") from None
    if any(
        (cell.number, endpoint, one.name) not in truths for cell in cells for endpoint, one in cell.scenario.judged()
    ):
        raise RunError(f"{folder.path}: its {TRUTHS} is of another study; run the study again")
    return StudyResult(cells, rows, truths, judge(rows, truths), rows.digest(), looks)


def _looks(folder: RunFolder) -> tuple[Look, ...]:
    try:
        return tuple(Look(**record) for record in folder.read_checked_json(LOOKS))
    except TypeError:
        raise RunError(f"{folder.path}: its {LOOKS} is not one of ours; run the study again") from None
