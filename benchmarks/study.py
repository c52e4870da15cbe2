"""A study: cells x blocks of replicates, computed in parallel, each row at its own address.

Every block is a pure function of (cell, replicate numbers, seed), so any split of the work gives the same rows.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import TypeVar

import numpy as np
import pandas as pd
import pyarrow as pa

from analysis.estimators.pooled import estimated
from analysis.kernels.status import Status
from benchmarks.looks import Look, look, schedule
from benchmarks.performance import Measure, performance
from benchmarks.rows import KEYS, NUMBERS, Layout, Rows, merged
from benchmarks.sampled import samples
from benchmarks.scenario import Scenario, Settings
from benchmarks.store import RunError, RunFolder
from benchmarks.tallies import GROUPS, Counts
from benchmarks.truth import (
    CONDITIONAL_SHARE,
    Patients,
    Truth,
    conditional_group,
    conditional_truth,
    count_block,
    counted_truth,
    known_truth,
)
from simulator.estimand import Estimand
from simulator.generate import Resolved, generate, resolve

_T = TypeVar("_T")
_S = TypeVar("_S")
Key = tuple[str, str]
"""An endpoint and the name of an estimator."""

PATIENTS_PER_BLOCK = 50_000
RESULTS = "results.parquet"


@dataclass(frozen=True)
class Cell:
    """One cell of a study: its number, what the sweep set, and the scenario made ready."""

    number: int
    settings: Settings
    scenario: Scenario
    resolved: Resolved


@dataclass(frozen=True)
class Block:
    """Replicates ``first`` up to, not including, ``last`` of one cell."""

    cell: Cell
    first: int
    last: int

    @property
    def name(self) -> str:
        """The file name of its part."""
        return f"parts/c{self.cell.number:05d}-r{self.first:09d}-{self.last:09d}.parquet"


@dataclass(frozen=True)
class StudyResult:
    """Everything that a study found: its rows, truths and performance."""

    cells: tuple[Cell, ...]
    rows: Rows
    truths: dict[tuple[int, str, str], Truth]
    performance: pd.DataFrame
    rows_sha256: str
    looks: tuple[Look, ...] = ()


def prepare(cells: Iterable[tuple[Settings, Scenario]]) -> tuple[Cell, ...]:
    """The cells made ready; each world is resolved once."""
    return tuple(
        Cell(number, settings, scenario, resolve(scenario)) for number, (settings, scenario) in enumerate(cells)
    )


def block_size(scenario: Scenario) -> int:
    """How many replicates make a block: memory is bounded by the block."""
    return max(1, min(100, PATIENTS_PER_BLOCK // scenario.screened()))


def blocks(cell: Cell, size: int | None = None) -> list[Block]:
    """The blocks of a cell."""
    step, total = size or block_size(cell.scenario), cell.scenario.run.replicates
    return [Block(cell, first, min(first + step, total)) for first in range(0, total, step)]


def block_rows(block: Block) -> pa.Table:
    """The rows of one block, ordered by replicate, endpoint and estimator."""
    cell, scenario = block.cell, block.cell.scenario
    replicates = np.arange(block.first, block.last, dtype=np.int64)
    cohorts = generate(cell.resolved, scenario.run.seed, replicates)
    sampled = samples(scenario, cohorts, scenario.run.seed)
    made = [(e, m, estimated(sampled, m, e)) for e, m in scenario.judged()]
    each = len(made)
    columns: dict[str, object] = {
        "cell": np.full(len(replicates) * each, cell.number, np.int32),
        "replicate": np.repeat(replicates, each),
        "endpoint": pa.array([e for e, _, _ in made] * len(replicates)).dictionary_encode(),
        "estimator": pa.array([m.name for _, m, _ in made] * len(replicates)).dictionary_encode(),
    }
    for name in NUMBERS:
        columns[name] = np.stack([getattr(estimate, name) for _, _, estimate in made], axis=1).ravel()
    for name in ("n", "events"):
        counts = np.stack([getattr(estimate, name) for _, _, estimate in made], axis=1).ravel()
        columns[name] = counts.astype(np.int32)
    columns["status"] = np.stack([estimate.status for _, _, estimate in made], axis=1).ravel().astype(np.int8)
    return pa.table(columns)


def run_in_order(
    function: Callable[[_T], _S], tasks: Sequence[_T], jobs: int, done: Callable[[int], None]
) -> Iterator[_S]:
    """Results in the order of the tasks, computed by ``jobs`` threads; ``done`` hears how many are finished.

    At most a few tasks per thread are under way, so memory does not grow with their number.
    """
    with ThreadPoolExecutor(jobs) as pool:
        waiting: dict[int, Future[_S]] = {}
        submitted = finished = 0
        try:
            for number in range(len(tasks)):
                while submitted < len(tasks) and len(waiting) < 4 * jobs:
                    waiting[submitted] = pool.submit(function, tasks[submitted])
                    submitted += 1
                while not waiting[number].done():
                    wait(waiting.values(), return_when=FIRST_COMPLETED, timeout=0.2)
                finished += 1
                done(finished)
                yield waiting.pop(number).result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def compute_rows(folder: RunFolder, todo: Sequence[Block], jobs: int, done: Callable[[int], None]) -> None:
    """Compute all rows and write them to the folder; parts that are already there are kept."""

    def one(block: Block) -> pa.Table:
        kept = folder.read_part(block.name)
        if kept is not None:
            return kept
        table = block_rows(block)
        folder.write_table(block.name, table)
        return table

    folder.write_tables(RESULTS, merged(run_in_order(one, todo, jobs, done)))


def layout_of(cells: tuple[Cell, ...]) -> Layout:
    """The order of the rows of a study of these cells."""
    return Layout(
        {cell.number: cell.scenario.run.replicates for cell in cells},
        {cell.number: tuple((endpoint, one.name) for endpoint, one in cell.scenario.judged()) for cell in cells},
    )


def asked_estimands(cell: Cell) -> dict[tuple[str, str], Estimand]:
    """The estimand of every endpoint and estimator of a cell."""
    scenario = cell.scenario
    variables = {variable.name: variable for variable in cell.resolved.baseline.measured}
    return {
        (endpoint, estimator.name): estimator.estimand(endpoint, scenario.analysis, variables)
        for endpoint, estimator in scenario.judged()
    }


def find_truths(
    cell: Cell, jobs: int, done: Callable[[int], None], aims: dict[Key, float] | None = None
) -> dict[Key, Truth]:
    """The truth of every estimand of a cell, by endpoint and estimator; each distinct estimand is worked out once.

    ``aims`` are Monte Carlo SEs that are small enough: once they are met no more patients are drawn.
    """
    asked = asked_estimands(cell)
    wanted: dict[Estimand, float] = {}
    for key, estimand in asked.items():
        wanted[estimand] = min(wanted.get(estimand, np.inf), (aims or {}).get(key, 0.0))
    known = {one: truth for one in wanted if (truth := known_truth(cell.scenario, one)) is not None}
    work = TruthWork(Patients(cell.scenario, cell.resolved), wanted, jobs, done)
    rest = [one for one in wanted if one not in known]
    known |= work.counted([one for one in rest if one.measure != "conditional_log_hr"])
    for estimand in rest:
        if estimand.measure == "conditional_log_hr":
            known[estimand] = work.fitted(estimand)
    return {key: known[estimand] for key, estimand in asked.items()}


@dataclass(frozen=True)
class TruthWork:
    """Twice as many replicates each time, until the error is what is wanted or no more are allowed."""

    patients: Patients
    wanted: dict[Estimand, float]
    jobs: int
    done: Callable[[int], None]

    def counted(self, still: list[Estimand]) -> dict[Estimand, Truth]:
        """Truths from counts, to which replicates are added."""
        patients, step = self.patients, block_size(self.patients.scenario)
        sums: dict[Estimand, Counts] = {}
        found: dict[Estimand, Truth] = {}
        first, last = 0, patients.begin(all(self.wanted[one] == 0 for one in still))
        while still:
            starts = range(first, last, step)
            tasks = [np.arange(start, min(start + step, last), dtype=np.int64) for start in starts]
            asked = tuple(still)
            for counts in run_in_order(partial(count_block, self.patients, asked), tasks, self.jobs, self.done):
                for estimand, own in zip(asked, counts, strict=True):
                    sums[estimand] = sums[estimand] + own if estimand in sums else own
            found |= {one: counted_truth(patients, one, sums[one], last) for one in still}
            first, last = last, min(2 * last, patients.most)
            still = [one for one in still if last > first and found[one].mcse > self.wanted[one]]
        return found

    def fitted(self, estimand: Estimand) -> Truth:
        """The truth from models of more and more replicates."""
        most = -(-self.patients.most // CONDITIONAL_SHARE)
        count = min(most, self.patients.begin(self.wanted[estimand] == 0))
        while True:
            fit = partial(conditional_group, self.patients, estimand, count)
            groups = run_in_order(fit, range(GROUPS), self.jobs, self.done)
            truth = conditional_truth(self.patients, estimand, list(groups), count)
            if count == most or not truth.mcse > self.wanted[estimand]:
                return truth
            count = min(2 * count, most)


def aims(cell: Cell, rows: Rows) -> dict[Key, float]:
    """The Monte Carlo SE of each truth that is small enough: a third of the study's own error of the mean estimate."""
    found: dict[Key, float] = {}
    for endpoint, estimator in cell.scenario.judged():
        numbers, status = rows.of(cell.number, endpoint, estimator.name)
        value = numbers["value"][status == Status.OK]
        enough = len(value) > 1 and np.isfinite(value).all()
        found[endpoint, estimator.name] = float(value.std(ddof=1)) / len(value) ** 0.5 / 3 if enough else 0.0
    return found


