"""Weighted, clustered survival: the Kaplan-Meier curve with its limits, and the robust score test of two arms."""

from typing import NamedTuple

import numpy as np

from analysis.kernels.km import PLAIN, limit
from analysis.kernels.status import Status
from analysis.kernels.weighted_samples import NOTHING
from simulator.numerics.arrays import Bools, Floats, Ints, Positions
from simulator.numerics.compiled import kernel

_OK = int(Status.OK)
_TOO_FEW = int(Status.TOO_FEW)
_NO_EVENTS = int(Status.NO_EVENTS)
_NO_INFO = int(Status.NO_INFO)
_BAD_INPUT = int(Status.BAD_INPUT)
_TOLERANCE = float(np.sqrt(np.finfo(np.float64).eps))


JUMP, JUMP_MEAN, OWN_JUMP, OWN_JUMP_MEAN, MEAN = range(5)


class WeightedBlock(NamedTuple):
    """Cohorts ``(A, N)`` of weighted, clustered patients; ``order`` sorts by time.

    Where there are strata (no rows: none) it sorts by stratum first.
    """

    time: Floats
    event: Bools
    weight: Floats
    cluster: Ints
    clusters: int  # one more than the highest number of a cluster
    stratum: Ints
    order: Positions


class WeightedMedians(NamedTuple):
    """What `weighted_medians` fills per analysis set."""

    counts: Ints  # (S, 2): n and events
    share: Floats  # (S,), the weighted share of events
    quantile: Floats  # (S, 3): value, low, high
    status: Ints  # (S,)


class WeightedScores(NamedTuple):
    """What `robust_scores` fills per analysis set."""

    counts: Ints  # (S, 2, 2): patients and events by arm
    score: Floats  # (S, 2): U of the Cox model of the arm at 0, and its robust variance
    status: Ints  # (S,)


@kernel
def in_order(order: Positions, time: Floats, present: Bools, weight: Floats, who: Ints) -> tuple[int, bool]:
    """How many are present with a weight above 0, ``who`` in order of time, and whether all their times are finite."""
    m, finite = 0, True
    for j in range(len(order)):
        i = order[j]
        if present[i] and weight[i] > 0.0:
            who[m] = i
            finite &= np.isfinite(time[i])
            m += 1
    return m, finite


@kernel
def weighted_curve(
    time: Floats, event: Bools, weight: Floats, cluster: Ints, who: Ints, m: int, sums: Floats, curve: Floats
) -> int:
    """How many times of events there are; fills ``curve (3, m)``: the times, S and the SE of log S at each.

    Of the ``m`` patients ``who``, in order of time. The SE is that of the infinitesimal jackknife: the derivative of
    log S by a patient's weight is the sum of d / (Y (Y - d)) over event times up to the patient's own, less 1 / (Y - d)
    at death; times the weight, summed within clusters, squared. At S = 0 it is 0, as R's. ``sums (2, clusters)`` has
    what has become of each cluster and the weight that it still has at risk; it is zero before and after.
    """
    at_risk = np.empty(m + 1)
    at_risk[m] = 0.0
    for k in range(m - 1, -1, -1):
        at_risk[k] = at_risk[k + 1] + weight[who[k]]
        sums[1, cluster[who[k]]] += weight[who[k]]
    squares, mixed, left_squares = 0.0, 0.0, 0.0  # of (past, past), (past, weight), (weight, weight) over the clusters
    for k in range(m):
        squares_of = sums[1, cluster[who[k]]]
        left_squares += weight[who[k]] * squares_of
    first, size, s, hazard = 0, 0, 1.0, 0.0
    while first < m:
        last, dead, all_die = first, 0.0, True
        while last < m and time[who[last]] == time[who[first]]:
            dead += weight[who[last]] if event[who[last]] else 0.0
            all_die &= event[who[last]]
            last += 1
        gone = last == m and all_die
        left = 0.0 if gone else at_risk[first] - dead
        if dead > 0.0:
            s = 0.0 if gone else s * (left / at_risk[first])
            hazard += 0.0 if gone else dead / (at_risk[first] * left)
        for k in range(first, last):
            own, w = cluster[who[k]], weight[who[k]]
            past, mass = sums[0, own], sums[1, own]
            now = past + w * (hazard - (1.0 / left if event[who[k]] and left > 0.0 else 0.0))
            squares += now * now - past * past
            mixed += now * (mass - w) - past * mass
            left_squares += (mass - w) ** 2 - mass * mass
            sums[0, own], sums[1, own] = now, mass - w
        if dead > 0.0:
            variance = squares + 2.0 * hazard * mixed + hazard * hazard * left_squares
            curve[0, size], curve[1, size] = time[who[first]], s
            curve[2, size] = 0.0 if gone else np.sqrt(max(variance, 0.0))
            size += 1
        first = last
    for k in range(m):
        sums[0, cluster[who[k]]] = 0.0
        sums[1, cluster[who[k]]] = 0.0
    return size


