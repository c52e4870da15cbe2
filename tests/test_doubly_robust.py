"""Augmented weighting: by hand, as stratification, doubly robust, and its SE."""

import numpy as np
import pytest

from analysis.kernels.status import Status
from analysis.propensity.logistic_models import logistic
from analysis.survival.doubly_robust import aipw

Cohort = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def cohorts(replicates: int, n: int = 300) -> Cohort:
    """Outcome, treated, one covariate that rules both, and the true propensity; the effect is 1 + x."""
    rng = np.random.default_rng(3)
    x = rng.normal(size=(replicates, n))
    e = 1 / (1 + np.exp(0.3 - 0.8 * x))
    treated = rng.random((replicates, n)) < e
    return 2 * x + treated * (1 + x) + rng.normal(size=x.shape), treated, x[..., None], e


def _everyone(treated: np.ndarray) -> np.ndarray:
    return np.ones(treated.shape, bool)


def test_by_hand() -> None:
    """Without covariates: arm means plus the weighted residuals."""
    y, e = np.array([[4.0, 2.0, 1.0, 3.0, 2.0]]), np.array([[0.5, 0.25, 0.5, 0.2, 0.5]])
    treated = np.array([[True, True, False, False, False]])
    found = aipw(y, treated, e, np.zeros((1, 5, 0)), present=_everyone(treated))
    parts = np.array([1 + 1 / 0.5, 1 - 1 / 0.25, 1 + 1 / 0.5, 1 - 1 / 0.8, 1.0])
    assert found.value[0] == pytest.approx(parts.mean(), abs=1e-14)
    assert found.se[0] == pytest.approx(parts.std() / np.sqrt(5), abs=1e-14)
    att = aipw(y, treated, e, np.zeros((1, 5, 0)), present=_everyone(treated), target="treated")
    gains = np.array([2.0, 0.0, 1.0, -0.25, 0.0])
    assert att.value[0] == pytest.approx(gains.sum() / 2, abs=1e-14)
    off = gains - att.value[0] * treated[0]
    assert att.se[0] == pytest.approx(np.sqrt((off**2).sum()) / 2, abs=1e-14)


@pytest.mark.parametrize("target", ["all", "treated"])
@pytest.mark.parametrize("modelled", [True, False])
def test_with_a_saturated_propensity_it_is_the_stratified_estimate(target: str, modelled: bool) -> None:
    """Whatever the outcome model: differences within strata, averaged over the target."""
    y, treated, x, _ = cohorts(3)
    stage = (x > 0).astype(float)
    e = logistic(stage, treated).fitted
    columns = stage if modelled else stage[..., :0]
    found = aipw(y, treated, e, columns, present=_everyone(treated), target=target)  # type: ignore[arg-type]
    for r in range(3):
        value = 0.0
        for level in (0, 1):
            own = stage[r, :, 0] == level
            inside = own if target == "all" else own & treated[r]
            share = inside.sum() / (300 if target == "all" else treated[r].sum())
            value += share * (y[r, own & treated[r]].mean() - y[r, own & ~treated[r]].mean())
        assert found.value[r] == pytest.approx(value, abs=1e-9)


@pytest.mark.parametrize("target", ["all", "treated"])
def test_right_if_either_model_is(target: str) -> None:
    y, treated, x, e = cohorts(400)
    truth = 1.0 if target == "all" else 1 + (e * x[..., 0]).sum() / e.sum()
    none = np.full(e.shape, 0.45)

    def z(propensity: np.ndarray, columns: np.ndarray) -> float:
        found = aipw(y, treated, propensity, columns, present=_everyone(treated), target=target)  # type: ignore[arg-type]
        return float((found.value.mean() - truth) / found.value.std(ddof=1) * np.sqrt(400))

    assert abs(z(e, x)) < 4
    assert abs(z(e, x[..., :0])) < 4
    assert abs(z(none, x)) < 4
    assert abs(z(none, x[..., :0])) > 4


@pytest.mark.parametrize("target", ["all", "treated"])
def test_the_se_is_the_spread_of_the_estimates(target: str) -> None:
    y, treated, x, _ = cohorts(400)
    e = logistic(x, treated).fitted
    found = aipw(y, treated, e, x, present=_everyone(treated), target=target)  # type: ignore[arg-type]
    ratio, error = np.sqrt((found.se**2).mean()) / found.value.std(ddof=1), 1 / np.sqrt(2 * 399)
    assert abs(ratio - 1) < 4 * error
    assert abs(1.2 * ratio - 1) > 4 * error


def test_the_absent_are_not_read_and_failures_are_statuses() -> None:
    y, treated, x, e = cohorts(4)
    here = np.random.default_rng(1).random(y.shape) < 0.8
    whole = aipw(y, treated, e, x, present=here)
    hidden = [np.where(here, one, np.nan) for one in (y, e)]
    found = aipw(hidden[0], treated, hidden[1], np.where(here[..., None], x, np.nan), present=here)
    assert np.array_equal(found.value, whole.value)
    assert np.array_equal(found.se, whole.se)
    treated[0], treated[1, 2:] = False, False
    found = aipw(y, treated, e, x, present=here)
    assert found.status.tolist() == [Status.TOO_FEW, Status.TOO_FEW, 0, 0]
    assert np.isnan(found.value[:2]).all()
    assert np.array_equal(found.value[2:], whole.value[2:])
