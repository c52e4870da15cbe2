"""How weighted contrasts of two arms change with each patient's weight, and with the propensity model behind it."""

from typing import NamedTuple

import numpy as np

from analysis.kernels.status import Status
from simulator.numerics.arrays import Bools, Floats, Ints, Positions
from simulator.numerics.compiled import kernel

WHEN, SURVIVORS, AT_RISK, DEAD, AHEAD = range(5)

_OK = int(Status.OK)
_NO_EVENTS = int(Status.NO_EVENTS)
_TOO_FEW = int(Status.TOO_FEW)
_BAD_INPUT = int(Status.BAD_INPUT)
_NO_PIVOT = 1e-11


class InfluenceBlock(NamedTuple):
    """Weighted cohorts of two arms ``(R, N)``; ``order`` sorts by time."""

    time: Floats
    event: Bools
    treated: Bools
    weight: Floats
    present: Bools
    order: Positions


class WeightedArm(NamedTuple):
    """One arm of a cohort; its distinct times up to a horizon fill the last places."""

    who: Ints  # (N,), the patients in order
    first: Ints  # (N,), the place in ``who`` of the first patient of each time
    table: Floats  # (5, N): WHEN, weight of the SURVIVORS, AT_RISK and DEAD, the curve; in the end what lies AHEAD


class KmContrasts(NamedTuple):
    """What `km_contrasts` fills, all but ``gradient`` where ``status (R,)`` is OK."""

    value: Floats  # (R,), treated minus untreated
    greenwood: Floats  # (R,), the variance with weights taken for patients
    gradient: Floats  # (R, N), the derivative by each weight
    status: Ints


@kernel
def cox_gradients(block: InfluenceBlock, beta: Floats, efron: bool, gradient: Floats) -> None:
    """Fills ``gradient (R, N)``: the derivative of each weighted Cox coefficient of treatment by each weight.

    That is the unweighted score residual over the information, at the fit ``beta (R,)``; rows of NaN are left alone.
    """
    rows, n = block.time.shape
    who, at_risk = np.empty(n, np.int64), np.empty((2, n))
    for r in range(rows):
        if np.isnan(beta[r]):
            continue
        hazard = np.exp(beta[r])
        size = sum_at_risk(r, block, hazard, who, at_risk)
        information = arm_residuals(r, block, hazard, efron, size, who, at_risk, gradient)
        for k in range(size):
            gradient[r, who[k]] /= information


@kernel
def sum_at_risk(r: int, block: InfluenceBlock, hazard: float, who: Ints, at_risk: Floats) -> int:
    """How many patients cohort r has; fills ``who``, them in order, and the sums of risks of all and of the treated."""
    treated, weight, present, order, size = block.treated, block.weight, block.present, block.order, 0
    for k in range(who.shape[0]):
        i = order[r, k]
        if present[r, i] and weight[r, i] > 0.0:
            who[size] = i
            size += 1
    everyone, arm = 0.0, 0.0
    for k in range(size - 1, -1, -1):
        i = who[k]
        everyone += weight[r, i] * (hazard if treated[r, i] else 1.0)
        arm += weight[r, i] * hazard if treated[r, i] else 0.0
        at_risk[0, k], at_risk[1, k] = everyone, arm
    return size


@kernel
def arm_residuals(
    r: int, block: InfluenceBlock, hazard: float, efron: bool, size: int, who: Ints, at_risk: Floats, residual: Floats
) -> float:
    """The information on the coefficient of treatment; fills row r of ``residual``, unweighted score residuals."""
    time, event, treated, weight = block.time, block.event, block.treated, block.weight
    jumps, means, information, start = 0.0, 0.0, 0.0, 0
    while start < size:
        stop, deaths, mass, dying, dying_arm = start, 0, 0.0, 0.0, 0.0
        while stop < size and time[r, who[stop]] == time[r, who[start]]:
            i = who[stop]
            if event[r, i]:
                deaths += 1
                mass += weight[r, i]
                dying += weight[r, i] * (hazard if treated[r, i] else 1.0)
                dying_arm += weight[r, i] * hazard if treated[r, i] else 0.0
            stop += 1
        own_jumps, own_means, centre = jumps, means, 0.0
        for step in range(deaths):
            gone = step / deaths if efron else 0.0
            total = at_risk[0, start] - gone * dying
            mean = (at_risk[1, start] - gone * dying_arm) / total
            jump = mass / deaths / total
            jumps += jump
            means += jump * mean
            own_jumps += jump * (1.0 - gone)
            own_means += jump * mean * (1.0 - gone)
            centre += mean / deaths
            information += mass / deaths * mean * (1.0 - mean)
        for k in range(start, stop):
            i = who[k]
            x, risk = (1.0, hazard) if treated[r, i] else (0.0, 1.0)
            if event[r, i]:
                residual[r, i] = x - centre - risk * (x * own_jumps - own_means)
            else:
                residual[r, i] = -risk * (x * jumps - means)
        start = stop
    return information


