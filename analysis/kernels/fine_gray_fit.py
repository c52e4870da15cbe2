"""Fine-Gray models on a block of replicates, with the robust covariance of R's coxph or of cmprsk's crr."""

import numpy as np

from analysis.kernels.cox import CoxFits, covariance_of, marked, put
from analysis.kernels.cox_data import (
    DEATHS,
    EVENTS,
    FIRST,
    GROUPS,
    PATIENTS,
    START,
    STEP,
    STOP,
    CoxBlock,
    CoxPatients,
    gather,
)
from analysis.kernels.cox_likelihood import CoxPoint, room_for
from analysis.kernels.fine_gray import Staying, climb, let_stay
from analysis.kernels.status import Status
from analysis.kernels.weighted_samples import NOTHING
from simulator.numerics.arrays import Bools, Floats, Ints, Positions
from simulator.numerics.compiled import kernel

_OK = int(Status.OK)
_BAD_INPUT = int(Status.BAD_INPUT)


@kernel
def residuals(here: CoxPatients, efron: bool, staying: Staying, at: CoxPoint, residual: Floats) -> None:
    """Fills ``residual (P, size)``: weighted score residuals, over all of the time that a patient is at risk."""
    group, risk, jump, mean = here.group, at.risk, at.jump, at.mean
    ahead = np.zeros(staying.free.shape[0])
    for p in range(residual.shape[0]):
        before = 0.0
        for g in range(here.counts[GROUPS]):
            if group[g, START] == group[g, FIRST]:
                before = 0.0
            steps = group[g, DEATHS] if efron else min(group[g, DEATHS], 1)
            alive, dead, centre = 0.0, 0.0, 0.0
            for step in range(steps):
                s = group[g, STEP] + step
                alive += jump[s] * mean[1 + p, s]
                dead += jump[s] * mean[1 + p, s] * (1.0 - step / steps)
                centre += mean[1 + p, s] / steps
            for i in range(group[g, START], group[g, STOP]):
                residual[p, i] = at.martingale[i] * here.z[1 + p, i] + risk[i] * (
                    before + (dead if here.died[i] else alive)
                )
                if here.died[i]:
                    residual[p, i] -= here.weight[i] * centre
            before += alive
        ahead[:] = 0.0
        for g in range(here.counts[GROUPS] - 1, -1, -1):
            alive = 0.0
            for step in range(group[g, DEATHS] if efron else min(group[g, DEATHS], 1)):
                alive += jump[group[g, STEP] + step] * mean[1 + p, group[g, STEP] + step]
            for i in range(group[g, START], group[g, STOP]):
                if staying.carry[i] > 0.0:
                    residual[p, i] += risk[i] * staying.carry[i] * ahead[staying.label[i]]
            for own in range(len(ahead)):
                ahead[own] = 0.0 if group[g, START] == group[g, FIRST] else ahead[own] + staying.free[own, g] * alive


@kernel
def add_censoring(here: CoxPatients, censored: Bools, staying: Staying, at: CoxPoint, residual: Floats) -> None:
    """Adds to ``residual`` what each patient changes through G, of one group of censoring and Breslow's ties.

    With q(u) the sum over competing events before u of risk / G(T-) times the integral from u of G(s-) (mean - z) dH,
    that is q(u) / Y(u) if censored at u, less the sum over censorings so far of q / Y^2 (Fine & Gray 1999, section 4).
    """
    group, z, groups, size = here.group, here.z, here.counts[GROUPS], here.counts[PATIENTS]
    ahead, ahead_mean = np.zeros(groups + 1), np.zeros(groups + 1)
    for p in range(residual.shape[0]):
        for g in range(groups - 1, -1, -1):
            ahead[g], ahead_mean[g] = ahead[g + 1], ahead_mean[g + 1]
            if group[g, DEATHS] > 0:
                jump = at.jump[group[g, STEP]] * staying.free[0, g]
                ahead[g] += jump
                ahead_mean[g] += jump * at.mean[1 + p, group[g, STEP]]
        carried, carried_z, lasting = 0.0, 0.0, 0.0
        for g in range(groups):
            at_risk, lost = size - group[g, START], 0
            q = carried_z * ahead[g] - carried * ahead_mean[g]
            for i in range(group[g, START], group[g, STOP]):
                lost += censored[i]
            lasting -= q * lost / (at_risk * at_risk)
            for i in range(group[g, START], group[g, STOP]):
                residual[p, i] += lasting + (q / at_risk if censored[i] else 0.0)
                carried += at.risk[i] * staying.carry[i]
                carried_z += at.risk[i] * staying.carry[i] * z[1 + p, i]


