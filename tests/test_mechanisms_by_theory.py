"""Each mechanism alone moves crude Cox regression by what theory says, and not by what a weaker one would."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from analysis.estimators import Crude, Sample
from analysis.plan.analysis_plan import Plan
from simulator.world.generate import generate, resolve
from simulator.world.sections import World
from tests.reference.cox_limit import Arm, Array, cox_limit, mixed
from tests.simulated import z_of_mean

RATE, UNTIL, PATIENTS, REPLICATES = 0.08, 36.0, 1500, 60
ONE_DAY = {"accrual": {"start": "2020-01-01", "end": "2020-01-01"}}
CUT = "2023-01-01"  # 36 months of 30.4375 days


def world(**changes: Any) -> World:
    """Death alone at a constant rate, one day of entry, nothing that treatment does."""
    never = {"baseline": {"kind": "exponential", "rate": 0.0}}
    outcomes = {
        "progression": never,
        "death": {"baseline": {"kind": "exponential", "rate": RATE}},
        "death_after_progression": {"baseline": {"kind": "exponential", "rate": RATE}},
    }
    made: dict[str, Any] = {
        "name": "theory",
        "source": "made for a test",
        "arms": {"control": "C", "treated": "T"},
        "population": {
            "size": PATIENTS,
            "covariates": {"stage": {"kind": "binary", "shares": {"early": 0.5, "late": 0.5}}},
        },
        "treatment": {"kind": "prevalence", "share": 0.4},
        "outcomes": {**outcomes, **changes.pop("outcomes", {})},
        "entry": {**ONE_DAY, **changes.pop("entry", {})},
        "followup": {"cut_off": CUT, **changes.pop("followup", {})},
    }
    return World.model_validate({**made, **changes})


def estimates(asked: World, endpoint: str = "OS") -> np.ndarray:
    """Crude log hazard ratios of replicates."""
    numbers = np.arange(REPLICATES)
    made = generate(resolve(asked), 3, numbers)
    return Crude().estimate(Sample(made.observed, Plan(), numbers), endpoint).value


def plain(rate: float = RATE) -> Arm:
    return mixed(np.ones(1), np.array([rate]))


def confounded(strength: float) -> tuple[World, float]:
    """A hidden binary confounder: mixtures of hazards, with the prevalences that the propensity gives."""
    asked = world(
        population={
            "size": PATIENTS,
            "covariates": {"stage": {"kind": "binary", "shares": {"early": 0.5, "late": 0.5}}},
            "hidden": {"fit": {"kind": "binary", "shares": {"no": 0.5, "yes": 0.5}}},
        },
        treatment={"kind": "logistic", "intercept": -0.9, "log_odds": {"fit": strength}},
        outcomes={"death": {"baseline": {"kind": "exponential", "rate": RATE}, "log_hr": {"fit": -1.0}}},
    )
    chance = 1 / (1 + np.exp(0.9 - strength * np.array([0.0, 1.0])))
    treated = chance.mean()
    rates = RATE * np.exp([0.0, -1.0])
    arms = [mixed(chance / 2 / treated, rates), mixed((1 - chance) / 2 / (1 - treated), rates)]
    return asked, cox_limit(arms[0], arms[1], float(treated), UNTIL)


def guarantee(months: float) -> tuple[World, float]:
    """The treated alone must survive: no deaths before, the same hazard after; fewer of them are there."""
    asked = world(entry={"guarantee_months": {"T": months}})

    def one(t: Array) -> tuple[Array, Array]:
        stay = np.exp(-RATE * np.maximum(t - months, 0.0))
        return stay, np.where(t < months, 0.0, RATE) * stay

    kept = 0.4 * np.exp(-RATE * months)
    return asked, cox_limit(one, plain(), float(kept / (kept + 0.6)), UNTIL)


def immortal(rate: float) -> tuple[World, float]:
    """All are meant to be treated after an exponential wait; who dies before counts as untreated."""
    start = {"wait": {"kind": "exponential", "rate": rate}}
    asked = world(treatment={"kind": "prevalence", "share": 1.0, "start": start})
    share = rate / (rate + RATE)
    end = np.exp(-(rate + RATE) * UNTIL)
    treated = share * (1 - end)  # a wait beyond the cut-off never ends

    def both(t: Array) -> tuple[Array, Array]:
        alive = np.exp(-RATE * t)
        late = share * np.exp(-(rate + RATE) * t)  # alive, untreated so far, to be treated in time or not
        to_come = late - share * end
        return alive * (1 - np.exp(-rate * t)) + to_come, alive * np.exp(-rate * t) - to_come

    def one(t: Array) -> tuple[Array, Array]:
        return both(t)[0] / treated, RATE * np.exp(-RATE * t) * (1 - np.exp(-rate * t)) / treated

    def zero(t: Array) -> tuple[Array, Array]:
        return both(t)[1] / (1 - treated), RATE * np.exp(-(RATE + rate) * t) / (1 - treated)

    return asked, cox_limit(one, zero, float(treated), UNTIL)


def complete(rate: float) -> tuple[World, float]:
    """Drop-outs of the treated arm are left out: the long-lived are at risk of leaving for longer."""
    dropout = {"T": {"kind": "exponential", "rate": rate}}
    asked = world(entry={"complete_follow_up": ("T",)}, followup={"dropout": dropout})
    both = RATE + rate
    stays = (RATE + rate * np.exp(-both * UNTIL)) / both

    def one(t: Array) -> tuple[Array, Array]:
        later = (RATE * (np.exp(-both * t) - np.exp(-both * UNTIL)) / both + np.exp(-both * UNTIL)) / stays
        return later, RATE * np.exp(-both * t) / stays

    kept = 0.4 * stays
    return asked, cox_limit(one, plain(), float(kept / (kept + 0.6)), UNTIL)


def trend(change: float) -> tuple[World, float]:
    """Treatment and survival follow the year of entry; early and late patients differ in both, and in follow-up."""
    accrual = {"start": "2020-01-01", "end": "2022-12-31"}
    asked = world(
        entry={"accrual": accrual},
        treatment={"kind": "logistic", "intercept": -0.4},
        calendar={"per_year": {"treatment": change, "death": -change}},
        followup={"cut_off": "2024-01-01"},
    )
    length, end = 1095 / 30.4375, 1461 / 30.4375
    entry = (np.arange(400) + 0.5) / 400 * length
    years = (entry - length / 2) / 12
    chance, rates = 1 / (1 + np.exp(0.4 - change * years)), RATE * np.exp(-change * years)
    treated = chance.mean()

    def arm(weight: Array) -> Arm:
        def made(t: Array) -> tuple[Array, Array]:
            stay = np.exp(-np.multiply.outer(t, rates)) * (t[:, None] < end - entry)
            return stay @ weight, stay @ (weight * rates)

        return made

    return asked, cox_limit(
        arm(chance / chance.sum()), arm((1 - chance) / (1 - chance).sum()), float(treated), end, 3000
    )


def waning(log_hr: float) -> tuple[World, float]:
    """An effect for six months alone."""
    effect = {"log_hr": (log_hr, 0.0), "cuts": (6.0,)}
    asked = world(outcomes={"death": {"baseline": {"kind": "exponential", "rate": RATE}, "treatment": effect}})
    early = RATE * np.exp(log_hr)

    def one(t: Array) -> tuple[Array, Array]:
        stay = np.exp(-early * np.minimum(t, 6.0) - RATE * np.maximum(t - 6.0, 0.0))
        return stay, np.where(t < 6.0, early, RATE) * stay

    return asked, cox_limit(one, plain(), 0.4, UNTIL)


def cured(share: float) -> tuple[World, float]:
    """Some of the treated are cured."""
    asked = world(outcomes={"cure": {"shares": {"T": share, "C": 0.0}}})
    return asked, cox_limit(mixed(np.array([share, 1 - share]), np.array([0.0, RATE])), plain(), 0.4, UNTIL)


def informative(power: float) -> tuple[World, float]:
    """A two-point approximation would not do: gamma frailty by Gauss-Laguerre; the frail of the treated arm leave."""
    asked = world(
        outcomes={"frailty": {"kind": "gamma", "variance": 1.0}},
        followup={"dropout": {"T": {"kind": "exponential", "rate": 0.1}}, "informative": {"frailty": power}},
    )
    z, weight = np.polynomial.laguerre.laggauss(120)  # variance 1 is the exponential distribution
    return asked, cox_limit(mixed(weight, RATE * z, 0.1 * z**power), mixed(weight, RATE * z), 0.4, UNTIL)


def misread_arms(share: float) -> tuple[World, float]:
    """A true log HR of -0.7, a share of either arm under the other's name."""
    effect = {"baseline": {"kind": "exponential", "rate": RATE}, "treatment": {"log_hr": -0.7}}
    asked = world(outcomes={"death": effect}, imperfections={"treatment": {"T": share, "C": share}})
    rates, count = np.array([RATE * np.exp(-0.7), RATE]), np.array([0.4, 0.6])
    named = [np.array([1 - share, share]) * count, np.array([share, 1 - share]) * count]
    arms = [mixed(one / one.sum(), rates) for one in named]
    return asked, cox_limit(arms[0], arms[1], float(named[0].sum()), UNTIL)


