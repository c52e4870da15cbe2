"""A slow g-computation with case weights, from a Cox model's coefficients: curves and their contrasts."""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from analysis.survival.statistics import cox
from simulator.numerics.arrays import Bools, Floats


def contrast(
    time: Floats,
    event: Bools,
    treated: Bools,
    x: Floats,
    weight: Floats,
    measure: str,
    horizon: float,
    target: str,
    interactions: list[int],
    ties: str,
) -> float:
    """The contrast of the weighted cohort ``(N,)``."""
    columns = _columns(treated, x, interactions)
    beta = cox(time[None], event[None], columns[None], weight=weight[None], ties=ties).beta[0]
    times = np.unique(time[event])
    hazard = np.cumsum([_step(t, time, event, weight, np.exp(columns @ beta), ties) for t in times])
    members = weight * {"all": np.ones(len(time)), "treated": treated, "untreated": ~treated}[target]
    curves = []
    for arm in (0.0, 1.0):
        risk = np.exp(_columns(np.full(len(time), arm), x, interactions) @ beta)
        curves.append((np.exp(-hazard[:, None] * risk) * members).sum(axis=1) / members.sum())
    if measure == "marginal_log_hr":
        return _log_hr(times, np.array(curves), time, event, treated, weight)
    before = times < horizon if measure == "rmst_difference" else times <= horizon
    heights = [np.concatenate([[1.0], curve[before]]) for curve in curves]
    if measure == "survival_difference":
        return float(heights[1][-1] - heights[0][-1])
    widths = np.diff(np.concatenate([[0.0], times[before], [horizon]]))
    return float(widths @ (heights[1] - heights[0]))


def _columns(treated: NDArray[np.generic], x: Floats, interactions: list[int]) -> Floats:
    arm = treated.astype(float)[:, None]
    return np.concatenate([arm, x, arm * x[:, interactions]], axis=1)


def _step(t: float, time: Floats, event: Bools, weight: Floats, risk: Floats, ties: str) -> float:
    """The step of the cumulative hazard at a time (Therneau & Grambsch 2000, eq. 2.11 and section 10.3.2)."""
    dead, at_risk = event & (time == t), time >= t
    step = 0.0
    for s in range(dead.sum()):
        out = s / dead.sum() if ties == "efron" else 0.0
        step += weight[dead].mean() / ((weight * risk)[at_risk].sum() - out * (weight * risk)[dead].sum())
    return step


def _uncensored(t: float, time: Floats, event: Bools, weight: Floats) -> float:
    """Kaplan-Meier's share not yet censored just before t; who dies at a time is not censored at it."""
    share = 1.0
    for c in np.unique(time[~event & (time < t)]):
        at_risk = (time > c) | ((time == c) & ~event)
        share *= 1 - weight[~event & (time == c)].sum() / weight[at_risk].sum()
    return share


def _log_hr(times: Floats, curves: Floats, time: Floats, event: Bools, treated: Bools, weight: Floats) -> float:
    """The root of Cox's score in which Y are at risk and the hazards are those of the curves."""
    before = np.concatenate([np.ones((2, 1)), curves[:, :-1]], axis=1)
    hazards = np.log(before / curves)
    still = [[_uncensored(t, time[arm], event[arm], weight[arm]) for t in times] for arm in (~treated, treated)]
    y0, y1 = np.array(still) * before
    used = (y0 > 0) & (y1 > 0)
    expected = y0 * hazards[0] + y1 * hazards[1]

    def score(b: float) -> float:
        share = y1[used] * np.exp(b) / (y1[used] * np.exp(b) + y0[used])
        return float((y1[used] * hazards[1][used] - expected[used] * share).sum())

    return float(brentq(score, -10.0, 10.0, xtol=1e-14, rtol=1e-14))
