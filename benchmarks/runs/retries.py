"""What was lost to a worker's death or a time limit, computed again by the next command and put into its part."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from analysis.estimators.base import COUNTS, NUMBERS
from analysis.kernels.status import LOST, Status
from benchmarks.asked.blocks import Block, Cell, block_size, pair_key
from benchmarks.runs.parts import Part, Parts
from simulator.numerics.arrow_columns import column_of, numbers_of

WORDS = {"WORKER_LOST": "killed the process of the computation", "TIMEOUT": "took longer than run.replicate_timeout"}


@dataclass(frozen=True)
class Again:
    """What is to be computed again, and the part that it goes into."""

    block: Block
    part: Part


def lost_blocks(parts: Parts, cell: Cell, size: int | None, made: Collection[str]) -> list[Again]:
    """What was lost of a cell in parts other than those ``made`` just now; neighbours that lost the same together."""
    step, total = size or block_size(cell.scenario), cell.scenario.run.replicates
    judged = {pair_key(*one): one for one in cell.scenario.judged()}
    found = []
    for part in parts.held(cell):
        if parts.place(part.file) not in made and parts.has_lost(part.file):
            lost = _lost(parts, part) & np.array([key in judged for key in part.pairs])
            for first, last, places in _spans(lost[: max(total - part.first, 0)], part.first, step):
                pairs = tuple(judged[part.pairs[place]] for place in places)
                found.append(Again(Block(cell, first, last, pairs), part))
    return found


def mend(parts: Parts, again: Again, table: pa.Table) -> int:
    """Put rows that were computed again into their part, of which nothing else changes; how many are there now."""
    part, block = again.part, again.block
    old = parts.read(part)
    each, width = len(part.pairs), len(block.judged)
    places = [part.pairs.index(pair_key(*one)) for one in block.judged]
    at = np.ix_(np.arange(block.first - part.first, block.last - part.first), np.array(places))
    was = _matrix(old, "status", each)[at]
    gained = np.isin(was, LOST) & ~np.isin(_matrix(table, "status", width), LOST)
    if not (was != _matrix(table, "status", width)).any():
        return 0
    for name in (*NUMBERS, *COUNTS, "status"):
        values = _matrix(old, name, each).copy()
        values[at] = _matrix(table, name, width)
        place = old.schema.get_field_index(name)
        own = old.schema.field(place)
        old = old.set_column(place, own, column_of(values.ravel(), kind=own.type))
    parts.folder.write_table(part.file, old)
    return int(gained.sum())


def lost_in(parts: Parts, cell: Cell) -> list[dict[str, Any]]:
    """How many replicates of each endpoint and estimator of a cell were lost so far, by status."""
    judged = {pair_key(*one): (one[0], one[1].name) for one in cell.scenario.judged()}
    found: dict[tuple[str, int], int] = {}
    for part in parts.held(cell):
        if parts.has_lost(part.file):
            status, lost = _matrix(parts.read(part), "status", len(part.pairs)), _lost(parts, part)
            for place, key in enumerate(part.pairs):
                for code in status[lost[:, place], place]:
                    found[key, int(code)] = found.get((key, int(code)), 0) + 1
    return [
        {"cell": cell.number, "endpoint": judged[key][0], "estimator": judged[key][1], "status": Status(code).name,
         "count": count}
        for (key, code), count in found.items()
        if key in judged
    ]  # fmt: skip


def _matrix(table: pa.Table, name: str, each: int) -> NDArray[np.generic]:
    """A column as ``(replicates, pairs)``."""
    values: NDArray[np.generic] = numbers_of(table[name]).reshape(-1, each)
    return values


def _lost(parts: Parts, part: Part) -> NDArray[np.bool_]:
    return np.isin(_matrix(parts.read(part), "status", len(part.pairs)), LOST)


def _spans(lost: NDArray[np.bool_], start: int, step: int) -> Iterator[tuple[int, int, tuple[int, ...]]]:
    """First and last replicate of each stretch that lost the same pairs, cut at multiples of the step."""
    count = len(lost)
    if not count:
        return
    edges = {r for r in range(1, count) if (lost[r] != lost[r - 1]).any() or (start + r) % step == 0}
    for first, last in pairwise(sorted({0, count} | edges)):
        places = tuple(np.flatnonzero(lost[first]).tolist())
        if places:
            yield start + first, start + last, places


def lost_words(failures: Iterable[Mapping[Any, Any]]) -> list[str]:
    """What was lost, a line for each endpoint and estimator and one that says what to do; none where nothing was."""
    counts: dict[tuple[str, str, str], int] = {}
    for one in failures:
        if one["status"] in WORDS:
            key = str(one["estimator"]), str(one["endpoint"]), str(one["status"])
            counts[key] = counts.get(key, 0) + int(one["count"])
    told = [
        f"{count:,} simulated stud{'ies' if count > 1 else 'y'} by '{estimator}' of {endpoint} "
        f"{WORDS[status]} ({status})"
        for (estimator, endpoint, status), count in counts.items()
    ]
    return [*told, "the same command tries them again"] if told else []
