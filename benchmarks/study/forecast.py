"""What a run would take: time, memory and disk, told from a pilot of its own cells on this machine."""

import resource
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from math import inf, sqrt
from pathlib import Path
from typing import Any, TypeVar

from analysis.kernels.status import Status
from benchmarks.asked.blocks import Block, Cell, block_rows, block_size, blocks
from benchmarks.asked.errors import RunError
from benchmarks.asked.patience import told
from benchmarks.runs.parts import Parts
from benchmarks.runs.store import RunFolder
from benchmarks.study.running import RESULTS, StudyResult, Work, run_study
from benchmarks.truth.counted import Patients, known_truth
from benchmarks.truth.fitted import is_fitted, most_replicates
from benchmarks.truth.of_cells import TruthWork, aims, all_estimands, wanted_errors
from benchmarks.workers.executors import crew

_T = TypeVar("_T")

PILOTS = 3
LONG = 3.0
ROW_BYTES = 64
FURTHER = 0.17
"""Of the end of a run with one cell, for each further one: its tables and small figures."""
WORKER_BYTES = 300e6
OWN_BYTES = 200e6
"""Of a process in which users' own functions are called, one for each worker."""
PILOT_PATIENCE = 60.0
"""Seconds that a user's own function may take over one replicate of a pilot."""


@dataclass(frozen=True)
class Forecast:
    """What a run consists of, and what it would take: seconds of wall time, peak memory, what it leaves on disk."""

    question: str
    cells: int
    replicates: int
    blocks: int
    blocks_missing: int
    rows: int
    backend: str
    jobs: int
    seconds: float
    memory_bytes: float
    disk_bytes: float

    def as_json(self) -> dict[str, Any]:
        """All of it by name."""
        return asdict(self)

    def as_text(self) -> str:
        """All of it in a few lines."""
        kept = self.blocks - self.blocks_missing
        return "\n".join(
            [
                self.question,
                f"{self.cells:,} settings, {self.replicates:,} simulated studies in {self.blocks:,} blocks"
                + (f" ({kept:,} are there already)" if kept else "")
                + f", {self.rows:,} rows; {self.backend}, {self.jobs} jobs",
                f"about {_duration(self.seconds)}, {self.memory_bytes / 1e6:,.0f} MB of memory,"
                f" {self.disk_bytes / 1e6:,.1f} MB on disk",
            ]
        )


@dataclass(frozen=True)
class Pilot:
    """What a few replicates of a cell took: seconds per replicate, for its truths, and at its end; bytes on disk."""

    cell: Cell
    per_replicate: float
    truths: Callable[[int], float]
    part_bytes: float
    row_bytes: float
    per_row: float
    page: float
    page_bytes: int
    fixed_bytes: float


