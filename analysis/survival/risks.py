"""Contrasts of the risk of a yes/no outcome between two weighted, possibly clustered arms."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import chdtrc

from analysis.kernels.status import Status
from analysis.survival.clusters import sums_within
from simulator.numerics.arrays import Bools, Floats, Ints

RiskMeasure = Literal["risk_difference", "log_risk_ratio", "log_odds_ratio"]


@dataclass(frozen=True)
class RiskContrast:
    """The contrast treated over (minus) untreated with its SE, ``(R,)``, NaN where ``status`` is not OK.

    ``risk (R, 2)``, untreated first, is given wherever both arms have patients.
    """

    value: Floats
    se: Floats
    risk: Floats
    n: Ints
    events: Ints
    status: Ints


def risk_contrast(
    outcome: ArrayLike,
    treated: ArrayLike,
    measure: RiskMeasure = "risk_difference",
    *,
    present: ArrayLike | None = None,
    weight: ArrayLike | None = None,
    cluster: ArrayLike | None = None,
) -> RiskContrast:
    """The contrast of the two weighted risks, all arrays ``(R, N)``; ``cluster`` are whole numbers of at least 0.

    The SE is robust: the influence w (y - p) / sum(w) of a patient, times the derivative of the measure, summed within
    clusters. Without weights and clusters that is Wald's (difference), Katz's (log ratio) and Woolf's (log odds ratio);
    in pairs McNemar's, ((b + c) - (b - c)^2 / n) / n^2 for the difference.

    Statuses: TOO_FEW (an arm without patients), NO_EVENTS (nobody has the outcome), NO_INFO (a ratio with a cell of
    zero, or an SE of 0). No constant is added to an empty cell.
    """
    yes, arm = np.asarray(outcome, dtype=np.bool_), np.asarray(treated, dtype=np.bool_)
    here = np.ones(arm.shape, np.bool_) if present is None else np.asarray(present, dtype=np.bool_)
    w = np.where(here, 1.0 if weight is None else np.asarray(weight, dtype=np.float64), 0.0)
    here = here & (w > 0)
    arms: tuple[Bools, Bools] = (here & ~arm, here & arm)
    with np.errstate(divide="ignore", invalid="ignore"):
        total = [np.where(own, w, 0.0).sum(axis=1) for own in arms]
        risk = [np.where(own & yes, w, 0.0).sum(axis=1) / sum_ for own, sum_ in zip(arms, total, strict=True)]
        off = [
            np.where(own, w * (yes - p[:, None]) / sum_[:, None], 0.0)
            for own, p, sum_ in zip(arms, risk, total, strict=True)
        ]
        value, pull = _measured(risk, measure)
        influence = off[1] * pull[1][:, None] - off[0] * pull[0][:, None]
        if cluster is not None:
            influence = sums_within(influence, here, np.asarray(cluster))
        se = np.sqrt(np.cumsum(influence**2, axis=1)[:, -1])  # what other cohorts' clusters are changes no digit
    events = (here & yes).sum(axis=1)
    status = np.full(len(arm), Status.OK, np.int64)
    status[~(np.isfinite(value) & np.isfinite(se) & (se > 1e-12))] = Status.NO_INFO
    status[events == 0] = Status.NO_EVENTS
    status[~(arms[0].any(axis=1) & arms[1].any(axis=1))] = Status.TOO_FEW
    ok = status == Status.OK
    return RiskContrast(
        np.where(ok, value, np.nan),
        np.where(ok, se, np.nan),
        np.stack(risk, axis=1),
        here.sum(axis=1),
        events,
        status,
    )


def score_p(outcome: Bools, treated: Bools, present: Bools) -> Floats:
    """The p of Pearson's chi-square without continuity correction, ``(R,)``, which is the score test of any measure."""
    a, b = (present & treated & outcome).sum(axis=1), (present & treated & ~outcome).sum(axis=1)
    c, d = (present & ~treated & outcome).sum(axis=1), (present & ~treated & ~outcome).sum(axis=1)
    n = (a + b + c + d).astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        chi2 = n * (a * d - b * c).astype(np.float64) ** 2 / ((a + b) * (c + d) * (a + c) * (b + d)).astype(np.float64)
    return np.asarray(chdtrc(1, chi2), dtype=np.float64)


def discordant(outcome: Bools, treated: Bools, pair: Ints) -> tuple[Ints, Ints]:
    """Pairs ``(R,)`` of which only the treated has the outcome, and of which only the control has."""
    difference = sums_within(np.where(treated, 1.0, -1.0) * outcome, pair >= 0, pair)
    return (difference > 0.5).sum(axis=1), (difference < -0.5).sum(axis=1)


def mcnemar_p(outcome: Bools, treated: Bools, pair: Ints) -> Floats:
    """The p of McNemar's test without continuity correction, ``(R,)``; ``pair (R, N)`` numbers 1:1 pairs, or is -1."""
    signed = np.where(treated, 1.0, -1.0) * outcome
    difference = sums_within(signed, pair >= 0, pair)
    with np.errstate(divide="ignore", invalid="ignore"):
        chi2 = difference.sum(axis=1) ** 2 / (difference**2).sum(axis=1)
    return np.asarray(chdtrc(1, chi2), dtype=np.float64)


def _measured(risk: list[Floats], measure: RiskMeasure) -> tuple[Floats, list[Floats]]:
    """The measure of the two risks, and its derivative by each."""
    if measure == "risk_difference":
        return risk[1] - risk[0], [np.ones_like(p) for p in risk]
    if measure == "log_risk_ratio":
        return np.log(risk[1] / risk[0]), [1 / p for p in risk]
    odds = [p / (1 - p) for p in risk]
    return np.log(odds[1] / odds[0]), [1 / (p * (1 - p)) for p in risk]
