"""A rare level must not void a model: limits of Cox and logistic likelihoods, and all that is built on them.

Numbers of R are those of survival 3.5 and stats (R 4.2) without the patients of the rare level, or with them where
coxph's own answer is the limit: ``coxph(Surv(t, e) ~ trt + x + g)``, ``glm(trt ~ x + g, binomial)``.
"""

import csv
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analysis.estimators import Sample
from analysis.estimators.matched import Matched
from analysis.estimators.regression import Adjusted
from analysis.estimators.weighted import Ipw
from analysis.kernels.status import Status
from analysis.paper.block_workflow import BlockAnalysis
from analysis.paper.cohort_analysis import CohortAnalysis
from analysis.paper.workflow import analyse
from analysis.plan.analysis_plan import Plan
from analysis.propensity.logistic_models import logistic, stepwise
from analysis.survival.standardise import standardised
from analysis.survival.statistics import cox
from analysis.tables.cohort_tables import propensity_table
from simulator.cohort.cohorts import Endpoint, Observed
from simulator.cohort.terms import Variable
from tests.reference import recession

DATA = Path(__file__).parent / "oracle" / "data"
SIGNS = {"stays": 0, "up": 1, "down": -1, "either": 0}


def read(name: str, levels: str = "ABC") -> Observed:
    """A frozen cohort: columns trt, x, t, e and the level g."""
    with (DATA / name).open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    x = np.array([[float(row["x"]), float(levels.index(row["g"]))] for row in rows])[None]
    variables = (Variable(name="x", kind="continuous"), Variable(name="g", kind="nominal", levels=tuple(levels)))
    return Observed(
        covariates=x,
        variables=variables,
        treated=np.array([[row["trt"] == "1" for row in rows]]),
        present=np.ones((1, len(rows)), np.bool_),
        binary={},
        endpoints={
            "OS": Endpoint(np.array([[float(row["t"]) for row in rows]]), np.array([[row["e"] == "1" for row in rows]]))
        },
    )


@cache
def analysed(name: str) -> CohortAnalysis:
    observed = read(name)
    plan = Plan.model_validate_json('{"cox": {"screening_p": null}}')
    return analyse(observed, [str(i + 1) for i in range(observed.treated.shape[1])], plan)


def test_a_level_without_events_leaves_the_other_coefficients_those_of_r() -> None:
    rows = {row.column: row for row in analysed("rare_no_events.csv").endpoints["OS"].before.multivariable}
    assert rows["treatment"].log_hr == pytest.approx(-0.47748, abs=5e-6)
    assert rows["treatment"].se == pytest.approx(0.20383, abs=5e-6)
    assert rows["treatment"].p == pytest.approx(0.0192, abs=5e-5)
    assert rows["g=B"].log_hr == pytest.approx(-0.1976, abs=5e-5)
    assert rows["g=B"].se == pytest.approx(0.1984, abs=5e-5)
    assert (rows["g=C"].status, rows["g=C"].sign) == (Status.MONOTONE, "-")
    assert np.isnan(rows["g=C"].log_hr)
    assert {rows[k].df_term for k in ("g=B", "g=C")} == {1}
    assert rows["g=B"].p_term == rows["g=C"].p_term == pytest.approx(rows["g=B"].p, rel=1e-9)


def test_degrees_of_freedom_of_an_interaction_are_those_that_the_data_identify() -> None:
    """pchisq(0.10603, 1, lower = FALSE); R's anova counts the coefficient at infinity and says 0.948 on 2."""
    rows = [row for row in analysed("rare_no_events.csv").endpoints["OS"].before.subgroups if row.variable == "g"]
    assert [row.interaction_df for row in rows] == [1, 1, 1]
    assert rows[0].interaction_p == pytest.approx(0.7447, abs=5e-5)
    assert rows[2].status == Status.NO_EVENTS


def test_events_in_one_arm_of_a_level_only_still_count_for_the_interaction() -> None:
    """There the data do tell the arms apart, without a bound: R's two degrees of freedom."""
    observed = read("rare_no_events.csv")
    event = observed.endpoints["OS"].event.copy()
    treated, level = observed.treated[0], observed.covariates[0, :, 1]
    event[0, np.flatnonzero(treated & (level == 2))[:2]] = True
    changed = replace(observed, endpoints={"OS": Endpoint(observed.endpoints["OS"].time, event)})
    made = analyse(changed, [str(i) for i in range(len(level))], Plan()).endpoints["OS"].before.subgroups
    assert made[-1].interaction_df == 2
    assert (made[-1].status, made[-1].sign) == (Status.MONOTONE, "+")