def judge(rows: Rows, truths: dict[tuple[int, str, str], Truth]) -> pd.DataFrame:
    """Performance of every estimator: one row per cell, endpoint, estimator and measure, with Monte Carlo SE."""
    table: list[dict[str, object]] = []
    for key, truth in truths.items():
        numbers, status = rows.of(*key)
        value, se, low, high, p = (numbers[name] for name in NUMBERS)
        measures = performance(value, se, low, high, p, status, truth.value, truth.mcse)
        start = dict(zip(KEYS, key, strict=True))
        table += [
            {**start, "measure": name, "value": measure.value, "mcse": measure.mcse}
            for name, measure in measures.items()
        ]
    return pd.DataFrame(table)


def _tell(done: Callable[[str, int, int], None], total: int, count: int) -> None:
    done("blocks of replicates", count, total)


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


def run_study(
    cells: tuple[Cell, ...], folder: RunFolder, jobs: int, block: int | None, done: Callable[[str, int, int], None]
) -> StudyResult:
    """The study computed, its rows, truths and performance written to the folder; ``done`` hears stage, done, of."""
    schedules = {
        cell.number: iter(schedule(cell.scenario, until, block_size(cell.scenario)))
        for cell in cells
        if (until := cell.scenario.run.until) is not None
    }
    cells = tuple(_with_replicates(cell, next(schedules.get(cell.number, iter(())), None)) for cell in cells)
    looks: dict[tuple[int, int], Look] = {}
    while True:
        todo = [part for cell in cells for part in blocks(cell, block)]
        compute_rows(folder, todo, jobs, partial(_tell, done, len(todo)))
        rows = Rows(folder.path / RESULTS, layout_of(cells))
        truths: dict[tuple[int, str, str], Truth] = {}
        for cell in cells:
            found = find_truths(cell, jobs, lambda _: None, aims(cell, rows))
            done("truths", cell.number + 1, len(cells))
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
        folder.write_json("looks.json", [asdict(one) for one in result.looks])
    folder.write_json("truth.json", [_truth_record(key, truth) for key, truth in truths.items()])
    folder.write_bytes("performance.csv", result.performance.to_csv(index=False).encode())
    folder.write_table("performance.parquet", pa.Table.from_pandas(result.performance, preserve_index=False))
    folder.write_table("failures.parquet", pa.Table.from_pandas(rows.failures(), preserve_index=False))
    return result


