"""Follow-up: the cut-off date, drop-out by arm, and who is included."""

import numpy as np
import pytest
from pydantic import ValidationError
from scipy.stats import kstest

from simulator.mechanisms.entry import months_between
from simulator.mechanisms.followup import FollowUp, observe, seen_at_visits
from simulator.mechanisms.graph import Course
from simulator.world.generate import IN_TIME
from tests.simulated import cohorts, simple, z_of_mean

NEVER = {"baseline": {"kind": "exponential", "rate": 0.0}}
IMMORTAL = {"progression": NEVER, "death": NEVER, "death_after_progression": NEVER}
WINDOW = months_between("2020-01-01", "2200-01-01")


def test_an_event_at_the_censoring_time_counts():
    seen = observe(np.array([1.0, 2.0, 3.0, np.inf]), np.array([2.0, 2.0, 2.0, 2.0]))
    assert seen.time.tolist() == [1.0, 2.0, 2.0, 2.0]
    assert seen.event.tolist() == [True, True, False, False]


def test_without_events_follow_up_ends_at_the_cut_off_date():
    made = cohorts(simple(outcomes=IMMORTAL), 3, 100)
    seen = made.observed.endpoints["OS"]
    assert not seen.event.any()
    assert np.allclose(made.hidden.entry + seen.time, WINDOW, rtol=1e-15)


def test_drop_out_has_the_stated_distribution_in_each_arm():
    followup = {
        "cut_off": "2900-01-01",
        "dropout": {
            "C": {"kind": "weibull", "shape": 1.5, "scale": 20.0},
            "T": {"kind": "piecewise", "cuts": (8.0,), "rates": (0.05, 0.01)},
        },
    }
    made = cohorts(simple(outcomes=IMMORTAL, followup=followup), 10, 2000)
    zero, one = (endpoint.time.ravel() for endpoint in made.hidden.potential["OS"])
    assert kstest(zero, lambda t: 1 - np.exp(-((t / 20) ** 1.5))).pvalue > 1e-4
    assert kstest(one, lambda t: 1 - np.exp(-0.05 * np.minimum(t, 8) - 0.01 * np.maximum(t - 8, 0))).pvalue > 1e-4
    assert kstest(one, lambda t: 1 - np.exp(-0.05 * np.minimum(t, 8) - 0.0125 * np.maximum(t - 8, 0))).pvalue < 1e-4
    received = np.where(made.observed.treated.ravel(), one, zero)
    assert np.array_equal(made.observed.endpoints["OS"].time.ravel(), received)


def test_an_arm_without_drop_out_has_none():
    followup = {"cut_off": "2030-01-01", "dropout": {"T": {"kind": "exponential", "rate": 0.5}}}
    made = cohorts(simple(outcomes=IMMORTAL, followup=followup), 2, 200)
    zero, one = (endpoint.time for endpoint in made.hidden.potential["OS"])
    assert np.allclose(zero + made.hidden.entry, months_between("2020-01-01", "2030-01-01"), rtol=1e-15)
    assert (one < zero).mean() > 0.9


def test_follow_up_ends_with_the_stated_number_of_events():
    cut = {"endpoint": "OS", "events": 30, "latest": "2200-01-01"}
    made = cohorts(simple(followup={"cut_off": cut}), 20, 120)
    seen, here, entry = made.observed.endpoints["OS"], made.observed.present, made.hidden.entry
    assert ((seen.event & here).sum(axis=1) == 30).all()
    last = np.where(seen.event & here, entry + seen.time, -np.inf).max(axis=1)
    open_still = np.where(here & ~seen.event, entry + seen.time, last[:, None])
    assert np.allclose(open_still, last[:, None], rtol=1e-12)  # nobody drops out, so that all others end that day
    assert (here == (entry < last[:, None])).all()
    assert (~here).any()
    plain = cohorts(simple(), 20, 120).observed.endpoints["OS"]
    assert np.array_equal(seen.time[seen.event], plain.time[seen.event])  # the same patients with the same luck
    assert made.hidden.criteria[-1] == IN_TIME
    assert np.array_equal(made.hidden.excluded == len(made.hidden.criteria), here)  # who is not in is told why
    assert np.array_equal(made.hidden.eligible[0], here)


def test_too_few_events_end_follow_up_at_the_latest_date():
    cut = {"endpoint": "OS", "events": 500, "latest": "2022-01-01"}
    made, dated = (
        cohorts(simple(followup={"cut_off": cut}), 3, 60),
        cohorts(simple(followup={"cut_off": "2022-01-01"}), 3, 60),
    )
    assert np.array_equal(made.observed.endpoints["OS"].time, dated.observed.endpoints["OS"].time)


