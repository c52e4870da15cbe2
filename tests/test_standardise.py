"""G-computation: a slow twin, its numerical derivatives by case weights, and what it is without covariates."""

from functools import partial

import numpy as np
import pytest

from analysis.kernels.status import Status
from analysis.survival.standardise import MEASURES, ContrastMeasure, StandardisedTo, standardised
from analysis.survival.statistics import cox
from tests.reference.standardised import contrast

Cohort = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
HORIZON = 12.0


def cohorts(ties: bool = False, n: int = 60, replicates: int = 2) -> Cohort:
    """Time, event, treated and two covariates; one of them modifies the effect, arms differ in censoring."""
    rng = np.random.default_rng(2)
    x = rng.normal(size=(replicates, n, 2))
    x[..., 1] = x[..., 1] > 0
    treated = rng.random((replicates, n)) < 1 / (1 + np.exp(-x[..., 0]))
    death = rng.exponential(20 * np.exp(0.5 * treated - 0.6 * x[..., 0] + 0.4 * x[..., 1] * treated))
    limit = rng.uniform(5, 60, (replicates, n)) * (1 - 0.3 * treated)
    time = np.minimum(death, limit)
    return np.ceil(time) if ties else time, death <= limit, treated, x


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize(
    ("ties", "method", "target", "interactions"),
    [(False, "efron", "all", ()), (True, "efron", "treated", (1,)), (True, "breslow", "untreated", (0, 1))],
)
def test_value_and_influence_are_the_twins(
    measure: ContrastMeasure, ties: bool, method: str, target: StandardisedTo, interactions: tuple[int, ...]
) -> None:
    """A patient's influence is the derivative by his case weight."""
    time, event, treated, x = cohorts(ties)
    horizon = HORIZON if measure != "marginal_log_hr" else np.nan
    found = standardised(
        time, event, treated, x, measure=measure, horizon=horizon, target=target, interactions=interactions, ties=method
    )
    assert (found.status == Status.OK).all()
    twin = partial(
        contrast, measure=measure, horizon=horizon, target=target, interactions=list(interactions), ties=method
    )
    one = np.ones(time.shape[1])
    np.testing.assert_allclose(found.value[0], twin(time[0], event[0], treated[0], x[0], one), atol=1e-11)
    for i in range(0, time.shape[1], 6):
        step = 1e-4 * (np.arange(len(one)) == i)
        up, down = (twin(time[0], event[0], treated[0], x[0], one + sign * step) for sign in (1, -1))
        assert abs((up - down) / 2e-4 - found.influence[0, i]) < 1e-8
    np.testing.assert_allclose(found.se, np.sqrt((found.influence**2).sum(axis=1)))


def test_without_covariates_it_is_the_cox_model_of_treatment() -> None:
    """The log hazard ratio and its SE are Cox's with the robust SE, though the population is turned into two curves."""
    time, event, treated, x = cohorts(n=200)
    own = np.broadcast_to(np.arange(200), time.shape)
    fit = cox(time, event, treated[..., None].astype(float), cluster=own)
    found = standardised(time, event, treated, x[..., :0])
    assert fit.robust_se is not None
    np.testing.assert_allclose(found.value, fit.beta[:, 0], atol=1e-11)
    np.testing.assert_allclose(found.se, fit.robust_se[:, 0], rtol=1e-8)


@pytest.mark.parametrize("measure", MEASURES)
def test_identities(measure: ContrastMeasure) -> None:
    """Swapping the arms flips the sign; a covariate's unit does not matter; everyone is treated and untreated."""
    time, event, treated, x = cohorts(n=150)
    made = partial(standardised, time, event, measure=measure, horizon=HORIZON)
    found = made(treated, x)
    np.testing.assert_allclose(made(~treated, x).value, -found.value, atol=1e-9)
    scaled = made(treated, 7 + 1000 * x)
    np.testing.assert_allclose(scaled.value, found.value, atol=1e-9)
    np.testing.assert_allclose(scaled.se, found.se, rtol=1e-7)
    if measure != "marginal_log_hr":
        share = treated.mean(axis=1)
        parts = [made(treated, x, target=target).value for target in ("treated", "untreated")]  # type: ignore[list-item]
        np.testing.assert_allclose(share * parts[0] + (1 - share) * parts[1], found.value, atol=1e-12)


def test_curves_fall_from_one_and_end_in_nan() -> None:
    time, event, treated, x = cohorts()
    found = standardised(time, event, treated, x)
    for r in range(2):
        deaths = np.unique(time[r, event[r]])
        assert np.array_equal(found.time[r, : len(deaths)], deaths)
        assert np.isnan(found.time[r, len(deaths) :]).all()
        curves = found.survival[r, :, : len(deaths)]
        assert np.isnan(found.survival[r, :, len(deaths) :]).all()
        assert (np.diff(curves, axis=1) < 0).all()
        assert (curves.min() > 0) & (curves.max() < 1)


def test_failures_are_statuses_and_leave_others_alone() -> None:
    time, event, treated, x = cohorts(replicates=6)
    healthy = standardised(time, event, treated, x)
    event, treated, x = event.copy(), treated.copy(), x.copy()
    event[0], x[1, ..., 1], treated[2], x[3, 4, 0] = False, 1.0, False, np.nan
    found = standardised(time, event, treated, x)
    assert found.status[:4].tolist() == [Status.NO_EVENTS, Status.OK, Status.SINGULAR, Status.BAD_INPUT]
    for made in (found.value, found.se, found.influence, found.survival, found.time):
        assert np.isnan(made[[0, 2, 3]]).all()
    without = standardised(time[1:2], event[1:2], treated[1:2], np.delete(x[1:2], 1, axis=2))
    np.testing.assert_allclose((found.value[1], found.se[1]), (without.value[0], without.se[0]), rtol=1e-9)
    assert np.array_equal(found.value[4:], healthy.value[4:])
    late = standardised(time, event, treated, x, measure="rmst_difference", horizon=1e3)
    assert (late.status[4:] == Status.TOO_FEW).all()
    early = standardised(time, event, treated, x, measure="survival_difference", horizon=1e-6)
    assert (early.status[4:] == Status.NO_INFO).all()


def test_absent_patients_are_not_read() -> None:
    time, event, treated, x = cohorts(n=80)
    here = np.random.default_rng(3).random(time.shape) < 0.7
    hidden = np.where(here, time, np.nan), event, treated, np.where(here[..., None], x, np.nan)
    found = standardised(*hidden, present=here, measure="rmst_difference", horizon=HORIZON)
    own = [part[:1, here[0]] for part in (time, event, treated, x)]
    alone = standardised(*own, measure="rmst_difference", horizon=HORIZON)
    assert found.n[0] == here[0].sum()
    np.testing.assert_allclose(found.value[0], alone.value[0], atol=1e-11)
    np.testing.assert_allclose(found.se[0], alone.se[0], rtol=1e-9)
