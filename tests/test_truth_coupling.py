"""Truths are properties of the world: they stay where they are when a patient's other course has luck of its own."""

from typing import Any

import numpy as np
import pytest

from benchmarks.asked.blocks import Cell
from benchmarks.asked.load_study import load_study
from benchmarks.asked.scenario import Scenario
from benchmarks.truth import counted as truth
from benchmarks.truth.of_cells import find_truths
from benchmarks.truth.tallies import GROUPS, log_hr
from simulator.cohort.estimand import COUPLED, Estimand
from simulator.world.generate import generate, resolve
from tests.coupled import independent, independently_followed

PATIENTS = 80_000
WORLDS = {
    "paper": ("paper", ()),
    "immortal-time": ("immortal-time", ("outcomes.treatment_effect=as_stated",)),
    "one-to-three": ("paper", ("analysis.matching.ratio=3",)),
    "replacement": ("paper", ("analysis.matching.replacement=true",)),
}
RARE = ("one-to-three", "replacement")
"""Whose truths are found in the way of the first."""


def cell_of(name: str) -> Cell:
    """The study with an effect, few patients for its truths, and overall survival alone."""
    study, settings = WORLDS[name]
    asked = load_study(study, (*settings, f"run.truth_patients={PATIENTS}")).scenario
    own = tuple(one.model_copy(update={"endpoints": ("OS",)}) for one in asked.estimators)
    return _cell(asked.model_copy(update={"estimators": own}))


def _cell(asked: Scenario) -> Cell:
    return Cell(0, {}, asked, resolve(asked))


def truths(cell: Cell) -> dict[str, Any]:
    """The truth of every estimator, and of every population that a study's target may have."""
    found = {name: one for (_, name), one in find_truths(cell, 1, lambda _: None, {}).items()}
    work = truth.Patients(cell.scenario, cell.resolved)
    for population in ("all", "treated", "untreated", "overlap", "matching_weight"):
        for follow_up in ("observed", "complete"):
            asked = Estimand(population=population, measure="marginal_log_hr", endpoint="OS", follow_up=follow_up)
            found[f"{population} {follow_up}"] = counted(work, asked)
    for measure, horizon in (("rmst_difference", 24.0), ("survival_difference", 12.0), ("median_difference", None)):
        asked = Estimand(population="treated", measure=measure, endpoint="OS", horizon=horizon, follow_up="complete")
        found[measure] = counted(work, asked)
    return found


def counted(work: truth.Patients, asked: Estimand) -> Any:
    """The truth of one estimand from all replicates allowed."""
    at, numbers = work.bounds(asked), np.arange(work.most)
    return truth.counted_truth(work, asked, at, truth.count_block(work, [(asked, at)], numbers)[0], work.most)


@pytest.fixture(
    scope="module", params=[pytest.param(one, marks=pytest.mark.slow) if one in RARE else one for one in WORLDS]
)
def both(request: pytest.FixtureRequest) -> tuple[Cell, dict[str, Any], dict[str, Any]]:
    """A cell, its truths, and its truths where counterfactual luck is independent."""
    cell = cell_of(request.param)
    shared = truths(cell)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(truth, "generate", independent)
        patch.setattr(truth, "followed", independently_followed)
        return cell, shared, truths(cell)


def test_no_truth_that_judges_anybody_depends_on_how_courses_hang_together(both: Any) -> None:
    cell, shared, apart = both
    judged = [name for name, one in shared.items() if np.isfinite(one.value)]
    assert len(judged) >= 12
    assert not {one.estimand.population for one in shared.values()} & set(COUPLED)
    for name in judged:
        error = np.hypot(shared[name].mcse, apart[name].mcse)
        assert 0 < error < (0.03 if "log" in shared[name].estimand.measure else 0.5), name
        assert abs(shared[name].value - apart[name].value) < 4 * error, (cell.scenario.name, name)
    assert any(shared[name].value != apart[name].value for name in judged)  # the luck was another


def test_what_is_observed_is_the_same_whatever_the_coupling() -> None:
    cell = cell_of("paper")
    own, other = (make(cell.resolved, 3, np.arange(4)) for make in (generate, independent))
    for name, course in own.observed.endpoints.items():
        assert np.array_equal(course.time, other.observed.endpoints[name].time)
    assert np.array_equal(own.observed.treated, other.observed.treated)
    treated = own.hidden.assigned
    for arm in (0, 1):
        same = own.hidden.latent["OS"][arm] == other.hidden.latent["OS"][arm]
        assert same[treated == arm].all()
        assert not same[treated != arm].all()


def _as_it_was(cell: Cell, make: Any) -> tuple[float, float]:
    """The log hazard ratio in whoever is matched, in the courses that included them, with its jackknife SE."""
    work = truth.Patients(cell.scenario, cell.resolved)
    asked = Estimand(population="all", measure="marginal_log_hr", endpoint="OS")
    at, numbers = work.bounds(asked), np.arange(work.most)
    made = make(cell.resolved, cell.scenario.run.seed, numbers)
    kept = np.sum([one.matched for one in truth.samples(cell.scenario, made, cell.scenario.run.seed)], axis=0)
    courses = truth.outcomes_of(asked, made.hidden.potential, {}, {}, None, kept.astype(np.int64))
    counts = truth.TALLIES["marginal_log_hr"].count(courses, work.groups(numbers), at)
    everyone = counts.sum(axis=0)
    left = np.array([log_hr(everyone - one) for one in counts])
    return log_hr(everyone), float(np.sqrt((GROUPS - 1) / GROUPS * np.sum((left - left.mean()) ** 2)))


def test_a_truth_among_the_included_would_be_noticed() -> None:
    """Inclusion asks for survival under the received arm: among the included, the coupling is the answer."""
    cell = cell_of("paper")
    (shared, error), (apart, other) = _as_it_was(cell, generate), _as_it_was(cell, independent)
    assert abs(shared - apart) > 8 * np.hypot(error, other)


def test_baseline_stays_and_all_that_follows_is_drawn_anew() -> None:
    cell = cell_of("immortal-time")
    own, afresh = (generate(cell.resolved, 3, np.arange(4), luck=luck) for luck in ("", "afresh"))
    for name in ("propensity", "assigned", "entry", "covariates"):
        assert np.array_equal(getattr(own.hidden, name), getattr(afresh.hidden, name)), name
    assert np.array_equal(own.hidden.perfect.covariates, afresh.hidden.perfect.covariates)
    for name in ("OS", "PFS"):
        for arm in (0, 1):
            assert (own.hidden.latent[name][arm] != afresh.hidden.latent[name][arm]).mean() > 0.9
    assert (own.hidden.starts != afresh.hidden.starts).mean() > 0.9
    assert own.hidden.response is not None
    assert afresh.hidden.response is not None
    assert (own.hidden.response[0] != afresh.hidden.response[0]).mean() > 0.2
