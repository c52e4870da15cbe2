"""Two arms compared at baseline: moments, ranks, counts and exact tests. What absent patients hold is never used.

Row r of ``present (S, N)`` is an analysis set of cohort r // (S // A). Arms are on an axis of two, untreated first.
"""

import numpy as np

from analysis.kernels.status import Status
from simulator.numerics.arrays import Bools, Floats, Ints, Positions
from simulator.numerics.compiled import kernel

OK, NO_INFO, NOT_CONVERGED = int(Status.OK), int(Status.NO_INFO), int(Status.NOT_CONVERGED)

LOW_HALF = (1 << 32) - 1
NEGLIGIBLE = 1e-17  # what follows a term this small in a falling tail cannot be seen in its sum


@kernel
def moments(
    x: Floats,
    treated: Bools,
    present: Bools,
    column: Ints,
    weight: Floats,
    count: Ints,
    mean: Floats,
    spread: Floats,
    weighted: Floats,
    binary: Bools,
    finite: Bools,
) -> None:
    """Fills ``mean`` and ``spread``, the sum of squared deviations, by arm ``(S, P, 2)``.

    Of each ``column (P,)`` of ``x (A, N, K)``; NaN for an empty arm. Also ``count (S, 2)``, whether all are 0 or 1 and
    whether all are finite ``(S, P)``, and with a ``weight (S, N)``, empty for none, the weighted means.
    """
    sets, n = present.shape
    each = sets // max(len(x), 1)
    members = np.empty((2, n), np.int64)
    for r in range(sets):
        c = r // each
        count[r] = 0
        for i in range(n):
            arm = int(treated[c, i])
            members[arm, count[r, arm]] = i
            count[r, arm] += int(present[r, i])
        for p in range(len(column)):
            k = column[p]
            binary[r, p] = finite[r, p] = True
            for arm in range(2):
                size = count[r, arm]
                mean[r, p, arm] = spread[r, p, arm] = weighted[r, p, arm] = np.nan
                if size == 0:
                    continue
                first = x[c, members[arm, 0], k]
                total, same, whole, number = 0.0, True, True, True
                for i in members[arm, :size]:
                    v = x[c, i, k]
                    total += v
                    same &= v == first
                    whole &= (v == 0.0) | (v == 1.0)
                    number &= np.isfinite(v)
                centre = first if same else total / size
                squares = 0.0
                for i in members[arm, :size]:
                    squares += (x[c, i, k] - centre) ** 2
                mean[r, p, arm], spread[r, p, arm] = centre, squares
                binary[r, p] &= whole
                finite[r, p] &= number
                if len(weight):
                    shares, total = 0.0, 0.0
                    for i in members[arm, :size]:
                        shares += weight[r, i]
                        total += weight[r, i] * x[c, i, k]
                    if shares != 0.0:
                        weighted[r, p, arm] = first if same else total / shares


@kernel
def ranks(
    x: Floats,
    treated: Bools,
    present: Bools,
    order: Positions,
    count: Ints,
    u: Floats,
    ties: Floats,
    quartile: Floats,
    finite: Bools,
) -> None:
    """Fills ``u (S,)``, Mann and Whitney's U of the treated, ``ties (S,)``, the sum of t^3 - t, and quartiles by arm.

    ``quartile (S, 2, 3)`` are of type 7 (Hyndman & Fan 1996), NaN for an empty arm; ``order`` sorts each row of
    ``x (A, N)``, what is not finite last. Only ``finite`` and ``count (S, 2)`` are filled where a value is not finite.
    """
    sets, n = present.shape
    each = sets // max(len(x), 1)
    value, side, own = np.empty(n), np.empty(n, np.int64), np.empty((2, n))
    for r in range(sets):
        c = r // each
        m, treat = 0, 0
        for j in range(n):
            i = order[c, j]
            value[m], side[m] = x[c, i], int(treated[c, i])
            treat += side[m] * int(present[r, i])
            m += int(present[r, i])
        count[r, 0], count[r, 1] = m - treat, treat
        finite[r] = m == 0 or np.isfinite(value[m - 1])
        if not finite[r]:
            continue
        twice, tied, below, zeros, ones = 0, 0.0, 0, 0, 0  # zeros and ones: of the tie so far; below: all zeros so far
        for j in range(m):
            new, arm = j == 0 or value[j] != value[j - 1], side[j]
            own[arm, j - below if arm else below] = value[j]
            zeros, ones = (0, 0) if new else (zeros, ones)
            twice += 2 * (below - zeros) * arm + (zeros if arm else ones)
            tied += 3.0 * (zeros + ones) * (zeros + ones + 1)
            zeros, ones, below = zeros + 1 - arm, ones + arm, below + 1 - arm
        u[r], ties[r] = 0.5 * twice, tied
        for arm in range(2):
            for q in range(3):
                quartile[r, arm, q] = np.nan
                if count[r, arm] > 0:
                    place = (count[r, arm] - 1) * (0.25 * (q + 1))
                    low = int(place)
                    a, b, share = own[arm, low], own[arm, min(low + 1, count[r, arm] - 1)], place - low
                    quartile[r, arm, q] = a + (b - a) * share if share < 0.5 else b - (b - a) * (1.0 - share)


