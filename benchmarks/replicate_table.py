"""Any table of replicates judged: `trialtwin performance ROWS.csv --truth 0.5 --by method`."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import isfinite, nan
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri, stdtr, stdtrit

from analysis.cohort_file import LARGEST
from analysis.data_table import MISSING, CohortFileError, Table, nearest, read_table, short_list
from analysis.kernels.status import Status
from analysis.table_files import safe_cell
from benchmarks.performance import Measure, contrast, performance
from benchmarks.tables import aligned

Floats = NDArray[np.float64]
MOST_ROWS = 5_000_000
MOST_GROUPS = 10_000
ESTIMATES = ("estimate", "est", "value", "theta", "theta_hat", "b", "beta", "coef", "diff")
ERRORS = ("se", "std_err", "std.error", "std_error", "stderr")


@dataclass(frozen=True)
class Columns:
    """The names of the columns of a table of replicates; None for what it has not.

    An estimate or SE of None is looked for under its usual names.
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
    path: Path, columns: Columns, truth: str, reference: str | None = None, level: float = 0.95
) -> list[Group]:
    """The performance of every group of rows; CohortFileError says what is wrong with the file.

    ``truth`` is a number or the name of a column. A row whose estimate is missing has failed. Without limits the
    interval is normal (or Student's with ``df``) at the ``level``, without p the test is whether zero lies outside.
    Each group is also compared with that of the ``reference``, a value of the first ``by`` column (the first in the
    file unless given), that shares its other labels, on the replicates that both have.
    """
    table = read_table(path, {*ESTIMATES, *ERRORS, *_named(columns, truth)}, MOST_ROWS)
    columns = _settled(path, table, columns, truth)
    numbers = {name: _numbers(path, table, name) for name in _numeric(columns, truth)}
    groups = _groups(path, table, columns)
    truths = numbers[truth] if truth in numbers else np.full(len(table.lines), float(truth))
    methods = list(dict.fromkeys(labels[0] for labels in groups if labels))
    if reference is not None and reference not in methods:
        raise CohortFileError(path, [f"no row has {columns.by[0]} '{reference}'; {nearest(reference, methods)}"])
    if reference is None and len(methods) > 1:
        reference = methods[0]
    found = {labels: _replicates(numbers, columns, rows, level) for labels, rows in groups.items()}
    made = []
    for labels, rows in groups.items():
        own, true = found[labels], _one_truth(path, truths[rows], labels, truth)
        measures = _described(own) | performance(**own, truth=true, alpha=1 - level)
        other = None if reference is None else (reference, *labels[1:])
        against = {}
        if other is not None and other != labels and other in found:
            places = _shared(path, table, columns.replicate, (rows, groups[other]), labels)
            if places is not None:
                pair = zip((own, found[other]), places, strict=True)
                mine, theirs = ({name: values[at] for name, values in one.items()} for one, at in pair)
                against = contrast(mine, theirs, true, 1 - level)
        failed = int((own["status"] != Status.OK).sum())
        made.append(Group(labels, len(rows), failed, measures, reference, against))
    return made


def _named(columns: Columns, truth: str) -> list[str]:
    """The columns that somebody named."""
    extra = [columns.replicate] if columns.replicate else []
    return list(dict.fromkeys([*_numeric(columns, truth), *extra, *columns.by]))


def _settled(path: Path, table: Table, columns: Columns, truth: str) -> Columns:
    """The columns with those of the estimate and the SE found; raises for a column that the file has not."""
    for name in _named(columns, truth):
        if name not in table.columns:
            option = f", and '{name}' is no number either" if name == truth else ""
            raise CohortFileError(path, [f"has no column '{name}'{option}; {nearest(name, table.header)}"])
    settled = {"estimate": columns.estimate, "se": columns.se}
    for what, usual in (("estimate", ESTIMATES), ("se", ERRORS)):
        if settled[what] is None:
            there = [name for name in usual if name in table.columns]
            if len(there) != 1:
                told = f"has the columns {short_list(there)}" if there else f"has no column {short_list(usual)}"
                raise CohortFileError(path, [f"{told}; name the one that holds the {what} with --{what}"])
            settled[what] = there[0]
    return replace(columns, estimate=settled["estimate"], se=settled["se"])


def _numeric(columns: Columns, truth: str) -> list[str]:
    given = (columns.estimate, columns.se, columns.low, columns.high, columns.p, columns.df)
    return [*(name for name in given if name is not None), *([] if _is_number(truth) else [truth])]


def _is_number(text: str) -> bool:
    try:
        return isfinite(float(text))
    except ValueError:
        return False


def _numbers(path: Path, table: Table, name: str) -> Floats:
    """A column as numbers, NaN for what is missing."""
    values = np.full(len(table.lines), nan)
    wrong = []
    for k, text in enumerate(table.columns[name]):
        if text.casefold() in MISSING:
            continue
        try:
            values[k] = float(text)
        except ValueError:
            wrong.append(f"{table.place} {table.lines[k]}, column '{name}': '{text[:40]}' is not a number")
    wrong += [
        f"{table.place} {table.lines[k]}, column '{name}': {values[k]:g} is beyond {LARGEST:g}"
        for k in np.flatnonzero(np.isfinite(values) & (np.abs(values) > LARGEST))
    ]
    if wrong:
        raise CohortFileError(path, wrong)
    return np.where(np.isfinite(values), values, nan)


