"""Where a likelihood without a finite maximum goes to, and which coefficients stay finite on the way.

A direction of recession d never lowers a comparison: in Cox's partial likelihood that of an event i with a patient j at
risk, (x_i - x_j)'d >= 0; in logistic regression that of a patient with the other outcome, (2 y - 1) (1, x)'d >= 0.
Along all of them the log-likelihood rises to that of the comparisons that no such direction changes: a Cox model
stratified by x'd, a logistic model of those with (1, x)'d = 0. That limit has a maximum; a coefficient is identified by
it unless some d moves it (Albert & Anderson 1984, Biometrika 71:1; Geyer 2009, Electronic J Statist 3:259).

One column at a time is looked at first; what is left goes to linear programmes, solved with the constraints they need.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from analysis.kernels.status import Status
from analysis.survival.columns import KnownColumns, estimable
from simulator.numerics.arrays import Bools, Floats, Ints

NEGLIGIBLE = 40.0
"""A difference of linear predictors that leaves nothing of the smaller one's exponential in a sum of doubles."""
_LONGEST = 300.0  # differences of linear predictors whose exponentials may still be multiplied
_EQUAL = 1e-8  # of a direction's scores, which go from -1 to 1 in each column
_FEW = 4096
"""Pairs of an event and a patient that are all compared at once: fewer programmes, each a little larger."""
_CLEAR = 1e-6  # a gain that no rounding of a programme's solution makes
_SOLVER = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}


@dataclass(frozen=True)
class RiskSets:
    """The risk sets of one cohort's events: times, events, strata, and times of entry (None: all from the start)."""

    time: Floats
    event: Bools
    stratum: Ints
    entry: Floats | None

    def within(self, label: Ints) -> "RiskSets":
        """The same, each risk set without those who differ from the patient who has the event in their label."""
        return RiskSets(self.time, self.event, joined(self.stratum, label), self.entry)

    def members(self, i: int | np.integer[Any]) -> Bools:
        """Who is at risk when patient i has the event."""
        inside: Bools = (self.stratum == self.stratum[i]) & (self.time >= self.time[i])
        return inside if self.entry is None else inside & (self.entry < self.time[i])

    @cached_property
    def _lined_up(self) -> tuple[Ints, Ints, Ints]:
        """The patients by stratum, latest first; each one's stratum; and where the risk set of each event ends."""
        stratum = np.unique(self.stratum, return_inverse=True)[1].reshape(-1).astype(np.int64)
        order = np.lexsort((-self.time, stratum))
        time, own = self.time[order], stratum[order]
        last = np.concatenate([(time[:-1] != time[1:]) | (own[:-1] != own[1:]), [True]])
        ends = np.flatnonzero(last)
        place = np.empty(len(order), np.int64)
        place[order] = ends[np.cumsum(last) - last]
        return order, own, place[self.event]

    def highest(self, score: Floats) -> Ints:
        """For each event, in the order of the data, a patient at risk who has the highest score."""
        if self.entry is not None:
            inside = (self.members(i) for i in np.flatnonzero(self.event))
            return np.array([np.argmax(np.where(here, score, -np.inf)) for here in inside], dtype=np.int64)
        order, stratum, end = self._lined_up
        rank = np.unique(score, return_inverse=True)[1].reshape(-1)
        top = np.maximum.accumulate(rank[order] + len(rank) * stratum)
        fresh = np.concatenate([[True], top[1:] > top[:-1]])
        first = np.maximum.accumulate(np.where(fresh, np.arange(len(top)), 0))
        found: Ints = order[first[end]].astype(np.int64)
        return found

    def contrasts(self, x: Floats) -> Floats:
        """``x (n, P)`` less that of one patient of each group that the risk sets hold together; 0 where there is none.

        Its null space are the directions that change nothing.
        """
        group = np.full(len(self.time), -1, np.int64)
        if self.entry is None:
            for label in np.unique(self.stratum[self.event]):
                own = self.stratum == label
                group[own & (self.time >= self.time[own & self.event].min())] = label
            group = np.where(group >= 0, np.unique(group, return_inverse=True)[1].reshape(-1), -1)
        else:
            for k, i in enumerate(np.flatnonzero(self.event)):
                inside = self.members(i)
                known = np.unique(group[inside])
                group[inside | np.isin(group, known[known >= 0])] = k
        made = np.zeros(x.shape)
        for label in np.unique(group[group >= 0]):
            own = np.flatnonzero(group == label)
            made[own] = x[own] - x[own[0]]
        return made

    def mean_contrast(self, x: Floats) -> Floats:
        """The sum over events of ``x`` less its mean over the risk set: a gain that every comparison shares in."""
        if self.entry is not None:
            total = np.zeros(x.shape[1])
            for i in np.flatnonzero(self.event):
                total += x[i] - x[self.members(i)].mean(axis=0)
            return total
        order, stratum, end = self._lined_up
        start = np.flatnonzero(np.diff(stratum, prepend=-1))[stratum[end]]
        sums = np.concatenate([np.zeros((1, x.shape[1])), np.cumsum(x[order], axis=0)])
        means = (sums[end + 1] - sums[start]) / (end + 1 - start)[:, None]
        gain: Floats = (x[self.event] - means).sum(axis=0)
        return gain


