"""The fast statistics against slow twins, where R has no answer or has one for other data only.

The twins themselves agree with R (test_oracle.py). Here: random options together, tests with gamma > 0, matching in
random order or closest first, weights, balance.
"""

from typing import Any

import numpy as np
import pytest
from numpy.random import Generator, Philox

from analysis.kernels.status import Status
from analysis.propensity.logistic_models import logistic
from analysis.propensity.matching import match
from analysis.propensity.weighting import ipw
from analysis.survival.statistics import cox, kaplan_meier, logrank
from analysis.two_samples.balance import smd
from tests import oracle
from tests.agreement import gap
from tests.reference import cox as slow_cox
from tests.reference import kaplan_meier as slow_km
from tests.reference import logistic as slow_logistic
from tests.reference import logrank as slow_logrank
from tests.reference import matching as slow_matching
from tests.reference import two_samples

AGREEMENT = 1e-8
FEW = [c for c in oracle.survival_cases() if c.exists == "finite" and 15 < len(c.time) < 80]


@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_covariances_of_cox_fits(ties: slow_cox.Ties) -> None:
    """Both covariances in full, which the frozen output keeps for classic data only."""
    cases = [c for c in FEW if c.x.shape[1] > 1 and c.cluster is not None][::3]
    assert len(cases) > 30
    noticed = []
    for case in cases:
        d = slow_cox.data(case.time, case.event, case.x, **case.options)
        slow = slow_cox.fit(d, ties)
        robust = slow_cox.robust_covariance(d, slow, ties)
        options: dict[str, Any] = {name: values[None] for name, values in case.options.items()}
        fast = cox(case.time[None], case.event[None], case.x[None], ties=ties, **options)
        scale = np.outer(slow.se, slow.se)
        assert gap(fast.covariance[0], slow.covariance, scale) < AGREEMENT, case.label
        assert fast.robust_covariance is not None
        assert gap(fast.robust_covariance[0], robust, scale) < AGREEMENT, case.label
        own = slow_cox.robust_covariance(slow_cox.data(case.time, case.event, case.x), slow, ties)
        noticed.append(gap(fast.robust_covariance[0], own, scale) > AGREEMENT)
    assert np.mean(noticed) > 0.5, "weights, strata, entry times and clusters change nothing"


def test_identities_of_the_cox_fit() -> None:
    """At the fit the slow score is zero; other arm, other sign; other units, the coefficient in those."""
    for case in FEW[::15]:
        options: dict[str, Any] = {name: values[None] for name, values in case.options.items()}
        found = cox(case.time[None], case.event[None], case.x[None], **options)
        d = slow_cox.data(case.time, case.event, case.x, **case.options)
        at = slow_cox.likelihood(d, found.beta[0])
        assert np.abs(found.se[0] * at.score).max() < 1e-8, case.label
        off = slow_cox.likelihood(d, found.beta[0] + 1e-6 * found.se[0])
        assert np.abs(found.se[0] * off.score).max() > 1e-8, "a millionth of a standard error must be noticed"
        flipped = cox(case.time[None], case.event[None], 1 - 10 * case.x[None], **options)
        assert gap(-10 * flipped.beta[0], found.beta[0], found.se[0]) < AGREEMENT, case.label
        later: dict[str, Any] = {name: values * 7.0 if name == "entry" else values for name, values in options.items()}
        rescaled = cox(7.0 * case.time[None], case.event[None], case.x[None], **later)
        assert np.array_equal(rescaled.beta, found.beta), case.label


@pytest.mark.parametrize(("rho", "gamma"), [(0.0, 1.0), (1.0, 1.0), (0.5, 2.0), (0.0, 0.0)])
def test_fleming_harrington(rho: float, gamma: float) -> None:
    few = {case.label for case in FEW[::10]}
    noticed = []
    for number, case in [(n, c) for n, c in enumerate(oracle.survival_cases()) if c.label in few]:
        group, stratum = case.x[:, 0] == 1, oracle.strata(number)
        slow = slow_logrank.compare(case.time, case.event, group, stratum, rho, gamma)
        fast = logrank(case.time[None], case.event[None], group[None], stratum=stratum[None], rho=rho, gamma=gamma)
        if not slow.variance > 1e-12:
            assert fast.status[0] != Status.OK
            continue
        own = [fast.chi2[0], fast.variance[0], *fast.observed[0], *fast.expected[0], fast.p[0]]
        theirs = [slow.chi2, slow.variance, *slow.observed, *slow.expected, slow.p]
        assert gap(own, theirs, 1e-9) < AGREEMENT, case.label
        other = slow_logrank.compare(case.time, case.event, group, stratum, gamma + 1, rho)
        noticed.append(gap(other.variance, slow.variance) > AGREEMENT)
    assert np.mean(noticed) > 0.9


def test_curves_ignore_absent_patients() -> None:
    draw = Generator(Philox(11))
    for case in FEW[::10]:
        present = draw.random(len(case.time)) < 0.7
        time = np.where(present, case.time, np.nan)
        fast = kaplan_meier(time, case.event, present=present)
        slow = slow_km.curve(case.time[present], case.event[present])
        for name in ("time", "n_risk", "n_event", "n_censor", "survival", "std_err"):
            assert gap(getattr(fast, name), getattr(slow, name)) < 1e-12, (case.label, name)