@kernel
def count_levels(
    values: Floats,
    treated: Bools,
    present: Bools,
    column: Ints,
    cut: Floats,
    cuts: Ints,
    coded: Bools,
    patients: Ints,
    counts: Ints,
    bad: Bools,
) -> None:
    """Fills ``patients (S, 2)``, and of row j's levels ``counts (S, J, 2, L)`` and ``bad (S, J)``: a value of no level.

    Row j looks at a column of ``values (A, N, K)``; a patient's level is how many of its first ``cuts`` cut-points
    ``cut (J, L - 1)`` lie below the value, which must be the value itself where the row is ``coded``.
    """
    n = present.shape[1]
    each = len(present) // max(len(values), 1)
    number, level = np.empty(n), np.empty(n, np.int64)
    one = np.empty((each, n), np.int64)  # a patient of a set; the upper half counts the treated
    for c in range(len(values)):
        for g in range(each):
            both = 0
            for i in range(n):
                one[g, i] = int(present[c * each + g, i]) * (1 + (int(treated[c, i]) << 32))
                both += one[g, i]
            patients[c * each + g, 1] = both >> 32
            patients[c * each + g, 0] = (both & LOW_HALF) - (both >> 32)
        for j in range(len(column)):
            for i in range(n):
                number[i] = values[c, i, column[j]]
            level[:] = 0
            for k in range(cuts[j]):
                for i in range(n):
                    level[i] += int(number[i] > cut[j, k])
            odd = 0
            for i in range(n):
                odd += int(number[i] != level[i]) if coded[j] else int(not np.isfinite(number[i]))
            if odd > 0:
                for i in range(n):
                    known = number[i] == level[i] if coded[j] else np.isfinite(number[i])
                    level[i] = level[i] if known else -1
            for g in range(each):
                r = c * each + g
                counts[r, j] = 0
                seen = 0
                for k in range(cuts[j] + 1):
                    both = 0
                    for i in range(n):
                        both += one[g, i] if level[i] == k else 0
                    counts[r, j, 1, k] = both >> 32
                    counts[r, j, 0, k] = (both & LOW_HALF) - (both >> 32)
                    seen += both & LOW_HALF
                bad[r, j] = seen < patients[r, 0] + patients[r, 1]


@kernel
def chi_squares(counts: Floats, correct: bool, chi2: Floats, df: Floats, least: Floats) -> None:
    """Fills Pearson's chi-square of tables ``counts (T, 2, k)``, its degrees of freedom and the least expected count.

    Levels that nobody has are left out; ``df`` is 0 where an arm is empty too, NaN where a count is not finite.
    ``correct`` is Yates's correction, made where two levels are left, by at most the smallest deviation.
    """
    for t in range(len(counts)):
        zero, one, seen = 0.0, 0.0, 0
        for k in range(counts.shape[2]):
            zero += counts[t, 0, k]
            one += counts[t, 1, k]
            seen += int(counts[t, 0, k] + counts[t, 1, k] > 0.0)
        chi2[t], df[t], least[t] = 0.0, 0.0, np.inf
        if not np.isfinite(zero + one):
            df[t] = np.nan
            continue
        if seen == 0 or zero == 0.0 or one == 0.0:
            continue
        df[t] = seen - 1.0
        by = 0.5 if correct and seen == 2 else 0.0
        for again in range(2):
            for k in range(counts.shape[2]):
                size = counts[t, 0, k] + counts[t, 1, k]
                for arm in range(2):
                    if size > 0.0:
                        expected = (one if arm else zero) * size / (zero + one)
                        off = abs(counts[t, arm, k] - expected)
                        if again == 0:
                            by, least[t] = min(by, off), min(least[t], expected)
                        else:
                            chi2[t] += (off - by) ** 2 / expected


