"""Jackknife pseudo-observations of Kaplan-Meier curves, and least squares on them, for a block of replicates."""

from typing import NamedTuple

import numpy as np

from analysis.kernels.linear import solve
from analysis.kernels.status import Status
from simulator.numerics.arrays import Bools, Floats, Ints, Positions
from simulator.numerics.compiled import kernel

_OK = int(Status.OK)
_TOO_FEW = int(Status.TOO_FEW)
_BAD_INPUT = int(Status.BAD_INPUT)
_COLLINEAR = 1e-10  # a column with less than this share of its variance left is made by those before it


class JackknifeSteps(NamedTuple):
    """The steps of one Kaplan-Meier curve up to a horizon, and the curve without a patient who leaves after them.

    Places 1, 2, ... of ``when``, ``alive`` and ``area`` stand for the steps, place 0 for the start.
    """

    who: Ints  # (N,), the patients in order
    when: Floats
    at_risk: Floats  # from place 0 on, as ``dead``
    dead: Floats
    alive: Floats  # the curve with one fewer at risk
    area: Floats  # below it
    rest: Floats  # what a curve that is 1 at a step adds from there to the horizon


@kernel
def pseudo_values(
    time: Floats, event: Bools, present: Bools, order: Positions, horizon: float, mean: bool, out: Floats, status: Ints
) -> None:
    """Fills ``out`` with n theta - (n - 1) theta without the patient, per row of ``present (R, N)``.

    theta is the area under the curve to ``horizon`` if ``mean``, else the curve there. Before a patient leaves, the
    curve without him has one fewer at risk; after, it falls by the factors of the whole curve.
    """
    rows, n = present.shape
    per = rows // time.shape[0]
    here = JackknifeSteps(
        np.empty(n, np.int64), np.empty(n + 1), np.empty(n), np.empty(n), np.empty(n + 1), np.empty(n + 1),
        np.empty(n + 1),
    )  # fmt: skip
    for r in range(rows):
        c = r // per
        size, state = line_up(time[c], present[r], order[c], here.who)
        if state == _OK:
            steps, state = step_down(time[c], event[c], horizon, size, here)
        if state != _OK:
            status[r] = state
            continue
        sum_rest(horizon, mean, steps, here)
        leave_out(time[c], event[c], horizon, mean, size, steps, here, out[r])


@kernel
def line_up(time: Floats, present: Bools, order: Positions, who: Ints) -> tuple[int, int]:
    """How many patients there are, and the status of their data; fills ``who``, them in order."""
    size, bad = 0, False
    for place in range(who.shape[0]):
        i = order[place]
        who[size] = i
        if present[i]:
            size += 1
            bad |= not abs(time[i]) < np.inf
    return size, _BAD_INPUT if bad else (_TOO_FEW if size < 2 else _OK)


@kernel
def step_down(time: Floats, event: Bools, horizon: float, size: int, here: JackknifeSteps) -> tuple[int, int]:
    """How many steps the curve has up to the horizon, and whether it is known there; fills all but ``rest``."""
    who, when, at_risk, dead, alive, area = here.who, here.when, here.at_risk, here.dead, here.alive, here.area
    steps, curve = 0, 1.0
    for place in range(size):
        t = time[who[place]]
        if t > horizon:
            break
        if not event[who[place]]:
            continue
        if steps == 0 or t != when[steps]:
            steps += 1
            first = place
            while first > 0 and time[who[first - 1]] == t:
                first -= 1
            when[steps], at_risk[steps - 1], dead[steps - 1] = t, size - first, 0.0
        dead[steps - 1] += 1.0
    when[0], alive[0], area[0] = 0.0, 1.0, 0.0
    for k in range(steps):
        curve *= 1.0 - dead[k] / at_risk[k]
        area[k + 1] = area[k] + alive[k] * (when[k + 1] - when[k])
        alive[k + 1] = alive[k] * (at_risk[k] - 1.0 - dead[k]) / max(at_risk[k] - 1.0, 1.0)
    return steps, _TOO_FEW if horizon > time[who[size - 1]] and curve > 0.0 else _OK