def test_complete_follow_up_sees_every_event():
    made = cohorts(simple(followup={"cut_off": "complete"}), 5, 400)
    assert all(course.event.all() for course in made.observed.endpoints.values())
    zero, one = made.hidden.latent["OS"]
    assert np.array_equal(made.observed.endpoints["OS"].time, np.where(made.observed.treated, one, zero))
    immortal = cohorts(simple(outcomes=IMMORTAL, followup={"cut_off": "complete"}), 2, 20).observed.endpoints["OS"]
    assert not immortal.event.any()
    assert (immortal.time == 1200.0).all()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"followup": {"cut_off": {"endpoint": "MACE", "events": 30, "latest": "2030-01-01"}}},
            "no endpoint 'MACE' (OS, PFS)",
        ),
        (
            {"followup": {"cut_off": {"endpoint": "OS", "events": 30, "latest": "2020-02-01"}}},
            "ends before accrual does",
        ),
        (
            {"followup": {"cut_off": {"endpoint": "OS", "events": 0, "latest": "2030-01-01"}}},
            "greater than or equal to 1",
        ),
        (
            {
                "followup": {"cut_off": {"endpoint": "OS", "events": 30, "latest": "2030-01-01"}},
                "entry": {"accrual": {"start": "2020-01-01", "end": "2021-01-01"}, "potential_follow_up_months": 3.0},
            },
            "no meaning where a number of events ends follow-up",
        ),
    ],
)
def test_a_number_of_events_that_cannot_end_follow_up_is_refused(changes, message):
    with pytest.raises(ValidationError, match=message.replace("(", r"\(").replace(")", r"\)")):
        simple(**changes)


def test_drop_out_is_independent_of_outcome_and_entry():
    made = cohorts(
        simple(followup={"cut_off": "2900-01-01", "dropout": {"C": {"kind": "exponential", "rate": 0.1}}}), 20, 5000
    )
    zero = made.hidden.potential["PFS"][0]  # hazard 0.2 against drop-out 0.1
    assert abs(z_of_mean(zero.event, 2 / 3)) < 4
    assert abs(z_of_mean(zero.event, 2 / 3 + 0.01)) > 4
    assert abs(z_of_mean(zero.time, 1 / 0.3)) < 4
    assert abs(z_of_mean((zero.time - zero.time.mean()) * (made.hidden.entry - made.hidden.entry.mean()), 0.0)) < 4


def test_guarantee_time_selects_on_survival_in_the_received_arm():
    entry = {"accrual": {"start": "2020-01-01", "end": "2021-01-01"}, "guarantee_months": {"T": 3.0}}
    death = {"baseline": {"kind": "exponential", "rate": 0.1}, "treatment": {"log_hr": -0.5}}
    progression = {"baseline": {"kind": "exponential", "rate": 0.3}}  # to which survival owes nothing
    asked = simple(entry=entry, outcomes={"progression": progression, "death": death, "death_after_progression": death})
    made = cohorts(asked, 20, 5000)
    treated, present, eligible = made.observed.treated, made.observed.present, made.hidden.eligible
    assert eligible[0].all()
    assert np.array_equal(present, np.where(treated, eligible[1], True))
    assert abs(z_of_mean(eligible[1], np.exp(-0.1 * np.exp(-0.5) * 3))) < 4
    assert abs(z_of_mean(eligible[1], np.exp(-0.1 * 3))) > 4
    assert made.observed.endpoints["OS"].time[present & treated].min() >= 3
    assert (made.observed.endpoints["OS"].time[~present] < 3).all()


def test_a_cut_off_that_is_no_date_is_refused():
    with pytest.raises(
        ValidationError, match="'soon' is not a date; write it as 2019-01-31, 'complete', or a number of events"
    ):
        FollowUp(cut_off="soon")


def test_progression_is_seen_at_the_next_visit_or_at_death():
    never = np.inf
    progressed, dead = [[0.1, 1.5, 3.0, 3.1, never, never]], [[9.0, 9.0, 9.0, 4.0, 2.0, never]]
    course = Course(simple().outcomes.graph, {"progressed": np.array(progressed), "dead": np.array(dead)})
    seen = seen_at_visits(course, 1.5, ("progressed",))
    assert seen.entered["progressed"].tolist() == [[1.5, 1.5, 3.0, never, never, never]]
    assert seen.first(("progressed", "dead")).tolist() == [[1.5, 1.5, 3.0, 4.0, 2.0, never]]
    assert seen_at_visits(course, None, ("progressed",)) is course
    assert np.array_equal(seen.end, course.end)


def test_what_a_visit_would_find_after_the_end_of_the_course_is_never_seen():
    """Progression at 1.1 and death at 1.3, both to be seen at 1.5: who is dead by then has not progressed before."""
    course = Course(simple().outcomes.graph, {"progressed": np.array([[1.1, 1.1]]), "dead": np.array([[1.3, 1.6]])})
    seen = seen_at_visits(course, 1.5, ("progressed", "dead"))
    assert seen.entered["progressed"].tolist() == [[np.inf, 1.5]]
    assert seen.entered["dead"].tolist() == [[1.5, 3.0]]


def test_rarer_visits_make_progression_look_later_in_that_arm_alone():
    often = cohorts(simple(), 10, 500)
    rare = cohorts(simple(followup={"cut_off": "2200-01-01", "visit_months": {"T": 3.0}}), 10, 500)
    zero, one = (rare.hidden.potential["PFS"][arm].time - often.hidden.potential["PFS"][arm].time for arm in (0, 1))
    assert (zero == 0).all()
    assert (one >= 0).all()
    assert 0.3 < one.mean() < 1.5


def test_who_takes_visits_away_takes_what_is_seen_at_them_along():
    asked = simple(followup={"cut_off": "2200-01-01", "visit_months": {"T": 3.0}, "seen_at_visits": ("dead",)})
    (visits,) = [bias for bias in asked.around().biases() if bias.name == "visits"]
    assert visits.off == {"followup.visit_months": {}, "followup.seen_at_visits": []}
    (plain,) = simple(followup={"cut_off": "2200-01-01", "visit_months": {"T": 3.0}}).around().biases()
    assert plain.off == {"followup.visit_months": {}}