def forecast(
    question: str, cells: Sequence[Cell], work: Work, folder: RunFolder, ending: Callable[[StudyResult], str]
) -> Forecast:
    """The forecast of a run from pilots of at most three of its cells; what the folder holds is not computed again.

    ``ending`` makes what is written at the end of a run.
    """
    begun = time.process_time()
    parts = Parts(folder)
    missing = {cell.number: parts.missing(cell, work.block) for cell in cells}
    spread = sorted({0, len(cells) // 2, len(cells) - 1})[:PILOTS]
    pilots = [_pilot(cells[place], work, ending if place == 0 else None) for place in spread]
    pages = 1 + FURTHER * (len(cells) - 1)
    seconds, disk, rows, most = begun + pages * pilots[0].page, pages * pilots[0].page_bytes, 0, 0
    for cell in cells:
        near = min(pilots, key=lambda one: abs(one.cell.number - cell.number))
        count, each = cell.scenario.run.replicates, len(cell.scenario.judged())
        scale = cell.scenario.screened() / near.cell.scenario.screened()
        todo = sum((b.last - b.first) * len(b.judged) / each for b in missing[cell.number])
        seconds += todo * near.per_replicate * scale + near.truths(count) * scale
        seconds += count * each * near.per_row
        disk += count * near.part_bytes + count * each * near.row_bytes + near.fixed_bytes
        rows += count * each
        most = max(most, count)
    backend = work.workers(cells)
    memory = float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss) * (1 if sys.platform == "darwin" else 1024)
    memory += most * ROW_BYTES + (work.jobs * WORKER_BYTES if backend == "processes" or backend == "dask" else 0)
    memory += work.jobs * OWN_BYTES if any(map(_own, cells)) else 0
    total = sum(len(blocks(cell, work.block)) for cell in cells)
    left = sum(len(one) for one in missing.values())
    replicates = sum(cell.scenario.run.replicates for cell in cells)
    return Forecast(question, len(cells), replicates, total, left, rows, backend, work.jobs, seconds, memory, disk)


def _own(cell: Cell) -> bool:
    """Whether a user's own function is among the estimators of a cell."""
    return any(one.kind == "own" for one in cell.scenario.estimators)


def _short(cell: Cell, size: int, jobs: int) -> int:
    """How many replicates a pilot's block has, fewer where users' own functions are slow.

    RunError names one that takes longer than the pilot waits.
    """
    judged, begun = tuple(cell.scenario.judged()), time.perf_counter()
    for replicate in range(size if _own(cell) else 0):
        status = block_rows(Block(cell, replicate, replicate + 1, judged))["status"].to_pylist()
        if Status.TIMEOUT in status:
            patience, count = cell.scenario.run.replicate_timeout or PILOT_PATIENCE, cell.scenario.run.replicates
            raise RunError(
                f"--dry-run: estimator '{judged[status.index(Status.TIMEOUT)][1].name}' took longer than "
                f"{told(patience)} over simulated study {replicate} of setting {cell.number}, where a pilot stops: all "
                f"{count:,} simulated studies would take more than {told(count * patience / jobs)} if each is so slow, "
                "or what run.replicate_timeout allows it"
            )
        if time.perf_counter() - begun > LONG:
            return replicate + 1
    return size


def _pilot(cell: Cell, work: Work, ending: Callable[[StudyResult], str] | None) -> Pilot:
    cell, work = _impatient(cell), replace(work, retry=False)
    size = min(work.block or block_size(cell.scenario), cell.scenario.run.replicates)
    size = _short(cell, size, work.jobs)
    _, took = _timed(partial(block_rows, Block(cell, 0, size, tuple(cell.scenario.judged()))))
    count = size if took > LONG else 5 * work.jobs * size
    own = replace(cell, number=0, scenario=_with_replicates(cell, count))
    with tempfile.TemporaryDirectory() as place:
        folder = RunFolder(Path(place))
        parts = Parts(folder)
        tasks = blocks(own, size)
        with crew(work.workers([cell]), work.jobs, work.tls) as workers:
            started = time.perf_counter()
            for _ in workers.run_in_order(block_rows, tasks, keep=parts.keep):
                pass
            per_replicate = (time.perf_counter() - started) / count
        if took > LONG:
            per_replicate /= work.jobs
        on_disk = _bytes(Path(place))
        result, _ = _timed(partial(run_study, (own,), folder, work, lambda *_: None))
        again, per_row = _timed(partial(run_study, (own,), folder, work, lambda *_: None))
        page, page_took = _timed(partial(ending, again)) if ending else ("", 0.0)
        rows = count * len(own.scenario.judged())
        wanted = aims(own, result.rows)
        row_bytes = (Path(place) / RESULTS).stat().st_size / rows
        fixed = _bytes(Path(place)) - on_disk - row_bytes * rows
    truths = _truths(cell, work.jobs, wanted, count)
    size_of_page = len(page.encode())
    return Pilot(
        cell, per_replicate, truths, on_disk / count, row_bytes, per_row / rows, page_took, size_of_page, fixed
    )


def _truths(cell: Cell, jobs: int, wanted: dict[tuple[str, str], float], count: int) -> Callable[[int], float]:
    """The seconds that the truths of a cell take by its replicates, from their first looks."""
    every = wanted_errors(all_estimands(cell), wanted)
    asked = {one: error for one, error in every.items() if known_truth(cell.scenario, one) is None}
    patients = Patients(cell.scenario, cell.resolved)
    looking = TruthWork(patients, dict.fromkeys(asked, inf), jobs, lambda _: None)
    counted = [one for one in asked if not is_fitted(cell.scenario, one)]
    found, took = _timed(partial(looking.counted, counted))
    costs = [(found[one].mcse, asked[one], took / max(len(counted), 1), patients.most, False) for one in counted]
    for one in asked:
        if is_fitted(cell.scenario, one):
            truth, took = _timed(partial(looking.fitted, one))
            costs.append((truth.mcse, asked[one], took, most_replicates(patients), True))

    def seconds(replicates: int) -> float:
        total = 0.0
        for mcse, aim, first, most, anew in costs:
            begun = n = min(most, patients.begin(False))
            spent = float(n)
            while n < most and mcse * sqrt(begun / n) > aim * sqrt(count / replicates):
                n = min(2 * n, most)
                spent = spent + n if anew else n
            total += first * spent / begun
        return total

    return seconds


def _impatient(cell: Cell) -> Cell:
    """The cell with no more time for users' own functions than a pilot has."""
    run = cell.scenario.run
    if not _own(cell) or (run.replicate_timeout or PILOT_PATIENCE + 1) <= PILOT_PATIENCE:
        return cell
    run = run.model_copy(update={"replicate_timeout": PILOT_PATIENCE})
    return replace(cell, scenario=cell.scenario.model_copy(update={"run": run}))


def _with_replicates(cell: Cell, count: int) -> Any:
    run = cell.scenario.run.model_copy(update={"replicates": count, "until": None, "truth_patients": 2_000})
    return cell.scenario.model_copy(update={"run": run})


def _timed(function: Callable[[], _T]) -> tuple[_T, float]:
    started = time.perf_counter()
    return function(), time.perf_counter() - started


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
