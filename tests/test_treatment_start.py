"""Delayed start: hazards that change at a patient's own time, and who is never treated."""

import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError
from scipy.stats import kstest

from simulator.mechanisms.graph import Course
from simulator.mechanisms.hazards import Effect, HazardSpec
from simulator.mechanisms.treatment_start import TreatmentStart, begins, on_reset_clock, switched
from simulator.world.export import adam_tables, plain_table
from simulator.world.sections import World
from tests.reference import simulator_twin as twin
from tests.simulated import cohorts, simple, tree, world, z_of_mean

SPEC = TypeAdapter(HazardSpec)
PIECEWISE = SPEC.validate_python({"kind": "piecewise", "cuts": (2.0, 5.0), "rates": (0.1, 0.0, 0.3)})
WEIBULL = SPEC.validate_python({"kind": "weibull", "shape": 1.7, "scale": 20.0})
EXPONENTIAL = SPEC.validate_python({"kind": "exponential", "rate": 0.2})
MONTHLY = {"kind": "exponential", "rate": 0.25}


def plain(rate: float, log_hr: float = 0.0) -> dict[str, object]:
    return {"baseline": {"kind": "exponential", "rate": rate}, "treatment": {"log_hr": log_hr}}


def late(
    log_hr: float = 0.0, prevents: bool = False, wait: dict[str, object] | None = None, **changes: object
) -> World:
    """Progression at 5 %, death at 5 and then 10 % a month; all are meant to be treated, if nothing else is said."""
    outcomes = {
        "progression": plain(0.05, log_hr),
        "death": plain(0.05, log_hr),
        "death_after_progression": plain(0.1, log_hr),
    }
    start = {"wait": wait or MONTHLY, "prevented_by": ("progressed",) if prevents else ()}
    treatment = {"kind": "prevalence", "share": 1.0, "start": start}
    return simple(**{"outcomes": outcomes, "treatment": treatment, **changes})


def test_hand_worked_switch():
    """0.2 a month until 3, then 0.4: 0.6 is used up at 3; an exposure of 1 comes at 3 + 0.4 / 0.4."""
    zero, one = EXPONENTIAL.pieces(), EXPONENTIAL.pieces().under(Effect(log_hr=np.log(2)))
    exposure = np.array([0.5, 1.0, 1.0, 1.0])
    times = switched((zero, one), (exposure, exposure), np.array([3.0, 3.0, np.inf, 0.0]))
    assert times == pytest.approx([2.5, 4.0, 5.0, 2.5], rel=1e-14)


def test_hand_worked_switch_with_a_multiplier_of_the_second_hazard_alone():
    """An exposure of 1 is worth 2 under treatment that halves the hazard beside its effect."""
    zero = EXPONENTIAL.pieces()
    times = switched((zero, zero), (np.array([1.0]), np.array([2.0])), np.array([3.0]))
    assert times == pytest.approx([3.0 + 0.4 / 0.1], rel=1e-14)


@settings(max_examples=80, deadline=None, derandomize=True)
@given(
    st.sampled_from([PIECEWISE, WEIBULL, EXPONENTIAL]),
    st.floats(0.001, 3.0),
    st.floats(0.0, 30.0),
    st.floats(-1.5, 1.5),
    st.floats(-1.0, 1.0),
)
def test_a_switch_inverts_the_integrated_hazard(spec, exposure, at, log_hr, more):
    effect = Effect(log_hr=(0.3, log_hr), cuts=(4.0,))
    pair = spec.pieces(), spec.pieces().under(effect)
    time = float(switched(pair, (np.array([exposure]), np.array([exposure * np.exp(-more)])), np.array([at]))[0])
    total = twin.cumulative(spec, None, min(time, at))
    if time > at:
        total += np.exp(more) * (twin.cumulative(spec, effect, time) - twin.cumulative(spec, effect, at))
    if np.isfinite(time):
        assert total == pytest.approx(exposure, rel=1e-9)
    else:
        assert twin.cumulative(spec, effect, 1e9) < exposure * 10


def test_a_switch_at_time_zero_is_the_second_hazard_and_one_that_never_comes_the_first():
    exposure = np.linspace(0.01, 5, 40)
    for spec in (PIECEWISE, WEIBULL, EXPONENTIAL):
        pair = spec.pieces(), spec.pieces().under(Effect(log_hr=-0.7))
        now = switched(pair, (exposure, exposure / 2), np.zeros(40))
        assert np.array_equal(now, pair[1].time(exposure / 2))
        assert np.array_equal(switched(pair, (exposure, exposure / 2), np.full(40, np.inf)), pair[0].time(exposure))


def test_extreme_exposures_make_no_nonsense():
    zero, one = EXPONENTIAL.pieces(), EXPONENTIAL.pieces().under(Effect(log_hr=-0.7))
    extremes = np.array([0.0, np.inf, 5e-324])
    times = switched((zero, one), (extremes, extremes), np.array([1.0, 1.0, 1.0]))
    assert times[0] == 0
    assert np.isinf(times[1])
    assert 0 <= times[2] < 1e-300