def test_a_level_that_only_controls_have_is_set_aside_and_the_rest_matched() -> None:
    """R without the six patients: x 0.530647687662, gB -0.445412444302, caliper 0.2 sd(logit) = 0.1155803."""
    made = analysed("rare_controls.csv")
    model, sets = made.propensity, made.matching
    assert model.status == sets.status == Status.OK
    assert model.coefficients["x"] == pytest.approx(0.530647687662, abs=1e-9)
    assert model.coefficients["g=B"] == pytest.approx(-0.445412444302, abs=1e-9)
    assert model.infinite == {"g=C": "-"}
    assert model.coefficients["(Intercept)"] == pytest.approx(0.292848841524, abs=1e-9)
    assert model.aic == pytest.approx(155.41 + 2, abs=5e-3)
    assert (model.set_aside.treated, model.set_aside.control) == (0, 6)
    assert [model.scores[name] for name in model.set_aside.ids] == [0.0] * 6
    assert sets.caliper == pytest.approx(0.1155803, abs=5e-8)
    assert sets.n_pairs == 48
    assert made.endpoints["OS"].after.cox.log_hr == pytest.approx(-0.1978, abs=5e-5)
    shown = propensity_table(made)
    assert ("g=C", "minus infinity") in shown.rows
    assert "Set aside: 6 untreated" in shown.notes[-1]
    assert made.to_json()["propensity"]["infinite"] == {"g=C": "-"}


def test_estimators_of_studies_gain_the_same() -> None:
    """The score's six are out of matching and weighting, as if they had never been there; all else is of the rest."""
    observed = read("rare_controls.csv")
    sample = Sample(observed, Plan(), np.zeros(1, np.int64))
    assert sample.scored.sum() == observed.present.sum() - 6
    matched = Matched().estimate(sample, "OS")
    assert matched.status[0] == Status.OK
    assert matched.value[0] == pytest.approx(-0.1978, abs=5e-5)
    rest = replace(observed, present=observed.present & (observed.covariates[..., 1] != 2))
    plan = Plan.model_validate_json('{"propensity": {"method": "all"}}')  # a selection without them may be another
    for estimator in (Ipw(), Ipw(target="ate"), Ipw(se="estimated")):
        with_them, without = (
            estimator.estimate(Sample(one, plan, np.zeros(1, np.int64)), "OS") for one in (observed, rest)
        )
        assert with_them.n[0] == without.n[0] == sample.scored.sum()
        np.testing.assert_allclose((with_them.value, with_them.se), (without.value, without.se), rtol=1e-8)
    rare = Adjusted().estimate(Sample(read("rare_no_events.csv"), Plan(), np.zeros(1, np.int64)), "OS")
    assert (rare.value[0], rare.status[0]) == (pytest.approx(-0.47748, abs=5e-6), Status.OK)


def test_a_block_says_the_same_as_the_analysis_of_one_cohort() -> None:
    plan = Plan.model_validate_json('{"cox": {"screening_p": null}, "matching": {"caliper": null}}')
    observed = read("rare_no_events.csv")
    block = BlockAnalysis(Sample(observed, plan, np.zeros(1, np.int64)))
    one = analyse(observed, [str(i) for i in range(observed.treated.shape[1])], plan).endpoints["OS"].after
    found = block.cox_models["OS"]
    states = {row.column: row.status for row in one.multivariable}
    assert states["g=C"] == Status.MONOTONE
    for p, row in enumerate(one.multivariable):
        np.testing.assert_allclose(found.multivariable.beta[0, p], row.log_hr, rtol=1e-8)
        assert found.multivariable.state[0, p] == row.status
    for p, row in enumerate(one.univariable):
        np.testing.assert_allclose(found.univariable.beta[0, p], row.log_hr, rtol=1e-8)
        assert found.univariable.status[0, p] == row.status
    np.testing.assert_allclose(found.p_term[0, 1], one.univariable[1].p_term, rtol=1e-8)


