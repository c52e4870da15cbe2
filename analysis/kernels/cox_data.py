"""Patients lined up for Cox's partial likelihood; `analysis.kernels.cox_likelihood` says what the rows mean."""

from typing import NamedTuple

import numpy as np

from analysis.kernels.lanes import sum_of_products
from analysis.kernels.status import Status
from simulator.numerics.arrays import Bools, Floats, Ints, Positions
from simulator.numerics.compiled import kernel

START, STOP, DEATHS, FIRST, LAST, ENTERED, STEP = range(7)
PATIENTS, EVENTS, GROUPS = range(3)

_OK = int(Status.OK)
_NO_EVENTS = int(Status.NO_EVENTS)
_TOO_FEW = int(Status.TOO_FEW)
_BAD_INPUT = int(Status.BAD_INPUT)


class CoxBlock(NamedTuple):
    """Cohorts to fit Cox models to, ``(A, N)`` each; what is not asked for is an empty array."""

    time: Floats
    event: Bools
    x: Floats  # (A, N, P)
    weight: Floats
    cluster: Ints
    clusters: int  # one more than the highest number of a cluster
    stratum: Ints
    entry: Floats
    order: Positions  # by stratum, then time
    entry_order: Positions  # by stratum, then entry


class CoxPatients(NamedTuple):
    """One analysis set of a cohort of N in order, for a model of P covariates, as `gather` fills it."""

    z: Floats  # (1 + P, N), the first row of ones
    scale: Floats  # (P,), mean absolute deviations by which covariates were divided; 0 for a constant
    weight: Floats
    died: Bools
    group: Ints  # (N, 7)
    late: Ints  # no rows where nobody enters late
    place: Ints  # the column of z of each patient of the cohort, or -1
    counts: Ints  # (3,): PATIENTS, EVENTS and GROUPS


@kernel
def gather(c: int, block: CoxBlock, use: Ints, present: Bools, here: CoxPatients) -> int:
    """The status of the data of one analysis set, ``present (N,)`` of cohort c; fills ``here``.

    ``use (P,)`` are the columns of ``x`` that the model has. Patients of weight zero are left out.
    """
    bad = line_up(c, block, present, here)
    size, groups = here.counts[PATIENTS], here.counts[GROUPS]
    bad |= centre_and_scale(c, block.x, use, here)
    if bad:
        return _BAD_INPUT
    if size < 2:
        return _TOO_FEW
    if here.counts[EVENTS] == 0:
        return _NO_EVENTS
    group, last = here.group, size
    for g in range(groups - 1, -1, -1):
        group[g, LAST] = last
        if group[g, START] == group[g, FIRST]:
            last = group[g, START]
    if block.entry.shape[0] > 0:
        let_in(c, block, here)
    return _OK


@kernel
def line_up(c: int, block: CoxBlock, present: Bools, here: CoxPatients) -> bool:
    """Whether a time, an entry or a weight is bad; fills all of ``here`` but the covariates, LAST and late entries."""
    time, event, weight, stratum, entry = block.time, block.event, block.weight, block.stratum, block.entry
    w, group, place = here.weight, here.group, here.place
    size, events, groups, bad = 0, 0, 0, False
    first, previous = 0, -1
    for k in range(present.shape[0]):
        i = block.order[c, k]
        place[i] = -1
        if not present[i] or (weight.shape[0] > 0 and weight[c, i] == 0.0):
            continue
        place[i] = size
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
        here.died[size] = event[c, i]
        group[groups - 1, DEATHS] += event[c, i]
        events += event[c, i]
        previous = i
        size += 1
        group[groups - 1, STOP] = size
    here.counts[PATIENTS], here.counts[EVENTS], here.counts[GROUPS] = size, events, groups
    return bad


@kernel
def centre_and_scale(c: int, x: Floats, use: Ints, here: CoxPatients) -> bool:
    """Whether a covariate is bad; fills the rows of ``z`` below that of ones, and ``scale``."""
    z, size, bad = here.z, here.counts[PATIENTS], False
    n = here.place.shape[0]
    who, work = np.empty(n, np.int64), np.empty(n)
    for i in range(n):
        if here.place[i] >= 0:
            who[here.place[i]] = i
    share = 1.0 / max(size, 1)
    for p in range(use.shape[0]):
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
        here.scale[p] = spread if same < size else 0.0
        inverse = 1.0 / spread if same < size else 0.0
        for i in range(size):
            column[i] *= inverse
    return bad


@kernel
def let_in(c: int, block: CoxBlock, here: CoxPatients) -> None:
    """Fills ``late`` and the column ENTERED of ``group``."""
    time, entry, order, group, late, place = block.time, block.entry, block.order, here.group, here.late, here.place
    size = 0
    for k in range(place.shape[0]):
        i = block.entry_order[c, k]
        if place[i] >= 0:
            late[size] = i
            size += 1
    k, entered = -1, 0
    for g in range(here.counts[GROUPS]):
        if group[g, START] == group[g, FIRST]:
            entered = group[g, FIRST]
        while k < 0 or place[order[c, k]] < group[g, START]:
            k += 1
        while entered < group[g, LAST] and entry[c, late[entered]] < time[c, order[c, k]]:
            entered += 1
        group[g, ENTERED] = entered
    for j in range(size):
        late[j] = place[late[j]]