def test_logistic_covariances_and_absent_patients() -> None:
    draw = Generator(Philox(12))
    cases = [c for c in oracle.treatment_cases() if c.exists == "finite" and len(c.y) > 60][::5]
    assert len(cases) > 20
    for case in cases:
        present = draw.random(len(case.y)) < 0.95
        x = np.where(present[:, None], case.x, np.nan)
        fast = logistic(x[None], case.y[None], present=present[None], weight=case.weight[None])
        if fast.status[0] != Status.OK:
            continue
        slow = slow_logistic.fit(case.x[present], case.y[present], case.weight[present])
        scale = np.sqrt(np.outer(np.diag(slow.covariance), np.diag(slow.covariance)))
        assert gap(fast.covariance[0], slow.covariance, scale) < AGREEMENT, case.label
        assert gap(fast.beta[0], slow.beta, np.sqrt(np.diag(slow.covariance))) < AGREEMENT, case.label
        assert gap([fast.loglik[0], fast.aic[0]], [slow.loglik, slow.aic]) < AGREEMENT


def random_scores(
    draw: Generator, n: int, tied: bool
) -> tuple[oracle.Floats, oracle.Bools, oracle.Bools, oracle.Floats]:
    """Scores (whole numbers if tied), arms, who is present (others NaN), and a random rank."""
    score = draw.integers(0, 8, n).astype(float) if tied else draw.normal(size=n)
    present = draw.random(n) < 0.9
    return np.where(present, score, np.nan), draw.random(n) < 0.4, present, draw.permutation(n).astype(float)


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("order", ["largest", "smallest", "data", "random", "closest"])
def test_matching_by_brute_force(order: slow_matching.Order, tied: bool) -> None:
    """Whole-number scores put equal distances on both sides of a unit, which MatchIt decides by rounding."""
    draw = Generator(Philox(13))
    paired = 0
    for _ in range(60):
        score, treated, present, rank = random_scores(draw, int(draw.integers(4, 60)), tied)
        ratio = 1 if order == "closest" else int(draw.integers(1, 4))
        replacement = bool(order != "closest" and draw.random() < 0.3)
        caliper, unit = [(None, "sd"), (0.2, "sd"), (1.0, "raw"), (0.0, "raw")][draw.integers(4)]
        keep = np.flatnonzero(present)
        width = slow_matching.caliper_width(score[keep], caliper, unit)  # type: ignore[arg-type]
        chosen = slow_matching.controls(score[keep], treated[keep], width, order, ratio, replacement, rank[keep])
        slow = {int(keep[i]): [int(keep[j]) for j in mine] for i, mine in chosen.items()}
        found = match(
            score[None],
            treated[None],
            present=present[None],
            caliper=caliper,
            unit=unit,  # type: ignore[arg-type]
            order=order,
            ratio=ratio,
            replacement=replacement,
            rank=rank[None] if order == "random" else None,
        )
        fast = {i: [int(j) for j in found.controls[0, i] if j >= 0] for i in slow}
        assert fast == slow
        weight = np.zeros(len(score))
        weight[keep] = slow_matching.weights(chosen, len(keep))
        assert gap(found.weight[0], weight) < 1e-12
        assert found.n_pairs[0] == sum(bool(mine) for mine in slow.values())
        assert (found.status[0] == Status.OK) == (found.n_pairs[0] > 0)
        paired += int(found.n_pairs[0])
    assert paired > 200


def test_pair_numbers_name_the_sets() -> None:
    draw = Generator(Philox(14))
    for _ in range(30):
        score, treated, present, _ = random_scores(draw, 50, False)
        found = match(score[None], treated[None], present=present[None], ratio=2)
        for unit in np.flatnonzero(treated & present):
            mine = [int(j) for j in found.controls[0, unit] if j >= 0]
            number = found.pair[0, unit]
            assert (number >= 0) == bool(mine)
            if mine:
                assert sorted(np.flatnonzero(found.pair[0] == number)) == sorted([int(unit), *mine])


@pytest.mark.parametrize("target", ["att", "ate", "atc", "overlap", "matching"])
def test_weights(target: str) -> None:
    draw = Generator(Philox(15))
    e, treated = draw.uniform(0.01, 0.99, (3, 40)), draw.random((3, 40)) < 0.5
    found = ipw(e, treated, target)  # type: ignore[arg-type]
    assert gap(found, np.array([two_samples.ipw(*row, target) for row in zip(e, treated, strict=True)])) < 1e-14
    others = [two_samples.ipw(e[0], treated[0], t) for t in ("att", "ate", "atc", "overlap", "matching") if t != target]
    assert min(gap(found[0], other) for other in others) > 0.1
    if target == "overlap":
        assert found.max() < 1


def test_balance() -> None:
    draw = Generator(Philox(16))
    for _ in range(20):
        treated, present = draw.random(50) < 0.4, draw.random(50) < 0.8
        x = np.column_stack([draw.normal(size=50), draw.integers(0, 2, 50), draw.integers(0, 3, 50)])
        x[~present] = np.nan
        found = smd(x[None], treated[None], present=present[None])[0]
        a, b = x[present & ~treated], x[present & treated]
        assert gap(found, [two_samples.smd(a[:, p], b[:, p]) for p in range(3)]) < 1e-12
        assert gap(found, [two_samples.smd(b[:, p], a[:, p]) for p in range(3)]) > 0.1