def test_who_starts():
    progressed, dead = np.array([1.0, np.inf, np.inf, 4.0]), np.array([5.0, 3.0, 4.0, 6.0])
    course = Course(simple().outcomes.graph, {"progressed": progressed, "dead": dead})
    wait, censoring = np.array([2.0, 3.0, 2.0, 3.5]), np.array([9.0, 9.0, 1.5, 9.0])
    spec = TreatmentStart(wait=EXPONENTIAL)
    assert begins(spec, wait, course, censoring).tolist() == [True, False, False, True]
    strict = TreatmentStart(wait=EXPONENTIAL, prevented_by=("progressed",))
    assert begins(strict, wait, course, censoring).tolist() == [False, False, False, True]


def test_the_start_on_the_clock_that_entering_a_state_resets():
    entered, wait = np.array([1.0, 3.0, np.inf, np.inf, 2.0]), np.array([2.5, 2.0, 2.0, np.inf, np.inf])
    assert on_reset_clock(entered, wait).tolist() == [1.5, 0.0, 0.0, 0.0, np.inf]


def test_who_is_observed_as_treated_has_survived_until_the_start():
    made = cohorts(late(), 20, 500)
    observed, course = made.observed, made.observed.endpoints["OS"]
    assert made.hidden.assigned.all()
    assert 0.5 < observed.treated.mean() < 0.9
    assert (observed.start[observed.treated] < course.time[observed.treated]).all()
    assert (observed.start > 0).all()
    assert np.isinf(observed.start[~observed.treated]).all()


def test_the_share_who_start_and_their_waits_have_their_analytic_values():
    """Waits at 0.25, exits to death at 0.05 and progression at 0.05: 0.25 / 0.35 start first."""
    made = cohorts(late(prevents=True), 20, 2000).observed
    assert abs(z_of_mean(made.treated, 0.25 / 0.35)) < 4
    assert abs(z_of_mean(made.treated, 0.25 / 0.35 + 0.02)) > 4
    assert kstest(made.start[made.treated], "expon", args=(0, 1 / 0.35)).pvalue > 1e-4
    assert kstest(made.start[made.treated], "expon", args=(0, 1 / 0.25)).pvalue < 1e-4


def test_treatment_works_from_its_start_on():
    """Before it events come at the untreated rate, after it at twice that."""
    made = cohorts(late(np.log(2)), 20, 2000)
    one = made.hidden.potential["PFS"][1].time.ravel()
    zero = made.hidden.potential["PFS"][0].time.ravel()
    start = made.observed.start.ravel()
    late_ones = np.isfinite(start) & (one > start)
    assert kstest((one - start)[late_ones], "expon", args=(0, 1 / 0.2)).pvalue > 1e-4
    assert kstest((one - start)[late_ones], "expon", args=(0, 1 / 0.1)).pvalue < 1e-4
    assert np.array_equal(one[~np.isfinite(start)], zero[~np.isfinite(start)])
    assert np.allclose(one[late_ones] - start[late_ones], (zero - start)[late_ones] / 2, rtol=1e-9)
    assert np.allclose(one[np.isfinite(start) & (one <= start)], zero[np.isfinite(start) & (one <= start)], rtol=1e-12)


def test_who_never_starts_is_in_everything_the_untreated_patient():
    treatment = {"kind": "prevalence", "share": 0.6, "start": {"wait": {"kind": "exponential", "rate": 0.1}}}
    made = cohorts(world(treatment=treatment), 10, 300)
    hidden, never = made.hidden, made.hidden.assigned & ~made.observed.treated
    assert 0.1 < never.mean() < 0.5
    assert hidden.response is not None
    for name in ("OS", "PFS"):
        zero, one = hidden.potential[name]
        assert np.array_equal(zero.time[never], one.time[never])
        assert np.array_equal(zero.event[never], one.event[never])
        assert not np.array_equal(zero.time[made.observed.treated], one.time[made.observed.treated])
    assert np.array_equal(hidden.response[0][never], hidden.response[1][never])
    assert all(np.array_equal(zero[never], one[never]) for zero, one in hidden.binary.values())
    assert np.array_equal(hidden.eligible[0][never], hidden.eligible[1][never])


@pytest.mark.parametrize("prevents", [False, True])
def test_a_start_at_once_is_no_delay(prevents):
    at_once = {"kind": "exponential", "rate": 1e13}
    made = cohorts(late(-0.7, prevents, at_once), 5, 200)
    plain_start = cohorts(late(-0.7, treatment={"kind": "prevalence", "share": 1.0}), 5, 200)
    for name in ("OS", "PFS"):
        one, other = (x.hidden.potential[name][1] for x in (made, plain_start))
        assert np.allclose(one.time, other.time, rtol=0, atol=1e-9)
    assert made.observed.treated.all()
    slow = cohorts(late(-0.7, prevents), 5, 200).hidden.potential["OS"][1].time
    assert not np.allclose(slow, plain_start.hidden.potential["OS"][1].time, atol=1e-3)