def missed(share: float) -> tuple[World, float]:
    """A share of the treated arm's deaths counts as censored: its hazard is that much lower."""
    return world(imperfections={"endpoints": {"OS": {"missed": {"T": share}}}}), float(np.log(1 - share))


def switching(share: float) -> tuple[World, float]:
    """Progression at rate 0.15 in both arms; after it a share of the controls die at 1 / e of the rate."""
    progression, later = 0.15, 0.12
    asked = world(
        outcomes={
            "progression": {"baseline": {"kind": "exponential", "rate": progression}},
            "death": {"baseline": {"kind": "exponential", "rate": 0.02}},
            "death_after_progression": {"baseline": {"kind": "exponential", "rate": later}},
            "subsequent": {"shares": {"T": 0.0, "C": share}, "log_hr": -1.0},
        }
    )

    def course(rates: list[tuple[float, float]]) -> Arm:
        def made(t: Array) -> tuple[Array, Array]:
            leave = progression + 0.02
            free = np.exp(-leave * t)
            alive, dying = free.copy(), 0.02 * free
            for part, rate in rates:
                ill = part * progression * (np.exp(-rate * t) - free) / (leave - rate)
                alive, dying = alive + ill, dying + rate * ill
            return alive, dying

        return made

    return asked, cox_limit(
        course([(1.0, later)]), course([(1 - share, later), (share, later * np.exp(-1.0))]), 0.4, UNTIL
    )


