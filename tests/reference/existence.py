"""Whether a likelihood has a finite maximum, decided by linear programming instead of by watching a fit run away.

A log-likelihood that is a sum of terms of the form "own score minus log of a sum of exponentials" is concave; it has no
finite maximum exactly when some direction d never lowers any term and raises at least one (Albert & Anderson 1984,
Biometrika 71:1-10, for the logistic; Bryson & Johnson 1981, Technometrics 23:381-383, and Jacobsen 1989,
Scand. J. Statist. 16:335-349, for the partial likelihood). It is flat when some d changes nothing.
"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog

from simulator.numerics.arrays import Floats

Existence = Literal["finite", "monotone", "flat", "monotone and flat", "uninformative", "no events"]


def of_contrasts(contrasts: Floats) -> Existence:
    """How the maximum fails, if it does. ``contrasts (M, P)``: along d, term m changes by ``contrasts[m] @ d``.

    "monotone": some d has no negative change and a positive one; "flat": some d changes nothing; "uninformative": all
    do; "no events": there is no term.
    """
    if len(contrasts) == 0:
        return "no events"
    contrasts = np.unique(contrasts, axis=0)
    if not contrasts.any():
        return "uninformative"
    answer = linprog(-contrasts.sum(axis=0), A_ub=-contrasts, b_ub=np.zeros(len(contrasts)), bounds=(-1, 1))
    assert answer.status == 0, answer.message
    flat = np.linalg.matrix_rank(contrasts) < contrasts.shape[1]
    if -answer.fun > 1e-7:
        return "monotone and flat" if flat else "monotone"
    return "flat" if flat else "finite"


def logistic(x: Floats, y: NDArray[np.bool_]) -> Existence:
    """Existence of the logistic maximum with intercept; ``x (N, P)``."""
    columns = np.column_stack([np.ones(len(y)), x])
    return of_contrasts(np.where(y[:, None], columns, -columns))


def cox(
    time: Floats,
    event: NDArray[np.bool_],
    x: Floats,
    stratum: NDArray[np.int64] | None = None,
    entry: Floats | None = None,
) -> Existence:
    """Existence of the partial-likelihood maximum: every event against every member of its risk set.

    Ties do not matter: under Breslow and under Efron the largest member of the risk set dominates each denominator.
    """
    stratum = np.zeros(len(time), dtype=np.int64) if stratum is None else stratum
    entry = np.full(len(time), -np.inf) if entry is None else entry
    contrasts = [np.empty((0, x.shape[1]))]
    for i in np.flatnonzero(event):
        at_risk = (stratum == stratum[i]) & (entry < time[i]) & (time[i] <= time)
        contrasts.append(x[i] - x[at_risk])
    return of_contrasts(np.concatenate(contrasts))