@kernel
def robust_limit(survival: float, hazard_se: float, z: float, conf_type: int) -> float:
    """The limit of S as R has it beside a robust SE: plain limits of S = 0 are 0, others there are NaN."""
    return 0.0 if survival <= 0.0 and conf_type == PLAIN else float(limit(survival, hazard_se, z, conf_type))


@kernel
def first_below(curve: Floats, size: int, level: float, z: float, conf_type: int) -> float:
    """The first time at which S (``z`` 0) or its limit is at or below ``level``, as R's print(survfit); +inf if none.

    Where it equals the level within R's tolerance, the middle between that and the next time at which it is lower.
    """
    at, value = np.inf, 0.0
    for k in range(size):
        y = curve[1, k] if z == 0.0 else robust_limit(curve[1, k], curve[2, k], z, conf_type)
        if at == np.inf:
            if y < level + _TOLERANCE:
                at, value = curve[0, k], y
                if abs(y - level) >= _TOLERANCE:
                    return float(at)
        elif y < value:
            return float((at + curve[0, k]) / 2.0)
    return float(at)


@kernel
def weighted_medians(
    block: WeightedBlock, present: Bools, q: float, z: float, conf_type: int, made: WeightedMedians
) -> None:
    """Fills ``made`` per row of ``present (S, N)``, which is of cohort r // (S // A)."""
    time, event, weight, order = block.time, block.event, block.weight, block.order
    n = present.shape[1]
    each = len(present) // max(len(time), 1)
    who, sums, curve = np.empty(n, np.int64), np.zeros((2, block.clusters)), np.empty((3, n))
    counts, share, quantile, status = made.counts, made.share, made.quantile, made.status
    for r in range(len(present)):
        a = r // each
        m, finite = in_order(order[a], time[a], present[r], weight[a], who)
        counts[r, 0], counts[r, 1], share[r], quantile[r] = m, 0, np.nan, np.nan
        whole, had = 0.0, 0.0
        for k in range(m):
            counts[r, 1] += int(event[a, who[k]])
            whole += weight[a, who[k]]
            had += weight[a, who[k]] if event[a, who[k]] else 0.0
        share[r] = had / whole if m > 0 else np.nan
        status[r] = _BAD_INPUT if not finite else (_TOO_FEW if m == 0 else _OK)
        if status[r] == _OK:
            size = weighted_curve(time[a], event[a], weight[a], block.cluster[a], who, m, sums, curve)
            quantile[r, 0] = first_below(curve, size, 1.0 - q, 0.0, conf_type)
            quantile[r, 1] = first_below(curve, size, 1.0 - q, -z, conf_type)
            quantile[r, 2] = first_below(curve, size, 1.0 - q, z, conf_type)


@kernel
def robust_scores(block: WeightedBlock, treated: Bools, present: Bools, efron: bool, made: WeightedScores) -> None:
    """Fills ``made`` per row of ``present (S, N)``, which is of cohort r // (S // A).

    The variance is the sum of squares of the weighted score residuals, summed within clusters (Lin & Wei 1989, JASA
    84:1074), which may have patients of several strata. NO_INFO where no event has both arms at risk, or where the
    variance is rounding: everybody dies at one time, or sets are alike.
    """
    n = present.shape[1]
    each = len(present) // max(len(block.time), 1)
    who, sums, step = np.empty(n, np.int64), np.zeros(block.clusters), np.empty((5, n))
    score, status = made.score, made.status
    for r in range(len(present)):
        a = r // each
        m, finite = in_order(block.order[a], block.time[a], present[r], block.weight[a], who)
        score[r] = np.nan
        events = count_by_arm(block.event[a], treated[a], who, m, made.counts[r])
        if not finite or m < 2 or events == 0:
            status[r] = _BAD_INPUT if not finite else (_TOO_FEW if m < 2 else _NO_EVENTS)
            continue
        total, apart, first = 0.0, 0.0, 0
        while first < m:
            last = end_of_stratum(block.stratum, a, who, first, m)
            score_steps(a, block, treated[a], who[first:last], last - first, efron, step)
            own, own_apart = score_residuals(a, block, treated[a], who[first:last], last - first, step, sums)
            total, apart, first = total + own, apart + own_apart, last
        variance = squares_of(sums, block.cluster[a], who, m)
        score[r, 0], score[r, 1] = total, variance
        status[r] = _OK if variance > NOTHING * apart else _NO_INFO


