"""Small worlds for tests, as plain trees."""

from typing import Any

from benchmarks.asked.scenario import Scenario


def tree(**changes: Any) -> dict[str, Any]:
    """A small two-covariate world in which deaths alone occur; keyword arguments replace whole sections."""
    world: dict[str, Any] = {
        "name": "small",
        "source": "made for a test",
        "arms": {"control": "C", "treated": "T"},
        "population": {
            "size": 120,
            "covariates": {
                "age": {"kind": "continuous", "mean": 60.0, "sd": 8.0, "bounds": (30.0, 90.0), "cuts": {"65": 0.3}},
                "stage": {"kind": "binary", "shares": {"early": 0.5, "late": 0.5}},
            },
        },
        "treatment": {"kind": "prevalence", "share": 0.4, "log_odds": {"stage": 0.8}},
        "outcomes": {
            "progression": {"baseline": {"kind": "exponential", "rate": 0.0}},
            "death": {
                "baseline": {"kind": "exponential", "rate": 0.05},
                "log_hr": {"stage": 0.7},
                "treatment": {"log_hr": -0.5},
            },
            "death_after_progression": {"baseline": {"kind": "exponential", "rate": 0.1}},
        },
        "entry": {"accrual": {"start": "2020-01-01", "end": "2022-01-01"}},
        "followup": {"cut_off": "2024-01-01"},
        "run": {"replicates": 30, "seed": 5, "truth_patients": 60_000},
    }
    return {**world, **changes}


def scenario(**changes: Any) -> Scenario:
    """The small world as a scenario."""
    return Scenario.model_validate(tree(**changes))
