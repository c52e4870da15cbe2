"""A cohort of one's own, read from a file of patients as its SPEC says.

Nothing is guessed and nobody is dropped: every fault of the file is one line of one CohortFileError.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from analysis.cohort_files.as_read import AsRead, NotEvents, not_events
from analysis.cohort_files.cohort_spec import CohortSpec, Data, EndpointColumns, TreatmentColumn
from analysis.cohort_files.data_table import (
    MISSING,
    CohortFileError,
    DataTable,
    InMemory,
    nearest,
    quoted,
    read_table,
    short_list,
)
from analysis.cohort_files.near_ties import tied
from analysis.cohort_files.same_values import NUMBER, comparison, looks_like
from simulator.cohort.addresses import row_order
from simulator.cohort.cohorts import Endpoint, Observed
from simulator.cohort.terms import Variable
from simulator.numerics.arrays import Bools, Floats, Ints

__all__ = ["CohortFile", "CohortFileError", "CohortSpec", "read_cohort"]

LARGEST = 1e50
"""Larger numbers are refused: their fourth powers leave the range of floating-point numbers."""
PIECE = 65_536
"""Rows of which the content is spelt out in one go."""


class CohortFile(NamedTuple):
    """The patients of a file: their ids, what is observed of them (R = 1), and the names (control, treated).

    ``order (N,)`` has the rows in an order that does not depend on where they stand: by a hash of the id, or where
    there is none of all that the row holds.
    """

    ids: tuple[str, ...]
    observed: Observed
    arms: tuple[str, str]
    as_read: AsRead
    order: NDArray[np.int64]

    @property
    def competing(self) -> tuple[str, ...]:
        """The endpoints with which other events compete."""
        return tuple(name for name, course in self.observed.endpoints.items() if course.competing is not None)


def read_cohort(path: Path | InMemory, spec: CohortSpec) -> CohortFile:
    """The patients of a CSV or Parquet file, or of a data frame; raises CohortFileError with every fault found."""
    data = spec.data
    roles = data.roles()
    table = read_table(path, {column for column, _ in roles})
    absent = [f"no column '{c}' ({role}); {nearest(c, table.header)}" for c, role in roles if c not in table.header]
    if absent:
        raise CohortFileError(path, absent)
    faults = _Faults(table)
    ids = _ids(faults, data)
    treated = _arms(faults, data.treatment)
    columns = [_covariate(faults, data.column_of(v.name), v) for v in spec.variables().values()]
    endpoints = {
        name: Endpoint(_times(faults, e.time)[None], _yes(faults, e.event, e.event_values, "event_values")[None])
        for name, e in data.endpoints.items()
    }
    for name, e in data.endpoints.items():
        if e.competing_values is not None:
            rivals = _competing(faults, e, endpoints[name].event[0])
            endpoints[name] = replace(endpoints[name], competing=rivals[None])
    binary = {name: _yes(faults, b.column, b.positive, "positive")[None] for name, b in data.binary.items()}
    if faults.found:
        raise CohortFileError(path, faults.found)
    fixed = {name: tied(course.time[0]) for name, course in endpoints.items()}
    near_ties = {name: int((fixed[name] != course.time[0]).sum()) for name, course in endpoints.items()}
    timefix = spec.analysis.survival.timefix
    if timefix:
        endpoints = {name: replace(course, time=fixed[name][None]) for name, course in endpoints.items()}
    observed = Observed(
        tuple(spec.variables().values()),
        np.ascontiguousarray(np.stack(columns, axis=-1)[None]),
        treated[None],
        np.ones((1, len(ids)), dtype=np.bool_),
        endpoints,
        binary,
    )
    arms = (data.treatment.control_label, data.treatment.treated_label)
    as_read = AsRead(_not_events(table, data, observed), near_ties, timefix)
    order = row_order(_contents(observed), table.whole) if data.id is None else row_order(ids)
    return CohortFile(ids, observed, arms, as_read, order)


def _not_events(table: DataTable, data: Data, observed: Observed) -> dict[str, NotEvents]:
    """By outcome the values that are no event, nor a competing one, or not yes, where the SPEC lists those that are."""
    events = {
        name: (e.event, e.event_values, ~observed.endpoints[name].censored[0]) for name, e in data.endpoints.items()
    }
    yes = {name: (b.column, b.positive, observed.binary[name][0]) for name, b in data.binary.items()}
    return {
        name: not_events(column, table.columns[column], found, listed, counted_as)
        for outcomes, counted_as in ((events, "censored"), (yes, "no"))
        for name, (column, listed, found) in outcomes.items()
        if listed is not None
    }


def _contents(observed: Observed) -> Iterator[bytes]:
    """What was read of each row, of which 1 and 1.0 are the same."""
    courses = [values[0] for one in observed.endpoints.values() for values in (one.time, one.event)]
    columns = [*observed.covariates[0].T, observed.treated[0], *courses, *(one[0] for one in observed.binary.values())]
    for start in range(0, len(columns[0]), PIECE):
        rows = np.stack([column[start : start + PIECE] for column in columns], axis=-1).astype(np.float64) + 0.0
        yield from map(bytes, rows)


class _Faults:
    """A table being read, and the faults found in it so far."""

    def __init__(self, table: DataTable) -> None:
        self.table = table
        self.found: list[str] = []

    def add(self, column: str, message: str) -> None:
        """Notes a fault once."""
        line = f"column '{column}': {message}"
        if line not in self.found:
            self.found.append(line)

    def where(self, rows: Ints) -> str:
        """The first places of the rows: 'lines 5, 9, 12 and 3 more'."""
        plural = "s" if len(rows) > 1 else ""
        return f"{self.table.place}{plural} {short_list([str(self.table.lines[row]) for row in rows.tolist()])}"

    def shown(self, column: str, rows: Ints) -> str:
        """The first distinct cells of the rows, each with its first place: "'abc' in line 17, 'x' in line 20"."""
        first = self.table.columns[column].first_of(rows)
        pairs = zip(quoted(list(first)), first.values(), strict=False)
        more = f" and {len(first) - 5} more values" if len(first) > 5 else ""
        return ", ".join(f"{cell} in {self.table.place} {self.table.lines[row]}" for cell, row in pairs) + more

    def complete(self, column: str, listed: Sequence[str] = ()) -> bool:
        """Whether no cell is missing; a text that the SPEC lists as a value is none."""
        known = set(listed)
        cells = self.table.columns[column]
        if MISSING.isdisjoint(map(str.casefold, cells.texts)):
            return True
        missing = [text for text in cells.texts if text.casefold() in MISSING and text not in known]
        if missing:
            rows = np.flatnonzero(cells.holding(set(missing).__contains__))
            many = f"{len(rows)} missing values" if len(rows) > 1 else "1 missing value"
            self.add(column, f"{many} ({self.where(rows)}); nobody is dropped silently: complete or remove such rows")
        return not missing


def _ids(faults: _Faults, data: Data) -> tuple[str, ...]:
    if data.id is None:
        return tuple(str(number) for number in range(1, len(faults.table.lines) + 1))
    cells = faults.table.columns[data.id]
    if faults.complete(data.id) and len(cells.texts) < len(cells):
        again = np.ones(len(cells), dtype=np.bool_)
        again[np.unique(cells.code, return_index=True)[1]] = False
        shown = faults.shown(data.id, np.flatnonzero(again))
        faults.add(data.id, f"the id is not unique ({shown}); one row per patient is needed")
    return tuple(cells)


def _arms(faults: _Faults, spec: TreatmentColumn) -> Bools:
    position = _positions(faults, spec.column, (spec.control, spec.treated), "treated or control")
    treated: Bools = np.equal(position, 1.0)
    if not np.isnan(position).any() and (treated.all() or not treated.any()):
        only, other = (spec.treated, spec.control) if treated.all() else (spec.control, spec.treated)
        faults.add(spec.column, f"everybody is '{only}' and nobody '{other}'; two arms are needed")
    return treated


def _covariate(faults: _Faults, column: str, variable: Variable) -> Floats:
    before = len(faults.found)
    if variable.kind == "continuous":
        values = _numbers(faults, column)
    else:
        values = _positions(faults, column, variable.levels, "levels")
    if len(faults.found) == before and len(values) > 1 and np.all(values == values[0]):
        same = faults.table.columns[column][0]
        faults.add(column, f"covariate {variable.name} is '{same}' in every row; remove it from the SPEC")
    return values


def _times(faults: _Faults, column: str) -> Floats:
    times = _numbers(faults, column)
    rows = np.flatnonzero(times < 0)
    if len(rows):
        faults.add(column, f"a time cannot be negative ({faults.shown(column, rows)})")
    return times


def _yes(faults: _Faults, column: str, listed: tuple[str, ...] | None, option: str) -> Bools:
    if listed is None:
        hint = f"0 or 1; otherwise say which values count in '{option}'"
        return np.equal(_positions(faults, column, ("0", "1"), hint), 1.0)
    cells = faults.table.columns[column]
    if not faults.complete(column, listed):
        return np.zeros(len(cells), dtype=np.bool_)
    same = comparison(cells.texts, listed)
    keys = {same(value) for value in listed}
    yes = cells.holding(lambda text: same(text) in keys)
    if not yes.any():
        told = f"no row has {' or '.join(quoted(listed))}, the value of '{option}' (found: {short_list(cells.texts)})"
        faults.add(column, told + _as_text(cells.texts, listed))
    return yes


def _competing(faults: _Faults, endpoint: EndpointColumns, event: Bools) -> Bools:
    """Who had a competing event; a fault where a cell is that and the event."""
    found = _yes(faults, endpoint.event, endpoint.competing_values, "competing_values")
    both = np.flatnonzero(found & event)
    if len(both):
        told = f"is both in 'event_values' and in 'competing_values' ({faults.shown(endpoint.event, both)})"
        faults.add(endpoint.event, told)
    return found


def _as_text(cells: Sequence[str], listed: Sequence[str]) -> str:
    """Why a cell is none of the listed values though it looks like one."""
    if not looks_like(cells, listed):
        return ""
    told = "; compared letter by letter: cells and listed values are not all (different) numbers, nor all truth values"
    numbers = [text for text in listed if NUMBER.fullmatch(text)]
    return f"{told}; the SPEC has a text such as '1E2' or '01' in quotes" if numbers else told


def _numbers(faults: _Faults, column: str) -> Floats:
    """The column as finite numbers; NaN, with a fault, where it holds none."""
    cells = faults.table.columns[column]
    if not faults.complete(column):
        return np.full(len(cells), np.nan)
    if not all(map(NUMBER.fullmatch, cells.texts)):
        others = [text for text in cells.texts if not NUMBER.fullmatch(text)]
        rows = np.flatnonzero(cells.holding(set(others).__contains__))
        comma = "; write decimals with a point" if any("," in text for text in others) else ""
        faults.add(column, f"not a number ({faults.shown(column, rows)}){comma}")
        return np.full(len(cells), np.nan)
    values = np.fromiter(map(float, cells.texts), np.float64, len(cells.texts))[cells.code]
    beyond = np.flatnonzero(np.abs(values) > LARGEST)
    if len(beyond):
        faults.add(column, f"beyond {LARGEST:g} ({faults.shown(column, beyond)}); use another unit")
    return values


def _positions(faults: _Faults, column: str, levels: Sequence[str], option: str) -> Floats:
    """The position in ``levels`` of each cell; NaN, with a fault, where it is none of them."""
    cells = faults.table.columns[column]
    if not faults.complete(column, levels):
        return np.full(len(cells), np.nan)
    same = comparison(cells.texts, levels)
    position = {same(level): float(index) for index, level in enumerate(levels)}
    found = np.array([position.get(same(text), np.nan) for text in cells.texts])
    values = found[cells.code]
    rows = np.flatnonzero(np.isnan(values))
    if len(rows):
        expected = option if option.startswith("0 or 1") else f"{short_list(levels)} as '{option}' says"
        told = f"unexpected value ({faults.shown(column, rows)}); expected {expected}"
        others = [text for text, place in zip(cells.texts, found, strict=True) if np.isnan(place)]
        faults.add(column, told + _as_text(others, levels))
    return values
