"""Entropy balancing: Newton's method on its dual, one arm of one replicate after another."""

import numpy as np

from analysis.kernels.influence import solve_full_rank
from analysis.kernels.status import Status
from simulator.numerics.arrays import Bools, Floats, Ints
from simulator.numerics.compiled import kernel

_OK = int(Status.OK)
_TOO_FEW = int(Status.TOO_FEW)
_BAD_INPUT = int(Status.BAD_INPUT)
_NOT_CONVERGED = int(Status.NOT_CONVERGED)

_ITERATIONS = 200
_BALANCED = 1e-13  # SD by which weighted means may miss the target when Newton's method stops early
_BALANCE = 1e-10  # and at its end


@kernel
def dual(z: Floats, p: int, n: int, point: Floats, share: Floats, gradient: Floats, hessian: Floats) -> float:
    """The dual log sum exp(point' z) of n patients; fills their ``share``, which adds to 1, gradient and Hessian."""
    top = -np.inf
    for i in range(n):
        s = 0.0
        for k in range(p):
            s += point[k] * z[k, i]
        share[i] = s
        top = max(top, s)
    total = 0.0
    for i in range(n):
        share[i] = np.exp(share[i] - top)
        total += share[i]
    for i in range(n):
        share[i] /= total
    for k in range(p):
        gradient[k] = 0.0
        for i in range(n):
            gradient[k] += share[i] * z[k, i]
    for k in range(p):
        for m in range(k + 1):
            s = 0.0
            for i in range(n):
                s += share[i] * (z[k, i] - gradient[k]) * (z[m, i] - gradient[m])
            hessian[k, m] = s
    return top + np.log(total)


@kernel
def minimise(z: Floats, p: int, n: int, share: Floats) -> bool:
    """Whether the means of ``z (P, n)`` can be made 0 by positive weights; fills the ``share`` of each of the n."""
    point, old, step = np.zeros(p), np.zeros(p), np.zeros(p)
    gradient, hessian = np.empty(p), np.empty((p, p))
    last, worst = np.inf, np.inf
    for _ in range(_ITERATIONS):
        value = dual(z, p, n, point, share, gradient, hessian)
        halvings = 0
        while not value <= last + 1e-13 * (1.0 + abs(last)) and halvings < 50:
            halvings += 1
            for k in range(p):
                step[k] /= 2.0
                point[k] = old[k] + step[k]
            value = dual(z, p, n, point, share, gradient, hessian)
        worst = 0.0
        for k in range(p):
            worst = max(worst, abs(gradient[k]))
        # below 0, all patients lie on one side of the target: no weights exist
        if worst < _BALANCED or halvings == 50 or value < -1e-9 or np.isnan(value):
            break
        last = value
        for k in range(p):
            old[k], step[k] = point[k], -gradient[k]
        solve_full_rank(hessian, p, step)
        for k in range(p):
            point[k] += step[k]
    return worst < _BALANCE


@kernel
def balance(x: Floats, treated: Bools, present: Bools, target: int, weight: Floats, status: Ints) -> None:
    """Fills ``weight (R, N)`` and ``status``: each arm's means of ``x (R, N, P)`` are those of the target.

    ``target``: 0 untreated, 1 treated, 2 all; an arm that is the target has weights 1, another's add to its size.
    """
    rows, n, columns = x.shape
    z, share, who = np.empty((columns, n)), np.empty(n), np.empty(n, np.int64)
    for r in range(rows):
        sizes, state = np.zeros(3), _OK
        for i in range(n):
            if present[r, i]:
                sizes[1 if treated[r, i] else 0] += 1.0
                for c in range(columns):
                    if not np.isfinite(x[r, i, c]):
                        state = _BAD_INPUT
        sizes[2] = sizes[0] + sizes[1]
        if state == _OK and (sizes[0] == 0.0 or sizes[1] == 0.0):
            state = _TOO_FEW
        for arm in range(2):
            if state != _OK or arm == target:
                continue
            size = 0
            for i in range(n):
                if present[r, i] and treated[r, i] == (arm == 1):
                    who[size] = i
                    size += 1
            p = 0
            for c in range(columns):
                goal, mean, spread, most = 0.0, 0.0, 0.0, 0.0
                for i in range(n):
                    if present[r, i]:
                        mean += x[r, i, c] / sizes[2]
                        most = max(most, abs(x[r, i, c]))
                for i in range(n):
                    if present[r, i]:
                        spread += (x[r, i, c] - mean) ** 2 / sizes[2]
                        if target == 2 or treated[r, i] == (target == 1):
                            goal += (x[r, i, c] - mean) / sizes[target]
                spread = np.sqrt(spread)
                if spread > 1e-13 * most:
                    for k in range(size):
                        z[p, k] = (x[r, who[k], c] - mean - goal) / spread
                    p += 1
            if not minimise(z, p, size, share):
                state = _NOT_CONVERGED
            for k in range(size):
                weight[r, who[k]] = share[k] * sizes[target]
        status[r] = state


@kernel
def add_balancing(
    x: Floats, treated: Bools, present: Bools, target: int, weight: Floats, gradient: Floats, influence: Floats
) -> None:
    """Adds to ``influence (R, N)`` what reaches a contrast of derivative ``gradient`` through balancing weights.

    With z the columns about the target's means, p the shares within the arm and H = sum p z z', let q = sum g w,
    S = sum g w z over the arm and h = q + S' H^-1 z: a patient of the target adds h / its size, one of the arm -p h.
    """
    rows, n, columns = x.shape
    z, hessian, right = np.empty((columns, n)), np.empty((columns, columns)), np.empty(columns)
    for r in range(rows):
        for arm in range(2):
            if arm == target:
                continue
            size, mass, q = 0.0, 0.0, 0.0
            for i in range(n):
                if present[r, i]:
                    size += target == 2 or treated[r, i] == (target == 1)
                    if treated[r, i] == (arm == 1):
                        mass += weight[r, i]
                        q += gradient[r, i] * weight[r, i]
            for c in range(columns):
                goal = 0.0
                for i in range(n):
                    if present[r, i] and (target == 2 or treated[r, i] == (target == 1)):
                        goal += x[r, i, c] / size
                for i in range(n):
                    z[c, i] = x[r, i, c] - goal if present[r, i] else 0.0
            for c in range(columns):
                right[c] = 0.0
                for d in range(c + 1):
                    hessian[c, d] = 0.0
                for i in range(n):
                    if present[r, i] and treated[r, i] == (arm == 1):
                        right[c] += gradient[r, i] * weight[r, i] * z[c, i]
                        for d in range(c + 1):
                            hessian[c, d] += weight[r, i] / mass * z[c, i] * z[d, i]
            solve_full_rank(hessian, columns, right)
            for i in range(n):
                if present[r, i]:
                    h = q
                    for c in range(columns):
                        h += right[c] * z[c, i]
                    if target == 2 or treated[r, i] == (target == 1):
                        influence[r, i] += h / size
                    if treated[r, i] == (arm == 1):
                        influence[r, i] -= weight[r, i] / mass * h
