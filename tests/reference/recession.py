"""Limits of likelihoods without a finite maximum, from all their comparisons at once. Slow and readable.

Every comparison is written down as a row c of a matrix; a direction d is one of recession where no c'd is negative
(`tests.reference.existence`). A linear programme finds one that raises something, the comparisons it raises are struck
out, and so on until none is left; what remains is maximised. A coefficient is finite where linear programmes over all
comparisons find that no direction of recession moves it up or down.
"""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog

from simulator.numerics.arrays import Bools, Floats

Moves = Literal["stays", "up", "down", "either"]

TOLERANCE = 1e-7


def farthest(contrasts: Floats, gain: Floats) -> Floats:
    """The direction in the box from -1 to 1 that gains most and lowers no comparison."""
    answer = linprog(-gain, A_ub=-contrasts, b_ub=np.zeros(len(contrasts)), bounds=(-1, 1))
    assert answer.status == 0, answer.message
    found: Floats = answer.x
    return found


def moves(contrasts: Floats) -> list[Moves]:
    """Where the directions of recession take each coefficient."""
    made: list[Moves] = []
    for p in range(contrasts.shape[1]):
        unit = np.eye(contrasts.shape[1])[p]
        up = farthest(contrasts, unit)[p] > TOLERANCE
        down = farthest(contrasts, -unit)[p] < -TOLERANCE
        made.append("either" if up and down else "up" if up else "down" if down else "stays")
    return made


def kept(contrasts: Floats) -> Bools:
    """Which comparisons no direction of recession raises."""
    left = np.ones(len(contrasts), bool)
    while left.any():
        d = farthest(contrasts[left], contrasts[left].sum(axis=0))
        raised = left & (contrasts @ d > TOLERANCE)
        if not raised.any():
            break
        left &= ~raised
    return left


def cox_terms(time: Floats, event: Bools, x: Floats, **options: Any) -> tuple[NDArray[np.int64], Floats]:
    """The comparisons of an event i with a patient j at risk: places (i, j), and x_i - x_j."""
    stratum = options.get("stratum", np.zeros(len(time)))
    entry = options.get("entry", np.full(len(time), -np.inf))
    pairs = [
        (i, j)
        for i in np.flatnonzero(event)
        for j in np.flatnonzero((stratum == stratum[i]) & (entry < time[i]) & (time >= time[i]))
    ]
    where = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    return where, x[where[:, 0]] - x[where[:, 1]]


def cox(time: Floats, event: Bools, x: Floats, ties: str, **options: Any) -> tuple[Floats, Floats, float, list[Moves]]:
    """Coefficients, covariance and log-likelihood of the limit, and where each coefficient goes (numbers for "stays").

    Efron's k-th of d deaths at a time (one stratum's) weighs the dead by 1 - k / d; a weighted death counts with the
    mean weight of its time.
    """
    weight = options.pop("weight", np.ones(len(time)))
    alive = weight > 0
    time, event, x, weight = time[alive], event[alive], x[alive], weight[alive]
    options = {name: values[alive] for name, values in options.items()}
    where, contrasts = cox_terms(time, event, x, **options)
    left = where[kept(contrasts)]
    at_risk = np.zeros((len(time), len(time)), bool)
    at_risk[left[:, 0], left[:, 1]] = True
    stratum = options.get("stratum", np.zeros(len(time)))
    steps = []  # the weight of each denominator, and of each patient in it
    for i in np.flatnonzero(event):
        dead = event & (time == time[i]) & (stratum == stratum[i])
        k = int((np.flatnonzero(dead) < i).sum()) if ties == "efron" else 0
        share = np.where(dead, 1 - k / dead.sum(), 1.0) if ties == "efron" else 1.0
        steps.append((weight[dead].mean() if ties == "efron" else weight[i], at_risk[i] * weight * share))
    sure = np.array([w for w, _ in steps])
    members = np.array([m for _, m in steps])
    centred = x - x.mean(axis=0)

    def at(beta: Floats) -> tuple[float, Floats, Floats]:
        """Log-likelihood, score and information."""
        eta = centred @ beta
        risk = members * np.exp(eta)
        total = risk.sum(axis=1)
        mean = risk @ centred / total[:, None]
        square = np.einsum("sn,np,nq->spq", risk, centred, centred) / total[:, None, None]
        information = np.einsum("s,spq->pq", sure, square - mean[:, :, None] * mean[:, None])
        own = weight * event
        return float(own @ eta - sure @ np.log(total)), own @ centred - sure @ mean, information

    beta = np.zeros(x.shape[1])
    for _ in range(200):
        loglik, score, information = at(beta)
        step = np.linalg.pinv(information, rcond=1e-10, hermitian=True) @ score
        if np.abs(centred @ step).max() < 1e-12:
            break
        while at(beta + step)[0] < loglik - 1e-12 * abs(loglik):
            step = step / 2
        beta = beta + step
    return beta, np.linalg.pinv(information, rcond=1e-10, hermitian=True), loglik, moves(contrasts)


def logistic(x: Floats, y: Bools) -> tuple[Floats, Floats, list[Moves]]:
    """Each patient's limit probability, the limit log-likelihood, where the intercept and each coefficient goes."""
    z = np.column_stack([np.ones(len(y)), x])
    facing = np.where(y[:, None], z, -z)
    left = kept(facing)
    fitted = y.astype(float)
    loglik = 0.0
    if left.any():
        own, beta = z[left], np.zeros(z.shape[1])
        for _ in range(100):
            p = 1 / (1 + np.exp(-own @ beta))
            step = np.linalg.pinv((own.T * (p * (1 - p))) @ own, rcond=1e-10, hermitian=True) @ (own.T @ (y[left] - p))
            beta = beta + step * min(1.0, 5.0 / max(np.abs(own @ step).max(), 1e-300))
            if np.abs(own @ step).max() < 1e-12:
                break
        fitted[left] = 1 / (1 + np.exp(-own @ beta))
        loglik = float(np.log(np.where(y, fitted, 1 - fitted)[left]).sum())
    return fitted, loglik, moves(facing)