@kernel
def exact_tables(
    counts: Ints, log_factorial: Floats, slack: float, most: float, observed: Floats, p: Floats, status: Ints
) -> None:
    """Fills the probability of each table ``counts (T, 2, k)``, margins fixed, and of all that are no likelier.

    Tables are gone through but for their two largest columns, of which the likelihood rises to one mode and falls:
    what counts is a tail on either side. ``slack`` on the log scale is how much likelier counts as equal. NO_INFO
    where an arm is empty or fewer than two levels are seen, NOT_CONVERGED beyond ``most`` tables.
    """
    width = counts.shape[2]
    column, cell = np.empty(width, np.int64), np.empty(width, np.int64)
    left, begun = np.empty(width + 1, np.int64), np.empty(width + 1)
    lf = log_factorial
    for t in range(len(counts)):
        seen, first, total, log_p, tables = 0, 0, 0, 0.0, 1.0
        for k in range(width):
            size = counts[t, 0, k] + counts[t, 1, k]
            first += counts[t, 0, k]
            total += size
            log_p += lf[size] - lf[counts[t, 0, k]] - lf[counts[t, 1, k]]
            if size > 0:
                j = seen
                while j > 0 and column[j - 1] > size:
                    column[j] = column[j - 1]
                    j -= 1
                column[j] = size
                seen += 1
        if first == 0 or first == total or seen < 2:
            status[t] = NO_INFO
            continue
        free = seen - 2
        for k in range(free):
            tables *= column[k] + 1.0
        if tables > most:
            status[t] = NOT_CONVERGED
            continue
        whole = lf[total] - lf[first] - lf[total - first]
        limit = log_p - whole + slack
        cell[:free] = 0
        left[0], begun[0] = first, -whole
        again, k, p_value = True, 0, 0.0
        while again:
            while k < free:
                left[k + 1] = left[k] - cell[k]
                begun[k + 1] = begun[k] + lf[column[k]] - lf[cell[k]] - lf[column[k] - cell[k]]
                k += 1
            p_value += _tails(column[free], column[free + 1], left[free], begun[free], limit, lf)
            again, k = False, free - 1
            while k >= 0 and not again:
                again = cell[k] < min(column[k], left[k])
                cell[k] = cell[k] + 1 if again else 0
                k -= 0 if again else 1
        observed[t], p[t], status[t] = np.exp(log_p - whole), min(p_value, 1.0), OK


@kernel
def _tails(one: int, other: int, left: int, begun: float, limit: float, lf: Floats) -> float:
    """The sum of exp(begun) C(one, b) C(other, left - b) over all b for which its logarithm is at most ``limit``."""
    low, high = max(0, left - other), min(one, left)
    if low > high:
        return 0.0
    base = begun + lf[one] + lf[other]
    mode = min(max((one + 1) * (left + 1) // (one + other + 2), low), high)
    if base - lf[mode] - lf[one - mode] - lf[left - mode] - lf[other - left + mode] <= limit:
        return float(np.exp(begun + lf[one + other] - lf[left] - lf[one + other - left]))
    total = 0.0
    for step in (-1, 1):
        inside, outside = mode, (low - 1 if step < 0 else high + 1)
        while abs(outside - inside) > 1:
            b = (inside + outside) // 2
            if base - lf[b] - lf[one - b] - lf[left - b] - lf[other - left + b] <= limit:
                outside = b
            else:
                inside = b
        b = outside
        if low <= b <= high:
            term = np.exp(base - lf[b] - lf[one - b] - lf[left - b] - lf[other - left + b])
            tail = term
            while term > NEGLIGIBLE * tail and low < b < high:
                if step < 0:
                    term *= b * (other - left + b) / ((one - b + 1.0) * (left - b + 1.0))
                else:
                    term *= (one - b) * (left - b) / ((b + 1.0) * (other - left + b + 1.0))
                tail += term
                b += step
            total += tail
    return total
