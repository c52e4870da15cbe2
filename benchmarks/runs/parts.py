"""The parts of a run: rows of blocks on disk under what they were made from, and which blocks are still missing.

A part lies in ``parts/<cell>/<batch>/``: the cell by the digest of its world and analysis, the batch by that of the
estimators computed together. So a study that is asked for with more replicates, other cells, other estimators or
another size of blocks finds whatever it shares with what was computed before.
"""

import itertools
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import pyarrow as pa

from analysis.estimators.base import COUNTS, NUMBERS
from analysis.kernels.status import LOST
from benchmarks.asked.blocks import Block, Cell, block_size, pair_key
from benchmarks.asked.errors import RunError
from benchmarks.runs.rows import SCHEMA
from benchmarks.runs.store import RunFolder, plain_json
from simulator.documents.loading import digest
from simulator.numerics.arrow_columns import column_of, numbers_of, words_of

PARTS = "parts"
JUDGED = "judged.json"
NAME = re.compile(r"r(\d{9})-(\d{9})\.parquet")
Span = tuple[int, int]
PART = SCHEMA.remove(SCHEMA.get_field_index("cell"))
"""The columns of a part."""


@dataclass(frozen=True)
class Part:
    """A whole part: its file, its replicates, and what it holds, in the order of its rows."""

    file: str
    first: int
    last: int
    pairs: tuple[str, ...]


@dataclass(frozen=True)
class Parts:
    """The parts of a run folder."""

    folder: RunFolder

    def place(self, file: str) -> str:
        """Where a part lies, the same for every way of naming its folder."""
        return os.path.join(os.path.realpath(self.folder.path), file)

    def keep(self, block: Block, table: pa.Table) -> str:
        """Write the rows of a block; the file of the part."""
        pairs = [pair_key(*one) for one in block.judged]
        place = f"{self._of(block.cell)}/{digest({'judged': pairs})[:16]}"
        if self.folder.read_checked(f"{place}/{JUDGED}") is None:
            self.folder.write_checked_json(f"{place}/{JUDGED}", pairs)
        file = f"{place}/r{block.first:09d}-{block.last:09d}.parquet"
        self.folder.write_table(file, table)
        return file

    def missing(self, cell: Cell, size: int | None = None) -> list[Block]:
        """The blocks of a cell that are not there, or damaged; estimators that lack the same replicates together."""
        step, total = size or block_size(cell.scenario), cell.scenario.run.replicates
        held = self.held(cell)
        lacking: dict[tuple[Span, ...], list[int]] = {}
        judged = cell.scenario.judged()
        for place, one in enumerate(judged):
            key = pair_key(*one)
            covered = [(part.first, part.last) for part in held if key in part.pairs]
            lacking.setdefault(tuple(_gaps(covered, total)), []).append(place)
        return [
            Block(cell, first, last, tuple(judged[place] for place in places))
            for spans, places in lacking.items()
            for span in spans
            for first, last in _steps(span, step)
        ]

    def rows(self, cell: Cell) -> Iterator[pa.Table]:
        """The rows of a cell, a stretch of replicates at a time; RunError where some are missing or damaged."""
        judged, total = cell.scenario.judged(), cell.scenario.run.replicates
        keys = [pair_key(*one) for one in judged]
        held = self.held(cell)
        by_key = {key: sorted((p for p in held if key in p.pairs), key=lambda p: (p.first, -p.last)) for key in keys}
        edges = {0, total} | {edge for part in held for edge in (part.first, part.last) if edge < total}
        read = lru_cache(maxsize=8)(self.read)
        bounds = sorted(edges)
        places = dict.fromkeys(keys, 0)
        for first, last in itertools.pairwise(bounds):
            pieces = []
            for key in keys:
                own = by_key[key]
                while places[key] < len(own) and own[places[key]].last <= first:
                    places[key] += 1
                if places[key] == len(own) or own[places[key]].first > first:
                    raise RunError(
                        f"{self.folder.path}: simulated studies {first} to {last - 1} of setting {cell.number} are not "
                        "there; give the command of the run, or of its shards, again"
                    )
                part = own[places[key]]
                pieces.append((read(part), part, part.pairs.index(key)))
            yield _assembled(cell, first, last, pieces)

    def held(self, cell: Cell) -> list[Part]:
        """Every whole part of a cell, in the order of its replicates."""
        place = self.folder.path / self._of(cell)
        found: list[Part] = []
        for batch in sorted(place.iterdir()) if place.is_dir() else ():
            pairs = self._pairs(f"{self._of(cell)}/{batch.name}")
            for file in sorted(batch.iterdir()) if pairs else ():
                name = NAME.fullmatch(file.name)
                path = f"{self._of(cell)}/{batch.name}/{file.name}"
                if name is not None and self.folder.whole(path):
                    found.append(Part(path, int(name[1]), int(name[2]), pairs))
        return sorted(found, key=lambda part: (part.first, part.last))

    def has_lost(self, file: str) -> bool:
        """Whether a part may hold a row that was lost, by the largest status that its file names."""
        from benchmarks.runs.own_parquet import opened_parquet
        from simulator.documents.safe_files import opened

        place = str(self.folder.path / file)
        try:
            with opened(self.folder.path, file) as stream, opened_parquet(stream, place) as source:
                found, schema = source.metadata, source.schema_arrow
        except OSError as error:
            raise RunError(f"{place}: cannot be read ({error.strerror})") from None
        if not schema.equals(PART):
            raise RunError(f"{place}: has other columns than a part; run the study again")
        at = found.schema.names.index("status")
        told = [found.row_group(group).column(at).statistics for group in range(found.num_row_groups)]
        return any(one is None or not one.has_min_max or one.max >= min(LOST) for one in told)

    def take(self, other: "Parts") -> bool:
        """Copy every whole part of another folder that is not here, or lost here what is found there; if there is any.

        Rows that were put together before are of what was here before.
        """
        root, copied = other.folder.path, False
        for path in sorted((root / PARTS).rglob("*")):
            name = str(path.relative_to(root))
            if NAME.fullmatch(path.name) or path.name == JUDGED:
                content = other.folder.read_checked(name)
                if content is not None and (not self.folder.whole(name) or self._less_lost(name, other)):
                    self.folder.write_checked(name, content)
                    copied = True
        return copied

    def _less_lost(self, name: str, other: "Parts") -> bool:
        return not name.endswith(JUDGED) and self.has_lost(name) and not other.has_lost(name)

    def _of(self, cell: Cell) -> str:
        return f"{PARTS}/{cell.key[:16]}"

    def _pairs(self, place: str) -> tuple[str, ...]:
        content = self.folder.read_checked(f"{place}/{JUDGED}")
        try:
            found = plain_json(content or b"[]")
        except ValueError:
            return ()
        texts = isinstance(found, list) and all(isinstance(one, str) for one in found)
        return tuple(found) if texts else ()

    def read(self, part: Part) -> pa.Table:
        """The rows of a part; RunError where it is damaged."""
        table = self.folder.read_table(part.file)
        count = (part.last - part.first) * len(part.pairs)
        if table is None or len(table) != count or not table.schema.equals(PART):
            raise RunError(f"{self.folder.path / Path(part.file)}: damaged; give the command of the run again")
        return table


