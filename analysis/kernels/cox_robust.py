"""Lin and Wei's robust covariance of a Cox fit."""

import numpy as np

from analysis.kernels.cox_data import DEATHS, ENTERED, FIRST, START, STEP, STOP
from analysis.kernels.weighted_samples import NOTHING
from simulator.numerics.arrays import Bools, Floats, Ints
from simulator.numerics.compiled import kernel


@kernel
def score_residuals(
    z: Floats,
    weight: Floats,
    died: Bools,
    group: Ints,
    groups: int,
    late: Ints,
    efron: bool,
    risk: Floats,
    martingale: Floats,
    jump: Floats,
    mean: Floats,
    residual: Floats,
) -> None:
    """Fills ``residual (P, size)``, each patient's weighted score residual.

    That is martingale z - weight died m + risk B, where m is the mean of the steps' means at death, and B the sum of
    jump * mean over the steps to which the patient was exposed.
    """
    for p in range(residual.shape[0]):
        before, inside = 0.0, 0
        for i in range(group[groups - 1, STOP]):
            residual[p, i] = martingale[i] * z[1 + p, i]
        for g in range(groups):
            if group[g, START] == group[g, FIRST]:
                before, inside = 0.0, group[g, START]
            while len(late) > 0 and inside < group[g, ENTERED]:
                residual[p, late[inside]] -= risk[late[inside]] * before
                inside += 1
            deaths = group[g, DEATHS]
            here = deaths if efron else min(deaths, 1)
            alive, dead, centre = 0.0, 0.0, 0.0
            for step in range(here):
                s = group[g, STEP] + step
                alive += jump[s] * mean[1 + p, s]
                dead += jump[s] * mean[1 + p, s] * (1.0 - step / here)
                centre += mean[1 + p, s] / here
            for i in range(group[g, START], group[g, STOP]):
                if died[i]:
                    residual[p, i] += risk[i] * (before + dead) - weight[i] * centre
                else:
                    residual[p, i] += risk[i] * (before + alive)
            before += alive


@kernel
def sandwich(
    c: int,
    cluster: Ints,
    place: Ints,
    residual: Floats,
    sums: Floats,
    covariance: Floats,
    scale: Floats,
    robust: Floats,
) -> None:
    """Fills ``robust (P, P)``, Lin and Wei's covariance; ``sums (clusters, P)`` is zero before and after.

    A variance that is rounding beside the model's is 0, and so are its covariances: everybody dies at one time, say.
    """
    p_count = scale.shape[0]
    meat = np.zeros((p_count, p_count))
    for i in range(place.shape[0]):
        if place[i] >= 0:
            for p in range(p_count):
                sums[cluster[c, i], p] += residual[p, place[i]] * scale[p]
    for i in range(place.shape[0]):
        if place[i] >= 0:
            own = cluster[c, i]
            for p in range(p_count):
                for q in range(p_count):
                    meat[p, q] += sums[own, p] * sums[own, q]
            for p in range(p_count):
                sums[own, p] = 0.0
    for p in range(p_count):
        for q in range(p_count):
            robust[p, q] = 0.0
            for j in range(p_count):
                for k in range(p_count):
                    robust[p, q] += covariance[p, j] * meat[j, k] * covariance[k, q]
    for p in range(p_count):
        if robust[p, p] <= NOTHING * covariance[p, p]:
            robust[p, :] = 0.0
            robust[:, p] = 0.0
