"""Any table of replicates judged: `trialtwin performance ROWS.csv --truth 0.5 --by method`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import isfinite, isinf, nan
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri, stdtrit

from analysis.cohort_files.cohort_file import LARGEST
from analysis.cohort_files.data_table import (
    MISSING,
    CohortFileError,
    DataTable,
    InMemory,
    nearest,
    read_table,
    short_list,
)
from analysis.kernels.status import Status
from benchmarks.performance.measures import Measure, contrast, performance, significance
from simulator.numerics.arrays import Floats

MOST_ROWS = 5_000_000
MOST_GROUPS = 10_000
ESTIMATES = ("estimate", "est", "value", "theta", "theta_hat", "b", "beta", "coef", "diff")
ERRORS = ("se", "std_err", "std.error", "std_error", "stderr")


@dataclass(frozen=True)
class TableColumns:
    """The names of the columns of a table of replicates; None for what it has not.

    An estimate or SE of None is looked for under its usual names; an SE may be absent.
    """

    estimate: str | None = None
    se: str | None = None
    low: str | None = None
    high: str | None = None
    p: str | None = None
    df: str | None = None
    replicate: str | None = None
    by: tuple[str, ...] = ()


@dataclass(frozen=True)
class Group:
    """Replicates of one method in one setting: the values of the ``by`` columns, the truth, and every measure."""

    labels: tuple[str, ...]
    rows: int
    failed: int
    measures: dict[str, Measure]
    reference: str | None
    against: dict[str, Measure]


def judged_table(
    path: Path | InMemory, columns: TableColumns, truth: str, reference: str | None = None, level: float = 0.95
) -> list[Group]:
    """The performance of every group of rows; CohortFileError says what is wrong with the file.

    ``truth`` is a number or the name of a column. A row without a finite estimate has failed. Without limits the
    interval is normal (or Student's with ``df``) at the ``level``; limits may be infinite. Without p the test is
    whether zero lies outside the interval. What has neither SE nor limits has no coverage.
    Each group is also compared with that of the ``reference``, a value of the first ``by`` column (the first in the
    file unless given), that shares its other labels, on the replicates that both have, each by its own truth.
    """
    table = read_table(path, {*ESTIMATES, *ERRORS, *_named(columns, truth)}, MOST_ROWS)
    columns = _settled(path, table, columns, truth)
    numbers = {name: _numbers(path, table, name, columns) for name in _numeric(columns, truth)}
    _check(path, table, columns, numbers)
    groups = _groups(path, table, columns)
    truths = _truths(path, groups, truth, numbers.get(truth))
    methods = list(dict.fromkeys(labels[0] for labels in groups if labels))
    if reference is not None and reference not in methods:
        raise CohortFileError(path, [f"no row has {columns.by[0]} '{reference}'; {nearest(reference, methods)}"])
    if reference is None and len(methods) > 1:
        reference = methods[0]
    found = {labels: _replicates(numbers, columns, rows, level) for labels, rows in groups.items()}
    made, alpha = [], significance(level)
    for labels, rows in groups.items():
        own = found[labels]
        measures = _described(own) | performance(**own, truth=truths[labels], alpha=alpha)
        other = None if reference is None else (reference, *labels[1:])
        against = {}
        if other is not None and other != labels and other in found:
            places = _shared(path, table, columns.replicate, (rows, groups[other]), labels)
            if places is not None:
                pair = zip((own, found[other]), places, strict=True)
                mine, theirs = ({name: values[at] for name, values in one.items()} for one, at in pair)
                against = contrast(mine, theirs, truths[labels], alpha, truths[other])
        failed = int((own["status"] != Status.OK).sum())
        made.append(Group(labels, len(rows), failed, measures, reference, against))
    return made


def _named(columns: TableColumns, truth: str) -> list[str]:
    """The columns that somebody named."""
    extra = [columns.replicate] if columns.replicate else []
    return list(dict.fromkeys([*_numeric(columns, truth), *extra, *columns.by]))


def _settled(path: Path | InMemory, table: DataTable, columns: TableColumns, truth: str) -> TableColumns:
    """The columns with those of the estimate and the SE found; raises for a column that the file has not."""
    for name in _named(columns, truth):
        if name not in table.columns:
            option = f", and '{name}' is no number either" if name == truth else ""
            raise CohortFileError(path, [f"has no column '{name}'{option}; {nearest(name, table.header)}"])
    settled = {"estimate": columns.estimate, "se": columns.se}
    for what, usual in (("estimate", ESTIMATES), ("se", ERRORS)):
        if settled[what] is None:
            there = [name for name in usual if name in table.columns]
            if len(there) > 1 or not (there or what == "se"):
                told = f"has the columns {short_list(there)}" if there else f"has no column {short_list(usual)}"
                raise CohortFileError(path, [f"{told}; name the one that holds the {what} with --{what}"])
            settled[what] = there[0] if there else None
    if columns.df is not None and (settled["se"] is None or columns.low is not None):
        why = "the limits are given" if columns.low is not None else f"there is no column {short_list(ERRORS)}"
        raise CohortFileError(path, [f"--df is for an interval made from the SE, and {why}; leave it out"])
    return replace(columns, estimate=settled["estimate"], se=settled["se"])


def _numeric(columns: TableColumns, truth: str) -> list[str]:
    given = (columns.estimate, columns.se, columns.low, columns.high, columns.p, columns.df)
    return [*(name for name in given if name is not None), *([] if _is_number(truth) else [truth])]


def _is_number(text: str) -> bool:
    try:
        return isfinite(float(text))
    except ValueError:
        return False


def _numbers(path: Path | InMemory, table: DataTable, name: str, columns: TableColumns) -> Floats:
    """A column as numbers, NaN for what is missing; limits and degrees of freedom may be of any size."""
    values = np.full(len(table.lines), nan)
    wrong = []
    for k, text in enumerate(table.columns[name]):
        if text.casefold() in MISSING:
            continue
        try:
            values[k] = float(text if text.isascii() and "_" not in text else "no number")
        except ValueError:
            wrong.append(f"{table.place} {table.lines[k]}, column '{name}': '{text[:40]}' is not a number")
    if name not in (columns.low, columns.high, columns.df):
        wrong += [
            f"{table.place} {table.lines[k]}, column '{name}': {values[k]:g} is beyond {LARGEST:g}"
            for k in np.flatnonzero(np.isfinite(values) & (np.abs(values) > LARGEST)).tolist()
        ]
    if wrong:
        raise CohortFileError(path, wrong)
    return values


def _check(path: Path | InMemory, table: DataTable, columns: TableColumns, numbers: Mapping[str, Floats]) -> None:
    """CohortFileError names every value that cannot be, in the order of the rows."""
    rules: list[tuple[str | None, Callable[[Floats], NDArray[np.bool_]], str]] = [
        (columns.se, lambda of: (of < 0) | np.isposinf(of), "is no standard error, which is finite and not below 0"),
        (columns.p, lambda of: (of < 0) | (of > 1), "is no p-value, which lies from 0 to 1"),
        (columns.df, lambda of: of <= 0, "are no degrees of freedom, which are above 0"),
        (columns.low, np.isposinf, "is no lower limit, which is a number or -inf"),
        (columns.high, np.isneginf, "is no upper limit, which is a number or inf"),
    ]
    wrong = [
        (int(k), f"column '{name}': {table.columns[name][k][:40]} {told}")
        for name, impossible, told in rules
        if name is not None
        for k in np.flatnonzero(impossible(numbers[name]))
    ]
    if columns.low is not None and columns.high is not None:
        low, high = numbers[columns.low], numbers[columns.high]
        cells = table.columns[columns.low], table.columns[columns.high]
        both = f"columns '{columns.low}' and '{columns.high}'"
        wrong += [
            (int(k), f"{both}: the lower limit {cells[0][k][:40]} is above {cells[1][k][:40]}")
            for k in np.flatnonzero((low > high) & ~np.isposinf(low) & ~np.isneginf(high))
        ]
    if wrong:
        told = [f"{table.place} {table.lines[k]}, {text}" for k, text in sorted(wrong, key=lambda one: one[0])]
        raise CohortFileError(path, told)


def _groups(path: Path | InMemory, table: DataTable, columns: TableColumns) -> dict[tuple[str, ...], NDArray[np.int64]]:
    """The rows of every combination of labels, in the order of first appearance."""
    if not columns.by:
        return {(): np.arange(len(table.lines))}
    found: dict[tuple[str, ...], list[int]] = {}
    for k, labels in enumerate(zip(*(table.columns[name] for name in columns.by), strict=True)):
        found.setdefault(labels, []).append(k)
    if len(found) > MOST_GROUPS:
        raise CohortFileError(
            path, [f"{', '.join(columns.by)} make {len(found):,} groups; the limit is {MOST_GROUPS:,}"]
        )
    return {labels: np.array(rows) for labels, rows in found.items()}


def _replicates(
    numbers: Mapping[str, Floats], columns: TableColumns, rows: NDArray[np.int64], level: float
) -> dict[str, Any]:
    """What `performance` takes of these rows; without p, 0 where the interval leaves zero out and 1 where it does not.

    So coverage of zero and rejection are one comparison, whatever the last bit of a p would be.
    """
    value = numbers[str(columns.estimate)][rows]
    ok = np.isfinite(value)
    se = numbers[columns.se][rows] if columns.se else np.full(len(rows), nan)
    if columns.low and columns.high:
        low, high = numbers[columns.low][rows], numbers[columns.high][rows]
    else:
        tail = 0.5 + level / 2
        half = (stdtrit(numbers[columns.df][rows], tail) if columns.df else ndtri(tail)) * se
        with np.errstate(invalid="ignore"):  # an infinite estimate, which has failed
            low, high = value - half, value + half
    if columns.p:
        p = numbers[columns.p][rows]
    else:
        p = np.where(np.isnan(low) | np.isnan(high), nan, np.where((low > 0) | (high < 0), 0.0, 1.0))
    return {
        "value": value, "se": se, "low": low, "high": high, "p": p,
        "status": np.where(ok, Status.OK, Status.NOT_CONVERGED).astype(np.int64),
    }  # fmt: skip


def _truths(
    path: Path | InMemory, groups: Mapping[tuple[str, ...], NDArray[np.int64]], name: str, column: Floats | None
) -> dict[tuple[str, ...], float]:
    """The one truth of every group."""
    if column is None:
        return dict.fromkeys(groups, float(name))
    made = {}
    for labels, rows in groups.items():
        first = float(column[rows[0]])
        if not (isfinite(first) and (column[rows] == first).all()):
            where = f" of the group {short_list(labels)}" if labels else ""
            what = "is infinite" if isinf(first) else "is missing or differs"
            raise CohortFileError(path, [f"the truth in column '{name}' {what} within the rows{where}"])
        made[labels] = first
    return made


def _shared(
    path: Path | InMemory,
    table: DataTable,
    key: str | None,
    rows: tuple[NDArray[np.int64], NDArray[np.int64]],
    labels: tuple[str, ...],
) -> tuple[NDArray[np.int64], NDArray[np.int64]] | None:
    """The places in two groups of the replicates that both have: by their key, or row by row without one.

    None where there is no key and the groups differ in size.
    """
    if key is None:
        same = len(rows[0]) == len(rows[1])
        return (np.arange(len(rows[0])), np.arange(len(rows[1]))) if same else None
    keys = [[table.columns[key][k] for k in some] for some in rows]
    for some in keys:
        if len(set(some)) != len(some):
            where = f" in the group {short_list(labels)} or in its reference" if labels else ""
            raise CohortFileError(
                path, [f"a value of '{key}' stands twice{where}: add the columns that tell the rows apart to --by"]
            )
    place = {name: position for position, name in enumerate(keys[1])}
    mine = [position for position, name in enumerate(keys[0]) if name in place]
    return np.array(mine, np.int64), np.array([place[keys[0][k]] for k in mine], np.int64)


def _described(own: Mapping[str, Floats]) -> dict[str, Measure]:
    """What stands beside the measures: medians, and the mean variance."""
    value, se = (own[name][own["status"] == Status.OK] for name in ("value", "se"))
    known = se[np.isfinite(se)] ** 2
    middle = [float(np.median(of)) if len(of) else nan for of in (value, known)]
    mean = float(known.mean()) if len(known) else nan
    return {
        "median": Measure(middle[0], nan, len(value)),
        "mean_variance": Measure(mean, nan, len(known)),
        "median_variance": Measure(middle[1], nan, len(known)),
    }