@kernel
def sum_rest(horizon: float, mean: bool, steps: int, here: JackknifeSteps) -> None:
    """Fills ``rest``."""
    when, at_risk, dead, rest = here.when, here.at_risk, here.dead, here.rest
    rest[steps] = horizon - when[steps] if mean else 1.0
    for k in range(steps - 1, -1, -1):
        rest[k] = (when[k + 1] - when[k] if mean else 0.0) + (1.0 - dead[k] / at_risk[k]) * rest[k + 1]


@kernel
def leave_out(
    time: Floats, event: Bools, horizon: float, mean: bool, size: int, steps: int, here: JackknifeSteps, out: Floats
) -> None:
    """Fills ``out (N,)``, each patient's pseudo-observation."""
    who, when, at_risk, dead = here.who, here.when, here.at_risk, here.dead
    alive, area, rest, k = here.alive, here.area, here.rest, 0
    for place in range(size):
        i = who[place]
        t = time[i]
        while k < steps and when[k + 1] < t:
            k += 1
        if t > horizon:
            without = area[steps] + alive[steps] * (horizon - when[steps]) if mean else alive[steps]
        elif k < steps and when[k + 1] == t:
            others = at_risk[k] - 1.0
            left = (others - dead[k] + event[i]) / others if others > 0.0 else 1.0
            before = area[k] + alive[k] * (t - when[k]) if mean else 0.0
            without = before + alive[k] * left * rest[k + 1]
        else:
            without = (area[k] if mean else 0.0) + alive[k] * rest[k]
        out[i] = size * rest[0] - (size - 1) * without


@kernel
def least_squares(x: Floats, y: Floats, use: Bools, fitted: Floats, rank: Ints) -> None:
    """Fills ``fitted (R, N)``, everybody's prediction from the regression of ``y`` on ``x (R, N, P)`` among ``use``.

    An intercept is added. A column that those before it make among ``use`` has the coefficient 0, as in R's lm;
    ``rank`` is the number of the others, with the intercept.
    """
    rows, n, p_count = x.shape
    mean, right, root = np.empty(p_count), np.empty(p_count), np.empty((p_count, p_count))
    row = np.empty(p_count)
    for r in range(rows):
        size, level = 0, 0.0
        mean[:] = 0.0
        right[:] = 0.0
        root[:] = 0.0
        for i in range(n):
            if use[r, i]:
                size += 1
                level += y[r, i]
                for p in range(p_count):
                    mean[p] += x[r, i, p]
        level /= max(size, 1)
        for p in range(p_count):
            mean[p] /= max(size, 1)
        for i in range(n):
            if use[r, i]:
                for p in range(p_count):
                    row[p] = x[r, i, p] - mean[p]
                    right[p] += row[p] * (y[r, i] - level)
                    for q in range(p + 1):
                        root[p, q] += row[p] * row[q]
        rank[r] = 1
        for p in range(p_count):
            whole = root[p, p]
            for q in range(p):
                for j in range(q):
                    root[p, q] -= root[p, j] * root[q, j]
                root[p, q] /= root[q, q]
                root[p, p] -= root[p, q] * root[p, q]
            if root[p, p] > _COLLINEAR * whole and whole > _COLLINEAR * size * mean[p] * mean[p]:
                root[p, p] = np.sqrt(root[p, p])
                rank[r] += 1
            else:
                # an infinite pivot makes the column's coefficient, and its share in later columns, zero
                root[p, p], right[p] = np.inf, 0.0
                for q in range(p):
                    root[p, q] = 0.0
        solve(root, p_count, right)
        for i in range(n):
            fitted[r, i] = level
            for p in range(p_count):
                fitted[r, i] += right[p] * (x[r, i, p] - mean[p])