@dataclass(frozen=True)
class Limit:
    """The limit of one model: which columns ``use (P,)`` to fit it with, and each column's ``state`` and ``sign (P,)``.

    ``label (n,)``: in Cox models the strata within which patients are still compared, in logistic ones 0 for those who
    stay and for the others +1 or -1, the side that they are on. ``sign`` is 0 where a coefficient may go either way.
    ``towards (P,)``: a step along which every comparison that the limit leaves out gains `NEGLIGIBLE` or more (Cox
    only); NaN where such a step is too long, or where the columns that the likelihood does not see tell patients apart.
    """

    label: Ints
    use: Bools
    state: Ints
    towards: Floats
    signs: Callable[[], Ints]

    @cached_property
    def sign(self) -> Ints:
        """Where each column runs, sought when it is first asked for: it takes many linear programmes."""
        return self.signs()


def joined(one: Ints, other: Ints) -> Ints:
    """A label for each pair of labels."""
    made: Ints = np.unique(np.column_stack([one, other]), axis=0, return_inverse=True)[1].reshape(-1).astype(np.int64)
    return made


def cox_limit(sets: RiskSets, x: Floats, exhaustive: bool) -> Limit:
    """The limit of Cox's partial likelihood with covariates ``x (n, P)``.

    Unless ``exhaustive``, only directions of a single column are sought: if the model of the limit then has a maximum
    there are no others.
    """
    scale = np.abs(x - x[0]).max(axis=0, initial=0.0)
    scale[scale == 0] = 1.0
    z = (x - x[0]) / scale
    whole, towards = sets, np.zeros(x.shape[1])
    flat = _null_space(sets.contrasts(z))
    while True:
        single = [(p, sign) for p in range(z.shape[1]) for sign in (1, -1) if _recedes(sets, sign * z[:, p])]
        steps = [sign * np.eye(z.shape[1])[p] for p, sign in single]
        if not steps and exhaustive:
            steps = _cox_direction(sets, z)
        if not steps:
            break
        for d in steps:
            sets = sets.within(_levels(z @ d))
        towards = _further(z, towards, steps)
    left = sets.contrasts(z)
    use = np.array(estimable(left)) == Status.OK
    few = _every(whole, z) if whole.event.any() and whole.event.sum() * len(z) <= _FEW else None
    known = towards / max(np.abs(towards).max(initial=0.0), 1.0)
    state, signs = _states(left, flat, lambda d: _violated(whole, z, d) if few is None else few, None, known)
    if np.ptp(z @ towards) > _LONGEST or (np.ptp(z @ flat, axis=0) > _EQUAL).any():
        towards = np.full(len(towards), np.nan)
    return Limit(sets.stratum, use, state, towards / scale, signs)


def runaway(sets: RiskSets, column: Floats) -> tuple[int, float]:
    """Where the coefficient of a single covariate without a finite maximum runs, and how far is far enough; or NaN."""
    scale = np.ptp(column)
    z = (column - column.min()) / scale
    sign = 1 if _recedes(sets, z) else -1
    gap = np.diff(np.sort(z))
    step = NEGLIGIBLE / gap[gap > _EQUAL].min()
    return sign, float(sign * step / scale if step <= _LONGEST else np.nan)


def identified(sets: RiskSets, x: Floats, first: int, maximum: bool = False) -> int:
    """How many coefficients the columns of ``x (n, P)`` add to its ``first`` ones, in the limit of these.

    ``maximum``: these are known to have one themselves, so that no direction of recession need be sought.
    """
    label = sets.stratum if maximum else cox_limit(sets, x[:, :first], True).label
    left = RiskSets(sets.time, sets.event, label, sets.entry).contrasts(x)
    return sum(state == Status.OK for state in KnownColumns.of(left).estimable(range(x.shape[1]))[first:])


