"""Matching on distances between any two patients: within levels, in several covariates, optimal, or at random."""

import numpy as np

from analysis.kernels.greedy import greedy
from simulator.numerics.arrays import Bools, Floats, Ints
from simulator.numerics.elementary import summed

_COLLINEAR = 1e-9


def whitened(x: Floats, treated: Bools, present: Bools) -> Floats:
    """The covariates ``x (R, N, P)`` turned so that their Euclidean distance is the Mahalanobis distance.

    The covariance is pooled within arms, sums of squares about the arms' means over n - 2, as in MatchIt since 4.4 and
    in optmatch (Rubin 1980, Biometrics 36:293). A column that is constant within both arms, or made of earlier ones,
    counts for nothing, which is what MatchIt's generalised inverse does. Equal rows give equal bits.
    """
    centred = np.zeros(x.shape)
    for arm in (treated & present, ~treated & present):
        size = np.maximum(arm.sum(axis=1), 1)[:, None]
        mean = np.where(arm[..., None], x, 0.0).sum(axis=1) / size
        centred += np.where(arm[..., None], x - mean[:, None], 0.0)
    columns = np.ascontiguousarray(np.moveaxis(centred, -1, 0))
    values = np.ascontiguousarray(np.moveaxis(np.where(present[..., None], x, 0.0), -1, 0))
    p, degrees = len(columns), np.maximum(present.sum(axis=1) - 2, 1)
    root, made = np.zeros((p, p, len(x))), np.zeros(values.shape)
    with np.errstate(over="ignore", invalid="ignore"):  # a column whose squares leave the range counts for nothing
        for k in range(p):
            for m in range(k):
                s = (columns[k] * columns[m]).sum(axis=1) / degrees - _sum(root[k, :m] * root[m, :m])
                root[k, m] = np.divide(s, root[m, m], out=np.zeros(len(x)), where=root[m, m] > 0)
            whole = (columns[k] ** 2).sum(axis=1) / degrees
            own = whole - _sum(root[k, :k] ** 2)
            root[k, k] = np.sqrt(np.where(own > _COLLINEAR * whole, own, 0.0))
            rest = values[k].copy()
            for m in range(k):
                rest -= root[k, m][:, None] * made[m]
            scale = root[k, k][:, None]
            np.divide(rest, scale, out=made[k], where=scale > 0)
    return np.ascontiguousarray(np.moveaxis(made, 0, -1))


def _sum(parts: Floats) -> Floats | float:
    return summed(parts) if len(parts) else 0.0


def labels(x: Floats) -> Ints:
    """A number for each patient ``(R, N)``, the same for two of a cohort who are equal in all of ``x (R, N, P)``."""
    made = np.empty(x.shape[:2], np.int64)
    for r, rows in enumerate(x):
        made[r] = np.unique(rows, axis=0, return_inverse=True)[1].reshape(-1)
    return made


def match_any(
    score: Floats,
    treated: Bools,
    here: Bools,
    width: Floats,
    turns: Ints,
    controls: Ints,
    *,
    optimal: bool,
    closest: bool,
    replacement: bool,
    space: Floats | None,
    group: Ints | None,
    anyone: bool,
    draw: Floats | None,
) -> None:
    """Fill ``controls (R, N, ratio)`` by distances; each replicate takes memory for all pairs of treated and control.

    ``turns (R, N)`` is the order of choice; ``space (R, N, P)`` the covariates in which the Euclidean distance counts
    (None: the score), ``group (R, N)`` whom one may be matched with, ``draw (ratio, R, N)`` the uniforms by which one
    of the nearest is taken, or ``anyone``.
    """
    from scipy.spatial.distance import cdist  # slow to import, and few matchings need it

    ratio = controls.shape[2]
    for r in range(len(score)):
        t, c = np.flatnonzero(here[r] & treated[r]), np.flatnonzero(here[r] & ~treated[r])
        if not len(t) or not len(c):
            continue
        gap = np.abs(score[r, t][:, None] - score[r, c])
        far = ~(gap <= width[r])
        if group is not None:
            far |= group[r, t][:, None] != group[r, c]
        distance = gap if space is None else cdist(space[r, t], space[r, c])
        distance[far] = np.inf
        if optimal:
            chosen = assigned(distance, ratio)
        else:
            chosen = np.full((len(t), ratio), -1, np.int64)
            place = np.empty(score.shape[1], np.int64)
            place[t] = np.arange(len(t))
            ordered = turns[r][(here[r] & treated[r])[turns[r]]]
            luck = np.empty((0, 0)) if draw is None else np.ascontiguousarray(draw[:, r, t])
            greedy(distance, place[ordered], closest, replacement, anyone, luck, chosen)
        controls[r, t] = np.where(chosen >= 0, c[chosen], -1)


def assigned(distance: Floats, ratio: int) -> Ints:
    """The controls ``(T, ratio)`` of the optimal matching by ``distance (T, C)``, infinite where forbidden; -1 none.

    First as many treated as can be have a control, then as many pairs as can be are made, then the total distance is
    smallest: an assignment in which every place of a treated patient that stays empty costs more than all distances.
    Of several with the same total it is the one that scipy's solver (Crouse 2016, IEEE Transactions on Aerospace and
    Electronic Systems 52:1679) finds with treated and controls as they stand. A patient's controls are as they stand.
    """
    from scipy.optimize import linear_sum_assignment  # slow to import, and few matchings need it

    chosen = np.full((len(distance), ratio), -1, np.int64)
    allowed = np.isfinite(distance)
    rows, columns = np.flatnonzero(allowed.any(axis=1)), np.flatnonzero(allowed.any(axis=0))
    if not len(rows):
        return chosen
    near, fits = distance[np.ix_(rows, columns)], allowed[np.ix_(rows, columns)]
    places = len(rows) * ratio
    empty = 1.0 + min(places, len(columns)) * float(near[fits].max())
    first = empty * (places + 1)
    price = np.repeat([first] + [empty] * (ratio - 1), len(rows))
    cost = np.empty((places, max(places, len(columns))))
    cost[:] = price[:, None]
    for k in range(ratio):
        block = slice(k * len(rows), (k + 1) * len(rows))
        cost[block, : len(columns)] = np.where(fits, near, price[block, None])
    if ratio == 1 and places > len(columns):
        cost = cost[:, : len(columns)]  # all empty places cost the same, so that none need be shown
    place, column = linear_sum_assignment(cost)
    for at, which in zip(place, column, strict=True):
        if which < len(columns) and fits[at % len(rows), which]:
            chosen[rows[at % len(rows)], at // len(rows)] = columns[which]
    if ratio > 1:
        chosen = np.sort(np.where(chosen < 0, np.iinfo(np.int64).max, chosen), axis=1)
        chosen[chosen == np.iinfo(np.int64).max] = -1
    return chosen
