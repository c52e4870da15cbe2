"""Whether the rows of a run are those of its parts, and what its replicates give when they are computed again."""

import hashlib
import uuid
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import pyarrow as pa

from analysis.estimators import Estimator, own_code
from analysis.estimators.base import COUNTS, NUMBERS
from analysis.estimators.own_code import OwnFunctionError
from analysis.estimators.trust import untrusted
from analysis.kernels.status import LOST
from benchmarks.asked.blocks import Block, Cell, block_rows, blocks
from benchmarks.asked.errors import RunError
from benchmarks.cli.findings import MOST_TOLD, Findings
from benchmarks.runs.parts import Parts
from benchmarks.runs.rows import SCHEMA, Rows
from benchmarks.runs.store import RunFolder
from benchmarks.study.running import RESCUE, RESULTS, ProgressCall, Work
from benchmarks.workers.executors import crew
from simulator.documents.loading import digest
from simulator.numerics.arrow_columns import numbers_of

COMPARED = (*NUMBERS, *COUNTS, "status")


def check_parts(cells: Sequence[Cell], rows: Rows, folder: RunFolder, found: Findings) -> None:
    """Findings where a row is not that of the parts, bit for bit, or a part is not where it belongs."""
    parts, count = Parts(folder), 0
    for cell in cells:
        for part in parts.held(cell):
            count += 1
            if part.file.split("/")[-2] != digest({"judged": list(part.pairs)})[:16]:
                found.add("parts", part.file, "lies in a folder that says other estimators", cell.number)
        each = len(cell.scenario.judged())
        try:
            for first, one, other in aligned(rows.pieces(SCHEMA.names, cell.number), parts.rows(cell)):
                for name in SCHEMA.names:
                    for k in _differing(one[name], other[name]):
                        told = f"{name} {_where(cell, k % each)} is {one[name][k]}, in the parts {other[name][k]}"
                        found.add("rows", RESULTS, told, cell.number, (first + k) // each)
        except RunError as error:
            found.add("parts", "parts", str(error), cell.number)
    found.checked.append(f"all {rows.layout.total:,} rows against the parts ({count}), bit for bit")


def aligned(ones: Iterable[pa.Table], others: Iterable[pa.Table]) -> Iterator[tuple[int, pa.Table, pa.Table]]:
    """Stretches of both, cut alike, each with its first row; RunError where one of them has more rows."""
    left, right = iter(ones), iter(others)
    one, other, first = next(left, None), next(right, None), 0
    while one is not None and other is not None:
        size = min(len(one), len(other))
        yield first, one.slice(0, size), other.slice(0, size)
        first += size
        one = one.slice(size) if len(one) > size else next(left, None)
        other = other.slice(size) if len(other) > size else next(right, None)
    if one is not None or other is not None:
        raise RunError("not as many rows as there should be")


def _differing(one: pa.ChunkedArray, other: pa.ChunkedArray) -> Sequence[int]:
    """The places at which the bits of two columns differ."""
    if pa.types.is_dictionary(one.type) or pa.types.is_dictionary(other.type):
        return [k for k, (a, b) in enumerate(zip(one.to_pylist(), other.to_pylist(), strict=True)) if a != b]
    a, b = (numbers_of(each) for each in (one, other))
    if one.type != other.type:
        return range(len(a))
    return [int(k) for k in np.flatnonzero(a.view(f"u{a.itemsize}") != b.view(f"u{b.itemsize}"))]


def _where(cell: Cell, place: int) -> str:
    endpoint, one = cell.scenario.judged()[place]
    return f"of {one.name} on {endpoint}"


def drawn(cells: Sequence[Cell], count: int) -> list[tuple[Cell, int]]:
    """So many distinct replicates, drawn anew each time: whoever forged a run cannot know which."""
    totals = [cell.scenario.run.replicates for cell in cells]
    ends = np.cumsum(totals)
    total, key = int(ends[-1]), uuid.uuid4().hex
    places: dict[int, None] = {}
    for k in range(total if count >= total else 0):
        places[k] = None
    k = 0
    while len(places) < min(count, total):
        words = hashlib.sha256(f"{key} {k}".encode()).digest()
        places[int.from_bytes(words[:8]) % total] = None
        k += 1
    at = [int(np.searchsorted(ends, place, side="right")) for place in places]
    return [(cells[k], place - int(ends[k]) + totals[k]) for k, place in zip(at, places, strict=True)]


def lost_replicates(cells: Sequence[Cell], rows: Rows, most: int) -> list[tuple[Cell, int]]:
    """The first replicates whose rows say that their worker was lost, which anybody may have written."""
    made: list[tuple[Cell, int]] = []
    for cell in cells:
        lost: set[int] = set()
        for endpoint, one in cell.scenario.judged():
            if one.kind != "own":
                lost |= set(map(int, np.flatnonzero(np.isin(rows.of(cell.number, endpoint, one.name, ())[1], LOST))))
        made += [(cell, number) for number in sorted(lost)]
    return made[:most]


def refused_functions(cells: Sequence[Cell]) -> dict[str, str]:
    """The users' functions that are not called here, each with the reason; none is loaded to learn that."""
    refused = {}
    for function in sorted({one.function for cell in cells for one in cell.scenario.estimators if one.kind == "own"}):
        try:
            own_code.check_named(function)
            for code in untrusted([own_code.source(function)]):
                refused[function] = f"{code}, sha256 {code.sha256}, is not trusted here: read it, then give --trust"
        except OwnFunctionError as error:
            refused[function] = str(error).splitlines()[0]
    return refused


def check_again(
    rows: Rows, chosen: Sequence[tuple[Cell, int]], cells: Sequence[Cell], every: bool, work: Work, told: ProgressCall,
    found: Findings,
) -> None:  # fmt: skip
    """Findings where the chosen replicates, or all of them, have other rows when they are computed again."""
    refused = refused_functions(cells) if every or chosen else {}
    for function, why in refused.items():
        found.unchecked.append(f"the rows of {own_code.said(function)}, which is not called ({why})")
    tasks, left = [], 0
    for cell in cells:
        judged = tuple(
            pair for pair in cell.scenario.judged() if not (pair[1].kind == "own" and pair[1].function in refused)
        )
        spans = [(b.first, b.last) for b in blocks(cell, work.block)] if every else []
        spans += [] if every else [(number, number + 1) for own, number in chosen if own.number == cell.number]
        for first, last in spans:
            whole = judged if every else _kept(rows, cell, first, judged)
            left += len(judged) - len(whole)
            tasks += [Block(cell, first, last, whole)] if whole else []
    with crew(work.workers(cells), work.jobs) as workers:
        made = workers.run_in_order(
            block_rows, tasks, lambda done: told("computed again", done, len(tasks)), rescue=RESCUE
        )
        for task, table in zip(tasks, made, strict=True):
            _compare(task, table, rows, found)
    count = sum(task.last - task.first for task in tasks)
    total = sum(cell.scenario.run.replicates for cell in cells)
    found.checked.append(f"{count:,} of {total:,} simulated studies computed again, bit for bit")
    if left:
        told_lost = f"{left:,} rows of these that users' functions are said to have lost (TIMEOUT, WORKER_LOST)"
        found.unchecked.append(f"{told_lost}; --all calls the functions again")
    if not every:
        found.unchecked.append(f"the other {total - count:,} simulated studies; --all computes every one again")


def _kept(
    rows: Rows, cell: Cell, replicate: int, judged: Sequence[tuple[str, Estimator]]
) -> tuple[tuple[str, Estimator], ...]:
    """Those without users' functions that hung or died in that replicate, which they may do again."""
    codes = numbers_of(rows.replicate(cell.number, replicate)["status"])
    lost = {pair for pair, code in zip(cell.scenario.judged(), codes, strict=True) if code in LOST}
    return tuple(pair for pair in judged if pair[1].kind != "own" or pair not in lost)


def _compare(task: Block, made: pa.Table, rows: Rows, found: Findings) -> None:
    every = task.cell.scenario.judged()
    places = [every.index(pair) for pair in task.judged]
    number, each = task.cell.number, len(task.judged)
    stored = rows.stretch(number, task.first, task.last)
    status = numbers_of(made["status"]), _taken(stored, "status", len(every), places)
    outside = np.isin(status[1], LOST) & np.tile([one.kind == "own" for _, one in task.judged], task.last - task.first)
    told: set[int] = set()
    for name in COMPARED:
        a, b = numbers_of(made[name]), _taken(stored, name, len(every), places)
        for k in np.flatnonzero((a.view(f"u{a.itemsize}") != b.view(f"u{b.itemsize}")) & ~outside):
            if int(k) not in told:
                told.add(int(k))
                endpoint, one = task.judged[k % each]
                words = f"{name} of {one.name} on {endpoint} is {b[k]}, computed again {a[k]}"
                found.add("recomputed", RESULTS, words, number, task.first + int(k) // each)
    answered = np.flatnonzero(outside & ~np.isin(status[0], LOST))
    if answered.size:
        numbers = sorted({task.first + int(k) // each for k in answered})
        shown = ", ".join(map(str, numbers[:MOST_TOLD])) + (", ..." if len(numbers) > MOST_TOLD else "")
        found.unchecked.append(
            f"{answered.size} rows in setting {number} that are said to be lost, and got an answer when they were "
            f"computed again, be it that a machine was slow or that they were not welcome (simulated studies {shown}): "
            "the same `trialtwin run` again tries them"
        )
    if outside.any():
        found.unchecked.append(
            f"{int(outside.sum())} rows of lost simulated studies of users' functions in setting {number}"
        )


def _taken(table: pa.Table, name: str, each: int, places: Sequence[int]) -> np.ndarray:
    return np.ascontiguousarray(numbers_of(table[name]).reshape(-1, each)[:, places].ravel())