def logistic_limit(x: Floats, y: Bools, exhaustive: bool) -> Limit:
    """The limit of a logistic model with intercept, ``x (n, P)``; the intercept is the first of its columns.

    ``exhaustive`` as in `cox_limit`. Nobody stays where the outcome is predicted perfectly; no sign is sought there.
    """
    scale = np.abs(x - x[0]).max(axis=0, initial=0.0)
    scale[scale == 0] = 1.0
    z = np.column_stack([np.ones(len(x)), (x - x[0]) / scale])
    back = np.eye(z.shape[1])
    back[0, 1:] = -x[0] / scale
    facing = np.where(y[:, None], z, -z)
    flat = _null_space(z)
    stays = np.ones(len(x), np.bool_)
    while stays.any():
        apart = np.zeros(len(x), np.bool_)
        for p in range(1, z.shape[1]):
            apart |= stays & _apart(z[:, p], y, stays)
        if not apart.any() and exhaustive:
            own, use = np.unique(facing[stays], axis=0), np.array(_independent(z[stays]))
            d = np.zeros(z.shape[1])
            d[use] = _steepest(own[:, use].mean(axis=0), own[:, use])
            apart = stays & (facing @ d > _EQUAL)
        if not apart.any():
            break
        stays &= ~apart
    side, width = np.where(y, 1, -1), z.shape[1]
    if not stays.any():
        nothing = np.zeros(width, np.int64)
        return Limit(side, nothing == 1, nothing + Status.MONOTONE, np.zeros(width), lambda: nothing)
    use = np.array(_independent(z[stays]))
    state, signs = _states(z[stays], flat, lambda _: facing, back)
    return Limit(np.where(stays, 0, side), use, state, np.zeros(width), signs)


def _recedes(sets: RiskSets, score: Floats) -> bool:
    """Whether nobody at risk has a higher score than who has the event, and somebody a lower one."""
    events = np.flatnonzero(sets.event)
    if (score[sets.highest(score)] > score[events]).any():
        return False
    return bool((score[sets.highest(-score)] < score[events]).any())


def _apart(column: Floats, y: Bools, stays: Bools) -> Bools:
    """Who has an outcome that the column predicts perfectly: all values of one outcome are at or beyond the other's."""
    ones, zeros = column[stays & y], column[stays & ~y]
    if not len(ones) or not len(zeros):
        return np.ones(len(column), np.bool_)
    nobody: Bools = np.zeros(len(column), np.bool_)
    if ones.min() >= zeros.max() and ones.max() > zeros.min():
        nobody = (y & (column > zeros.max())) | (~y & (column < ones.min()))
    elif ones.max() <= zeros.min() and ones.min() < zeros.max():
        nobody = (y & (column < zeros.min())) | (~y & (column > ones.max()))
    return nobody


def _levels(score: Floats) -> Ints:
    """A number for each value of the scores, those within rounding of each other taken for one."""
    order = np.argsort(score, kind="stable")
    steps = np.diff(score[order]) > _EQUAL
    made = np.empty(len(score), np.int64)
    made[order] = np.concatenate([[0], np.cumsum(steps)])
    return made


def _further(z: Floats, towards: Floats, steps: list[Floats]) -> Floats:
    """A step that gains `NEGLIGIBLE` wherever ``towards`` or, where that is level, one of ``steps`` does."""
    whole = np.zeros(z.shape[1])
    for d in steps:
        gap = np.diff(np.sort(z @ d))
        whole += d * (NEGLIGIBLE / gap[gap > _EQUAL].min())
    return towards * (1.0 + np.ptp(z @ whole) / NEGLIGIBLE) + whole


def _cox_direction(sets: RiskSets, z: Floats) -> list[Floats]:
    """A direction of recession ``(P,)``; none where there is none."""
    use = np.array(estimable(sets.contrasts(z))) == Status.OK
    if not use.any():
        return []
    own = z[:, use]
    part = _steepest(sets.mean_contrast(own), _violated(sets, own, None), lambda d: _violated(sets, own, d))
    d = np.zeros(z.shape[1])
    d[use] = part
    score = z @ d
    gains = score[np.flatnonzero(sets.event)] - score[sets.highest(-score)]
    return [d] if (gains > _EQUAL).any() else []


def _violated(sets: RiskSets, z: Floats, d: Floats | None) -> Floats:
    """The comparisons ``(M, P)`` that direction d makes worst at each event, if it lowers them.

    Without d: all where they are few; else those with the patients at risk who have the highest and the lowest value of
    each column.
    """
    events = np.flatnonzero(sets.event)
    if d is None and len(events) * len(z) <= _FEW:
        return _every(sets, z)
    if d is None:
        rows = [z[events] - z[sets.highest(sign * z[:, p])] for p in range(z.shape[1]) for sign in (1, -1)]
        return np.unique(np.concatenate(rows), axis=0)
    made = z[events] - z[sets.highest(z @ d)]
    return np.unique(made[made @ d < -_EQUAL / 10], axis=0)


