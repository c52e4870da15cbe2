"""The remedies of a late start: no effect where there is none, the right one where there is."""

import dataclasses
import math

import numpy as np
import pytest
from pydantic import ValidationError

from analysis.estimators import (
    CloneCensorWeight,
    Crude,
    DelayedEntry,
    Landmark,
    Sample,
    TimeDependent,
    clone_censor_weight,
)
from analysis.estimators.clone_censor_weight import clones
from analysis.estimators.resampling import drawn_patients
from analysis.kernels.status import Status
from benchmarks.asked.scenario import Scenario
from benchmarks.truth.counted import Patients
from benchmarks.truth.of_cells import TruthWork
from simulator.cohort.cohorts import Endpoint
from simulator.world.generate import generate, resolve
from tests.late_starts import MANY, found, late, sample
from tests.simulated import z_of_mean

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