CASES: dict[str, tuple[Callable[[float], tuple[World, float]], float, int]] = {
    "hidden confounder": (confounded, 1.2, -1),
    "guarantee time in the treated": (guarantee, 4.0, -1),
    "immortal time": (immortal, 0.2, -1),
    "complete follow-up in the treated": (complete, 0.05, 1),
    "calendar trend": (trend, 0.5, -1),
    "waning effect": (waning, -1.5, -1),
    "cure in the treated": (cured, 0.25, -1),
    "drop-out of the frail in the treated": (informative, 1.5, -1),
    "misread treatment": (misread_arms, 0.2, -1),
    "missed deaths of the treated": (missed, 0.25, -1),
    "therapy after progression in the controls": (switching, 0.6, 1),
}


@pytest.mark.parametrize("case", CASES)
def test_crude_cox_is_moved_as_theory_says(case: str) -> None:
    make, strength, sign = CASES[case]
    asked, expected = make(strength)
    found = estimates(asked)
    assert np.sign(expected) == sign
    assert abs(z_of_mean(found, 0.0)) > 4
    assert abs(z_of_mean(found, expected)) < 4
    assert abs(z_of_mean(found, 0.7 * expected)) > 4


def test_missing_at_random_moves_nothing() -> None:
    """Complete cases are a random sample: without a mechanism crude Cox finds zero in them."""
    found = estimates(world(imperfections={"missing": {"stage": {"share": 0.3}}}))
    assert abs(z_of_mean(found, 0.0)) < 4


def test_the_same_guarantee_in_both_arms_moves_nothing() -> None:
    found = estimates(world(entry={"guarantee_months": {"T": 4.0, "C": 4.0}}))
    assert abs(z_of_mean(found, 0.0)) < 4
