"""Yes/no outcomes compared between the arms: counts, tests, risk difference, odds ratio, McNemar's test in pairs."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr, chdtrc, ndtri

from analysis.kernels.status import Status
from analysis.paper.effects import AnalysisSet, ByArm
from analysis.plan.analysis_plan import Plan
from analysis.survival.risks import RiskMeasure, risk_contrast
from analysis.two_samples.contingency import CountTest, compare_counts
from analysis.two_samples.tests import NAN
from analysis.two_samples.weighted_samples import weighted_shares
from simulator.numerics.arrays import Bools


@dataclass(frozen=True)
class ArmShare:
    """How many of an arm have the outcome; ``percent`` is weighted in a set with weights, ``n`` and ``yes`` count."""

    n: int
    yes: int
    percent: float


@dataclass(frozen=True)
class Contrast:
    """An estimate with its interval; NaN unless OK."""

    value: float
    low: float
    high: float
    status: Status


@dataclass(frozen=True)
class McNemar:
    """Pairs in which only one member has the outcome; ``p`` without continuity correction, ``p_exact`` binomial."""

    only_treated: int
    only_control: int
    chi2: float
    p: float
    p_exact: float


@dataclass(frozen=True)
class BinaryResponse:
    """A yes/no outcome in the two arms, treated minus (or over) control.

    In a set with weights the test is ``rao_scott`` (R's svychisq), and the intervals are robust, by cluster.
    """

    treated: ArmShare
    control: ArmShare
    test: str
    p: float
    tests: dict[str, float]
    risk_difference: Contrast
    odds_ratio: Contrast
    mcnemar: McNemar | None


def response(
    outcome: Bools, treated: Bools, group: AnalysisSet, pairs: NDArray[np.int64] | None, plan: Plan
) -> BinaryResponse:
    """The comparison; ``pairs (P, 2)`` are the places of treated and control of a 1:1 matching, None for no McNemar."""
    if group.weight is not None:
        return _weighted(outcome, treated, group, plan.survival.level)
    arms = ByArm(*(_share(outcome[arm & group.present]) for arm in (treated, ~treated)))
    counts = np.array([[arm.yes, arm.n - arm.yes] for arm in (arms.treated, arms.control)])
    made: CountTest = compare_counts(counts, plan.table1.categorical)
    return BinaryResponse(
        arms.treated,
        arms.control,
        made.test,
        made.p,
        made.tests,
        _risk_difference(counts, plan.survival.level),
        _odds_ratio(counts, plan.survival.level),
        None if pairs is None else _mcnemar(outcome, pairs),
    )


def _weighted(outcome: Bools, treated: Bools, group: AnalysisSet, level: float) -> BinaryResponse:
    sets = group.weighted(treated)
    assert sets is not None
    found = weighted_shares(outcome[None].astype(np.int64), 2, sets)
    n = found.counts[0].sum(axis=1)
    control, of_treated = (
        ArmShare(int(n[arm]), int(found.counts[0, arm, 1]), 100 * float(found.share[0, arm, 1])) for arm in (0, 1)
    )
    p, ok = float(found.test.p[0]), found.test.status[0] == Status.OK
    contrasts = [_robust(outcome, treated, group, level, one) for one in ("risk_difference", "log_odds_ratio")]
    test, made = ("rao_scott", {"rao_scott": p}) if ok else ("none", {})
    return BinaryResponse(of_treated, control, test, p, made, contrasts[0], contrasts[1], None)


def _robust(outcome: Bools, treated: Bools, group: AnalysisSet, level: float, measure: RiskMeasure) -> Contrast:
    """Weighted risks compared, with a robust interval; a log ratio is given as a ratio."""
    weight, cluster = group.weight, group.clusters[None]
    assert weight is not None
    made = risk_contrast(
        outcome[None], treated[None], measure, present=group.present[None], weight=weight[None], cluster=cluster
    )
    status, half = Status(int(made.status[0])), float(ndtri(0.5 + level / 2) * made.se[0])
    limits = (float(made.value[0]), float(made.value[0]) - half, float(made.value[0]) + half)
    if measure == "log_odds_ratio":
        limits = (float(np.exp(limits[0])), float(np.exp(limits[1])), float(np.exp(limits[2])))
    return Contrast(*limits, status)


def _share(outcome: Bools) -> ArmShare:
    n, yes = outcome.size, int(outcome.sum())
    return ArmShare(n, yes, 100 * yes / n if n else NAN)


def _risk_difference(counts: NDArray[np.int64], level: float) -> Contrast:
    """Difference of proportions with Wald's interval."""
    n = counts.sum(axis=1)
    if not n.all():
        return Contrast(NAN, NAN, NAN, Status.TOO_FEW)
    share = counts[:, 0] / n
    half = float(ndtri(0.5 + level / 2) * np.sqrt((share * (1 - share) / n).sum()))
    value = float(share[0] - share[1])
    return Contrast(value, value - half, value + half, Status.OK)


def _odds_ratio(counts: NDArray[np.int64], level: float) -> Contrast:
    """Cross-product ratio with Woolf's interval; NO_INFO when a cell is empty."""
    if not counts.all():
        return Contrast(NAN, NAN, NAN, Status.NO_INFO)
    log = float(np.log(counts[0, 0] * counts[1, 1]) - np.log(counts[0, 1] * counts[1, 0]))
    half = float(ndtri(0.5 + level / 2) * np.sqrt((1 / counts).sum()))
    low, value, high = (float(np.exp(x)) for x in (log - half, log, log + half))
    return Contrast(value, low, high, Status.OK)


def _mcnemar(outcome: Bools, pairs: NDArray[np.int64]) -> McNemar:
    treated, control = outcome[pairs[:, 0]], outcome[pairs[:, 1]]
    only_treated, only_control = int((treated & ~control).sum()), int((control & ~treated).sum())
    discordant = only_treated + only_control
    if not discordant:
        return McNemar(0, 0, NAN, NAN, 1.0 if len(pairs) else NAN)
    chi2 = (only_treated - only_control) ** 2 / discordant
    exact = min(1.0, 2 * float(bdtr(min(only_treated, only_control), discordant, 0.5)))
    return McNemar(only_treated, only_control, chi2, float(chdtrc(1, chi2)), exact)