def test_a_null_effect_makes_both_courses_identical_even_when_treatment_comes_late():
    made = cohorts(late(0.0, outcomes={**late().outcomes.model_dump(), "treatment_effect": "none"}), 5).hidden
    for zero, one in made.potential.values():
        assert np.array_equal(zero.time, one.time)
        assert np.array_equal(zero.event, one.event)


def test_without_a_late_start_nothing_is_changed():
    """The digest is that of times and arms before the mechanism existed."""
    made = cohorts(simple(), 3)
    assert cohorts(simple(treatment={"kind": "prevalence", "share": 0.5, "start": None}), 3).observed.delay is None
    assert np.array_equal(made.hidden.assigned, made.observed.treated)
    assert set(np.unique(made.observed.start)) == {0.0, np.inf}
    assert np.array_equal(made.observed.start == 0, made.observed.treated)
    digest = hashlib.sha256()
    for array in (made.observed.treated, *(end.time for both in made.hidden.potential.values() for end in both)):
        digest.update(array.tobytes())
    assert digest.hexdigest() == "ee73d16dac18337506d9c020a76f3bdb274fe205a160d91511bad453c869c3d9"


def test_assignment_and_the_untreated_course_do_not_depend_on_the_wait():
    treatment = {"kind": "prevalence", "share": 0.6}
    before = cohorts(world(treatment=treatment), 5)
    after = cohorts(world(treatment={**treatment, "start": {"wait": MONTHLY}}), 5)
    assert np.array_equal(before.observed.treated, after.hidden.assigned)
    assert np.array_equal(before.hidden.propensity, after.hidden.propensity)
    for name in ("OS", "PFS"):
        assert np.array_equal(before.hidden.potential[name][0].time, after.hidden.potential[name][0].time)
        assert not np.array_equal(before.hidden.potential[name][1].time, after.hidden.potential[name][1].time)


def test_tables_have_the_start_where_it_may_be_late():
    asked = world(treatment={"kind": "prevalence", "share": 0.6, "start": {"wait": MONTHLY}})
    made = cohorts(asked)
    table = plain_table(made, asked)
    patients = np.flatnonzero(made.observed.present[0])
    assert np.array_equal(table["treatment_start"], made.observed.start[0, patients])
    assert np.array_equal(np.isfinite(table["treatment_start"]), table["arm"] == "T")
    assert "assigned" not in table
    everyone = plain_table(made, asked, hidden=True)
    assert np.array_equal(everyone["assigned"] == "T", made.hidden.assigned[0])
    assert "treatment_start" not in plain_table(cohorts(world()), world())
    adsl, adtte = adam_tables(made, asked)
    begun = adtte[adtte["PARAMCD"] == "OS"]["STARTDT"].to_numpy()
    same = adsl["TRTSDT"].to_numpy() == begun
    assert same[adsl["ARM"] == "C"].all()
    assert (adsl["TRTSDT"].to_numpy() >= begun).all()
    assert not same[adsl["ARM"] == "T"].all()


def test_the_columns_of_a_late_start_are_taken():
    covariates = {"treatment_start": {"kind": "binary", "shares": {"a": 0.5, "b": 0.5}}}
    treatment = {"kind": "prevalence", "share": 0.5}
    simple(population={"size": 20, "covariates": covariates}, treatment=treatment)
    with pytest.raises(ValidationError, match="no covariate may be called 'treatment_start'"):
        late(population={"size": 20, "covariates": covariates})


def test_amounts_that_the_treated_alone_receive_fit_into_life_after_the_start():
    dose = {"median": 500.0, "spread": 0.1, "most": 900.0}
    amount = {"label": "x", "unit": "month", "months_per_unit": 1.0, "whole": False, "link": 0.0}
    exposure = {"new": {**amount, "arms": {"T": dose}}, "both": {**amount, "arms": {"T": dose, "C": dose}}}
    made = cohorts(late(outcomes={**late().outcomes.model_dump(), "exposure": exposure}), 2, 200)
    observed = made.observed
    os, got = observed.endpoints["OS"].time, observed.treated
    assert np.allclose(observed.exposure["new"][got], (os - observed.start)[got], atol=1e-9)
    assert np.allclose(observed.exposure["both"][got], os[got], atol=1e-9)
    assert np.isnan(observed.exposure["new"][~got]).all()


def test_a_start_of_another_kind_is_refused():
    with pytest.raises(ValidationError, match="wait"):
        world(treatment={**tree()["treatment"], "start": {"months": 3.0}})