@kernel
def km_contrasts(block: InfluenceBlock, horizon: float, area: bool, made: KmContrasts) -> None:
    """Fills ``made``: weighted Kaplan-Meier survival at the horizon, or its ``area`` up to it, treated minus untreated.

    Patients of weight 0 are left out.
    """
    rows, n = block.time.shape
    here = WeightedArm(np.empty(n, np.int64), np.empty(n, np.int64), np.empty((5, n)))
    for r in range(rows):
        found, spread, deaths, state = 0.0, 0.0, 0, _OK
        for arm in range(2):
            size, state = line_up_arm(r, block, arm, here.who)
            if state != _OK:
                break
            start, fatal = tabulate_arm(r, block, horizon, size, here)
            deaths += fatal
            survival, total = curve_to(horizon, start, here)
            if survival > 0.0 and block.time[r, here.who[size - 1]] < horizon:
                state = _TOO_FEW
                break
            sign = 1.0 if arm == 1 else -1.0
            found += sign * (total if area else survival)
            spread = look_ahead(horizon, area, start, spread, survival, here)
            expose(r, block, sign, start, size, here, made.gradient)
        if state == _OK and deaths == 0:
            state = _NO_EVENTS
        made.status[r] = state
        if state == _OK:
            made.value[r], made.greenwood[r] = found, spread


@kernel
def line_up_arm(r: int, block: InfluenceBlock, arm: int, who: Ints) -> tuple[int, int]:
    """How many patients an arm of cohort r has, and the status of their data; fills ``who``, them in order."""
    time, treated, weight, present, order = block.time, block.treated, block.weight, block.present, block.order
    size, state = 0, _OK
    for k in range(who.shape[0]):
        i = order[r, k]
        if present[r, i] and treated[r, i] == (arm == 1) and weight[r, i] != 0.0:
            if not (np.isfinite(time[r, i]) and weight[r, i] > 0.0 and np.isfinite(weight[r, i])):
                state = _BAD_INPUT
            who[size] = i
            size += 1
    return size, _TOO_FEW if state == _OK and size == 0 else state


@kernel
def tabulate_arm(r: int, block: InfluenceBlock, horizon: float, size: int, here: WeightedArm) -> tuple[int, int]:
    """The place of the first distinct time, n if there is none by the horizon, and at how many of them patients die.

    Fills ``first`` and, from the last time to the first, all of ``table`` but its last row.
    """
    time, event, weight, who, first, table = block.time, block.event, block.weight, here.who, here.first, here.table
    later, place, fatal, stop = 0.0, first.shape[0], 0, size
    while stop > 0:
        start, dead, left = stop, 0.0, later
        while start > 0 and time[r, who[start - 1]] == time[r, who[stop - 1]]:
            start -= 1
            if event[r, who[start]]:
                dead += weight[r, who[start]]
            else:
                left += weight[r, who[start]]
        later = left + dead
        if time[r, who[start]] <= horizon:
            place -= 1
            table[WHEN, place], table[SURVIVORS, place] = time[r, who[start]], left
            table[AT_RISK, place], table[DEAD, place] = later, dead
            first[place] = start
            fatal += dead > 0.0
        stop = start
    return place, fatal


@kernel
def curve_to(horizon: float, start: int, here: WeightedArm) -> tuple[float, float]:
    """Survival at the horizon and the area up to it; fills the last row of ``table`` with the curve."""
    table, survival, before, total = here.table, 1.0, 0.0, 0.0
    for g in range(start, here.first.shape[0]):
        total += survival * (table[WHEN, g] - before)
        before = table[WHEN, g]
        survival *= table[SURVIVORS, g] / table[AT_RISK, g]
        table[AHEAD, g] = survival
    return survival, total + survival * (horizon - before)


