"""Table 1 of a block: slow twins, hand-worked numbers, identities, and data that say nothing."""

from dataclasses import fields, is_dataclass

import numpy as np
import pytest

from analysis.kernels.status import Status
from analysis.paper.effects import AnalysisSet
from analysis.paper.table1 import ContinuousNumbers, Count, table1
from analysis.plan.analysis_plan import Plan
from analysis.two_samples import tests
from analysis.two_samples.baseline import BaselineRows, BaselineTable, LevelRow, baseline, rows_of
from simulator.cohort.terms import Variable
from tests.agreement import gap
from tests.public_cohorts import SPECS, read
from tests.reference import two_samples

ROWS = BaselineRows((0, 1), (LevelRow(0, (50.0,), False), LevelRow(2, (0.0,), True), LevelRow(3, (0.0, 1.0), True)))
AGREEMENT = 1e-10


def block(cohorts: int = 6, sets: int = 2, n: int = 60) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Values, treatment and analysis sets: age with ties, a size without, a binary covariate and one of 3 levels."""
    draw = np.random.default_rng(17)
    shape = (cohorts, n)
    x = np.stack(
        [
            np.round(draw.normal(50, 8, shape)),
            draw.lognormal(2, 0.5, shape),
            draw.random(shape) < 0.3,
            draw.choice(3, shape, p=[0.6, 0.34, 0.06]),
        ],
        axis=2,
    )
    return x, draw.random(shape) < 0.4, draw.random((cohorts * sets, n)) < 0.8


def arrays(found: object) -> list[np.ndarray]:
    """Every array of a result, however deep."""
    if is_dataclass(found):
        return [array for field in fields(found) for array in arrays(getattr(found, field.name))]
    return [] if found is None else [np.asarray(found)]


def same(one: BaselineTable, other: BaselineTable, rows: object = slice(None)) -> bool:
    """Every bit of one result equals that of the other."""
    pairs = list(zip(arrays(one), arrays(other), strict=True))
    assert len(pairs) > 30
    return all(np.array_equal(a, b[rows], equal_nan=a.dtype.kind == "f") for a, b in pairs)


def test_continuous_rows_are_those_of_the_slow_twins() -> None:
    x, treated, here = block()
    found = baseline(x, treated, ROWS, present=here).continuous
    for r in range(len(here)):
        for c in range(2):
            arms = [x[r // 2, here[r] & (treated[r // 2] == arm), c] for arm in (False, True)]
            for arm, own in enumerate(arms):
                mine = [getattr(found, name)[r, c, arm] for name in ("mean", "sd", "q1", "median", "q3")]
                assert gap(mine, [own.mean(), own.std(ddof=1), *two_samples.quartiles(own)]) < AGREEMENT
                assert gap(mine[2:], np.quantile(own, (0.25, 0.5, 0.75))) == 0
            for name in ("welch", "student", "mann_whitney"):
                test = getattr(found, name)
                twin = getattr(two_samples, name)
                assert test.status[r, c] == Status.OK
                assert gap([test.statistic[r, c], test.p[r, c]], twin(*arms), 1e-3) < AGREEMENT
                assert gap([test.statistic[r, c], test.p[r, c]], twin(*arms[::-1]), 1e-3) > 1e-3
            assert gap(found.smd[r, c], two_samples.smd(*arms), 1e-3) < AGREEMENT


def test_categorical_rows_are_those_of_the_slow_twins() -> None:
    x, treated, here = block()
    made = baseline(x, treated, ROWS, present=here, fisher="always", yates=True)
    found = made.categorical
    codes = np.stack([x[..., 0] > 50, x[..., 2], x[..., 3]], axis=2)
    assert found.counts.shape == (12, 3, 2, 3)
    assert found.yates is not None
    exact = []
    for r in range(len(here)):
        arms = [codes[r // 2, here[r] & (treated[r // 2] == arm)] for arm in (False, True)]
        assert made.n[r].tolist() == [len(own) for own in arms]
        for j in range(3):
            counts = np.array([[(own[:, j] == level).sum() for level in range(3)] for own in arms])
            assert (found.counts[r, j] == counts).all()
            seen = counts[:, counts.sum(axis=0) > 0]
            assert found.pearson.status[r, j] == found.fisher.status[r, j] == Status.OK
            assert gap(found.pearson.p[r, j], two_samples.pearson(seen)[1]) < AGREEMENT
            assert gap(found.yates.p[r, j], two_samples.pearson(seen, True)[1]) < AGREEMENT
            assert gap(found.fisher.p[r, j], two_samples.fisher(seen)) < AGREEMENT
            few = bool((np.outer(seen.sum(axis=1), seen.sum(axis=0)) / seen.sum() < 5).any())
            assert found.few[r, j] == found.exact[r, j] == few
            assert found.p[r, j] == (found.fisher if few else found.pearson).p[r, j]
            exact.append(few)
            for level in range(3 if j == 2 else 2):
                twin = two_samples.smd(*((own[:, j] == level).astype(float) for own in arms))
                assert gap(found.smd[r, j, level], twin, 1e-3) < AGREEMENT
    assert np.isnan(found.smd[:, :2, 2]).all()
    assert 5 < sum(exact) < 30


def test_fisher_is_made_only_where_it_is_asked_for() -> None:
    x, treated, here = block()
    few, always = (baseline(x, treated, ROWS, present=here, fisher=which).categorical for which in ("few", "always"))
    assert (np.isnan(few.fisher.p) == ~few.few).all()
    assert not np.isnan(always.fisher.p).any()
    assert np.array_equal(few.p, always.p)
    assert few.yates is None


def test_too_many_tables_for_fisher_leave_pearsons_p(monkeypatch: pytest.MonkeyPatch) -> None:
    x, treated, here = block()
    monkeypatch.setattr(tests, "MOST_TABLES", 1.0)
    found = baseline(x, treated, ROWS, present=here).categorical
    stuck = found.fisher.status == Status.NOT_CONVERGED
    assert stuck[:, 2].any()
    assert (found.p[stuck] == found.pearson.p[stuck]).all()
    assert not found.exact[stuck].any()


def test_a_cohort_by_hand() -> None:
    """Treated 1, 2, 3, 4 and 0, 0, 0, 1; untreated 2, 4, 6, 8, 10 and 1, 1, 1, 1, 0."""
    x = np.array([[1, 0], [2, 0], [3, 0], [4, 1], [2, 1], [4, 1], [6, 1], [8, 1], [10, 0]], float)
    treated = np.arange(9) < 4
    found = baseline(
        x[None], treated[None], BaselineRows((0,), (LevelRow(1, (0.0,), True), LevelRow(0, (2.0, 4.0), False)))
    )
    assert found.n.tolist() == [[5, 4]]
    numbers = found.continuous
    assert numbers.mean[0, 0].tolist() == [6, 2.5]
    assert gap(numbers.sd[0, 0], np.sqrt([10, 5 / 3])) < 1e-15
    assert [list(q[0, 0]) for q in (numbers.q1, numbers.median, numbers.q3)] == [[4, 1.75], [6, 2.5], [8, 3.25]]
    assert gap(numbers.smd[0, 0], -3.5 / np.sqrt((10 + 5 / 3) / 2)) < 1e-15
    assert (
        numbers.mann_whitney.statistic[0, 0] == 0 + 0.5 + 1 + 1.5
    )  # 2 ties with 2; 3 beats it; 4 beats 2, ties with 4
    counts = found.categorical
    assert counts.counts[0].tolist() == [[[1, 4, 0], [3, 1, 0]], [[1, 1, 3], [2, 2, 0]]]
    assert (
        gap(counts.smd[0, 0, :2], [0.55 / np.sqrt((0.1875 + 0.16) / 2), -0.55 / np.sqrt((0.1875 + 0.16) / 2)]) < 1e-14
    )
    assert counts.fisher.p[0, 0] == pytest.approx((20 + 1 + 5) / 126, rel=1e-12)


def test_a_block_is_its_cohorts_one_at_a_time() -> None:
    x, treated, here = block()
    whole = baseline(x, treated, ROWS, present=here, yates=True)
    for c in range(len(x)):
        own = slice(2 * c, 2 * c + 2)
        one = baseline(x[c : c + 1], treated[c : c + 1], ROWS, present=here[own], yates=True)
        assert same(one, whole, own)
        for r in (2 * c, 2 * c + 1):
            alone = baseline(x[c : c + 1], treated[c : c + 1], ROWS, present=here[r : r + 1], yates=True)
            assert same(alone, whole, slice(r, r + 1))
    assert not same(whole, whole, slice(None, None, -1))


def test_all_are_present_where_nothing_is_said() -> None:
    x, treated, _ = block()
    assert same(baseline(x, treated, ROWS), baseline(x, treated, ROWS, present=np.ones(treated.shape, bool)))


def test_what_the_absent_hold_is_not_used() -> None:
    x, treated, here = block(sets=1)
    plain = baseline(x, treated, ROWS, present=here)
    for rubbish in (np.nan, np.inf, -7.5):
        spoilt = np.where(here[..., None], x, rubbish)
        assert same(plain, baseline(spoilt, treated, ROWS, present=here))
    assert same(plain, baseline(x, treated ^ ~here, ROWS, present=here))
    assert not same(plain, baseline(x, treated, ROWS, present=~here))


def test_swapping_the_arms_swaps_the_columns_and_flips_the_signs() -> None:
    x, treated, here = block()
    one = baseline(x, treated, ROWS, present=here, yates=True)
    other = baseline(x, ~treated, ROWS, present=here, yates=True)
    for name in ("mean", "sd", "median", "q1", "q3"):
        assert (getattr(one.continuous, name) == getattr(other.continuous, name)[..., ::-1]).all()
    for name in ("welch", "student", "mann_whitney"):
        assert gap(getattr(one.continuous, name).p, getattr(other.continuous, name).p) < 1e-14
    assert (one.categorical.counts == other.categorical.counts[:, :, ::-1]).all()
    assert (one.continuous.smd == -other.continuous.smd).all()
    assert np.array_equal(one.categorical.smd, -other.categorical.smd, equal_nan=True)
    assert gap(one.categorical.p, other.categorical.p) < 1e-12


def test_rows_are_those_of_table_1_of_one_cohort() -> None:
    """Which is compared with R's numbers; and the rows are told from the variables."""
    compared = 0
    for name in SPECS:
        observed = read(name)[0].observed
        rows = rows_of(observed.variables)
        part = np.arange(observed.treated.shape[1]) % 3 > 0
        here = np.concatenate([observed.present, observed.present & part])
        found = baseline(observed.covariates, observed.treated, rows, present=here)
        for r in range(2):
            shows = {variable.name: "mean" for variable in observed.variables if variable.kind == "continuous"}
            table = table1(observed, AnalysisSet(here[r]), shows, Plan())
            numbers = [row for row in table if isinstance(row.treated, ContinuousNumbers)]
            assert len(numbers) == found.continuous.smd.shape[1]
            for c, row in enumerate(numbers):
                for arm, cell in enumerate((row.control, row.treated)):
                    assert isinstance(cell, ContinuousNumbers)
                    mine = [getattr(found.continuous, key)[r, c, arm] for key in ("mean", "sd", "median", "q1", "q3")]
                    assert gap(mine, [cell.mean, cell.sd, cell.median, cell.q1, cell.q3]) < 1e-12
                    assert found.n[r, arm] == cell.n
                for key in ("welch", "student", "mann_whitney"):
                    assert getattr(found.continuous, key).p[r, c] == row.tests[key]
                assert found.continuous.smd[r, c] == row.smd
            cells = [(j, k) for j, levels in enumerate(rows.categorical) for k in range(len(levels.cuts) + 1)]
            counts = [row for row in table if isinstance(row.treated, Count)]
            for (j, k), row in zip(cells, counts, strict=True):
                assert isinstance(row.control, Count)
                assert isinstance(row.treated, Count)
                assert found.categorical.counts[r, j, :, k].tolist() == [row.control.n, row.treated.n]
                assert found.categorical.exact[r, j] == (row.test == "fisher")
                assert gap(found.categorical.p[r, j], row.p) < 1e-12
                assert gap(found.categorical.smd[r, j, k], row.smd, 1e-3) < 1e-12
                compared += 1
    assert compared > 60


