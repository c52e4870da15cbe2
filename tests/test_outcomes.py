"""Outcomes: hazards inverted exactly, the illness-death course, frailty, effects and best response."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError
from scipy.optimize import brentq
from scipy.stats import kstest, multivariate_normal, norm

from simulator.mechanisms.graph import Course
from simulator.mechanisms.hazards import Effect, HazardSpec
from simulator.mechanisms.outcomes import Frailty, Response, best_response, latent_response
from simulator.numerics.streams import Luck, Streams
from simulator.world.courses import walked
from tests.reference import simulator_twin as twin
from tests.simulated import cohorts, simple, world, z_of_mean

SPEC = TypeAdapter(HazardSpec)
PIECEWISE = SPEC.validate_python({"kind": "piecewise", "cuts": (2.0, 5.0), "rates": (0.1, 0.0, 0.3)})
WEIBULL = SPEC.validate_python({"kind": "weibull", "shape": 1.7, "scale": 20.0})
EXPONENTIAL = SPEC.validate_python({"kind": "exponential", "rate": 0.2})
FOR_EVER = {"cut_off": "2900-01-01"}


def effect(log_hr, cuts=()):
    return Effect(log_hr=log_hr, cuts=cuts)


def constant(rate, log_hr=0.0, **more):
    return {"baseline": {"kind": "exponential", "rate": rate}, "treatment": {"log_hr": log_hr}, **more}


def illness_death(h01=0.1, h02=0.05, h12=0.12, **more):
    return {"progression": constant(h01), "death": constant(h02), "death_after_progression": constant(h12), **more}


def test_hand_worked_times():
    hazard = PIECEWISE.pieces()  # cumulative 0.2 at 2, still 0.2 at 5, then 0.3 a month
    times = hazard.time(np.array([0.05, 0.2 - 1e-12, 0.2 + 1e-12, 0.5, 3.2]))
    assert times == pytest.approx([0.5, 2.0, 5.0, 6.0, 15.0], abs=1e-9)
    assert WEIBULL.pieces().time(np.array([1.0, 2**1.7])) == pytest.approx([20.0, 40.0], rel=1e-14)
    assert EXPONENTIAL.pieces().time(np.array([0.0, 0.2, 1e300])) == pytest.approx([0.0, 1.0, 5e300], rel=1e-14)


def test_an_effect_multiplies_from_its_cuts_on():
    """Rates 0.1, 0, 0.3 cut at 2 and 5, times 2 until 1 and 1/2 after: cumulative 0.2 at 1, 0.25 at 2 and 5."""
    hazard = PIECEWISE.pieces().under(effect((math.log(2), -math.log(2)), (1.0,)))
    assert hazard.time(np.array([0.1, 0.2, 0.225, 0.4])) == pytest.approx([0.5, 1.0, 1.5, 6.0], rel=1e-12)
    at_its_own_cut = PIECEWISE.pieces().under(effect((0.0, math.log(3)), (5.0,)))
    assert at_its_own_cut.time(np.array([0.1, 0.2 + 0.9])) == pytest.approx([1.0, 6.0], rel=1e-12)


def test_what_never_happens_is_infinite():
    cured = SPEC.validate_python({"kind": "piecewise", "cuts": (4.0,), "rates": (0.1, 0.0)}).pieces()
    assert cured.time(np.array([0.39, 0.4 + 1e-9, 7.0])).tolist() == pytest.approx([3.9, np.inf, np.inf])
    never = SPEC.validate_python({"kind": "exponential", "rate": 0.0}).pieces()
    assert np.isinf(never.time(np.array([1e-300, 1.0, np.inf]))).all()
    assert np.isinf(EXPONENTIAL.pieces().time(np.array([np.inf]))).all()


def test_an_exposure_that_is_no_number_has_no_time():
    """Nothing is left unset: memory is filled with other numbers first."""
    for hazard in (EXPONENTIAL.pieces(), PIECEWISE.pieces(), WEIBULL.pieces()):
        hazard.time(np.full(600, 7.0))
        assert np.isnan(hazard.time(np.full(600, np.nan))).all()


@st.composite
def hazards(draw):
    cuts = tuple(sorted(draw(st.sets(st.sampled_from([0.5, 1.0, 2.5, 4.0, 9.0, 20.0]), min_size=1, max_size=4))))
    rates = tuple(
        draw(st.lists(st.sampled_from([0.0, 0.01, 0.2, 3.0]), min_size=len(cuts) + 1, max_size=len(cuts) + 1))
    )
    kinds = (
        {"kind": "piecewise", "cuts": cuts, "rates": rates},
        {"kind": "weibull", "shape": draw(st.floats(0.4, 4.0)), "scale": draw(st.floats(0.5, 50.0))},
        {"kind": "exponential", "rate": draw(st.sampled_from([0.001, 0.5]))},
    )
    edges = tuple(sorted(draw(st.sets(st.sampled_from([0.7, 1.0, 3.0, 9.0, 30.0]), max_size=3))))
    steps = tuple(draw(st.lists(st.floats(-2, 2), min_size=len(edges) + 1, max_size=len(edges) + 1)))
    return SPEC.validate_python(draw(st.sampled_from(kinds))), effect(steps, edges)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(hazards(), st.floats(1e-3, 30.0))
def test_inversion_agrees_with_the_integrated_hazard(made, exposure):
    spec, treatment = made
    time = float(made[0].pieces().under(treatment).time(np.array([exposure]))[0])
    if math.isinf(time):
        assert twin.cumulative(spec, treatment, 1e9) <= exposure
    else:
        assert twin.cumulative(spec, treatment, time) == pytest.approx(exposure, rel=1e-10)


@pytest.mark.parametrize(
    ("progression", "death", "after", "pfs", "os"),
    [
        (0.2, 9.9, 0.3, 2.0, 5.0),  # progresses at 2, dies 3 later
        (0.9, 0.4, 0.3, 4.0, 4.0),  # dies at 4 before progression at 9
        (0.2, 0.2, 0.3, 2.0, 2.0),  # a tie is a death
        (0.2, 9.9, np.inf, 2.0, np.inf),
        (np.inf, np.inf, 0.3, np.inf, np.inf),
    ],
)
def test_hand_worked_courses(progression, death, after, pfs, os):
    own = {"progression": progression, "death": death, "death_after_progression": after}
    graph = simple().outcomes.graph

    def leave(state, since):
        times = [np.atleast_1d(10.0 * own[edge.key]) for edge in graph.out_of(state)]
        return times if since is None else [since + time for time in times]

    made = walked(graph, leave)
    assert isinstance(made, Course)
    assert (made.first(("progressed", "dead"))[0], made.end[0]) == pytest.approx((pfs, os))


def test_the_illness_death_process_has_its_analytic_values():
    """h01 = 0.1, h02 = 0.05, h12 = 0.12: S(t) = e^-0.15t + 0.1/0.03 (e^-0.12t - e^-0.15t) for OS."""

    def survival(t):
        return math.exp(-0.15 * t) + 0.1 / 0.03 * (math.exp(-0.12 * t) - math.exp(-0.15 * t))

    median = brentq(lambda t: survival(t) - 0.5, 0, 50)
    assert median == pytest.approx(9.61, abs=0.005)
    made = cohorts(simple(outcomes=illness_death(), followup=FOR_EVER), 20, 10_000).hidden.potential
    pfs, os = made["PFS"][0].time, made["OS"][0].time
    assert abs(z_of_mean(pfs > math.log(2) / 0.15, 0.5)) < 4
    assert abs(z_of_mean(os > median, 0.5)) < 4
    assert abs(z_of_mean(os > median - 0.2, 0.5)) > 4
    assert abs(z_of_mean(os == pfs, 1 / 3)) < 4
    assert kstest(pfs.ravel(), "expon", args=(0, 1 / 0.15)).pvalue > 1e-4
    by_block = [np.corrcoef(a, b)[0, 1] for a, b in zip(pfs, os, strict=True)]
    truth = math.sqrt((1 / 0.15**2) / (1 / 0.15**2 + 2 / 3 * 2 / 0.12**2 - (2 / 3 / 0.12) ** 2))
    assert truth == pytest.approx(0.647, abs=0.001)
    assert abs(z_of_mean(by_block, truth)) < 4
    assert abs(z_of_mean(by_block, truth + 0.02)) > 4


def test_progression_never_follows_death():
    made = cohorts(world(), 30, 400)
    for arm in (0, 1):
        assert (made.hidden.potential["PFS"][arm].time <= made.hidden.potential["OS"][arm].time).all()
        both = made.hidden.potential["OS"][arm].event
        assert made.hidden.potential["PFS"][arm].event[both].all()


@pytest.mark.parametrize("kind", ["gamma", "lognormal"])
@pytest.mark.parametrize("variance", [0.2, 1.5])
def test_frailty_has_mean_1_and_its_variance(kind, variance):
    made = Frailty(kind=kind, variance=variance).draw(Luck(Streams(2), np.arange(50), 10_000))
    assert abs(z_of_mean(made, 1.0)) < 4
    assert abs(z_of_mean(made, 1.02)) > 4
    assert abs(z_of_mean((made - 1) ** 2, variance)) < 4
    assert abs(z_of_mean((made - 1) ** 2, 1.15 * variance)) > 4
    if kind == "lognormal":
        law = norm(-np.log1p(variance) / 2, np.log1p(variance) ** 0.5)
        assert kstest(np.log(made[0]), law.cdf).pvalue > 1e-4


def test_gamma_frailty_gives_its_marginal_survival():
    """S(t) = (1 + v H(t))^(-1/v), and all transitions of a patient share it."""
    spec = illness_death(frailty={"kind": "gamma", "variance": 0.8})
    made = cohorts(simple(outcomes=spec, followup=FOR_EVER), 20, 5000).hidden.potential
    pfs = made["PFS"][0].time.ravel()
    assert kstest(pfs, lambda t: 1 - (1 + 0.8 * 0.15 * t) ** (-1 / 0.8)).pvalue > 1e-4
    assert kstest(pfs, lambda t: 1 - (1 + 0.9 * 0.15 * t) ** (-1 / 0.9)).pvalue < 1e-4
    after = (made["OS"][0].time - made["PFS"][0].time).ravel()
    progressed = after > 0
    rank = np.corrcoef(np.argsort(np.argsort(pfs[progressed])), np.argsort(np.argsort(after[progressed])))[0, 1]
    assert rank > 0.2


@pytest.mark.parametrize("variance", [1e-6, 400.0])
def test_extreme_frailty_makes_no_nonsense(variance):
    spec = illness_death(frailty={"kind": "gamma", "variance": variance})
    made = cohorts(simple(outcomes=spec), 5, 1000)
    assert np.isfinite(made.observed.endpoints["OS"].time).all()
    assert (made.observed.endpoints["OS"].time >= 0).all()


def test_covariates_and_modifiers_multiply_the_hazard():
    death = {
        "baseline": {"kind": "exponential", "rate": 0.1},
        "log_hr": {"stage": 0.7},
        "treatment": {"log_hr": -0.5, "modifiers": {"stage=late": 0.9}},
    }
    never = constant(0.0)
    asked = simple(outcomes={"progression": never, "death": death, "death_after_progression": never}, followup=FOR_EVER)
    made = cohorts(asked, 20, 5000)
    late = made.observed.covariates[..., 0] == 1
    zero, one = (endpoint.time for endpoint in made.hidden.potential["OS"])
    assert abs(z_of_mean(zero[~late], 10.0)) < 4
    assert abs(z_of_mean(zero[late], 10 * math.exp(-0.7))) < 4
    assert abs(z_of_mean(zero[late], 10 * math.exp(-0.65))) > 4
    assert np.allclose(one[~late], zero[~late] * math.exp(0.5), rtol=1e-12)
    assert np.allclose(one[late], zero[late] * math.exp(0.5 - 0.9), rtol=1e-12)


def test_no_treatment_effect_makes_both_potential_courses_identical():
    asked = world(followup={"cut_off": "2024-01-01", "dropout": {}})
    none = asked.model_copy(update={"outcomes": asked.outcomes.model_copy(update={"treatment_effect": "none"})})
    made, other = cohorts(none, 5).hidden, cohorts(asked, 5).hidden
    assert made.response is not None
    for name in ("OS", "PFS"):
        zero, one = made.potential[name]
        assert np.array_equal(zero.time, one.time)
        assert np.array_equal(zero.event, one.event)
        assert np.array_equal(zero.time, other.potential[name][0].time)
        assert not np.array_equal(*(endpoint.time for endpoint in other.potential[name]))
    assert np.array_equal(*made.response)
    assert all(np.array_equal(zero, one) for zero, one in made.binary.values())
    assert all(not np.array_equal(zero, one) for zero, one in other.binary.values())


RESPONSE = Response(
    categories=("PD", "SD", "PR"),
    shares={"C": (0.3, 0.5, 0.2), "T": (0.1, 0.0, 0.9)},
    link=0.6,
    groups={"ORR": ("PR",)},
)


def test_best_response_has_the_shares_of_the_arm():
    luck, own = Streams(3).uniform("u", np.arange(10), 10_000), Streams(3).normal("v", np.arange(10), 10_000)
    for arm, shares in RESPONSE.shares.items():
        made = best_response(RESPONSE, arm, latent_response(RESPONSE, luck, own))
        for k, share in enumerate(shares):
            if share == 0:
                assert not (made == k).any()
            else:
                assert abs(z_of_mean(made == k, share)) < 4
                assert abs(z_of_mean(made == k, share + 0.02)) > 4


def test_best_response_follows_the_luck_of_late_progression():
    luck, own = Streams(3).uniform("u", np.arange(10), 10_000), Streams(3).normal("v", np.arange(10), 10_000)
    made = best_response(RESPONSE, "C", latent_response(RESPONSE, luck, own))
    late = luck < 0.2  # small luck, large exposure, late progression
    both = multivariate_normal([0, 0], [[1, 0.6], [0.6, 1]]).cdf([norm.ppf(0.2), norm.ppf(0.2)])
    assert abs(z_of_mean(late & (made == 2), both)) < 4
    assert abs(z_of_mean(late & (made == 2), both + 0.01)) > 4
    free = RESPONSE.model_copy(update={"link": 0.0})
    unlinked = best_response(free, "C", latent_response(free, luck, own))
    assert abs(z_of_mean(late & (unlinked == 2), 0.04)) < 4


def test_treatment_never_worsens_the_response_of_a_patient_when_shares_say_so():
    made = cohorts(world(), 20, 500).hidden.response
    assert made is not None
    assert (made[1] >= made[0]).all()
    assert (made[1] > made[0]).any()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"kind": "piecewise", "cuts": (5.0, 2.0), "rates": (0.1, 0.2, 0.3)}, "cuts must increase"),
        ({"kind": "piecewise", "cuts": (2.0,), "rates": (0.1, 0.2, 0.3)}, "1 cuts need 2 rates, not 3"),
        ({"kind": "piecewise", "cuts": (0.0,), "rates": (0.1, 0.2)}, "greater than 0"),
        ({"kind": "exponential", "rate": -0.1}, "greater than or equal to 0"),
        ({"kind": "weibull", "shape": 0.0, "scale": 1.0}, "greater than 0"),
        ({"kind": "gompertz"}, "exponential.*weibull.*piecewise"),
    ],
)
def test_impossible_hazards_are_refused_in_words(fields, message):
    with pytest.raises(ValidationError, match=message):
        SPEC.validate_python(fields)


def test_impossible_effects_and_responses_are_refused_in_words():
    with pytest.raises(ValidationError, match="1 cuts need 2 log hazard ratios"):
        effect(0.1, (3.0,))
    with pytest.raises(ValidationError, match="cuts must increase"):
        effect((0.1, 0.2, 0.3), (3.0, 3.0))
    good = RESPONSE.model_dump()
    for change, message in [
        ({"shares": {"C": (0.5, 0.5)}}, "shares of C: 3 categories need as many shares"),
        ({"shares": {"C": (0.3, 0.3, 0.3)}}, "shares of C sum to 0.9, not 1"),
        ({"groups": {"ORR": ("CR",)}}, "group ORR: no category CR"),
    ]:
        with pytest.raises(ValidationError, match=message):
            Response.model_validate({**good, **change})
