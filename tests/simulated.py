"""Worlds for the tests of the simulator, as plain trees and as validated worlds."""

import functools
from typing import Any

import numpy as np

from simulator.cohort.cohorts import Cohorts
from simulator.documents.loading import load, parse
from simulator.world.generate import ResolvedWorld, generate, resolve
from simulator.world.sections import World


def tree(**changes: Any) -> dict[str, Any]:
    """A world that uses every mechanism; keyword arguments replace whole sections."""
    made: dict[str, Any] = {
        "name": "everything",
        "source": "made for a test",
        "arms": {"control": "C", "treated": "T"},
        "population": {
            "size": 40,
            "covariates": {
                "age": {"kind": "continuous", "mean": 60.0, "sd": 8.0, "bounds": (30.0, 90.0), "cuts": {"65": 0.3}},
                "stage": {"kind": "binary", "shares": {"early": 0.45, "late": 0.55}},
                "grade": {"kind": "ordinal", "shares": {"1": 0.5, "2": 0.3, "3": 0.2}},
                "site": {"kind": "nominal", "shares": {"lung": 0.2, "bone": 0.5, "liver": 0.3}},
            },
            "hidden": {"fitness": {"kind": "continuous", "mean": 0.0, "sd": 1.0, "bounds": (-6.0, 6.0)}},
            "correlation": {"age": {"stage": 0.3, "fitness": -0.4}, "grade": {"stage": 0.5}},
        },
        "treatment": {"kind": "prevalence", "share": 0.4, "log_odds": {"stage": 0.8, "age": 0.02, "fitness": 0.3}},
        "outcomes": {
            "centre": "zero",
            "progression": {
                "baseline": {"kind": "piecewise", "cuts": (3.0, 9.0), "rates": (0.02, 0.1, 0.05)},
                "log_hr": {"stage": 0.4, "grade>=2": 0.3},
                "treatment": {"log_hr": (0.2, -0.6), "cuts": (4.0,), "modifiers": {"site=liver": 0.5}},
            },
            "death": {
                "baseline": {"kind": "weibull", "shape": 1.4, "scale": 60.0},
                "log_hr": {"age>65": 0.3, "fitness": -0.5},
                "treatment": {"log_hr": (-0.5, 0.1), "cuts": (6.0,)},
            },
            "death_after_progression": {
                "baseline": {"kind": "exponential", "rate": 0.08},
                "treatment": {"log_hr": -0.3},
            },
            "frailty": {"kind": "gamma", "variance": 0.5},
            "response": {
                "categories": ("PD", "SD", "PR"),
                "shares": {"C": (0.3, 0.5, 0.2), "T": (0.2, 0.4, 0.4)},
                "link": 0.6,
                "groups": {"ORR": ("PR",), "DCR": ("SD", "PR")},
            },
        },
        "entry": {
            "accrual": {"start": "2020-01-01", "end": "2022-01-01", "shape": 0.7},
            "guarantee_months": {"T": 2.0},
        },
        "followup": {
            "cut_off": "2024-01-01",
            "dropout": {
                "T": {"kind": "exponential", "rate": 0.02},
                "C": {"kind": "weibull", "shape": 0.8, "scale": 90.0},
            },
        },
    }
    return {**made, **changes}


def world(**changes: Any) -> World:
    """The world that uses every mechanism, validated."""
    return World.model_validate(tree(**changes))


def simple(**changes: Any) -> World:
    """A world without covariate effects, response, drop-out or selection; keyword arguments replace whole sections."""
    plain = {"baseline": {"kind": "exponential", "rate": 0.1}}
    made: dict[str, Any] = {
        "name": "simple",
        "source": "made for a test",
        "arms": {"control": "C", "treated": "T"},
        "population": {"size": 40, "covariates": {"stage": {"kind": "binary", "shares": {"early": 0.5, "late": 0.5}}}},
        "treatment": {"kind": "prevalence", "share": 0.5},
        "outcomes": {"progression": plain, "death": plain, "death_after_progression": plain},
        "entry": {"accrual": {"start": "2020-01-01", "end": "2021-01-01"}},
        "followup": {"cut_off": "2200-01-01"},
    }
    return World.model_validate({**made, **changes})


def cohorts(asked: World, replicates: int = 1, patients: int | None = None, seed: int = 1) -> Cohorts:
    """The first replicates of a world."""
    return generate(resolve(asked), seed, np.arange(replicates), patients)


@functools.cache
def paper() -> ResolvedWorld:
    """The published study's world, resolved."""
    return resolve(parse(load("hcc-lung-metastasis"), World, ignore=World.other_rooms))


@functools.cache
def paper_cohorts(replicates: int = 600) -> Cohorts:
    """Cohorts of the published study's world."""
    return generate(paper(), 20250430, np.arange(replicates))


def z_of_mean(sample: Any, truth: float) -> float:
    """How many Monte Carlo standard errors the mean of a sample lies from the truth."""
    values = np.asarray(sample, dtype=np.float64).ravel()
    return float((values.mean() - truth) / (values.std(ddof=1) / np.sqrt(values.size)))