@kernel
def robust_covariance(cluster: Ints, clusters: int, here: CoxPatients, residual: Floats, covariance: Floats) -> Floats:
    """The covariance ``(P, P)`` whose meat is sums of residuals within clusters ``(N,)``, or each patient's (empty)."""
    place, scale, p_count = here.place, here.scale, here.scale.shape[0]
    sums, meat, robust = (
        np.zeros((max(clusters, 1), p_count)),
        np.zeros((p_count, p_count)),
        np.zeros((p_count, p_count)),
    )
    alone = cluster.shape[0] == 0
    for turn in range(2):
        for i in range(place.shape[0]):
            if place[i] < 0:
                continue
            own = 0 if alone else cluster[i]
            for p in range(p_count if turn == 0 else 0):
                sums[own, p] += residual[p, place[i]] * scale[p]
            if alone == (turn == 0):
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


@kernel
def fit_fine_gray(
    block: CoxBlock,
    kind: Ints,
    label: Ints,
    labels: int,
    by_time: Positions,
    present: Bools,
    efron: bool,
    as_crr: bool,
    columns: Bools,
    fits: CoxFits,
) -> None:
    """Fits each row of ``present (R, N)``; row r belongs to cohort r // (R // A). Fills ``fits``, ``robust`` too.

    ``label (A, N)``, from 0, are groups of censoring, one where it has no rows; ``columns (R, P)`` marks the model of a
    row, all where it is empty. ``as_crr`` has G with tied events at risk, and its estimation in the robust covariance.
    """
    rows, n = present.shape
    per, use = rows // block.time.shape[0], marked(np.ones(block.x.shape[2], np.bool_))
    here, at = room_for(n, use.shape[0], False)
    staying = Staying(np.empty(n), np.empty(n, np.int64), np.empty((labels, n)), np.empty((1 + use.shape[0], n)))
    b, root, censored = np.empty(use.shape[0]), np.empty((use.shape[0], use.shape[0])), np.zeros(n, np.bool_)
    for r in range(rows):
        c = r // per
        if columns.shape[0] > 0:
            use = marked(columns[r])
            here, at = room_for(n, use.shape[0], False)
            b, root = np.empty(use.shape[0]), np.empty((use.shape[0], use.shape[0]))
        state = gather(c, block, use, present[r], here)
        fits.counts[r, 0], fits.counts[r, 1] = here.counts[PATIENTS], here.counts[EVENTS]
        for i in range(n):
            if here.place[i] >= 0:
                censored[here.place[i]] = kind[c, i] == 0
                state = _BAD_INPUT if kind[c, i] < 0 else state
        if state == _OK:
            let_stay(c, block.time, kind, label, labels, by_time, not as_crr, present[r], here, staying)
            state = climb(here, efron, staying, at, b, root, fits.loglik[r])
        fits.status[r] = state
        if state != _OK:
            continue
        for p in range(use.shape[0]):
            fits.beta[r, use[p]] = b[p] / here.scale[p]
        own, residual = covariance_of(root, here.scale), np.empty((use.shape[0], n))
        put(own, use, fits.covariance[r])
        residuals(here, efron, staying, at, residual)
        if as_crr:
            add_censoring(here, censored, staying, at, residual)
        cluster = block.cluster[c] if block.cluster.shape[0] > 0 else np.empty(0, np.int64)
        put(robust_covariance(cluster, block.clusters, here, residual, own), use, fits.robust[r])