def _groups(path: Path, table: Table, columns: Columns) -> dict[tuple[str, ...], NDArray[np.int64]]:
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
    numbers: Mapping[str, Floats], columns: Columns, rows: NDArray[np.int64], level: float
) -> dict[str, Any]:
    value, se = numbers[str(columns.estimate)][rows], numbers[str(columns.se)][rows]
    ok = np.isfinite(value)
    df = numbers[columns.df][rows] if columns.df else None
    wide = np.full(len(rows), ndtri(0.5 + level / 2)) if df is None else stdtrit(df, 0.5 + level / 2)
    low = numbers[columns.low][rows] if columns.low else value - wide * se
    high = numbers[columns.high][rows] if columns.high else value + wide * se
    if columns.p:
        p = numbers[columns.p][rows]
    elif columns.low and columns.high:
        known = np.isfinite(low) & np.isfinite(high)
        p = np.where(known, np.where((low > 0) | (high < 0), 0.0, 1.0), nan)
    else:
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            z = -np.abs(value / se)
        p = 2 * (ndtr(z) if df is None else stdtr(df, z))
    return {
        "value": value, "se": se, "low": low, "high": high, "p": p,
        "status": np.where(ok, Status.OK, Status.NOT_CONVERGED).astype(np.int64),
    }  # fmt: skip


def _one_truth(path: Path, truths: Floats, labels: tuple[str, ...], name: str) -> float:
    first = float(truths[0])
    if not (truths == first).all():
        where = f" of the group {short_list(labels)}" if labels else ""
        raise CohortFileError(path, [f"the truth in column '{name}' is missing or differs within the rows{where}"])
    return first


def _shared(
    path: Path,
    table: Table,
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
        "median": Measure(middle[0], nan),
        "mean_variance": Measure(mean, nan),
        "median_variance": Measure(middle[1], nan),
    }


def as_text(groups: Sequence[Group], columns: Columns) -> str:
    """A table of measures by group, value (Monte Carlo SE), as many groups side by side as fit."""
    parts = []
    for first in range(0, len(groups), 4):
        few = groups[first : first + 4]
        names = list(dict.fromkeys(name for one in few for name in (*one.measures, *one.against)))
        rows = [("replicates", *(str(one.rows) for one in few)), ("failed", *(str(one.failed) for one in few))]
        for name in names:
            cells = [(one.measures | one.against).get(name, Measure(nan, nan)) for one in few]
            if name == "replicates_in_common":
                shown = [f"{cell.value:.0f}" if isfinite(cell.value) else "-" for cell in cells]
                rows.append((f"in common with {few[0].reference}", *shown))
                continue
            rows.append((name.replace("_", " "), *(_shown(cell) for cell in cells)))
        parts.append(aligned((" / ".join(columns.by) or "measure", *(" / ".join(one.labels) for one in few)), rows))
    parts.append("In brackets: Monte Carlo standard error. Formulas: Morris, White & Crowther 2019, Table 6.")
    return "\n\n".join(parts)


def _shown(measure: Measure) -> str:
    if not isfinite(measure.value):
        return "-"
    return f"{measure.value:.4f} ({measure.mcse:.4f})" if isfinite(measure.mcse) else f"{measure.value:.4f}"


def as_json(groups: Sequence[Group], columns: Columns) -> str:
    """One JSON document; null for what is not finite."""

    def plain(measures: Mapping[str, Measure]) -> dict[str, Any]:
        return {name: {"value": _finite(one.value), "mcse": _finite(one.mcse)} for name, one in measures.items()}

    made = [
        {
            "by": dict(zip(columns.by, one.labels, strict=True)),
            "rows": one.rows,
            "failed": one.failed,
            "measures": plain(one.measures),
            "reference": one.reference,
            "against_reference": plain(one.against),
        }
        for one in groups
    ]
    return json.dumps({"format": "trialtwin-performance/1", "groups": made}, indent=2, allow_nan=False)


def as_csv(groups: Sequence[Group], columns: Columns) -> str:
    """One line per group and measure; a label that a spreadsheet would take for a formula is made harmless."""
    import pandas as pd

    rows = [
        {
            **{safe_cell(by): safe_cell(label) for by, label in zip(columns.by, one.labels, strict=True)},
            "measure": name,
            "value": found.value,
            "mcse": found.mcse,
        }
        for one in groups
        for name, found in (*one.measures.items(), *one.against.items())
    ]
    return pd.DataFrame(rows).to_csv(index=False)


def shown_rows(groups: Sequence[Group], columns: Columns) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Header and rows with a row for each group: its labels, "value (MCSE)" of each measure."""
    names = list(dict.fromkeys(name for one in groups for name in (*one.measures, *one.against)))
    header = (*columns.by, *(name.replace("_", " ") for name in names))
    rows = []
    for one in groups:
        found = one.measures | one.against
        cells = [_shown(found[name]) if name in found else "" for name in names]
        rows.append((*one.labels, *cells))
    return header, rows


def _finite(value: float) -> float | None:
    return value if isfinite(value) else None