def read_study(cells: tuple[Cell, ...], folder: RunFolder) -> StudyResult:
    """The result of a finished run, from its folder; RunError where it is incomplete or damaged."""
    if not folder.whole(RESULTS):
        raise RunError(f"{folder.path}: holds no complete run ({RESULTS}); finish it with `trialtwin run`")
    looking = any(cell.scenario.run.until is not None for cell in cells)
    looks = tuple(Look(**record) for record in folder.read_json("looks.json")) if looking else ()
    reached = {one.cell: one.replicates for one in looks}
    cells = tuple(_with_replicates(cell, reached.get(cell.number)) for cell in cells)
    rows = Rows(folder.path / RESULTS, layout_of(cells))
    truths: dict[tuple[int, str, str], Truth] = {}
    for record in folder.read_json("truth.json"):
        estimand = Estimand.model_validate(
            {**record["estimand"], "adjusted_for": tuple(record["estimand"]["adjusted_for"])}
        )
        value = float("nan") if record["value"] is None else record["value"]
        mcse = float("nan") if record["mcse"] is None else record["mcse"]
        truths[record["cell"], record["endpoint"], record["estimator"]] = Truth(estimand, value, mcse, record["how"])
    return StudyResult(cells, rows, truths, judge(rows, truths), rows.digest(), looks)


def _truth_record(key: tuple[int, str, str], truth: Truth) -> dict[str, object]:
    numbers = {"value": truth.value, "mcse": truth.mcse}
    return {
        **dict(zip(("cell", "endpoint", "estimator"), key, strict=True)),
        "estimand": truth.estimand.model_dump(mode="json"),
        **{name: number if np.isfinite(number) else None for name, number in numbers.items()},
        "how": truth.how,
    }
