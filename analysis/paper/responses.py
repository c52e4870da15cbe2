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
from simulator.numerics.arrays import Bools, Floats, Ints

MEASURES = ("risk_difference", "risk_ratio", "odds_ratio")
LOGARITHMS: dict[str, RiskMeasure] = {"risk_ratio": "log_risk_ratio", "odds_ratio": "log_odds_ratio"}


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

    @staticmethod
    def first(found: "Contrasts") -> "Contrast":
        """That of the first cohort of a block."""
        value, low, high = (float(one[0]) for one in (found.value, found.low, found.high))
        return Contrast(value, low, high, Status(int(found.status[0])))


@dataclass(frozen=True)
class Contrasts:
    """A contrast of every cohort of a block ``(R,)``; NaN unless OK."""

    value: Floats
    low: Floats
    high: Floats
    status: Ints

    @staticmethod
    def where(value: Floats, low: Floats, high: Floats, status: Ints) -> "Contrasts":
        """The contrasts, NaN where they are not OK."""
        ok = status == Status.OK
        return Contrasts(np.where(ok, value, np.nan), np.where(ok, low, np.nan), np.where(ok, high, np.nan), status)


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
    risk_ratio: Contrast
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
    difference, ratio, odds = (Contrast.first(contrast_of(counts[None], one, plan.survival.level)) for one in MEASURES)
    paired = None if pairs is None else _mcnemar(outcome, pairs)
    return BinaryResponse(arms.treated, arms.control, made.test, made.p, made.tests, difference, ratio, odds, paired)


def _weighted(outcome: Bools, treated: Bools, group: AnalysisSet, level: float) -> BinaryResponse:
    sets = group.weighted(treated)
    assert sets is not None
    found = weighted_shares(outcome[None].astype(np.int64), 2, sets)
    n = found.counts[0].sum(axis=1)
    control, of_treated = (
        ArmShare(int(n[arm]), int(found.counts[0, arm, 1]), 100 * float(found.share[0, arm, 1])) for arm in (0, 1)
    )
    p, ok = float(found.test.p[0]), found.test.status[0] == Status.OK
    weight, cluster, present = group.weight, group.clusters[None], group.present[None]
    assert weight is not None
    difference, ratio, odds = (
        Contrast.first(robust_contrast(outcome[None], treated[None], present, weight[None], cluster, one, level))
        for one in MEASURES
    )
    test, made = ("rao_scott", {"rao_scott": p}) if ok else ("none", {})
    return BinaryResponse(of_treated, control, test, p, made, difference, ratio, odds, None)


def _share(outcome: Bools) -> ArmShare:
    n, yes = outcome.size, int(outcome.sum())
    return ArmShare(n, yes, 100 * yes / n if n else NAN)


def contrast_of(counts: NDArray[np.int64], measure: str, level: float) -> Contrasts:
    """A contrast of the counts ``(R, 2, 2)``: treated first, and those with the outcome first.

    The difference has Wald's interval, the risk ratio Katz's, the odds ratio Woolf's: NO_INFO where a cell that these
    divide by is empty, TOO_FEW where an arm is.
    """
    yes, n = counts[..., 0].astype(np.float64), counts.sum(axis=2).astype(np.float64)
    no, z = n - yes, float(ndtri(0.5 + level / 2))
    status = np.full(len(counts), Status.OK, np.int64)
    with np.errstate(divide="ignore", invalid="ignore"):
        if measure == "risk_difference":
            share = yes / n
            value = share[:, 0] - share[:, 1]
            half = z * np.sqrt((share * (1 - share) / n).sum(axis=1))
            low, high = value - half, value + half
        else:
            ratio = measure == "risk_ratio"
            level_of = np.log(yes / n) if ratio else np.log(yes) - np.log(no)
            log, variance = level_of[:, 0] - level_of[:, 1], (1 / yes - 1 / n) if ratio else 1 / yes + 1 / no
            half = z * np.sqrt(variance.sum(axis=1))
            low, value, high = np.exp(log - half), np.exp(log), np.exp(log + half)
            status[((yes == 0) | (not ratio) & (no == 0)).any(axis=1)] = Status.NO_INFO
    if measure != "odds_ratio":
        status[(n == 0).any(axis=1)] = Status.TOO_FEW
    return Contrasts.where(value, low, high, status)


def robust_contrast(
    outcome: Bools, treated: Bools, present: Bools, weight: Floats, cluster: Ints, measure: str, level: float
) -> Contrasts:
    """The weighted risks compared in blocks ``(R, N)``, with a robust interval."""
    kind: RiskMeasure = "risk_difference" if measure == "risk_difference" else LOGARITHMS[measure]
    made = risk_contrast(outcome, treated, kind, present=present, weight=weight, cluster=cluster)
    half = float(ndtri(0.5 + level / 2)) * made.se
    low, value, high = made.value - half, made.value, made.value + half
    if kind != "risk_difference":
        with np.errstate(over="ignore"):
            low, value, high = np.exp(low), np.exp(value), np.exp(high)
    return Contrasts.where(value, low, high, made.status)


def _mcnemar(outcome: Bools, pairs: NDArray[np.int64]) -> McNemar:
    treated, control = outcome[pairs[:, 0]], outcome[pairs[:, 1]]
    ours, theirs = int((treated & ~control).sum()), int((control & ~treated).sum())
    chi2, p, exact = mcnemar_of(np.array([ours]), np.array([theirs]), np.array([len(pairs)]))
    return McNemar(ours, theirs, float(chi2[0]), float(p[0]), float(exact[0]))


def mcnemar_of(only_treated: Ints, only_control: Ints, pairs: Ints) -> tuple[Floats, Floats, Floats]:
    """Chi-square, p and the exact p ``(R,)`` of the discordant pairs among so many; without any the exact p is 1."""
    discordant = only_treated + only_control
    with np.errstate(divide="ignore", invalid="ignore"):
        chi2 = (only_treated - only_control) ** 2 / discordant.astype(np.float64)
    exact = np.minimum(1.0, 2 * bdtr(np.minimum(only_treated, only_control).astype(np.float64), discordant, 0.5))
    exact = np.where(discordant > 0, exact, np.where(pairs > 0, 1.0, np.nan))
    chi2 = np.where(discordant > 0, chi2, np.nan)
    return chi2, np.asarray(chdtrc(1, chi2)), exact