@kernel
def look_ahead(horizon: float, area: bool, start: int, spread: float, survival: float, here: WeightedArm) -> float:
    """Greenwood's variance added to ``spread``; turns the curve into what a death at each time costs of each survivor.

    What lies ahead of a death is survival at the horizon, or the area still to come.
    """
    table, ahead, end = here.table, 0.0 if area else survival, horizon
    for g in range(here.first.shape[0] - 1, start - 1, -1):
        if area:
            ahead += table[AHEAD, g] * (end - table[WHEN, g])
            end = table[WHEN, g]
        table[AHEAD, g] = ahead / table[SURVIVORS, g] if table[SURVIVORS, g] > 0.0 else 0.0
        if table[SURVIVORS, g] > 0.0:
            spread += ahead * ahead * table[DEAD, g] / (table[AT_RISK, g] * table[SURVIVORS, g])
    return spread


@kernel
def expose(
    r: int, block: InfluenceBlock, sign: float, start: int, size: int, here: WeightedArm, gradient: Floats
) -> None:
    """Fills row r of ``gradient`` for one arm: patients are exposed up to their time, and who dies is lost ahead."""
    time, event, who, first, table = block.time, block.event, here.who, here.first, here.table
    exposed, n = 0.0, first.shape[0]
    for g in range(start, n):
        exposed += table[AHEAD, g] * table[DEAD, g] / table[AT_RISK, g]
        for k in range(first[g], first[g + 1] if g + 1 < n else size):
            i = who[k]
            if time[r, i] == table[WHEN, g]:
                gradient[r, i] = sign * (exposed - (table[AHEAD, g] if event[r, i] else 0.0))
            else:
                gradient[r, i] = sign * exposed
    if start == n:
        for k in range(size):
            gradient[r, who[k]] = 0.0


@kernel
def solve_full_rank(a: Floats, p: int, b: Floats) -> None:
    """Solves a x = b in place for symmetric non-negative ``a``, x being 0 where a column is made by those before it."""
    for k in range(p):
        diagonal = a[k, k]
        for m in range(k + 1):
            s = a[k, m]
            for j in range(m):
                s -= a[k, j] * a[m, j]
            if m < k:
                a[k, m] = s / a[m, m] if a[m, m] > 0.0 else 0.0
            else:
                a[k, k] = np.sqrt(s) if s > _NO_PIVOT * diagonal else 0.0
    for k in range(p):
        s = b[k]
        for j in range(k):
            s -= a[k, j] * b[j]
        b[k] = s / a[k, k] if a[k, k] > 0.0 else 0.0
    for k in range(p - 1, -1, -1):
        s = b[k]
        for j in range(k + 1, p):
            s -= a[j, k] * b[j]
        b[k] = s / a[k, k] if a[k, k] > 0.0 else 0.0


@kernel
def add_logistic(
    x: Floats, use: Bools, treated: Bools, fitted: Floats, present: Bools, slope: Floats, influence: Floats
) -> None:
    """Adds to ``influence (R, N)`` what reaches the contrast through the logistic model of the columns ``use (R, P)``.

    ``slope (R, N)`` is the contrast's derivative by each patient's linear predictor: with S = sum slope z and I the
    information, S' I^-1 z (A - e), z led by an intercept.
    """
    rows, n, columns = x.shape
    z = np.empty((columns + 1, n))
    gram, right = np.empty((columns + 1, columns + 1)), np.empty(columns + 1)
    for r in range(rows):
        p, size = 1, 0
        for i in range(n):
            z[0, i] = 1.0 if present[r, i] else 0.0
            size += present[r, i]
        for c in range(columns):
            if use[r, c]:
                mean = 0.0
                for i in range(n):
                    mean += x[r, i, c] / size if present[r, i] else 0.0
                for i in range(n):
                    z[p, i] = x[r, i, c] - mean if present[r, i] else 0.0
                p += 1
        for k in range(p):
            right[k] = 0.0
            for m in range(k + 1):
                gram[k, m] = 0.0
        for i in range(n):
            if present[r, i]:
                e = fitted[r, i]
                for k in range(p):
                    right[k] += slope[r, i] * z[k, i]
                    for m in range(k + 1):
                        gram[k, m] += e * (1.0 - e) * z[k, i] * z[m, i]
        solve_full_rank(gram, p, right)
        for i in range(n):
            if present[r, i]:
                s = 0.0
                for k in range(p):
                    s += right[k] * z[k, i]
                influence[r, i] += s * ((1.0 if treated[r, i] else 0.0) - fitted[r, i])
