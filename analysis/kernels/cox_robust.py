"""Lin and Wei's robust covariance of a Cox fit."""

import numpy as np

from analysis.kernels.cox_data import DEATHS, ENTERED, FIRST, GROUPS, PATIENTS, START, STEP, STOP, CoxPatients
from analysis.kernels.cox_likelihood import CoxPoint
from analysis.kernels.weighted_samples import NOTHING
from simulator.numerics.arrays import Floats, Ints
from simulator.numerics.compiled import kernel


@kernel
def score_residuals(here: CoxPatients, efron: bool, at: CoxPoint, residual: Floats) -> None:
    """Fills ``residual (P, size)``, each patient's weighted score residual.

    That is martingale z - weight died m + risk B, where m is the mean of the steps' means at death, and B the sum of
    jump * mean over the steps to which the patient was exposed.
    """
    group, late, risk, jump, mean = here.group, here.late, at.risk, at.jump, at.mean
    for p in range(residual.shape[0]):
        before, inside = 0.0, 0
        for i in range(here.counts[PATIENTS]):
            residual[p, i] = at.martingale[i] * here.z[1 + p, i]
        for g in range(here.counts[GROUPS]):
            if group[g, START] == group[g, FIRST]:
                before, inside = 0.0, group[g, START]
            while len(late) > 0 and inside < group[g, ENTERED]:
                residual[p, late[inside]] -= risk[late[inside]] * before
                inside += 1
            deaths = group[g, DEATHS]
            steps_here = deaths if efron else min(deaths, 1)
            alive, dead, centre = 0.0, 0.0, 0.0
            for step in range(steps_here):
                s = group[g, STEP] + step
                alive += jump[s] * mean[1 + p, s]
                dead += jump[s] * mean[1 + p, s] * (1.0 - step / steps_here)
                centre += mean[1 + p, s] / steps_here
            for i in range(group[g, START], group[g, STOP]):
                if here.died[i]:
                    residual[p, i] += risk[i] * (before + dead) - here.weight[i] * centre
                else:
                    residual[p, i] += risk[i] * (before + alive)
            before += alive


@kernel
def sandwich(cluster: Ints, clusters: int, here: CoxPatients, efron: bool, at: CoxPoint, covariance: Floats) -> Floats:
    """Lin and Wei's covariance ``(P, P)`` of coefficients with the model's ``covariance``; ``cluster (N,)``.

    A variance that is rounding beside the model's is 0, and so are its covariances: everybody dies at one time, say.
    """
    place, scale, p_count = here.place, here.scale, here.scale.shape[0]
    sums, meat, robust = np.zeros((clusters, p_count)), np.zeros((p_count, p_count)), np.zeros((p_count, p_count))
    residual = np.empty((p_count, place.shape[0]))
    score_residuals(here, efron, at, residual)
    for i in range(place.shape[0]):
        if place[i] >= 0:
            for p in range(p_count):
                sums[cluster[i], p] += residual[p, place[i]] * scale[p]
    for i in range(place.shape[0]):
        if place[i] >= 0:
            own = cluster[i]
            for p in range(p_count):
                for q in range(p_count):
                    meat[p, q] += sums[own, p] * sums[own, q]
            for p in range(p_count):
                sums[own, p] = 0.0
    for p in range(p_count):
        for q in range(p_count):
            for j in range(p_count):
                for k in range(p_count):
                    robust[p, q] += covariance[p, j] * meat[j, k] * covariance[k, q]
    for p in range(p_count):
        if robust[p, p] <= NOTHING * covariance[p, p]:
            robust[p, :] = 0.0
            robust[:, p] = 0.0
    return robust
