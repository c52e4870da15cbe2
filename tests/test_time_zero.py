"""Immortal time: rows equal to slow twins, identities, and who finds the truth when treatment starts late."""

import dataclasses
import math
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from analysis.estimators import (
    CloneCensorWeight,
    Crude,
    DelayedEntry,
    Estimator,
    Ipw,
    Landmark,
    Sample,
    TimeDependent,
    clone_censor_weight,
)
from analysis.estimators.clone_censor_weight import INTERVALS, clones
from analysis.estimators.resampling import drawn_patients
from analysis.kernels.status import Status
from analysis.plan.analysis_plan import Plan, PropensityPlan
from analysis.propensity import logistic_models
from analysis.survival import statistics, time_zero
from benchmarks.asked.scenario import Scenario
from benchmarks.truth.counted import Patients
from benchmarks.truth.of_cells import TruthWork
from simulator.cohort.cohorts import Endpoint, Observed
from simulator.world.generate import generate, resolve
from tests.reference import time_zero as twin
from tests.simulated import z_of_mean
from tests.worlds import scenario, tree

NEVER = math.inf
EVERYONE = PropensityPlan(method="all")

# Time, event, start. Two late starters, one at time zero, one who would have started at death, two never.
FEW = [(5.0, 1, 2.0), (4.0, 0, NEVER), (7.0, 1, 0.0), (2.0, 1, NEVER), (3.0, 1, 3.0), (9.0, 0, 4.0)]


