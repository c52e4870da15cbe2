"""Performance measures: by hand, and their Monte Carlo errors against the spread over whole studies."""

import numpy as np
import pytest

from analysis.kernels.status import Status
from benchmarks.performance import performance

OK = int(Status.OK)


def _study(rng: np.random.Generator, count: int, bias: float = 0.0, model_se: float = 1.0) -> dict[str, np.ndarray]:
    value = rng.normal(0.3 + bias, 1.0, count)
    se = model_se * rng.chisquare(40, count) ** 0.5 / 40**0.5
    return {
        "value": value,
        "se": se,
        "low": value - 1.96 * se,
        "high": value + 1.96 * se,
        "p": np.where(np.abs(value / se) > 1.96, 0.01, 0.5),
        "status": np.zeros(count, np.int64),
    }


def test_by_hand() -> None:
    value = np.array([1.0, 2.0, 4.0, np.nan])
    se = np.array([1.0, 1.0, 2.0, np.nan])
    found = performance(
        value,
        se,
        value - 1.5,
        value + 1.5,
        np.array([0.01, 0.2, 0.04, np.nan]),
        np.array([OK, OK, OK, Status.MONOTONE]),
        truth=2.0,
    )
    spread = np.sqrt(((1 - 7 / 3) ** 2 + (2 - 7 / 3) ** 2 + (4 - 7 / 3) ** 2) / 2)
    assert found["mean"].value == pytest.approx(7 / 3, rel=1e-14)
    assert found["bias"].value == pytest.approx(1 / 3, rel=1e-13)
    assert found["bias"].mcse == pytest.approx(spread / np.sqrt(3), rel=1e-14)
    assert found["empirical_se"].value == pytest.approx(spread, rel=1e-14)
    assert found["empirical_se"].mcse == pytest.approx(spread / 2, rel=1e-14)
    assert found["model_se"].value == pytest.approx(np.sqrt(2.0), rel=1e-14)
    assert found["model_se"].mcse == pytest.approx(np.sqrt(3.0 / (4 * 3 * 2)), rel=1e-14)
    assert found["mse"].value == pytest.approx(5 / 3, rel=1e-14)
    assert found["mse"].mcse == pytest.approx(
        np.sqrt(((1 - 5 / 3) ** 2 + (5 / 3) ** 2 + (4 - 5 / 3) ** 2) / 6), rel=1e-14
    )
    assert found["coverage"].value == pytest.approx(2 / 3)
    assert found["coverage"].mcse == pytest.approx(np.sqrt(2 / 27))
    assert found["bias_eliminated_coverage"].value == pytest.approx(2 / 3)
    assert found["power"].value == pytest.approx(2 / 3)
    assert found["convergence"].value == 0.75
    assert found["coverage_failures_counted"].value == 0.5
    assert found["power_failures_counted"].value == 0.5
    assert found["relative_error_model_se"].value == pytest.approx(100 * (np.sqrt(2) / spread - 1), rel=1e-13)


def test_rejection_is_type_1_error_only_under_the_null() -> None:
    study = _study(np.random.default_rng(1), 10)
    assert "type_1_error" in performance(**study, truth=0.0)
    assert "power" in performance(**study, truth=0.3)


def test_the_error_of_the_truth_is_added_in_quadrature() -> None:
    study = _study(np.random.default_rng(2), 50)
    plain, added = performance(**study, truth=0.3)["bias"], performance(**study, truth=0.3, truth_mcse=0.5)["bias"]
    assert added.mcse == pytest.approx(np.hypot(plain.mcse, 0.5), rel=1e-14)


@pytest.mark.parametrize("count", [0, 1])
def test_too_few_replicates_give_nan_and_no_warning(count: int) -> None:
    study = _study(np.random.default_rng(3), count)
    found = performance(**study, truth=0.3)
    assert np.isnan(found["bias"].mcse)
    assert np.isnan(found["empirical_se"].value)


def test_all_failed() -> None:
    study = _study(np.random.default_rng(3), 5) | {"status": np.full(5, Status.SINGULAR)}
    found = performance(**study, truth=0.3)
    assert np.isnan(found["bias"].value)
    assert found["convergence"].value == 0.0


NAMES = (
    "bias",
    "empirical_se",
    "model_se",
    "relative_error_model_se",
    "mse",
    "coverage",
    "bias_eliminated_coverage",
    "power",
)


def test_monte_carlo_errors_are_the_spread_over_studies() -> None:
    """Over 2,000 studies of 200 replicates the SD of a measure is its mean MCSE, to five SE of an SD (7.9 %)."""
    rng = np.random.default_rng(4)
    studies = [performance(**_study(rng, 200, 0.1, 0.9), truth=0.3) for _ in range(2000)]
    tolerance = 5 / np.sqrt(2 * 2000)
    for name in NAMES:
        spread = np.std([study[name].value for study in studies], ddof=1)
        told = np.mean([study[name].mcse for study in studies])
        assert abs(told / spread - 1) < tolerance, name
        assert abs(told * np.sqrt(200 / 150) / spread - 1) > tolerance, name  # a wrong n would be noticed
