"""The workflow of one cohort fails on no data: very small, separated, constant, or without pairs."""

import json
from dataclasses import replace

import numpy as np
import pytest

from analysis.kernels.status import Status
from analysis.paper.number_text import hr_text, p_text
from analysis.paper.workflow import analyse
from analysis.plan.analysis_plan import Plan
from analysis.survival.columns import KnownColumns, estimable
from analysis.survival.recession import RiskSets, identified
from analysis.tables.cohort_tables import all_tables
from analysis.two_samples.contingency import compare_counts
from analysis.two_samples.tests import Test as TwoSample
from simulator.cohort.cohorts import Endpoint
from simulator.cohort.terms import Variable
from tests.public_cohorts import cohort, run


def finite_or_null(value: object) -> bool:
    json.dumps(value, allow_nan=False)
    return True


@pytest.mark.parametrize("n", [2, 3, 4, 6, 9, 15])
def test_very_small_cohorts_give_statuses_not_exceptions(n: int) -> None:
    for seed in range(6):
        observed, ids = cohort(n, seed)
        made = analyse(observed, ids, Plan())
        assert finite_or_null(made.to_json())
        assert all(table.rows for table in all_tables(made))


def test_separation_leaves_the_unmatched_analysis_standing() -> None:
    observed, ids = cohort(60)
    values = observed.covariates.copy()
    values[0, :, 0] = np.where(observed.treated[0], 5.0, -5.0) + 0.1 * values[0, :, 0]
    made = analyse(replace(observed, covariates=values), ids, Plan())
    assert made.propensity.status == made.matching.status == Status.PS_SEPARATED
    assert made.matching.pairs == ()
    assert all(score is None for score in made.to_json()["propensity"]["scores"].values())
    assert made.endpoints["OS"].before.cox.status == Status.OK
    assert made.endpoints["OS"].after.cox.status != Status.OK
    assert finite_or_null(made.to_json())


def test_no_pair_within_the_caliper_is_a_status() -> None:
    observed, ids = cohort(40)
    plan = Plan.model_validate_json('{"matching": {"caliper": 1e-12}, "propensity": {"method": "all"}}')
    made = analyse(observed, ids, plan)
    assert made.matching.status == Status.NO_PAIRS
    assert made.matching.n_pairs == 0
    assert made.to_json()["endpoints"]["OS"]["after"]["cox"]["hr"] is None


def test_constant_covariates_no_events_and_absent_patients_are_borne() -> None:
    observed, ids = cohort(40)
    flat = observed.covariates.copy()
    flat[0, :, 1] = 0.0
    nothing = replace(observed, endpoints={"OS": Endpoint(observed.endpoints["OS"].time, np.zeros((1, 40), np.bool_))})
    present = observed.present.copy()
    present[0, 30:] = False
    hollow = observed.covariates.copy()
    hollow[0, 30:] = np.nan
    for changed in (replace(observed, covariates=flat), nothing, replace(observed, covariates=hollow, present=present)):
        made = analyse(changed, ids, Plan())
        assert finite_or_null(made.to_json())
        assert made.cohort.n == int(changed.present.sum()) == len(made.propensity.scores)
    none = replace(observed, covariates=np.zeros_like(flat))
    assert analyse(none, ids, Plan()).propensity.status == Status.NO_INFO
    assert analyse(nothing, ids, Plan()).endpoints["OS"].before.cox.status == Status.NO_EVENTS


def test_a_column_made_of_others_is_dropped_and_named() -> None:
    observed, ids = cohort(60)
    extra = (*observed.variables, Variable("twice", "continuous"))
    values = np.concatenate([observed.covariates, 2 * observed.covariates[..., :1] + 1], axis=-1)
    plan = Plan.model_validate_json(
        '{"propensity": {"method": "all"}, "cox": {"covariates": ["x", "twice"], "screening_p": null}}'
    )
    made = analyse(replace(observed, variables=extra, covariates=values), ids, plan)
    assert made.propensity.dropped == ("twice",)
    plan = plan.model_copy(update={"propensity": Plan().propensity.model_copy(update={"method": "all"})})
    alone = analyse(observed, ids, plan.model_copy(update={"cox": Plan().cox}))
    assert made.propensity.coefficients == alone.propensity.coefficients
    assert made.matching.pairs == alone.matching.pairs
    rows = made.endpoints["OS"].before.multivariable
    assert [row.status for row in rows] == [Status.OK, Status.SINGULAR, Status.OK]


def test_estimable_finds_constants_and_combinations() -> None:
    draw = np.random.default_rng(3)
    a, b = draw.normal(size=(2, 50))
    x = np.column_stack([a, np.full(50, 7.0), b, a - 3 * b + 2, 1e-6 * a + b, 1e12 + 1e3 * a**2])
    ok, flat, made = Status.OK, Status.NO_INFO, Status.SINGULAR
    assert estimable(x) == [ok, flat, ok, made, made, ok]
    assert estimable(x[:, [0, 3]]) == [ok, ok]
    assert estimable(np.empty((0, 2))) == [flat, flat]