def block(patients: Any = FEW) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Time, event, start, present ``(1, N)``."""
    time, event, start = (np.array([column]) for column in zip(*patients, strict=True))
    return time.astype(float), event.astype(bool), start.astype(float), np.ones(time.shape, bool)


def listed(rows: time_zero.CountingRows, r: int = 0, patients: int = len(FEW)) -> list[tuple[Any, ...]]:
    """The present rows of a cohort as (patient, entry, time, event, treated)."""
    found = []
    for m in np.flatnonzero(rows.present[r]):
        entry = None if rows.entry is None or rows.entry[r, m] < 0 else rows.entry[r, m]
        found.append((m % patients, entry, rows.time[r, m], bool(rows.event[r, m]), bool(rows.treated[r, m])))
    return sorted(found, key=lambda row: (row[0], row[4], row[2]))


def plain(rows: list[twin.Row]) -> list[tuple[Any, ...]]:
    return [tuple(row[:5]) for row in sorted(rows, key=lambda row: (row[0], row[4], row[2]))]


def late(null: bool = True, confounded: bool = False, size: int = 300, rate: float = 0.25) -> Scenario:
    """Half the patients are meant to be treated, a few months late; they die at 8 % a month."""
    made = tree()
    death: dict[str, Any] = {"baseline": {"kind": "exponential", "rate": 0.08}, "log_hr": {"stage": 0.7}}
    death |= {} if null else {"treatment": {"log_hr": -0.7}}
    start = {"wait": {"kind": "exponential", "rate": rate}}
    log_odds = {"stage": 0.8} if confounded else {}
    return scenario(
        population={**made["population"], "size": size},
        treatment={"kind": "prevalence", "share": 0.6, "log_odds": log_odds, "start": start},
        outcomes={**made["outcomes"], "death": death},
    )


def sample(asked: Scenario, replicates: int = 8, plan: Plan | None = None, seed: int = 11) -> Sample:
    made = generate(resolve(asked), seed, np.arange(replicates))
    return Sample(made.observed, plan or asked.analysis, made.replicates, seed)


def test_hand_worked_landmark():
    assert listed(time_zero.landmark(*block(), 3.0)) == [
        (0, None, 2.0, True, True),
        (1, None, 1.0, False, False),
        (2, None, 4.0, True, True),
        (5, None, 6.0, False, False),  # starts after the landmark
    ]


def test_hand_worked_delayed_entry():
    assert listed(time_zero.delayed_entry(*block())) == [
        (0, 2.0, 5.0, True, True),
        (1, None, 4.0, False, False),
        (2, None, 7.0, True, True),
        (3, None, 2.0, True, False),
        (5, 4.0, 9.0, False, True),  # patient 4 starts at the event and is at risk for no time
    ]


def test_hand_worked_time_dependent_exposure():
    assert listed(time_zero.time_dependent(*block())) == [
        (0, None, 2.0, False, False),
        (0, 2.0, 5.0, True, True),
        (1, None, 4.0, False, False),
        (2, None, 7.0, True, True),
        (3, None, 2.0, True, False),
        (4, None, 3.0, True, False),
        (5, None, 4.0, False, False),
        (5, 4.0, 9.0, False, True),
    ]


def test_hand_worked_cox_model_of_a_time_dependent_exposure():
    """Deaths at 2, 3, 5, 7, of one untreated, one untreated, one treated, one treated.

    At risk, untreated and treated: at 2 (5, 1), at 3 (3, 2), at 5 (0, 3), at 7 (0, 2). The last two say nothing: the
    score 0 - e / (5 + e) - 2 e / (3 + 2 e) has no zero, while one more treated death at 3.5 makes
    1 - e / (5 + e) - 2 e / (3 + 2 e) - 2 e / (2 + 2 e) = 0.
    """
    assert time_zero.time_dependent(*block()).fit().status[0] == Status.MONOTONE
    more = [*FEW, (3.5, 1, 1.0)]
    fit = time_zero.time_dependent(*block(more)).fit()
    e = math.exp(fit.beta[0, 0])
    # At 2: 5 untreated, treated 2 and 6; at 3: untreated 1, 4, 5; treated 0, 2, 6; at 3.5: untreated 1, 5.
    assert 1 - 2 * e / (5 + 2 * e) - 3 * e / (3 + 3 * e) - 3 * e / (2 + 3 * e) == pytest.approx(0, abs=1e-9)


def some(replicates: int = 6) -> Sample:
    return sample(late(null=False, confounded=True, size=60, rate=0.5), replicates, Plan(propensity=EVERYONE))


def patients_of(observed: Observed, r: int) -> list[twin.Patient]:
    course = observed.endpoints["OS"]
    return [
        twin.Patient(float(t), bool(d), float(s))
        for t, d, s in zip(course.time[r], course.event[r], observed.start[r], strict=True)
    ]


@pytest.mark.parametrize("what", ["landmark", "delayed entry", "time-dependent"])
def test_rows_equal_the_slow_twin(what):
    observed = some().observed
    course = observed.endpoints["OS"]
    start = observed.start
    start[:, ::7] = np.where(np.isfinite(start[:, ::7]), 0.0, np.inf)  # some start at time zero
    data = (course.time, course.event, start, observed.present)
    made, slow = {
        "landmark": (time_zero.landmark(*data, 2.0), lambda p: twin.landmark(p, 2.0)),
        "delayed entry": (time_zero.delayed_entry(*data), twin.delayed_entry),
        "time-dependent": (time_zero.time_dependent(*data), twin.time_dependent),
    }[what]
    for r in range(len(start)):
        people = [p._replace(start=float(s)) for p, s in zip(patients_of(observed, r), start[r], strict=True)]
        found = listed(made, r, len(people))
        assert len(found) > 20
        assert found == plain(slow(people))


@pytest.mark.parametrize(("grace", "at_once"), [(0.0, True), (2.0, False), (2.0, True)])
def test_clones_and_weights_equal_the_slow_twin(grace, at_once):
    block_of = some()
    observed = block_of.observed
    course, start = observed.endpoints["OS"], observed.start
    if at_once:
        start[:, ::2] = np.where(np.isfinite(start[:, ::2]), 0.0, np.inf)
    x, _ = block_of.columns(("age", "stage"))
    made = clones(course.time, course.event, start, observed.present, x, grace)
    assert (made.status == Status.OK).all()
    for r in range(len(start)):
        time, now = course.time[r], start[r] <= 0
        zero = logistic_models.logistic(x[r][None], now[None]).fitted[0] if at_once else np.zeros(len(time))
        log_hazard = np.zeros(len(time))
        if grace:
            left = np.minimum(np.minimum(start[r], time), grace)
            fit = statistics.cox(
                left[None], ((start[r] <= grace) & (start[r] < time))[None], x[r][None], present=~now[None]
            )
            log_hazard = x[r] @ fit.beta[0]
        inside = time > grace if grace else np.ones(len(time), bool)
        one = logistic_models.logistic(x[r][None], (start[r] <= grace)[None], present=inside[None]).fitted[0]
        people = [p._replace(start=float(s)) for p, s in zip(patients_of(observed, r), start[r], strict=True)]
        slow = twin.clones(people, grace, INTERVALS, list(zero), list(log_hazard), list(one))
        assert listed(made.rows, r, len(people)) == plain(slow)
        weights = [
            (m % len(people), bool(made.rows.treated[r, m]), made.rows.time[r, m], made.weight[r, m])
            for m in np.flatnonzero(made.rows.present[r])
        ]
        wanted = sorted((row.patient, row.treated, row.time, row.weight) for row in slow)
        np.testing.assert_allclose(sorted(weights), wanted, rtol=1e-10)


def test_hand_worked_clones_without_covariates_to_adjust_for():
    """Grace 3: the clone that must not start is censored at 2; the one that must is censored at 3 unless it started."""
    time, event, start, present = block([(5.0, 1, 2.0), (4.0, 1, NEVER), (2.5, 1, NEVER), (6.0, 0, NEVER)])
    made = clones(time, event, start, present, np.zeros((1, 4, 0)), 3.0)
    ends: dict[tuple[int, bool], list[tuple[float, bool]]] = {}
    for patient, _, end, died, strategy in listed(made.rows, 0, 4):
        ends.setdefault((patient, strategy), []).append((end, died))
    assert {who: max(rows) for who, rows in ends.items()} == {
        (0, False): (2.0, False),
        (0, True): (5.0, True),
        (1, False): (4.0, True),
        (1, True): (3.0, False),
        (2, False): (2.5, True),
        (2, True): (2.5, True),
        (3, False): (6.0, False),
        (3, True): (3.0, False),
    }
    last = {(m % 4, bool(made.rows.treated[0, m])): made.weight[0, m] for m in np.flatnonzero(made.rows.present[0])}
    assert last[0, True] == pytest.approx(3.0)  # one of three at risk at the end of grace has started
    hazard = 1 / (0.5 + 3 * 0.5)  # one start in the fourth part, (1.5, 2], among four
    assert last[1, False] == pytest.approx(math.exp(hazard * 0.5))


@pytest.mark.parametrize("estimator", [TimeDependent(), DelayedEntry()])
def test_without_delay_they_are_the_crude_model(estimator):
    seen = sample(scenario())
    assert set(np.unique(seen.observed.start)) == {0.0, np.inf}
    made, crude = estimator.estimate(seen, "OS"), Crude().estimate(seen, "OS")
    np.testing.assert_allclose(made.value, crude.value, rtol=0, atol=1e-10)
    np.testing.assert_allclose(made.se, crude.se, rtol=1e-10)
    assert np.array_equal(made.n, crude.n)
    assert np.array_equal(made.events, crude.events)
    other = estimator.estimate(sample(late(size=120)), "OS")
    assert (np.abs(other.value - Crude().estimate(sample(late(size=120)), "OS").value) > 1e-3).all()


def test_without_delay_and_grace_cloning_is_weighting():
    seen = sample(scenario(), plan=Plan(propensity=EVERYONE))
    made = CloneCensorWeight(grace=0.0).estimate(seen, "OS")
    weighted = Ipw(target="ate").estimate(seen, "OS")
    np.testing.assert_allclose(made.value, weighted.value, rtol=0, atol=1e-9)
    assert not np.allclose(made.value, Ipw(target="att").estimate(seen, "OS").value, atol=1e-3)


def test_without_delay_a_landmark_is_the_crude_model_of_its_survivors():
    seen = sample(scenario())
    course = seen.observed.endpoints["OS"]
    there = dataclasses.replace(seen.observed, present=seen.observed.present & (course.time > 6.0))
    crude = Crude().estimate(Sample(there, seen.plan, seen.replicates), "OS")
    made = Landmark(at=6.0).estimate(seen, "OS")
    np.testing.assert_allclose(made.value, crude.value, rtol=0, atol=1e-10)
    assert np.array_equal(made.n, crude.n)
    assert (made.n < seen.observed.present.sum(axis=1)).all()


def test_a_start_after_the_event_of_an_endpoint_is_none():
    """Progression may come before the start: that time is untreated, and such a patient never enters late."""
    time, event, start, present = block([(2.0, 1, 5.0), (4.0, 1, 1.0), (6.0, 1, NEVER)])
    assert listed(time_zero.time_dependent(time, event, start, present), 0, 3)[0] == (0, None, 2.0, True, False)
    assert {row[0] for row in listed(time_zero.delayed_entry(time, event, start, present), 0, 3)} == {1, 2}


@pytest.mark.parametrize("rows", [time_zero.delayed_entry, time_zero.time_dependent])
def test_a_time_that_is_no_number_is_told(rows):
    time, event, start, present = block([*FEW, (math.nan, 1, 1.0), (3.5, 1, 1.0)])
    assert rows(time, event, start, present).fit().status[0] == Status.BAD_INPUT
    assert time_zero.landmark(time, event, start, present, 1.0).fit().status[0] == Status.BAD_INPUT
    present[0, -2] = False
    assert rows(time, event, start, present).fit().status[0] == Status.OK


REMEDIES = [
    Landmark(),
    Landmark(adjusted=True),
    DelayedEntry(),
    DelayedEntry(adjusted=True),
    TimeDependent(),
    TimeDependent(adjusted=True),
    CloneCensorWeight(),
    CloneCensorWeight(boots=3),
]


@pytest.mark.parametrize("estimator", REMEDIES, ids=str)
def test_a_replicate_alone_gives_the_same_bits_where_treatment_starts_late(estimator):
    asked = late(size=80)
    resolved = resolve(asked)
    whole = estimator.estimate(sample(asked, 7), "OS")
    assert np.isfinite(whole.value).all()
    for r in (0, 4):
        alone = generate(resolved, 11, np.array([r]))
        made = estimator.estimate(Sample(alone.observed, asked.analysis, alone.replicates, 11), "OS")
        for name in ("value", "se", "low", "high", "p", "n", "events", "status"):
            assert np.array_equal(getattr(made, name), getattr(whole, name)[[r]]), name


@pytest.mark.parametrize("estimator", REMEDIES, ids=str)
def test_degenerate_replicates_are_rows_where_treatment_starts_late(estimator):
    """One arm only; nobody dies; all start at once: the neighbours keep their estimates."""
    seen = sample(late(size=80), 5)
    observed, course = seen.observed, seen.observed.endpoints["OS"]
    assert observed.delay is not None
    treated, event, delay = observed.treated.copy(), course.event.copy(), observed.delay.copy()
    treated[0], event[1], treated[2], delay[2] = False, False, True, 0.0
    endpoints = {**observed.endpoints, "OS": dataclasses.replace(course, event=event)}
    sick = dataclasses.replace(observed, treated=treated, delay=delay, endpoints=endpoints)
    made, healthy = (estimator.estimate(Sample(o, seen.plan, seen.replicates), "OS") for o in (sick, observed))
    assert (made.status[:3] != Status.OK).all()
    assert np.isnan(made.value[:3]).all()
    assert np.array_equal(made.value[3:], healthy.value[3:])
    assert (made.status[3:] == Status.OK).all()


MANY = 150


def found(estimator: Estimator, asked: Scenario, **changes: Any) -> np.ndarray:
    """The estimates of many cohorts, all of which have one."""
    seen = sample(asked, MANY)
    changed = dataclasses.replace(seen.observed, **changes) if changes else seen.observed
    made = estimator.estimate(Sample(changed, seen.plan, seen.replicates, seen.seed), "OS")
    assert (made.status == Status.OK).all()
    return made.value


def test_where_treatment_does_nothing_a_late_start_looks_like_a_benefit():
    values = found(Crude(), late())
    assert z_of_mean(values, 0.0) < -20
    assert values.mean() < math.log(0.8)


@pytest.mark.parametrize(
    "estimator", [Landmark(), TimeDependent(), CloneCensorWeight(), CloneCensorWeight(grace=6.0)], ids=str
)
def test_the_remedies_find_no_effect_where_there_is_none(estimator):
    values = found(estimator, late())
    assert abs(z_of_mean(values, 0.0)) < 4
    assert abs(z_of_mean(values, 0.06)) > 4


@pytest.mark.parametrize(
    "estimator", [Landmark(adjusted=True), TimeDependent(adjusted=True), CloneCensorWeight()], ids=str
)
def test_confounding_is_adjusted_or_weighted_away(estimator):
    asked = late(confounded=True)
    assert abs(z_of_mean(found(estimator, asked), 0.0)) < 4
    crude = (
        TimeDependent()
        if isinstance(estimator, CloneCensorWeight)
        else estimator.model_copy(update={"adjusted": False})
    )
    assert z_of_mean(found(crude, asked), 0.0) > 4


def test_delayed_entry_keeps_some_of_the_bias():
    values, crude = found(DelayedEntry(), late()), found(Crude(), late())
    assert z_of_mean(values, 0.0) < -4
    assert z_of_mean(values - crude, 0.0) > 4


def test_months_of_waiting_counted_as_treated_are_noticed():
    """The planted error: half of the wait is given to the treatment."""
    seen = sample(late(), 1).observed
    wrong = sample(late(), MANY).observed.delay
    assert seen.delay is not None
    assert wrong is not None
    assert z_of_mean(found(TimeDependent(), late(), delay=wrong / 2), 0.0) < -4


def test_a_time_dependent_exposure_finds_the_hazard_ratio_of_treatment():
    """Without covariates the hazard ratio after the start is the stated one."""
    asked = late(null=False)
    death = asked.outcomes.death.model_copy(update={"log_hr": {}})
    asked = asked.model_copy(update={"outcomes": asked.outcomes.model_copy(update={"death": death})})
    values = found(TimeDependent(), asked)
    assert abs(z_of_mean(values, -0.7)) < 4
    assert abs(z_of_mean(values, -0.63)) > 4


def test_standard_errors_are_those_of_the_estimates():
    seen = sample(late(), MANY)
    for estimator in (TimeDependent(), Landmark(), CloneCensorWeight()):
        made = estimator.estimate(seen, "OS")
        ratio = made.se.mean() / made.value.std(ddof=1)
        assert 0.8 < ratio < 1.25, estimator.kind


def test_the_bootstrap_gives_the_spread_and_the_same_bits_in_any_block():
    seen = sample(late(size=150), 6)
    estimator = CloneCensorWeight(boots=40)
    made, naive = estimator.estimate(seen, "OS"), CloneCensorWeight().estimate(seen, "OS")
    assert np.array_equal(made.value, naive.value)
    assert (made.se != naive.se).all()
    assert np.all((made.se / naive.se > 0.6) & (made.se / naive.se < 1.5))
    resolved = resolve(late(size=150))
    part = generate(resolved, 11, np.arange(2, 4))
    again = estimator.estimate(Sample(part.observed, seen.plan, part.replicates, 11), "OS")
    assert np.array_equal(again.se, made.se[2:4])
    other = estimator.estimate(Sample(part.observed, seen.plan, part.replicates, 12), "OS")
    assert (other.se != again.se).all()


def test_a_bootstrap_sample_has_as_many_patients_and_other_ones_each_time():
    seen = sample(late(size=50), 3)
    present = seen.observed.present.copy()
    present[1, ::2] = False
    seen = dataclasses.replace(seen, observed=dataclasses.replace(seen.observed, present=present))

    def often(draw):
        chosen, inside = drawn_patients(seen, draw)
        return np.array([np.bincount(c[i], minlength=50) for c, i in zip(chosen, inside, strict=True)], float)

    one, two = often(0), often(1)
    assert np.array_equal(one.sum(axis=1), present.sum(axis=1))
    assert not one[~present].any()
    assert not np.array_equal(one, two)
    many = np.array([often(draw)[0] for draw in range(200)])
    assert abs(z_of_mean(many.mean(axis=0), 1.0)) < 4
    assert many.var(axis=0).mean() == pytest.approx(1.0, abs=0.1)


def test_impossible_options_are_refused():
    for wrong in ({"at": 0.0}, {"at": -1.0}):
        with pytest.raises(ValidationError):
            Landmark(**wrong)
    with pytest.raises(ValidationError):
        CloneCensorWeight(grace=-1.0)
    with pytest.raises(ValidationError):
        CloneCensorWeight(boots=-1)


def test_a_start_that_a_covariate_foretells_is_told():
    """Nobody starts but in the late stage: the model of starting has no finite fit."""
    seen = sample(late(size=60), 2)
    course, start = seen.observed.endpoints["OS"], seen.observed.start
    x, _ = seen.columns(("stage",))
    start[1] = np.where(x[1, :, 0] == 1, np.linspace(0.01, 2.0, 60), np.inf)
    made = clones(course.time, course.event, start, seen.observed.present, x, 3.0)
    assert made.status.tolist() == [Status.OK, Status.MONOTONE]
    assert (made.weight[1] == 1).all()


def test_a_weight_without_bounds_is_told(monkeypatch):
    seen = sample(late(size=60), 8)
    course = seen.observed.endpoints["OS"]
    x, _ = seen.columns(("age", "stage"))
    data = (course.time, course.event, seen.observed.start, seen.observed.present)
    made = clones(*data, x, 3.0)
    assert (made.status == Status.OK).all()
    largest = np.where(made.rows.present, made.weight, 0.0).max(axis=1)
    bound = float(np.median(largest))
    monkeypatch.setattr(clone_censor_weight, "HEAVIEST", bound)
    again = clones(*data, x, 3.0)
    assert np.array_equal(again.status == Status.PS_SEPARATED, largest > bound)
    assert 0 < (largest > bound).sum() < 8


def test_nobody_treated_by_the_end_of_grace_is_a_row():
    seen = sample(late(size=60), 3)
    course: Endpoint = seen.observed.endpoints["OS"]
    start = seen.observed.start
    start[1] = np.inf
    x, _ = seen.columns(("age", "stage"))
    made = clones(course.time, course.event, start, seen.observed.present, x, 3.0)
    assert made.status.tolist() == [Status.OK, Status.TOO_FEW, Status.OK]


def truth_of(asked: Scenario) -> float:
    """The marginal log hazard ratio of overall survival in everyone."""
    estimand = Crude().estimand("OS", asked.analysis, {})
    work = TruthWork(Patients(asked, resolve(asked)), {estimand: 0.0}, 1, lambda _: None)
    return work.counted([estimand])[estimand].value


def test_the_truth_is_that_of_assignment_and_smaller_than_that_of_a_start_at_time_zero():
    asked = late(null=False)
    at_zero = asked.model_copy(update={"treatment": asked.treatment.model_copy(update={"start": None})})
    assert truth_of(at_zero) < truth_of(asked) - 0.1 < -0.1
    assert abs(truth_of(late())) < 1e-6