def test_rows_of_variables() -> None:
    variables = (
        Variable("age", "continuous", cuts=(65.0, 50.0)),
        Variable("sex", "binary", ("f", "m")),
        Variable("bmi", "continuous"),
        Variable("albi", "ordinal", ("1", "2", "3")),
    )
    coded = (LevelRow(1, (0.0,), True), LevelRow(3, (0.0, 1.0), True))
    assert rows_of(variables) == BaselineRows((0, 2), (LevelRow(0, (50.0, 65.0), False), *coded))


def test_data_that_say_nothing_leave_their_neighbours_alone() -> None:
    x, treated, here = (np.repeat(array[:1], 8, axis=0) for array in block(sets=1))
    who = int(np.flatnonzero(here[0])[5])
    x[1, who] = np.nan
    x[2, who] = np.inf
    x[3, :] = (0.1, 0.1, 1, 2)
    treated[4] = True
    here[5] = False
    x[6, who, 2:] = (0.5, 3)
    plain, found = (baseline(x[which], treated[which], ROWS, present=here[which]) for which in ([0], slice(None)))
    assert same(plain, found, slice(0, 1))
    assert same(plain, found, slice(7, 8))
    bad, none, few, ok = Status.BAD_INPUT, Status.NO_INFO, Status.TOO_FEW, Status.OK
    expected = [ok, bad, bad, none, few, few, ok, ok]
    for name in ("welch", "student", "mann_whitney"):
        test = getattr(found.continuous, name)
        assert test.status.T.tolist() == [expected] * 2
        assert (np.isnan(test.p) == (test.status != ok)).all()
    assert found.categorical.pearson.status[:, 0].tolist() == [ok, bad, bad, none, none, none, ok, ok]
    for j in (1, 2):
        assert found.categorical.pearson.status[:, j].tolist() == [ok, bad, bad, none, none, none, bad, ok]
    silent = found.categorical.pearson.status != ok
    for array in (found.categorical.p, found.categorical.pearson.p, found.categorical.fisher.p):
        assert np.isnan(array[silent]).all()
    assert not found.categorical.few[silent].any()
    assert np.isnan(found.continuous.mean[[1, 2]]).all()
    assert np.isnan(found.continuous.sd[[1, 2]]).all()
    assert np.isnan(found.continuous.median[[1, 2]]).all()
    assert (found.continuous.mean[3, 0] == 0.1).all()
    assert (found.continuous.sd[3] == 0).all()
    assert (found.continuous.smd[3] == 0).all()
    assert np.isnan(found.continuous.mean[4, :, 0]).all()
    assert np.isnan(found.continuous.smd[4:6]).all()
    assert np.isnan(found.categorical.smd[4:6]).all()
    assert found.n[5].tolist() == [0, 0]
    assert np.isnan(found.categorical.smd[6, 1:]).all()


