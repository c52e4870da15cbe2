"""Patients lined up for Cox's partial likelihood; `analysis.kernels.cox_likelihood` says what the rows mean."""

import numpy as np

from analysis.kernels.lanes import sum_of_products
from analysis.kernels.status import Status
from simulator.numerics.arrays import Bools, Floats, Ints, Positions
from simulator.numerics.compiled import kernel

START, STOP, DEATHS, FIRST, LAST, ENTERED, STEP = range(7)

_OK = int(Status.OK)
_NO_EVENTS = int(Status.NO_EVENTS)
_TOO_FEW = int(Status.TOO_FEW)
_BAD_INPUT = int(Status.BAD_INPUT)


@kernel
def gather(
    c: int,
    time: Floats,
    event: Bools,
    x: Floats,
    use: Ints,
    present: Bools,
    weight: Floats,
    stratum: Ints,
    entry: Floats,
    order: Positions,
    entry_order: Positions,
    z: Floats,
    scale: Floats,
    w: Floats,
    died: Bools,
    group: Ints,
    late: Ints,
    place: Ints,
    counts: Ints,
) -> int:
    """The status of the data of one analysis set, ``present (N,)`` of cohort c; fills what `likelihood` wants.

    ``use (P,)`` are the columns of ``x`` that the model has.
    ``counts`` receives patients, events and groups; ``scale (P,)`` the mean absolute deviations by which the
    covariates were divided (0 for a constant); ``place`` leads from a patient to the column of z, or is -1. Patients of
    weight zero are left out.
    """
    n, p_count = present.shape[0], use.shape[0]
    size, events, groups, bad = 0, 0, 0, False
    first, previous = 0, -1
    who, work = np.empty(n, np.int64), np.empty(n)
    for k in range(n):
        i = order[c, k]
        place[i] = -1
        if not present[i] or (weight.shape[0] > 0 and weight[c, i] == 0.0):
            continue
        place[i] = size
        who[size] = i
        w[size] = weight[c, i] if weight.shape[0] > 0 else 1.0
        bad |= not 0.0 < w[size] < np.inf
        bad |= not abs(time[c, i]) < np.inf
        if entry.shape[0] > 0:
            bad |= not -np.inf < entry[c, i] < time[c, i]
        fresh = previous < 0 or (stratum.shape[0] > 0 and stratum[c, i] != stratum[c, previous])
        if fresh:
            first = size
        if fresh or time[c, i] != time[c, previous]:
            group[groups, START], group[groups, DEATHS], group[groups, FIRST] = size, 0, first
            groups += 1
        died[size] = event[c, i]
        group[groups - 1, DEATHS] += event[c, i]
        events += event[c, i]
        previous = i
        size += 1
        group[groups - 1, STOP] = size
    counts[0], counts[1], counts[2] = size, events, groups
    for i in range(size):
        z[0, i] = 1.0
    share = 1.0 / max(size, 1)
    for p in range(p_count):
        column, same = z[1 + p], 0
        for i in range(size):
            column[i] = x[c, who[i], use[p]]
            same += column[i] == column[0]
        mean = sum_of_products(z[0], z[0], column, size) * share
        for i in range(size):
            column[i] -= mean
            work[i] = abs(column[i])
        spread = sum_of_products(z[0], z[0], work, size) * share
        bad |= not spread < np.inf
        scale[p] = spread if same < size else 0.0
        inverse = 1.0 / spread if same < size else 0.0
        for i in range(size):
            column[i] *= inverse
    if bad:
        return _BAD_INPUT
    if size < 2:
        return _TOO_FEW
    if events == 0:
        return _NO_EVENTS
    last = size
    for g in range(groups - 1, -1, -1):
        group[g, LAST] = last
        if group[g, START] == group[g, FIRST]:
            last = group[g, START]
    if entry.shape[0] > 0:
        line_up(c, time, entry, order, entry_order, group, counts, late, place)
    return _OK


@kernel
def line_up(
    c: int,
    time: Floats,
    entry: Floats,
    order: Positions,
    entry_order: Positions,
    group: Ints,
    counts: Ints,
    late: Ints,
    place: Ints,
) -> None:
    """Fills ``late`` and the column ENTERED of ``group``."""
    size = 0
    for k in range(place.shape[0]):
        i = entry_order[c, k]
        if place[i] >= 0:
            late[size] = i
            size += 1
    k, entered = -1, 0
    for g in range(counts[2]):
        if group[g, START] == group[g, FIRST]:
            entered = group[g, FIRST]
        while k < 0 or place[order[c, k]] < group[g, START]:
            k += 1
        while entered < group[g, LAST] and entry[c, late[entered]] < time[c, order[c, k]]:
            entered += 1
        group[g, ENTERED] = entered
    for j in range(size):
        late[j] = place[late[j]]


@kernel
def plan_steps(weight: Floats, died: Bools, group: Ints, groups: int, late: Ints, share: Floats, place: Ints) -> int:
    """The number of steps, latest first, where each is one death, in one stratum that nobody enters late; else 0.

    Fills ``share`` and ``place``, the first patient at risk, which hold for any coefficients.
    """
    steps = int(np.int64(0))
    if len(late) > 0 or group[groups - 1, FIRST] > 0:
        return 0
    for g in range(groups - 1, -1, -1):
        if group[g, DEATHS] > 1:
            return 0
        group[g, STEP] = steps
        if group[g, DEATHS] == 1:
            share[steps], place[steps] = 0.0, group[g, START]
            for i in range(group[g, START], group[g, STOP]):
                share[steps] += weight[i] if died[i] else 0.0
            steps += 1
    return steps