def _every(sets: RiskSets, z: Floats) -> Floats:
    """All comparisons ``(M, P)``."""
    return np.unique(np.concatenate([z[i] - z[sets.members(i)] for i in np.flatnonzero(sets.event)]), axis=0)


def _steepest(gain: Floats, rows: Floats, more: Callable[[Floats], Floats] | None = None) -> Floats:
    """The d in the box from -1 to 1 with the largest ``gain'd`` that lowers no comparison; 0 where that is 0.

    ``more`` gives other comparisons that a d lowers, which join ``rows`` until there are none.
    """
    from scipy.optimize import linprog  # slow to import, and few models need it

    size = np.abs(gain).max(initial=0.0)
    nowhere = np.zeros(len(gain))
    if not size > 0:
        return nowhere
    while True:
        answer = linprog(
            -gain / size, A_ub=-rows, b_ub=np.zeros(len(rows)), bounds=(-1, 1), method="highs", options=_SOLVER
        )
        if answer.status != 0 or not -answer.fun > _EQUAL / 10:
            return nowhere
        d: Floats = answer.x
        new = rows[:0] if more is None else more(d)
        if not len(new):
            return d
        rows = np.concatenate([rows, new])


def _independent(rows: Floats) -> list[bool]:
    """Which columns, an intercept first, are not made of earlier ones."""
    return [True, *(state == Status.OK for state in estimable(rows[:, 1:]))]


def _null_space(rows: Floats) -> Floats:
    """The directions ``(P, k)`` that ``rows (M, P)`` do not see, in columns with entries of about 1 or exactly 0."""
    width = rows.shape[1]
    if not len(rows):
        return np.eye(width)
    intercept = bool(width) and bool((rows[:, 0] == 1.0).all())
    use = np.array(_independent(rows) if intercept else [s == Status.OK for s in estimable(rows)], dtype=np.bool_)
    made = np.zeros((width, int((~use).sum())))
    for k, p in enumerate(np.flatnonzero(~use)):
        made[p, k] = 1.0
        if use.any():
            made[use, k] = -np.linalg.lstsq(rows[:, use], rows[:, p], rcond=None)[0]
    made[np.abs(made) < 1e-7] = 0.0
    return made


def _states(
    left: Floats, flat: Floats, lowered: Callable[[Floats], Floats], back: Floats | None = None,
    towards: Floats | None = None,
) -> tuple[Ints, Callable[[], Ints]]:  # fmt: skip
    """What became of each column, and what gives the sign of those that run away.

    ``left``: the comparisons of the limit; ``flat``: what the whole likelihood does not see; ``lowered`` gives
    comparisons among which are those that a direction lowers most. ``back`` leads from the columns of ``left`` to those
    that are told of; ``towards`` is a direction of recession that is known.
    """
    free = _null_space(left)
    told = free if back is None else back @ free
    told[np.abs(told) < 1e-7] = 0.0
    state = np.zeros(len(free), np.int64)
    state[told.any(axis=1)] = Status.MONOTONE
    state[flat.any(axis=1)] = Status.SINGULAR
    alone = (flat != 0).sum(axis=0) == 1
    state[flat[:, alone].any(axis=1)] = Status.NO_INFO
    runs = state == Status.MONOTONE

    def signs() -> Ints:
        sign = np.zeros(len(free), np.int64)
        if free.shape[1] == 1:
            d = free[:, 0]
            sign[runs] = np.sign(told[runs, 0]) * (-1 if len(_broken(lowered(d), d)) else 1)
            return sign
        known = [] if towards is None else [np.asarray(np.linalg.lstsq(free, towards, rcond=None)[0], np.float64)]
        for p in np.flatnonzero(runs):
            up, down = (_reaches(free, side * told[p], lowered, known) for side in (1, -1))
            sign[p] = int(up) - int(down)
        return sign

    return state, signs


def _reaches(free: Floats, gain: Floats, lowered: Callable[[Floats], Floats], known: list[Floats]) -> bool:
    """Whether some direction of recession within the span of ``free (P, k)`` gains.

    ``known`` are such directions that were found before; one that is found now joins them.
    """
    if any(gain @ d > _CLEAR * np.abs(gain).max() for d in known):
        return True
    d = _steepest(gain, lowered(free @ gain) @ free, lambda c: _broken(lowered(free @ c) @ free, c))
    found = bool(np.abs(d).max(initial=0.0) > 0)
    known += [d] if found else []
    return found


def _broken(rows: Floats, c: Floats) -> Floats:
    """The comparisons that c lowers."""
    return rows[rows @ c < -_EQUAL / 10]
