"""Cohorts with which something is wrong, drawn by chance, and what is wrong with them."""

# ruff: noqa: ARG001

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from numpy.typing import NDArray

from simulator.cohort.cohorts import Endpoint, Observed
from simulator.world.generate import generate, resolve
from tests.worlds import scenario, tree

OUTCOME = "ORR"
SIZE = 60
HEALTHY = 4

Rng = np.random.Generator


@dataclass
class Cohort:
    """One cohort, to be spoilt in place: arrays ``(N,)``, covariates ``(N, K)``."""

    covariates: NDArray[np.float64]
    treated: NDArray[np.bool_]
    present: NDArray[np.bool_]
    time: NDArray[np.float64]
    event: NDArray[np.bool_]
    outcome: NDArray[np.bool_]


Ailment = Callable[[Cohort, Rng], None]


def _one_arm(cohort: Cohort, rng: Rng) -> None:
    cohort.treated[:] = rng.random() < 0.5


def _nobody(cohort: Cohort, rng: Rng) -> None:
    cohort.present[rng.permutation(SIZE)[rng.integers(0, 4) :]] = False


def _one_of_an_arm(cohort: Cohort, rng: Rng) -> None:
    cohort.treated[:] = False
    cohort.treated[rng.integers(SIZE)] = True
    if rng.random() < 0.5:
        cohort.treated[:] = ~cohort.treated


def _no_events(cohort: Cohort, rng: Rng) -> None:
    cohort.event[:] = False
    cohort.outcome[:] = rng.random() < 0.5


def _one_event(cohort: Cohort, rng: Rng) -> None:
    cohort.event[:] = cohort.outcome[:] = False
    cohort.event[rng.integers(SIZE)] = cohort.outcome[rng.integers(SIZE)] = True


def _all_events(cohort: Cohort, rng: Rng) -> None:
    cohort.event[:] = cohort.outcome[:] = True


def _tied(cohort: Cohort, rng: Rng) -> None:
    cohort.time[:] = rng.choice((0.0, 1.0, 12.0, 1e-300))


def _nearly_tied(cohort: Cohort, rng: Rng) -> None:
    cohort.time[:] = 1.0 + rng.integers(0, 3, SIZE) * 2.0**-52


def _events_in_one_arm(cohort: Cohort, rng: Rng) -> None:
    cohort.event &= cohort.treated == (rng.random() < 0.5)
    cohort.outcome &= cohort.treated


def _treated_die_first(cohort: Cohort, rng: Rng) -> None:
    cohort.time[:] = np.where(cohort.treated, 1.0, 2.0) + rng.random(SIZE)


def _separated(cohort: Cohort, rng: Rng) -> None:
    cohort.treated[:] = cohort.covariates[:, rng.integers(2)] > (60.0 if rng.random() < 0.5 else 0.5)


def _nearly_separated(cohort: Cohort, rng: Rng) -> None:
    late = cohort.covariates[:, 1] > 0
    cohort.treated[:] = late & (rng.random(SIZE) < 0.6)


def _separated_but_one(cohort: Cohort, rng: Rng) -> None:
    cohort.treated[:] = cohort.covariates[:, 0] > 60
    spot = rng.integers(SIZE)
    cohort.treated[spot] = ~cohort.treated[spot]


def _constant(cohort: Cohort, rng: Rng) -> None:
    spot = rng.integers(cohort.covariates.shape[1])
    cohort.covariates[:, spot] = cohort.covariates[0, spot]


def _all_constant(cohort: Cohort, rng: Rng) -> None:
    cohort.covariates[:] = cohort.covariates[rng.integers(SIZE)]


def _duplicate(cohort: Cohort, rng: Rng) -> None:
    cohort.covariates[:, 2] = cohort.covariates[:, rng.integers(2)]


def _nearly_duplicate(cohort: Cohort, rng: Rng) -> None:
    cohort.covariates[:, 0] = cohort.covariates[:, 2] * (1 + 1e-14 * rng.standard_normal(SIZE))


def _huge(cohort: Cohort, rng: Rng) -> None:
    cohort.covariates[:, [0, 2]] *= rng.choice((1e15, 1e-15, 1e100, -1e15))