@kernel
def end_of_stratum(stratum: Ints, a: int, who: Ints, first: int, m: int) -> int:
    """Where the stratum ends that begins at ``first`` of the ``m`` patients ``who`` of cohort a."""
    if not len(stratum):
        return m
    last = first
    while last < m and stratum[a, who[last]] == stratum[a, who[first]]:
        last += 1
    return last


@kernel
def count_by_arm(event: Bools, treated: Bools, who: Ints, m: int, counts: Ints) -> int:
    """How many of the ``m`` patients ``who`` have the event; fills ``counts (2, 2)``, patients and events by arm."""
    events = 0
    counts[:] = 0
    for k in range(m):
        arm, had = int(treated[who[k]]), int(event[who[k]])
        counts[arm, 0] += 1
        counts[arm, 1] += had
        events += had
    return events


@kernel
def score_steps(a: int, block: WeightedBlock, treated: Bools, who: Ints, m: int, efron: bool, step: Floats) -> None:
    """Fills ``step (5, m)`` where a time of ``who``, the ``m`` patients of cohort a in order, begins.

    JUMP and JUMP_MEAN, what that time adds to the hazard and to the hazard times the mean arm of those at risk;
    OWN_JUMP and OWN_JUMP_MEAN, as much of that as meets who dies then; MEAN, the mean arm that the dying are held to.
    """
    time, event, weight = block.time[a], block.event[a], block.weight[a]
    last, all_sum, arm_sum = m, 0.0, 0.0
    while last > 0:
        first, deaths, dead, dead_arm = last, 0, 0.0, 0.0
        while first > 0 and time[who[first - 1]] == time[who[last - 1]]:
            first -= 1
            w = weight[who[first]]
            in_arm = w if treated[who[first]] else 0.0
            all_sum, arm_sum = all_sum + w, arm_sum + in_arm
            if event[who[first]]:
                deaths, dead, dead_arm = deaths + 1, dead + w, dead_arm + in_arm
        step[:, first] = 0.0
        for d in range(deaths):
            part = d / deaths if efron else 0.0
            below = all_sum - part * dead
            mean = (arm_sum - part * dead_arm) / below
            jump = dead / deaths / below
            step[JUMP, first] += jump
            step[JUMP_MEAN, first] += jump * mean
            step[OWN_JUMP, first] += jump * (1.0 - part)
            step[OWN_JUMP_MEAN, first] += jump * (1.0 - part) * mean
            step[MEAN, first] += mean / deaths
        last = first


@kernel
def score_residuals(
    a: int, block: WeightedBlock, treated: Bools, who: Ints, m: int, step: Floats, sums: Floats
) -> tuple[float, float]:
    """The weighted score residuals in all, and the sum of squares of what they are differences of.

    Of the ``m`` patients ``who`` of cohort a in order, with the ``step`` of each time; adds them to the ``sums`` of
    their clusters.
    """
    time, event, weight, cluster = block.time[a], block.event[a], block.weight[a], block.cluster[a]
    hazard, centred, first, total, apart = 0.0, 0.0, 0, 0.0, 0.0
    while first < m:
        last = first
        while last < m and time[who[last]] == time[who[first]]:
            i = who[last]
            x = 1.0 if treated[i] else 0.0
            if event[i]:
                plus = x + centred + step[OWN_JUMP_MEAN, first]
                minus = step[MEAN, first] + x * (hazard + step[OWN_JUMP, first])
            else:
                plus, minus = centred + step[JUMP_MEAN, first], x * (hazard + step[JUMP, first])
            off = plus - minus
            sums[cluster[i]] += weight[i] * off
            total += weight[i] * off
            apart += (weight[i] * (plus + minus)) ** 2
            last += 1
        hazard += step[JUMP, first]
        centred += step[JUMP_MEAN, first]
        first = last
    return total, apart


@kernel
def squares_of(sums: Floats, cluster: Ints, who: Ints, m: int) -> float:
    """The squares of the ``sums`` of the clusters of ``who``, which are zero afterwards."""
    squares = 0.0
    for k in range(m):
        squares += sums[cluster[who[k]]] ** 2
        sums[cluster[who[k]]] = 0.0
    return squares
