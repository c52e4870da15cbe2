"""How weighted contrasts of two arms change with each patient's weight, and with the propensity model behind it."""

import numpy as np

from analysis.kernels.status import Status
from simulator.numerics.arrays import Bools, Floats, Ints, Positions
from simulator.numerics.compiled import kernel

_OK = int(Status.OK)
_NO_EVENTS = int(Status.NO_EVENTS)
_TOO_FEW = int(Status.TOO_FEW)
_BAD_INPUT = int(Status.BAD_INPUT)
_NO_PIVOT = 1e-11


@kernel
def cox_gradients(
    time: Floats,
    event: Bools,
    treated: Bools,
    weight: Floats,
    present: Bools,
    order: Positions,
    beta: Floats,
    efron: bool,
    gradient: Floats,
) -> None:
    """Fills ``gradient (R, N)``: the derivative of each weighted Cox coefficient of treatment by each weight.

    That is the unweighted score residual over the information, at the fit ``beta (R,)``; rows of NaN are left alone.
    """
    rows, n = time.shape
    who, steps = np.empty(n, np.int64), np.empty((2, n))
    for r in range(rows):
        if np.isnan(beta[r]):
            continue
        size = 0
        for k in range(n):
            i = order[r, k]
            if present[r, i] and weight[r, i] > 0.0:
                who[size] = i
                size += 1
        hazard, information = np.exp(beta[r]), 0.0
        # at risk, all and treated, from the last time to the first
        everyone, arm = 0.0, 0.0
        for k in range(size - 1, -1, -1):
            i = who[k]
            everyone += weight[r, i] * (hazard if treated[r, i] else 1.0)
            arm += weight[r, i] * hazard if treated[r, i] else 0.0
            steps[0, k], steps[1, k] = everyone, arm
        jumps, means, start = 0.0, 0.0, 0
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
                total = steps[0, start] - gone * dying
                mean = (steps[1, start] - gone * dying_arm) / total
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
                    gradient[r, i] = x - centre - risk * (x * own_jumps - own_means)
                else:
                    gradient[r, i] = -risk * (x * jumps - means)
            start = stop
        for k in range(size):
            gradient[r, who[k]] /= information


@kernel
def km_contrasts(
    time: Floats,
    event: Bools,
    treated: Bools,
    weight: Floats,
    present: Bools,
    order: Positions,
    horizon: float,
    area: bool,
    value: Floats,
    greenwood: Floats,
    gradient: Floats,
    status: Ints,
) -> None:
    """Fills ``value (R,)``, treated minus untreated: weighted Kaplan-Meier survival at the horizon, its ``area`` up to
    it if wanted; ``greenwood (R,)``, the variance with weights taken for patients; ``gradient (R, N)`` by each weight.
    """
    rows, n = time.shape
    who, first, table = np.empty(n, np.int64), np.empty(n, np.int64), np.empty((5, n + 1))
    for r in range(rows):
        found, spread, deaths, state = 0.0, 0.0, 0, _OK
        for arm in range(2):
            size = 0
            for k in range(n):
                i = order[r, k]
                if present[r, i] and treated[r, i] == (arm == 1) and weight[r, i] != 0.0:
                    if not (np.isfinite(time[r, i]) and weight[r, i] > 0.0 and np.isfinite(weight[r, i])):
                        state = _BAD_INPUT
                    who[size] = i
                    size += 1
            if state == _OK and size == 0:
                state = _TOO_FEW
            if state != _OK:
                break
            # distinct times from the last to the first: time, survivors' weight, weight at risk, dead; then survival
            later, groups, stop = 0.0, n, size
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
                    groups -= 1
                    table[0, groups], table[1, groups] = time[r, who[start]], left
                    table[2, groups], table[3, groups] = later, dead
                    first[groups] = start
                    deaths += dead > 0.0
                stop = start
            survival, before, total = 1.0, 0.0, 0.0
            for g in range(groups, n):
                total += survival * (table[0, g] - before)
                before = table[0, g]
                survival *= table[1, g] / table[2, g]
                table[4, g] = survival
            if survival > 0.0 and time[r, who[size - 1]] < horizon:
                state = _TOO_FEW
                break
            total += survival * (horizon - before)
            sign = 1.0 if arm == 1 else -1.0
            found += sign * (total if area else survival)
            # what follows a death: survival at the horizon, or the area still to come
            ahead, end = (0.0 if area else survival), horizon
            for g in range(n - 1, groups - 1, -1):
                if area:
                    ahead += table[4, g] * (end - table[0, g])
                    end = table[0, g]
                table[4, g] = ahead / table[1, g] if table[1, g] > 0.0 else 0.0
                if table[1, g] > 0.0:
                    spread += ahead * ahead * table[3, g] / (table[2, g] * table[1, g])
            exposed = 0.0
            for g in range(groups, n):
                exposed += table[4, g] * table[3, g] / table[2, g]
                for k in range(first[g], first[g + 1] if g + 1 < n else size):
                    i = who[k]
                    if time[r, i] == table[0, g]:
                        gradient[r, i] = sign * (exposed - (table[4, g] if event[r, i] else 0.0))
                    else:
                        gradient[r, i] = sign * exposed
            if groups == n:
                for k in range(size):
                    gradient[r, who[k]] = 0.0
        if state == _OK and deaths == 0:
            state = _NO_EVENTS
        status[r] = state
        if state == _OK:
            value[r], greenwood[r] = found, spread


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