def test_one_patient_has_a_mean_and_no_sd() -> None:
    x = np.array([[[3.0], [5.0], [8.0]]])
    found = baseline(x, np.array([[True, False, False]]), BaselineRows((0,), ())).continuous
    assert found.mean[0, 0].tolist() == [6.5, 3]
    assert [q[0, 0, 1] for q in (found.q1, found.median, found.q3)] == [3, 3, 3]
    assert np.isnan(found.sd[0, 0, 1])
    assert found.welch.status[0, 0] == Status.TOO_FEW
    assert found.mann_whitney.status[0, 0] == Status.OK


def test_tables_without_rows_of_a_kind() -> None:
    x, treated, here = block()
    bare = baseline(x, treated, BaselineRows((), ()), present=here)
    assert bare.continuous.smd.shape == bare.categorical.p.shape == (12, 0)
    full = baseline(x, treated, ROWS, present=here)
    assert (bare.n == full.n).all()
    none = baseline(x[:0], treated[:0], ROWS, present=here[:0])
    assert none.categorical.smd.shape == (0, 3, 3)


def test_what_does_not_fit_is_refused() -> None:
    x, treated, here = block()
    with pytest.raises(ValueError, match="2 axes"):
        baseline(x[..., 0], treated, ROWS)
    with pytest.raises(ValueError, match="present has the shape"):
        baseline(x, treated, ROWS, present=here[:7])
    with pytest.raises(IndexError):
        baseline(x, treated, BaselineRows((), (LevelRow(4, (0.0,), True),)))
    with pytest.raises(IndexError):
        baseline(x, treated, BaselineRows((4,), ()))
