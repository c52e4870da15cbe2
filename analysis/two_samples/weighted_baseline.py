"""The Table 1 of weighted sets in a block: the rows of `analysis.two_samples.baseline.Baseline` that stand for matched
cohorts.
"""

from dataclasses import fields, replace

import numpy as np

from analysis.two_samples import balance
from analysis.two_samples.baseline import BaselineRows, BaselineTable, CategoricalRows, ContinuousRows, LevelRow
from analysis.two_samples.tests import Test
from analysis.two_samples.weighted_samples import (
    WeightedNumbers,
    WeightedSamples,
    WeightedShares,
    weighted_numbers,
    weighted_shares,
)
from simulator.numerics.arrays import Bools, Floats


def with_weighted(
    table: BaselineTable, values: Floats, rows: BaselineRows, sets: WeightedSamples, spread: Bools | None = None
) -> BaselineTable:
    """The table with what is said of every second set, the matched cohorts, replaced by what the weights make of it.

    ``values (R, N, K)``; the sets of ``table (2 R)`` are each cohort before, then after matching. Patients are still
    counted. Every t test is svyttest there, the rank test svyranktest, every test of counts svychisq.
    ``spread (R, N)`` marks the patients of whom the SDs divide standardised differences, None for the set itself.
    """
    numbers = [weighted_numbers(values[:, :, column], sets) for column in rows.continuous]
    shares = [weighted_shares(_levels(values, row), len(row.cuts) + 1, sets) for row in rows.categorical]
    made = replace(
        table,
        continuous=_continuous(table.continuous, numbers) if numbers else table.continuous,
        categorical=_categorical(table.categorical, shares) if shares else table.categorical,
    )
    if spread is not None:
        for c, column in enumerate(rows.continuous):
            made.continuous.smd[1::2, c] = _smd(values[:, :, column, None], sets, spread)[:, 0]
        for j, row in enumerate(rows.categorical):
            has = _levels(values, row)[..., None] == np.arange(len(row.cuts) + 1)
            made.categorical.smd[1::2, j, : has.shape[2]] = _smd(has.astype(np.float64), sets, spread)
    return made


def _smd(x: Floats, sets: WeightedSamples, spread: Bools) -> Floats:
    return balance.smd(x, sets.treated, present=sets.present, weight=sets.weight, spread=spread)


def _levels(values: Floats, row: LevelRow) -> "np.ndarray[tuple[int, ...], np.dtype[np.int64]]":
    """The level ``(R, N)`` of each patient, -1 where a value has none."""
    x = values[:, :, row.column]
    level = np.zeros(x.shape, np.int64)
    for cut in row.cuts:
        level += x > cut
    return np.where(x == level if row.coded else np.isfinite(x), level, -1)


def _continuous(plain: ContinuousRows, made: list[WeightedNumbers]) -> ContinuousRows:
    arrays = {}
    for name in ("mean", "sd", "median", "q1", "q3", "smd"):
        arrays[name] = getattr(plain, name).copy()
        arrays[name][1::2] = np.stack([getattr(one, name) for one in made], axis=1)
    t, rank = ([getattr(one, name) for one in made] for name in ("t", "rank"))
    return ContinuousRows(
        **arrays,
        welch=_replaced(plain.welch, t),
        student=_replaced(plain.student, t),
        mann_whitney=_replaced(plain.mann_whitney, rank),
    )


def _categorical(plain: CategoricalRows, made: list[WeightedShares]) -> CategoricalRows:
    tests = [one.test for one in made]
    share, smd, p = plain.share.copy(), plain.smd.copy(), plain.p.copy()
    few, exact = plain.few.copy(), plain.exact.copy()
    for j, one in enumerate(made):
        share[1::2, j, :, : one.share.shape[2]], smd[1::2, j, : one.smd.shape[1]] = one.share, one.smd
        p[1::2, j] = one.test.p
    few[1::2], exact[1::2] = False, False
    return replace(
        plain,
        few=few,
        pearson=_replaced(plain.pearson, tests),
        yates=None if plain.yates is None else _replaced(plain.yates, tests),
        fisher=_replaced(plain.fisher, tests),
        exact=exact,
        p=p,
        smd=smd,
        share=share,
    )


def _replaced(plain: Test, made: list[Test]) -> Test:
    arrays = {}
    for field in fields(Test):
        arrays[field.name] = getattr(plain, field.name).copy()
        arrays[field.name][1::2] = np.stack([getattr(one, field.name) for one in made], axis=1)
    return Test(**arrays)