def _far(cohort: Cohort, rng: Rng) -> None:
    cohort.covariates[:, 0] += rng.choice((1e12, 1e15, 1e17, -1e15))


def _one_huge(cohort: Cohort, rng: Rng) -> None:
    cohort.covariates[rng.integers(SIZE), 0] = rng.choice((1e15, -1e15, 1e150, 1e308))


def _long_times(cohort: Cohort, rng: Rng) -> None:
    cohort.time *= rng.choice((1e15, 1e-15, 1e150, 1e-150, 1e300, 1e-300))


def _nan_covariate(cohort: Cohort, rng: Rng) -> None:
    many = rng.choice((1, SIZE // 2, SIZE))
    cohort.covariates[rng.permutation(SIZE)[:many], rng.integers(3)] = np.nan


def _inf_covariate(cohort: Cohort, rng: Rng) -> None:
    cohort.covariates[rng.permutation(SIZE)[: rng.choice((1, 20))], rng.choice((0, 2))] = rng.choice((np.inf, -np.inf))


def _nan_time(cohort: Cohort, rng: Rng) -> None:
    cohort.time[rng.permutation(SIZE)[: rng.choice((1, 20, SIZE))]] = rng.choice((np.nan, np.inf, -np.inf, -1.0))


AILMENTS: dict[str, Ailment] = {
    function.__name__.strip("_").replace("_", " "): function
    for function in (
        *(_one_arm, _nobody, _one_of_an_arm, _no_events, _one_event, _all_events, _tied, _nearly_tied),
        *(_events_in_one_arm, _treated_die_first, _separated, _nearly_separated, _separated_but_one, _constant),
        *(_all_constant, _duplicate, _nearly_duplicate, _huge, _far, _one_huge, _long_times, _nan_covariate),
        *(_inf_covariate, _nan_time),
    )
}

RESPONSE = {
    "categories": ("PD", "PR"),
    "shares": {"C": (0.6, 0.4), "T": (0.4, 0.6)},
    "link": 0.3,
    "groups": {OUTCOME: ("PR",)},
}


@cache
def _world() -> object:
    population = tree()["population"]
    covariates = {
        **population["covariates"],
        "marker": {"kind": "continuous", "mean": 5.0, "sd": 2.0, "bounds": (0.0, 20.0)},
    }
    made = scenario(
        population={"size": SIZE, "covariates": covariates}, outcomes={**tree()["outcomes"], "response": RESPONSE}
    )
    return resolve(made)


@cache
def drawn(seed: int) -> Observed:
    """A block of cohorts: the first ``HEALTHY`` as they are, then one of each ailment, then as many healthy ones."""
    count = 2 * HEALTHY + len(AILMENTS)
    observed = generate(_world(), 11, np.arange(seed * 100, seed * 100 + count, dtype=np.int64)).observed  # type: ignore[arg-type]
    covariates, treated, present = (np.array(x) for x in (observed.covariates, observed.treated, observed.present))
    time, event = np.array(observed.endpoints["OS"].time), np.array(observed.endpoints["OS"].event)
    outcome = np.array(observed.binary[OUTCOME])
    for k, spoil in enumerate(AILMENTS.values()):
        r = HEALTHY + k
        cohort = Cohort(covariates[r], treated[r], present[r], time[r], event[r], outcome[r])
        spoil(cohort, np.random.default_rng((seed, k)))
    return replace(
        observed,
        covariates=covariates,
        treated=treated,
        present=present,
        endpoints={"OS": Endpoint(time, event)},
        binary={OUTCOME: outcome},
        exposure={},
        modes={},
    )


def rows(observed: Observed, r: int) -> Observed:
    """The cohort alone, as a block of one."""
    one = slice(r, r + 1)
    return replace(
        observed,
        covariates=observed.covariates[one],
        treated=observed.treated[one],
        present=observed.present[one],
        endpoints={n: Endpoint(e.time[one], e.event[one]) for n, e in observed.endpoints.items()},
        binary={n: b[one] for n, b in observed.binary.items()},
        delay=None if observed.delay is None else observed.delay[one],
    )
