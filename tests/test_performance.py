"""Performance measures: by hand, and their Monte Carlo errors against the spread over whole studies."""

import numpy as np
import pytest

from analysis.kernels.status import Status
from benchmarks.performance.measures import Measure, performance

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


def test_the_error_of_the_truth_in_mse_and_coverage_by_hand() -> None:
    value = np.array([0.0, 1.0, 2.0, 3.0])
    one = np.ones(4)
    found = performance(value, one, value - 1, value + 1.2, one, np.zeros(4, np.int64), truth=1.5, truth_mcse=0.4)
    plain = np.std((value - 1.5) ** 2, ddof=1) / 2
    assert found["mse"].value == pytest.approx(1.25, rel=1e-14)
    assert found["mse"].mcse == pytest.approx(
        np.hypot(plain, np.sqrt(2) * 0.4**2), rel=1e-12
    )  # no bias: no first order
    assert found["coverage"].value == 0.5  # [0, 2.2] and [1, 3.2] hold 1.5; so do they 1.9; [-1, 1.2] too holds 1.1
    assert found["coverage"].mcse == pytest.approx(0.25)  # one interval changes sides: as much as chance alone has it
    found = performance(value - 1, one, value - 2, value - 0.8, one, np.zeros(4, np.int64), truth=1.0, truth_mcse=0.6)
    # 1 is in two of [-2, -.8], [-1, .2], [0, 1.2] and [1, 2.2], .4 and 1.6 in one each: half of the differences are
    # -.5 and .5, the second ones -1 / sqrt(2) twice, both with the variance 1/6, so 1/24 is taken off each square
    assert found["coverage"].mcse == pytest.approx(np.sqrt(1 / 16 + (0 - 1 / 24) + (1 / 8 - 1 / 24)), rel=1e-12)


def test_what_cannot_be_had_is_nan_and_not_zero() -> None:
    study, gone = _study(np.random.default_rng(5), 20), np.full(20, np.nan)
    without_truth = performance(**study, truth=np.nan, truth_mcse=np.nan)
    for name in ("bias", "mse", "coverage", "coverage_failures_counted"):
        assert np.isnan(without_truth[name].value), name
    assert without_truth["bias_eliminated_coverage"].value > 0.5
    without_interval = performance(**(study | {"low": gone, "high": gone}), truth=0.3)
    for name in ("coverage", "bias_eliminated_coverage", "coverage_failures_counted"):
        assert np.isnan(without_interval[name].value), name
    without_p = performance(**(study | {"p": gone}), truth=0.3)
    assert np.isnan(without_p["power"].value)
    assert np.isnan(without_p["power_failures_counted"].value)


def test_an_unbounded_interval_covers() -> None:
    study = _study(np.random.default_rng(5), 20) | {"low": np.full(20, -np.inf), "high": np.full(20, np.inf)}
    assert performance(**study, truth=0.3)["coverage"].value == 1.0


@pytest.mark.parametrize(
    ("value", "se"),
    [([0.1, 0.2, np.inf], [0.1] * 3), ([-np.inf, 0.2, np.inf], [0.1] * 3), ([1e200, -1e200, 0.0], [1e200] * 3)],
)
def test_infinite_estimates_have_no_spread_and_give_no_warning(value: list[float], se: list[float]) -> None:
    study = _study(np.random.default_rng(5), 3) | {"value": np.array(value), "se": np.array(se)}
    found = performance(**study, truth=0.3)
    assert not np.isfinite(found["mse"].value)
    if np.isinf(value).any():
        assert np.isnan(found["bias"].mcse)
        assert np.isnan(found["empirical_se"].value)
        assert np.isnan(found["bias_eliminated_coverage"].value)


def test_equal_estimates_or_no_model_se_have_no_relative_error() -> None:
    study = _study(np.random.default_rng(5), 3)
    equal = performance(**(study | {"value": np.full(3, 0.2)}), truth=0.3)
    assert equal["empirical_se"].value == 0.0
    assert np.isnan(equal["relative_error_model_se"].value)
    assert np.isnan(performance(**(study | {"se": np.zeros(3)}), truth=0.3)["relative_error_model_se"].value)


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


def test_errors_with_a_simulated_truth_are_the_spread_over_studies_and_truths() -> None:
    """As above, 600 studies of 1,000 replicates, each judged by a truth of its own that is off by 0.1 SD."""
    rng, studies, error = np.random.default_rng(7), 600, 0.1
    made = [(_study(rng, 1000, 0.5), 0.3 + error * rng.standard_normal()) for _ in range(studies)]
    known = [performance(**study, truth=truth) for study, truth in made]
    judged = [performance(**study, truth=truth, truth_mcse=error) for study, truth in made]
    tolerance = 5 / np.sqrt(2 * studies)
    for name in ("bias", "mse", "coverage"):
        spread = np.std([study[name].value for study in judged], ddof=1)
        told, ignoring = (np.mean([study[name].mcse for study in each]) for each in (judged, known))
        assert abs(told / spread - 1) < tolerance, name
        assert ignoring / spread < 1 - tolerance, name  # a truth taken as exact would be noticed


def test_a_measure_is_told_with_its_error() -> None:
    one = Measure(-0.12345, 0.04567, 9)
    assert (f"{one:.3f}", f"{one:+.2f}", f"{Measure(2.5, 1.0):+.1f}") == (
        "-0.123 (0.046)",
        "-0.12 (0.05)",
        "+2.5 (1.0)",
    )
    assert f"{one}" == repr(one)
