"""The baseline characteristics (Table 1) of a block of cohorts, as arrays.

S analysis sets of A cohorts: ``present (S, N)`` has G = S / A rows for each cohort (its row r is of cohort r // G: say,
all patients and the matched). Arms are on an axis of two, untreated first. What absent patients hold is never used.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from analysis.kernels import two_samples
from analysis.kernels.status import Status
from analysis.two_samples import balance, tests
from simulator.cohort.terms import Variable
from simulator.numerics.arrays import Bools, Floats, Ints

FEW_EXPECTED = 5.0


@dataclass(frozen=True)
class LevelRow:
    """A categorical row: a patient's level is how many of the ascending ``cuts`` lie below the value in ``column``.

    ``coded``: the values are the positions of the levels (0, 1, ...), and no other value has a level.
    """

    column: int
    cuts: tuple[float, ...]
    coded: bool


@dataclass(frozen=True)
class BaselineRows:
    """What a Table 1 shows: the columns of continuous covariates, and the categorical rows."""

    continuous: tuple[int, ...]
    categorical: tuple[LevelRow, ...]


@dataclass(frozen=True)
class ContinuousRows:
    """C continuous covariates: by arm ``(S, C, 2)``; the tests and ``smd`` ``(S, C)``. Quartiles are of type 7.

    All is NaN where a value is NaN or infinite; ``sd`` (divisor n - 1) also below two patients.
    """

    mean: Floats
    sd: Floats
    median: Floats
    q1: Floats
    q3: Floats
    welch: tests.Test
    student: tests.Test
    mann_whitney: tests.Test
    smd: Floats


@dataclass(frozen=True)
class CategoricalRows:
    """J categorical rows of at most L levels: ``counts (S, J, 2, L)``, 0 beyond a row's levels; the tests ``(S, J)``.

    ``few (S, J)``: an expected count, of levels that are seen, is below 5. Where ``exact (S, J)``, ``p`` is Fisher's
    (few, and not too many tables for it), else Pearson's without correction. ``fisher`` is NaN, with Pearson's status,
    where it was not asked for. ``smd (S, J, L)`` is that of having the level, NaN beyond a row's levels, and ``share
    (S, J, 2, L)`` the share of the arm that has it.
    """

    counts: Ints
    few: Bools
    pearson: tests.Test
    yates: tests.Test | None
    fisher: tests.Test
    exact: Bools
    p: Floats
    smd: Floats
    share: Floats


@dataclass(frozen=True)
class BaselineTable:
    """A Table 1 in every analysis set: patients by arm ``n (S, 2)``, and the rows of either kind."""

    n: Ints
    continuous: ContinuousRows
    categorical: CategoricalRows


def rows_of(variables: Sequence[Variable]) -> BaselineRows:
    """The rows of these covariates in order: the continuous, and the levels or the stretches between cut-points."""
    categorical = []
    for k, variable in enumerate(variables):
        if variable.kind != "continuous":
            categorical.append(
                LevelRow(k, tuple(float(level) for level in range(len(variable.levels) - 1)), coded=True)
            )
        elif variable.cuts:
            categorical.append(LevelRow(k, tuple(sorted(variable.cuts)), coded=False))
    return BaselineRows(tuple(k for k, v in enumerate(variables) if v.kind == "continuous"), tuple(categorical))


def baseline(
    values: ArrayLike,
    treated: ArrayLike,
    rows: BaselineRows,
    *,
    present: ArrayLike | None = None,
    fisher: Literal["few", "always"] = "few",
    yates: bool = False,
    smd: Literal["own", "unmatched"] = "own",
) -> BaselineTable:
    """The Table 1 of every analysis set of ``values (A, N, K)``; Fisher's test where few are expected, or always.

    ``smd``: divided by the variances of the set itself, or of the first set of the cohort, which is before matching.

    Statuses of the tests are those of `analysis.two_samples.tests`; BAD_INPUT also where a value has no level.
    """
    sample = tests.TwoGroups.of(values, treated, present)
    if sample.x.ndim != 3:
        raise ValueError(f"the values have {sample.x.ndim} axes; (cohorts, patients, covariates) are wanted")
    n, counts, bad = _counts(sample, rows.categorical)
    sizes = np.array([len(row.cuts) + 1 for row in rows.categorical], np.int64)
    per = 1 if smd == "own" else len(sample.present) // max(len(sample.x), 1)
    return BaselineTable(
        n, _continuous(sample, rows.continuous, per), _categorical(n, counts, bad, sizes, fisher, yates, per)
    )


def _dividing(variance: Floats, per: int) -> Floats:
    """The variances of the first of every ``per`` sets, for each of them."""
    return variance if per == 1 else np.repeat(variance[::per], per, axis=0)


def _continuous(sample: tests.TwoGroups, columns: tuple[int, ...], per: int) -> ContinuousRows:
    shape = (len(sample.present), len(columns))
    found = tests.moments(sample, columns)
    quartile, made = np.empty((*shape, 2, 3)), []
    for c, column in enumerate(columns):
        own = np.ascontiguousarray(sample.x[:, :, column])
        ranked = tests.ranks(tests.TwoGroups(own, sample.group, sample.present))
        quartile[:, c] = ranked.quartile
        made.append(tests.mann_whitney_of(ranked))
    number = found.finite[..., None]
    return ContinuousRows(
        np.where(number, found.mean, np.nan),
        np.where(number, np.sqrt(found.variance), np.nan),
        quartile[..., 1],
        quartile[..., 0],
        quartile[..., 2],
        tests.welch_of(found),
        tests.student_of(found),
        _side_by_side(made, shape),
        balance.smd_of(found.mean, _dividing(balance.variances(found), per)),
    )


def _side_by_side(made: list[tests.Test], shape: tuple[int, int]) -> tests.Test:
    arrays = [[test.statistic for test in made], [test.df for test in made], [test.p for test in made]]
    statistic, df, p = (np.array(each, np.float64).reshape(shape[::-1]).T for each in arrays)
    return tests.Test(statistic, df, p, np.array([test.status for test in made], np.int64).reshape(shape[::-1]).T)


def _categorical(
    n: Ints, counts: Ints, bad: Bools, sizes: Ints, fisher: Literal["few", "always"], yates: bool, per: int
) -> CategoricalRows:
    shape, tables = counts.shape[:2], counts.reshape(-1, *counts.shape[2:])
    made, least = tests.chi_square(tables)
    pearson = _shaped(made, bad)
    few = (least.reshape(shape) < FEW_EXPECTED) & ~bad
    asked = (few if fisher == "few" else np.ones(shape, np.bool_)) & ~bad
    found = tests.fisher(tables[asked.ravel()])
    exact_p, probability, status = np.full(shape, np.nan), np.full(shape, np.nan), pearson.status.copy()
    exact_p[asked], probability[asked], status[asked] = found.p, found.statistic, found.status
    exact = few & (status == Status.OK)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.moveaxis(np.where(bad[..., None, None], np.nan, counts) / n[:, None, :, None], 2, -1)
        smd = balance.smd_of(share, _dividing(share * (1 - share), per))
    return CategoricalRows(
        counts,
        few,
        pearson,
        _shaped(tests.pearson(tables, correct=True), bad) if yates else None,
        tests.Test(probability, np.full(shape, np.nan), exact_p, status),
        exact,
        np.where(exact, exact_p, pearson.p),
        np.where(np.arange(counts.shape[3]) < sizes[:, None], smd, np.nan),
        np.moveaxis(share, -1, 2),
    )


def _counts(sample: tests.TwoGroups, rows: tuple[LevelRow, ...]) -> tuple[Ints, Ints, Bools]:
    """Patients by arm ``(S, 2)``, the counts ``(S, J, 2, L)`` of levels, and where a value has none ``(S, J)``."""
    cuts = np.array([len(row.cuts) for row in rows], np.int64)
    cut = np.full((len(rows), int(cuts.max(initial=0))), np.inf)
    for j, row in enumerate(rows):
        cut[j, : len(row.cuts)] = row.cuts
    n = np.empty((len(sample.present), 2), np.int64)
    counts = np.empty((len(sample.present), len(rows), 2, cut.shape[1] + 1), np.int64)
    bad = np.empty(counts.shape[:2], np.bool_)
    column = np.arange(sample.x.shape[2])[[row.column for row in rows]]
    coded = np.array([row.coded for row in rows], np.bool_)
    two_samples.count_levels(sample.x, sample.group, sample.present, column, cut, cuts, coded, n, counts, bad)
    return n, counts, bad


def _shaped(test: tests.Test, bad: Bools) -> tests.Test:
    """The tests ``(S, J)``, BAD_INPUT where a value has no level."""
    statistic, df, p = (np.where(bad, np.nan, each.reshape(bad.shape)) for each in (test.statistic, test.df, test.p))
    return tests.Test(statistic, df, p, np.where(bad, int(Status.BAD_INPUT), test.status.reshape(bad.shape)))
