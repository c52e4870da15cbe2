"""Cox's partial likelihood on a block of replicates, P covariates at once.

Sums over a risk set are kept in one packed vector, its *moments*: weight * exp(eta) times 1, times each covariate,
times each product of two covariates (lower triangle, row by row).
"""

import numpy as np
from numpy.typing import NDArray

from analysis.kernels.ordering import Order
from analysis.kernels.status import Status
from simulator.cohort import Bools, Floats
from simulator.compiled import kernel

Ints = NDArray[np.int64]

_OK = int(Status.OK)
_MONOTONE = int(Status.MONOTONE)
_SINGULAR = int(Status.SINGULAR)
_NO_EVENTS = int(Status.NO_EVENTS)
_NO_INFO = int(Status.NO_INFO)
_TOO_FEW = int(Status.TOO_FEW)
_BAD_INPUT = int(Status.BAD_INPUT)
_NOT_CONVERGED = int(Status.NOT_CONVERGED)

_ITERATIONS = 200
_LARGEST_STEP = 5.0  # of the linear predictor
_LAST_STEP = 1e-10  # a Newton step of the linear predictor below this is the last
_FLAT = 1e-13  # gain per event below which the likelihood has reached its limit
_NO_VARIANCE = 1e-13  # information below this share of the covariate's own variance is rounding error
_COLLINEAR = 1e-11


@kernel
def add_moments(moments: Floats, z: Floats, i: int, amount: float) -> None:
    """Adds patient i to the moments."""
    p_count = z.shape[1]
    moments[0] += amount
    k = p_count + 1
    for p in range(p_count):
        a = amount * z[i, p]
        moments[1 + p] += a
        for q in range(p + 1):
            moments[k] += a * z[i, q]
            k += 1


@kernel
def add_event_time(
    total: Floats, moments: Floats, dead: Floats, deaths: int, weight: float, efron: bool, mean: Floats, hazard: Floats
) -> None:
    """Adds one event time to ``total`` (packed: log-likelihood, score, information); ``weight`` is that of the dead.

    ``hazard``, where it has room, receives what score residuals need: the hazard step h and h * mean for the
    survivors, the same for the dead, and the mean that the dead are compared with (3 P + 2 numbers).
    """
    p_count = mean.shape[0]
    steps = deaths if efron else 1
    share = weight / steps
    hazard[:] = 0.0
    for step in range(steps):
        part = step / steps
        if step > 0:
            for k in range(moments.shape[0]):
                moments[k] -= dead[k] / steps
        total[0] -= share * np.log(moments[0])
        h = share / moments[0]
        k = p_count + 1
        for p in range(p_count):
            mean[p] = moments[1 + p] / moments[0]
            total[1 + p] -= share * mean[p]
            for q in range(p + 1):
                total[k] += h * moments[k] - share * mean[p] * mean[q]
                k += 1
        if hazard.shape[0] > 0:
            hazard[0] += h
            hazard[1] += (1.0 - part) * h
            for p in range(p_count):
                hazard[2 + p] += h * mean[p]
                hazard[2 + p_count + p] += (1.0 - part) * h * mean[p]
                hazard[2 + 2 * p_count + p] += mean[p] / steps
    if steps > 1:
        for k in range(moments.shape[0]):
            moments[k] += dead[k] * ((steps - 1) / steps)


@kernel
def likelihood(
    beta: Floats,
    z: Floats,
    weight: Floats,
    died: Bools,
    group: Ints,
    deaths: Ints,
    block: Ints,
    when: Floats,
    late: Ints,
    entry: Floats,
    efron: bool,
    total: Floats,
    risk: Floats,
    hazard: Floats,
) -> None:
    """Fills ``total`` (packed: log partial likelihood, score, information) at ``beta``, and ``risk`` = weight*exp(eta).

    Patients come sorted by stratum and time. ``group (G + 1)`` are the starts of the groups of equal times, with
    ``deaths (G)``, time ``when (G)`` and ``block (G)``, the first patient of the stratum. ``late`` are the patients
    sorted by stratum and ``entry`` (given in that order; empty where everybody enters at the start).
    """
    p_count = beta.shape[0]
    width = total.shape[0]
    moments, dead, mean = np.zeros(width), np.zeros(width), np.empty(p_count)
    total[:] = 0.0
    for i in range(group[-1]):
        eta = 0.0
        for p in range(p_count):
            eta += beta[p] * z[i, p]
        risk[i] = weight[i] * np.exp(eta)
        if died[i]:
            total[0] += weight[i] * eta
            for p in range(p_count):
                total[1 + p] += weight[i] * z[i, p]
    out, peak = group[-1], 0.0
    for g in range(deaths.shape[0] - 1, -1, -1):
        for i in range(group[g], group[g + 1]):
            add_moments(moments, z, i, risk[i])
        if deaths[g] > 0:
            if entry.shape[0] > 0:
                peak = max(peak, moments[0])
                while out > block[g] and entry[out - 1] >= when[g]:
                    out -= 1
                    add_moments(moments, z, late[out], -risk[late[out]])
                if moments[0] < 0.001 * peak:
                    # the little that is left of a large sum is mostly rounding error: add it up afresh
                    moments[:] = 0.0
                    for k in range(block[g], out):
                        if late[k] >= group[g]:
                            add_moments(moments, z, late[k], risk[late[k]])
                    peak = moments[0]
            dead[:] = 0.0
            dead_weight = 0.0
            for i in range(group[g], group[g + 1]):
                if died[i]:
                    dead_weight += weight[i]
                    if efron and deaths[g] > 1:
                        add_moments(dead, z, i, risk[i])
            row = hazard[g] if hazard.shape[0] > 0 else hazard[0:0].ravel()
            add_event_time(total, moments, dead, deaths[g], dead_weight, efron, mean, row)
        if group[g] == block[g]:
            moments[:] = 0.0
            out, peak = group[g], 0.0