def _assembled(cell: Cell, first: int, last: int, pieces: Sequence[tuple[pa.Table, Part, int]]) -> pa.Table:
    """The rows of replicates ``first`` to ``last``, one piece per endpoint and estimator, in the study's order."""
    judged, count = cell.scenario.judged(), last - first
    columns: dict[str, object] = {
        "cell": column_of(np.full(count * len(judged), cell.number, np.int32)),
        "replicate": column_of(np.repeat(np.arange(first, last, dtype=np.int64), len(judged))),
        "endpoint": words_of([endpoint for endpoint, _ in judged] * count).dictionary_encode(),
        "estimator": words_of([one.name for _, one in judged] * count).dictionary_encode(),
    }
    for name in (*NUMBERS, *COUNTS, "status"):
        own = [
            numbers_of(table[name]).reshape(-1, len(part.pairs))[first - part.first : last - part.first, place]
            for table, part, place in pieces
        ]
        columns[name] = column_of(np.stack(own, axis=1).ravel())
    return pa.table(columns)


def _gaps(covered: Sequence[Span], total: int) -> Iterator[Span]:
    """What of 0 up to ``total`` is not covered."""
    reached = 0
    for first, last in sorted(covered):
        if first >= total:
            break
        if first > reached:
            yield reached, first
        reached = max(reached, last)
    if reached < total:
        yield reached, total


def _steps(span: Span, step: int) -> Iterator[Span]:
    """The span cut at multiples of the step."""
    first, end = span
    while first < end:
        last = min((first // step + 1) * step, end)
        yield first, last
        first = last