def cohort(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """A small cohort with rare levels of one or two factors, ties, and one of the options of a Cox model."""
    draw = np.random.Generator(np.random.Philox(seed))
    n = int(draw.integers(12, 60))
    arm = draw.random(n) < 0.5
    level, other = draw.choice(4, size=n, p=[0.5, 0.3, 0.13, 0.07]), draw.choice(3, size=n, p=[0.6, 0.3, 0.1])
    columns = [arm, level == 1, level == 2, level == 3]
    columns += [other == 1, other == 2] if seed % 3 == 0 else [draw.normal(size=n)] if seed % 3 == 1 else []
    columns += [(level == 2) & arm] if seed % 5 == 0 else []
    x = np.column_stack(columns).astype(float)
    if seed % 7 == 0:  # the directions are no longer single columns
        x = x @ draw.integers(-1, 2, size=(x.shape[1], x.shape[1])) + x
    time = draw.exponential(size=n)
    time = np.ceil(4 * time) if seed % 2 else time
    event = draw.random(n) < draw.choice([0.2, 0.5, 0.8])
    event &= (level != 3) | bool(seed % 4)
    options = {
        1: {"weight": draw.choice([0.0, 0.5, 1.0, 2.0], size=n)},
        2: {"stratum": draw.integers(0, 2, size=n)},
        3: {"entry": np.where(draw.random(n) < 0.4, 0.9 * draw.random(n) * time, 0.0) - 1e-9},
    }
    return time, event, x, options.get(seed % 6, {})


def disagreements(seeds: range, **planted: Any) -> tuple[int, int]:
    """How many limits there were, and how many of them differ from the twin's."""
    seen = wrong = 0
    for seed in seeds:
        time, event, x, options = cohort(seed)
        ties = ("efron", "breslow")[seed // 2 % 2]
        asked = {name: values[None] for name, values in {**options, **planted}.items() if values is not None}
        found = cox(time[None], event[None], x[None], ties=ties, **asked)
        if found.status[0] in (Status.NO_EVENTS, Status.TOO_FEW, Status.BAD_INPUT):
            continue
        beta, covariance, loglik, moves = recession.cox(time, event, x, ties, **options)
        finite = found.state[0] == Status.OK
        same = finite.tolist() == [move == "stays" for move in moves]
        runs = found.state[0] == Status.MONOTONE
        same &= found.sign[0, runs].tolist() == [SIGNS[m] for m, run in zip(moves, runs, strict=True) if run]
        scale = 1e-8 * max(1.0, np.abs(beta[finite]).max(initial=0.0))
        same = same and bool(np.abs(found.beta[0, finite] - beta[finite]).max(initial=0.0) < scale)
        se = np.sqrt(np.diag(covariance)[finite])
        same = same and bool((np.abs(found.se[0, finite] / se - 1) < 1e-8).all())
        same = same and (found.status[0] == Status.NO_INFO or bool(abs(found.loglik[0] - loglik) < 1e-8))
        seen, wrong = seen + (found.status[0] == Status.MONOTONE), wrong + (not same)
    return seen, wrong


def test_limits_of_cox_models_are_the_twins() -> None:
    seen, wrong = disagreements(range(40))
    assert seen > 10
    assert wrong == 0


@pytest.mark.slow
def test_limits_of_300_cox_models_are_the_twins() -> None:
    seen, wrong = disagreements(range(40, 340))
    assert seen > 100
    assert wrong == 0


def test_a_wrong_weight_is_noticed() -> None:
    """The comparison is able to fail."""
    weighted = range(1, 40, 6)
    assert disagreements(weighted)[1] == 0
    assert disagreements(weighted, weight=None)[1] > 3


def test_limits_of_logistic_models_are_the_twins() -> None:
    aside = 0
    for seed in range(40):
        draw = np.random.Generator(np.random.Philox(900 + seed))
        _, _, x, _ = cohort(seed)
        x = x[:, 1:]
        y = draw.random(len(x)) < 0.5
        y &= (x[:, 2] == 0) | bool(seed % 3)
        y |= (x[:, 1] == 1) & (seed % 4 == 1)
        found = logistic(x[None], y[None])
        fitted, loglik, moves = recession.logistic(x, y)
        if found.status[0] != Status.OK:
            assert found.status[0] != Status.NOT_CONVERGED
            assert found.status[0] != Status.PS_SEPARATED or np.isin(fitted, (0, 1)).all()
            continue
        assert np.isnan(found.beta[0]).tolist() == [move != "stays" for move in moves], seed
        assert found.sign[0].tolist() == [SIGNS[move] for move in moves], seed
        np.testing.assert_allclose(found.fitted[0], fitted, atol=1e-8)
        assert found.aside[0].tolist() == np.isin(fitted, (0, 1)).tolist()
        assert abs(found.loglik[0] - loglik) < 1e-8
        assert np.isfinite(np.diag(found.covariance[0])).tolist() == [move == "stays" for move in moves]
        aside += found.aside.any()
    assert aside > 10


def walk(x: np.ndarray, y: np.ndarray, terms: list[int]) -> tuple[tuple[bool, ...], float]:
    """Where R's step ends from the full model, every neighbour fitted in its limit, and the criterion there."""

    @cache
    def aic(chosen: tuple[bool, ...]) -> float:
        own = np.flatnonzero(np.array(chosen)[terms])
        return 2 * (1 + len(own)) - 2 * recession.logistic(x[:, own], y)[1]

    here = (True,) * (max(terms) + 1)
    while True:
        around = [tuple(on != (k == term) for k, on in enumerate(here)) for term in range(len(here))]
        best = min(around, key=aic)
        if aic(best) >= aic(here):
            return here, aic(here)
        here = best


def test_a_separated_factor_is_selected_as_by_an_exhaustive_walk() -> None:
    """AIC of the limit, a coefficient at infinity counted like any other, as R's step has it."""
    for seed in range(4):
        draw = np.random.Generator(np.random.Philox(500 + seed))
        n, terms = 90, [0, 0, 1, 2, 3]
        level, rare = draw.choice(3, size=n, p=[0.5, 0.4, 0.1]), draw.random(n) < 0.06
        x = np.column_stack([level == 1, level == 2, rare, draw.normal(size=n), draw.random(n) < 0.5]).astype(float)
        y = (draw.random(n) < 0.5) & ((level != 2) | bool(seed % 2)) | (rare & (seed % 3 == 0))
        expected, criterion = walk(x, y, terms)
        found = stepwise(x[None], y[None], terms)
        assert tuple(found.selected[0].tolist()) == expected, seed
        assert found.aic[0] == pytest.approx(criterion, abs=1e-7)


def test_a_replicate_alone_has_the_bits_that_it_has_in_a_block() -> None:
    """Padded with absent patients, between others: limits included."""
    alone, blocks = [], [[], [], [], []]
    for seed in (0, 3, 9, 12, 21):
        time, event, x, _ = cohort(seed)
        x = x[:, :4]
        alone.append(cox(time[None], event[None], x[None]))
        pad = 60 - len(time)
        for store, value in zip(blocks, (time, event, x, np.ones(len(time), np.bool_)), strict=True):
            store.append(np.concatenate([value, np.zeros((pad, *value.shape[1:]), value.dtype)]))
    block = cox(*(np.stack(values) for values in blocks[:3]), present=np.stack(blocks[3]))
    assert len(set(block.status.tolist())) > 1
    for r, one in enumerate(alone):
        for name in ("beta", "se", "covariance", "loglik", "status", "state", "sign", "limit"):
            assert np.array_equal(getattr(block, name)[r], getattr(one, name)[0], equal_nan=True), name


def test_robust_errors_are_those_without_the_level_that_adds_nothing() -> None:
    observed = read("rare_no_events.csv")
    course, level = observed.endpoints["OS"], observed.covariates[0, :, 1]
    x = np.column_stack([observed.treated[0], observed.covariates[0, :, 0], level == 1, level == 2]).astype(float)
    cluster = np.arange(len(level)) // 2
    both = cox(course.time, course.event, x[None], cluster=cluster[None])
    rest = level != 2
    one = cox(course.time[:, rest], course.event[:, rest], x[None, rest, :3], cluster=cluster[None, rest])
    assert both.robust_se is not None
    assert one.robust_se is not None
    np.testing.assert_allclose(both.robust_se[0, :3], one.robust_se[0], rtol=1e-9)


def test_standardised_curves_of_a_level_without_events_stay_at_one() -> None:
    """The limit: its patients never die in either arm; with a coefficient of -30 the numbers are the same to 1e-9."""
    observed = read("rare_no_events.csv")
    course, level = observed.endpoints["OS"], observed.covariates[0, :, 1]
    x = np.column_stack([observed.covariates[0, :, 0], level == 1, level == 2]).astype(float)[None]
    found = standardised(course.time, course.event, observed.treated, x, measure="survival_difference", horizon=10.0)
    assert found.status[0] == Status.OK
    rest = level != 2
    others = standardised(
        *(values[:, rest] for values in (course.time, course.event, observed.treated, x)),
        measure="survival_difference",
        horizon=10.0,
    )
    np.testing.assert_allclose(found.value[0], others.value[0] * rest.mean(), rtol=1e-8)
