"""Cox models against frozen output of R's coxph: 1,270 data sets, both ways of handling ties."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from analysis.kernels.status import Status
from analysis.survival.statistics import CoxFit, cox, cox_each
from tests import oracle
from tests.agreement import CoxNumbers, cox_gap, gap

AGREEMENT = 1e-8  # relative, of coefficients, standard errors (robust too), log-likelihoods and score tests
EXPECTED = {
    "finite": {Status.OK},
    "presumed": {Status.OK},
    "monotone": {Status.MONOTONE},
    "flat": {Status.SINGULAR},
    "monotone and flat": {Status.MONOTONE, Status.SINGULAR},
    "uninformative": {Status.NO_INFO},
    "no events": {Status.NO_EVENTS},
}
CASES = list(zip(oracle.survival_cases(), oracle.frozen("cox"), strict=True))


def fit(case: oracle.Survival, ties: str = "efron") -> CoxFit:
    """The fit of one cohort, as a block of one."""
    options: dict[str, Any] = {name: values[None] for name, values in case.options.items()}
    return cox(case.time[None], case.event[None], case.x[None], ties=ties, **options)


def numbers(found: CoxFit, row: int = 0) -> CoxNumbers:
    """One replicate's numbers."""
    robust = None if found.robust_se is None else found.robust_se[row]
    own = (found.beta[row], found.se[row], found.loglik[row], found.loglik_null[row], found.score_test[row])
    return CoxNumbers(*own, robust)


@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_every_fit_that_exists_agrees(ties: str) -> None:
    exists = [(case, answer) for case, answer in CASES if case.exists in ("finite", "presumed")]
    gaps = {case.label: cox_gap(numbers(fit(case, ties)), answer[ties]) for case, answer in exists}
    assert len(gaps) > 1000
    assert {label: g for label, g in gaps.items() if not g < AGREEMENT} == {}


@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_every_status_is_what_the_likelihood_says(ties: str) -> None:
    seen = set()
    for case, _ in CASES:
        found = fit(case, ties)
        status = Status(found.status[0])
        assert status in EXPECTED[case.exists], (case.label, case.exists, status.name)
        for value in (found.beta, found.se, found.covariance, found.robust_se):
            assert value is None or np.isfinite(value).all() == (status == Status.OK), case.label
        assert found.n[0] == len(case.time)
        assert found.events[0] == case.event.sum()
        seen.add(case.exists)
    assert seen == set(EXPECTED)


def test_a_block_gives_each_cohort_what_it_gets_alone() -> None:
    """Cohorts of different sizes padded with absent NaN patients, good ones beside degenerate ones: the same bits."""
    plain = [case for case, _ in CASES if case.x.shape[1] == 2 and not case.options and len(case.time) < 60]
    most = max(len(case.time) for case in plain)
    time, event, present = (np.zeros((len(plain), most), dtype=kind) for kind in (float, bool, bool))
    x = np.full((len(plain), most, 2), np.nan)
    time[:] = np.nan
    for r, case in enumerate(plain):
        n = len(case.time)
        time[r, :n], event[r, :n], x[r, :n], present[r, :n] = case.time, case.event, case.x, True
    block = cox(time, event, x, present=present)
    assert len(plain) > 20
    assert len(np.unique(block.status)) > 2
    for r, case in enumerate(plain):
        alone = fit(case)
        for name in ("beta", "se", "covariance", "loglik", "loglik_null", "score_test", "n", "events", "status"):
            assert np.array_equal(getattr(block, name)[r], getattr(alone, name)[0], equal_nan=True), (case.label, name)


@pytest.mark.parametrize("ties", ["efron", "breslow"])
@pytest.mark.parametrize("answer", oracle.frozen("classic"), ids=lambda answer: answer["name"])
def test_classic_data_agree(answer: oracle.Frozen, ties: str) -> None:
    case, complete = oracle.classic(answer["name"])
    options: dict[str, Any] = {name: values[None] for name, values in case.options.items()}
    found = cox(case.time[None], case.event[None], case.x[None], present=complete[None], ties=ties, **options)
    theirs = answer[ties]
    assert complete.sum() == answer["n"] == found.n[0]
    assert cox_gap(numbers(found), theirs) < AGREEMENT
    width = case.x.shape[1]
    scale = np.outer(found.se[0], found.se[0])
    assert gap(found.covariance[0], np.reshape(theirs["covariance"], (width, width)), scale) < AGREEMENT


def test_separate_univariable_fits_agree_with_fits_of_one_covariate() -> None:
    """R's answers for one covariate, and the multivariable fitter's for each of several."""
    single = [(c, a) for c, a in CASES if c.exists == "finite" and c.x.shape[1] == 1 and not c.options]
    assert len(single) > 40
    for case, answer in single:
        each = cox_each(case.time[None], case.event[None], case.x[None])
        own = (each.beta[0], each.se[0], each.loglik[0, 0], each.loglik_null[0, 0], each.score_test[0, 0])
        assert cox_gap(CoxNumbers(*own), answer["efron"]) < AGREEMENT, case.label
    for case in [c for c, _ in CASES if c.x.shape[1] > 2][::10]:
        bare = replace(case, weight=None, stratum=None, entry=None, cluster=None)
        each = cox_each(bare.time[None], bare.event[None], bare.x[None])
        for p in range(bare.x.shape[1]):
            alone = fit(replace(bare, x=bare.x[:, [p]]))
            assert each.status[0, p] == alone.status[0], case.label
            assert gap(each.beta[0, p], alone.beta[0, 0], np.nan_to_num(alone.se[0, 0], nan=1.0)) < AGREEMENT, (
                case.label
            )
            assert gap(each.se[0, p], alone.se[0, 0]) < AGREEMENT, case.label


@pytest.mark.parametrize("forgotten", ["weight", "stratum", "entry", "cluster", "ties"])
def test_forgetting_an_option_is_noticed(forgotten: str) -> None:
    usable = [(c, a) for c, a in CASES if c.exists == "finite" and len(np.unique(c.time)) < len(c.time) / 2]
    usable = [(c, a) for c, a in usable if forgotten == "ties" or forgotten in c.options][:60]
    noticed = []
    for case, answer in usable:
        without: dict[str, Any] = {} if forgotten == "ties" else {forgotten: None}
        other = replace(case, **without)
        found = numbers(fit(other, "breslow" if forgotten == "ties" else "efron"))
        if forgotten == "cluster":
            found = replace(found, robust_se=found.se)
        noticed.append(not cox_gap(found, answer["efron"]) < AGREEMENT)
    assert len(usable) >= 50
    assert np.mean(noticed) > 0.95