def test_columns_looked_at_once_are_judged_as_those_looked_at_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(4)
    for scale in (1.0, 1e-8, 1e7):
        x = rng.normal(3e3, scale, (300, 5))
        x[:, 1] = x[:, 0] + scale * 1e-3 * x[:, 1]
        x = np.column_stack([x, x[:, 0] - x[:, 2], np.full(300, 7.0), x[:, 3] + 1e-7 * scale * rng.normal(size=300)])
        known = KnownColumns.of(x)
        for columns in ([0, 1, 2], [0, 2, 5], [5, 6, 7], [3, 7], [4], [0, 1, 2, 3, 4, 5, 6, 7], []):
            assert known.estimable(columns) == estimable(x[:, columns])
    monkeypatch.setattr("analysis.survival.columns.estimable", lambda _: pytest.fail("looked at one by one"))
    assert known.estimable([0, 2, 4]) == [Status.OK] * 3
    rare = (rng.random((70_000, 3)) < 0.01).astype(np.float64)
    assert KnownColumns.of(rare).estimable([0, 1, 2]) == [Status.OK] * 3


def test_counts_are_tested_as_the_plan_says(monkeypatch: pytest.MonkeyPatch) -> None:
    large, small = np.array([[30, 20], [25, 40]]), np.array([[3, 2, 0], [1, 9, 0]])
    assert compare_counts(large, "auto").test == "pearson"
    assert compare_counts(small, "auto").test == "fisher"
    assert compare_counts(small, "pearson").p == compare_counts(small[:, :2], "pearson").p
    assert compare_counts(large, "yates").p > compare_counts(large, "pearson").p
    assert compare_counts(np.hstack([large, large]), "yates").test == "pearson"
    assert compare_counts(np.array([[3, 0], [5, 0]]), "auto").status == Status.NO_INFO
    nan = np.array([np.nan])
    gives_up = TwoSample(nan, nan, nan, np.array([Status.NOT_CONVERGED]))
    monkeypatch.setattr("analysis.two_samples.tests.fisher", lambda _: gives_up)
    assert compare_counts(small, "auto").test == "pearson"
    assert compare_counts(small, "fisher").status == Status.NOT_CONVERGED


def test_swapping_the_arms_flips_the_sign() -> None:
    observed, ids = cohort(50)
    one = analyse(observed, ids, Plan()).endpoints["OS"].before
    other = analyse(replace(observed, treated=~observed.treated), ids, Plan()).endpoints["OS"].before
    assert one.cox.log_hr == pytest.approx(-other.cox.log_hr, abs=1e-12)
    assert one.logrank.chi2 == pytest.approx(other.logrank.chi2, abs=1e-12)


def test_a_block_of_several_cohorts_is_refused() -> None:
    observed, ids = cohort(10)
    with pytest.raises(ValueError, match="one cohort of 9 patients"):
        analyse(observed, ids[:9], Plan())


def test_the_tables_are_whole_and_escaped() -> None:
    made = run("pbc")
    tables = all_tables(made)
    assert len(tables) == 10
    for table in tables:
        assert table.rows
        assert all(len(row) == len(table.header) for row in table.rows)
        lines = [line for line in table.markdown().splitlines() if line.startswith("|")]
        assert len(lines) == len(table.rows) + 2
    assert "| &nbsp;&nbsp;≤ 45 |" in tables[0].markdown()
    assert "Tests: Mann-Whitney U, Pearson χ²." in tables[0].markdown()


def test_numbers_are_printed_as_papers_print_them() -> None:
    assert [p_text(p) for p in (1e-5, 0.0484, 0.9999, float("nan"))] == ["<0.001", "0.048", ">0.999", "–"]
    effect = run("colon").endpoints["OS"].after.cox
    assert hr_text(effect) == f"{effect.hr:.2f} ({effect.low:.2f}, {effect.high:.2f})"


def test_what_spares_the_search_for_a_recession_changes_nothing() -> None:
    """Means of risk sets by running sums are those taken event by event; a known maximum needs no search."""
    rng = np.random.default_rng(8)
    for seed in range(6):
        time, event = np.ceil(rng.exponential(4, 60)), rng.random(60) < 0.5
        stratum = rng.choice([0, 3, 7], 60) if seed % 2 else np.zeros(60, np.int64)
        x = rng.normal(size=(60, 3)).round(1)
        quick = RiskSets(time, event, stratum, None)
        slow = RiskSets(time, event, stratum, np.full(60, -1.0))
        assert quick.mean_contrast(x) == pytest.approx(slow.mean_contrast(x), abs=1e-10)
        assert np.abs(quick.mean_contrast(1.1 * x) - slow.mean_contrast(x)).max() > 1e-3
        assert identified(quick, x, 2, True) == identified(quick, x, 2) == 1
    assert identified(quick, np.column_stack([x, x[:, 0]]), 3, True) == 0
