"""The contract that every estimator keeps, and what each must find."""

from dataclasses import replace
from typing import Any, get_args

import numpy as np
import pytest

from analysis.estimators import Crude, Estimate, Estimator, ExponentialModel, Ipw, Matched, Sample
from analysis.kernels.status import Status
from simulator.cohort.cohorts import Cohorts, Observed
from simulator.world.generate import generate, resolve
from tests.worlds import scenario, tree

KINDS = list(get_args(get_args(Estimator)[0]))
NEEDED: dict[str, dict[str, Any]] = {
    "own": {"name": "own", "function": "tests.own_functions:peto"},
    "stratified": {"strata": ("stage",)},
}
NUMBERS = ("value", "se", "low", "high", "p")
OUTCOME = "ORR"
RESPONSE = {
    "categories": ("PD", "PR"),
    "shares": {"C": (0.6, 0.4), "T": (0.4, 0.6)},
    "link": 0.3,
    "groups": {OUTCOME: ("PR",)},
}


def _made(kind: Any) -> Any:
    """The estimator with its defaults and what it cannot do without: a yes/no outcome where it has no endpoints."""
    needed = dict(NEEDED.get(kind.model_fields["kind"].default, {}))
    return kind(**needed, **({"endpoints": (OUTCOME,)} if kind.model_fields["endpoints"].is_required() else {}))


def _endpoint(kind: Any) -> str:
    return str((_made(kind).endpoints or ("OS",))[0])


def _cohorts(count: int = 12) -> Cohorts:
    return generate(
        resolve(scenario(outcomes={**tree()["outcomes"], "response": RESPONSE})), 3, np.arange(count, dtype=np.int64)
    )


def _sample(observed: Observed, first: int = 0) -> Sample:
    replicates = np.arange(first, first + observed.treated.shape[0], dtype=np.int64)
    return Sample(observed, scenario().analysis, replicates)


def _slice(observed: Observed, rows: Any) -> Observed:
    return replace(
        observed,
        covariates=observed.covariates[rows],
        treated=observed.treated[rows],
        present=observed.present[rows],
        endpoints={n: replace(e, time=e.time[rows], event=e.event[rows]) for n, e in observed.endpoints.items()},
        binary={n: b[rows] for n, b in observed.binary.items()},
    )


def _same(one: Estimate, other: Estimate, rows: Any = slice(None)) -> bool:
    return all(
        np.array_equal(getattr(one, name)[rows], getattr(other, name), equal_nan=name in NUMBERS)
        for name in (*NUMBERS, "n", "events", "status")
    )


def test_every_kind_is_under_contract() -> None:
    assert len(KINDS) >= 4
    assert len({_made(kind).kind for kind in KINDS}) == len(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_shapes_statuses_and_estimand(kind: Any) -> None:
    cohorts = _cohorts()
    estimator = _made(kind)
    estimate = estimator.estimate(_sample(cohorts.observed), _endpoint(kind))
    for name in (*NUMBERS, "n", "events", "status"):
        assert getattr(estimate, name).shape == (12,)
    ok = estimate.status == Status.OK
    assert ok.all()
    assert np.all(estimate.se > 0)
    assert np.all((estimate.p > 0) & (estimate.p < 1))
    asked = estimator.estimand(_endpoint(kind), scenario().analysis, cohorts.observed.variable)
    if asked.measure == "none":
        assert np.all(np.isnan(estimate.low) & np.isnan(estimate.high))
    else:
        assert np.all((estimate.low < estimate.value) & (estimate.value < estimate.high))
    assert asked.endpoint == _endpoint(kind)


@pytest.mark.parametrize("kind", KINDS)
def test_a_replicate_alone_gives_the_same_bits(kind: Any) -> None:
    observed = _cohorts().observed
    whole = _made(kind).estimate(_sample(observed), _endpoint(kind))
    part = _made(kind).estimate(_sample(_slice(observed, slice(4, 6)), 4), _endpoint(kind))
    assert _same(whole, part, slice(4, 6))


@pytest.mark.parametrize("kind", KINDS)
def test_degenerate_replicates_are_rows_and_leave_their_neighbours_alone(kind: Any) -> None:
    observed = _cohorts().observed
    healthy = _made(kind).estimate(_sample(observed), _endpoint(kind))
    treated, event = observed.treated.copy(), observed.endpoints["OS"].event.copy()
    treated[2] = False  # one arm only
    event[5] = False  # nobody dies
    responded = observed.binary[OUTCOME].copy()
    responded[5] = False
    treated[7] = observed.covariates[7, :, 1] > 0  # treatment is a covariate
    sick = replace(
        observed,
        treated=treated,
        endpoints={**observed.endpoints, "OS": replace(observed.endpoints["OS"], event=event)},
        binary={OUTCOME: responded},
    )
    estimate = _made(kind).estimate(_sample(sick), _endpoint(kind))
    others = np.setdiff1d(np.arange(12), [2, 5, 7])
    assert np.array_equal(estimate.value[others], healthy.value[others])
    assert estimate.status[2] != Status.OK
    assert estimate.status[5] != Status.OK
    test = _made(kind).estimand(_endpoint(kind), scenario().analysis, observed.variable).measure == "none"
    for name in ("value", "se", "p") if test else NUMBERS:
        finite = np.isfinite(getattr(estimate, name))
        assert np.array_equal(finite, estimate.status == Status.OK), name


def test_separated_treatment_is_told() -> None:
    observed = _cohorts().observed
    sick = replace(observed, treated=observed.covariates[..., 1] > 0)
    for estimator in (Matched(), Ipw()):
        assert np.all(estimator.estimate(_sample(sick), "OS").status == Status.PS_SEPARATED)


def test_swapping_the_arms_flips_the_sign() -> None:
    observed = _cohorts().observed
    there = Crude().estimate(_sample(observed), "OS")
    back = Crude().estimate(_sample(replace(observed, treated=~observed.treated)), "OS")
    np.testing.assert_allclose(back.value, -there.value, rtol=0, atol=1e-12)
    np.testing.assert_allclose(back.se, there.se, rtol=1e-10)


def test_matched_estimate_uses_the_matched_alone() -> None:
    observed = _cohorts().observed
    sample = _sample(observed)
    estimate = Matched(se="naive").estimate(sample, "OS")
    assert np.array_equal(estimate.n, sample.matched.sum(axis=1))
    assert np.array_equal(estimate.n, 2 * sample.matching.n_pairs)
    disturbed = observed.endpoints["OS"].time.copy()
    disturbed[~sample.matched] = 1e-3
    changed = replace(observed, endpoints={"OS": replace(observed.endpoints["OS"], time=disturbed)})
    again = Matched(se="naive").estimate(_sample(changed), "OS")
    np.testing.assert_array_equal(again.value, estimate.value)


def test_exponential_regression_is_the_ratio_of_events_per_month() -> None:
    sample = _sample(_cohorts(3).observed)
    estimate = ExponentialModel().estimate(sample, "OS")
    course, observed = sample.observed.endpoints["OS"], sample.observed
    for r in range(3):
        rates = []
        for arm in (False, True):
            here = observed.present[r] & (observed.treated[r] == arm)
            rates.append((course.event[r, here].sum(), course.time[r, here].sum()))
        (d0, t0), (d1, t1) = rates
        assert estimate.value[r] == pytest.approx(np.log(d1 / t1 / (d0 / t0)), abs=1e-12)
        assert estimate.se[r] == pytest.approx((1 / d1 + 1 / d0) ** 0.5, rel=1e-12)
