"""Worlds and blocks of patients in which treatment starts late."""

import dataclasses
from typing import Any

import numpy as np

from analysis.estimators import (
    Estimator,
    Sample,
)
from analysis.kernels.status import Status
from analysis.plan.analysis_plan import Plan
from benchmarks.asked.scenario import Scenario
from simulator.world.generate import generate, resolve
from tests.worlds import scenario, tree


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


MANY = 150


def found(estimator: Estimator, asked: Scenario, **changes: Any) -> np.ndarray:
    """The estimates of many cohorts, all of which have one."""
    seen = sample(asked, MANY)
    changed = dataclasses.replace(seen.observed, **changes) if changes else seen.observed
    made = estimator.estimate(Sample(changed, seen.plan, seen.replicates, seen.seed), "OS")
    assert (made.status == Status.OK).all()
    return made.value
