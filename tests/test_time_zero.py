"""Rows of patients whose treatment starts late: by hand, and against slow twins."""

import dataclasses
import math
from typing import Any

import numpy as np
import pytest

from analysis.estimators import (
    CloneCensorWeight,
    Crude,
    DelayedEntry,
    Ipw,
    Landmark,
    Sample,
    TimeDependent,
)
from analysis.estimators.clone_censor_weight import INTERVALS, clones
from analysis.kernels.status import Status
from analysis.plan.analysis_plan import Plan, PropensityPlan
from analysis.propensity import logistic_models
from analysis.survival import statistics, time_zero
from simulator.cohort.cohorts import Observed
from tests.late_starts import late, sample
from tests.reference import time_zero as twin
from tests.worlds import scenario

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
