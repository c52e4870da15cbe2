"""Margins: how a standard normal becomes the value of a covariate.

A margin of levels or counts is a list of thresholds, any other a table of quantiles, of the number or of its logarithm
(`simulator.mechanisms.stated_quantiles` makes some). Made here is that of the distribution of maximum entropy among
those with the stated mean, SD, bounds and shares above cut-points. With y = (x - mean) / SD, its density is
exp(a y + b y^2) times a constant per interval between cut-points (Jaynes 1957, Physical Review 106:620).
"""

import functools
import itertools
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from simulator.numerics.arrays import Floats
from simulator.numerics.compiled import kernel
from simulator.numerics.elementary import exp

_STEPS = 2048  # of a quantile table, for each interval between cut-points
_REACH = 8.3  # standard normals further out do not occur
_LUMP = 3.0  # times the density of the valley before it
_GAUSS, _WEIGHT = (points / 2 for points in np.polynomial.legendre.leggauss(4))  # on (-1/2, 1/2)


@kernel
def _levels(z: Floats, thresholds: Floats, out: Floats) -> None:
    """Fill ``out (M,)`` with how many thresholds each of ``z (M,)`` is above."""
    out[:] = 0.0
    for threshold in thresholds:
        for i in range(z.size):
            out[i] += z[i] > threshold


@kernel
def _interpolate(z: Floats, knots: Floats, table: Floats, out: Floats) -> None:
    """Fill ``out (M,)`` with the linear interpolation in ``table (J, S + 1)`` for ``z (M,)``."""
    steps = table.shape[1] - 1
    per_step = np.empty(len(table))
    for j in range(len(table)):
        per_step[j] = np.divide(float(steps), knots[j + 1] - knots[j])
    for i in range(z.size):
        piece = 0
        for j in range(1, len(table)):
            piece += z[i] > knots[j]
        place = min(max((z[i] - knots[piece]) * per_step[piece], 0.0), float(steps))
        step = min(int(place), steps - 1)
        low = table[piece, step]
        out[i] = low + (place - step) * (table[piece, step + 1] - low)


@dataclass(frozen=True)
class LevelThresholds:
    """A categorical margin: the thresholds ``(L - 1,)`` between levels on the normal scale."""

    thresholds: Floats

    def fill(self, z: Floats, out: Floats) -> None:
        """Put into ``out`` the positions of levels for standard normals ``z``, both ``(M,)``."""
        _levels(z, self.thresholds, out)


@dataclass(frozen=True)
class Quantiles:
    """A continuous margin: values ``table (J, S + 1)`` at equal steps on the normal scale between ``knots (J + 1,)``.

    The inner knots are the normal quantiles of the cut-points, so that shares above them are exact.
    """

    knots: Floats
    table: Floats

    def fill(self, z: Floats, out: Floats) -> None:
        """Put into ``out`` the values for standard normals ``z``, both ``(M,)``; linear between the table's entries."""
        _interpolate(z, self.knots, self.table, out)

    def moments(self) -> tuple[float, float]:
        """The exact mean and SD of the values of a standard normal."""
        grid = np.linspace(self.knots[:-1], self.knots[1:], self.table.shape[1], axis=1)[..., None]
        z = grid[:, :-1] + np.diff(grid, axis=1) * (0.5 + _GAUSS)
        weight = _WEIGHT * np.diff(grid, axis=1) * np.exp(-0.5 * z * z)
        values = self.table[:, :-1, None] + np.diff(self.table)[..., None] * (0.5 + _GAUSS)
        mean = (weight * values).sum() / weight.sum()
        return float(mean), float(np.sqrt((weight * (values - mean) ** 2).sum() / weight.sum()))


@dataclass(frozen=True)
class Exponentials:
    """The margin of a number above zero: exponentials, from ``low`` to ``high``, of a table of ``logs``."""

    logs: Quantiles
    low: float
    high: float

    def fill(self, z: Floats, out: Floats) -> None:
        """Put into ``out`` the values for standard normals ``z``, both ``(M,)``."""
        self.logs.fill(z, out)
        np.clip(exp(out), self.low, self.high, out=out)


@dataclass(frozen=True)
class Steps:
    """The margin of a count: the thresholds ``(L,)`` between 0, 1, 2, ... on the normal scale; they may be many."""

    thresholds: Floats

    def fill(self, z: Floats, out: Floats) -> None:
        """Put into ``out`` the counts for standard normals ``z``, both ``(M,)``."""
        out[:] = np.searchsorted(self.thresholds, z)


Margin = LevelThresholds | Quantiles | Exponentials | Steps


def standard_deviation(margin: Margin) -> float:
    """The SD of the values of a standard normal, by the midpoint rule."""
    z = (np.arange(20_000) + 0.5) / 20_000 * 2 * _REACH - _REACH
    weight = np.exp(-0.5 * z * z) / np.exp(-0.5 * z * z).sum()
    values = np.empty(z.shape)
    margin.fill(z, values)
    return float(np.sqrt((weight * (values - (weight * values).sum()) ** 2).sum()))


@dataclass(frozen=True)
class _Interval:
    """A density proportional to exp(a y + b y^2) between two ends: edges (M+1,) of cells and their masses (M,).

    ``moments (4,)`` are those of y about 0, ``log_mass`` is the logarithm of the density's integral.
    """

    edges: Floats
    masses: Floats
    moments: Floats
    log_mass: float


def _interval(low: float, high: float, a: float, b: float, cells: int = 600) -> _Interval:
    """The density by Gauss-Legendre quadrature, in cells that are small where it may be steep: at ends and vertex."""
    steps = np.linspace(-3, 3, cells + 1)
    from_0_to_1 = 1.0 / (1.0 + exp(np.pi / 2 * (exp(-steps) - exp(steps))))  # tanh of sinh
    vertex = min(max(-float(a) / (2 * float(b)), low), high) if b else low
    edges = np.concatenate([low + (vertex - low) * from_0_to_1, vertex + (high - vertex) * from_0_to_1, [low, high]])
    edges = np.unique(np.clip(edges, low, high))
    width = np.diff(edges)[:, None]
    y = edges[:-1, None] + width * (0.5 + _GAUSS)
    log_density = a * y + b * y * y
    top = log_density.max()
    mass = width * _WEIGHT * exp(log_density - top)
    total = mass.sum()
    mass /= total
    moments = np.array([(mass * y**power).sum() for power in (1, 2, 3, 4)])
    return _Interval(edges, mass.sum(axis=1), moments, float(np.log(total) + top))


def _tilt(ends: Floats, shares: Floats, target: Floats) -> tuple[float, float]:
    """The a and b by which y and y^2 have the means ``target (2,)``, given the share of each interval between ``ends``.

    They minimise the convex sum of share x log mass, less a and b times the target: Newton's method, with steps halved
    until it falls. ValueError if there are none.
    """
    pairs = [(low, high, share) for (low, high), share in zip(itertools.pairwise(ends), shares, strict=True) if share]

    def dual(tilt: Floats) -> tuple[float, Floats, Floats]:
        parts = [(share, _interval(low, high, *tilt)) for low, high, share in pairs]
        m1, m2 = (np.array([part.moments[k] for _, part in parts]) for k in (0, 1))
        m3, m4 = (np.array([part.moments[k] for _, part in parts]) for k in (2, 3))
        weight = np.array([share for share, _ in parts])
        cross = (weight * (m3 - m1 * m2)).sum()
        value = sum(share * part.log_mass for share, part in parts) - tilt @ target
        slope = np.array([(weight * m1).sum(), (weight * m2).sum()]) - target
        return value, slope, np.array([[(weight * (m2 - m1**2)).sum(), cross], [cross, (weight * (m4 - m2**2)).sum()]])

    tilt = np.array([0.0, -0.5])
    value, slope, bend = dual(tilt)
    for _ in range(100):
        determinant = bend[0, 0] * bend[1, 1] - bend[0, 1] ** 2
        if np.abs(slope).max() < 1e-10 or not determinant > 0:
            break
        step = np.array([bend[0, 1] * slope[1] - bend[1, 1] * slope[0], bend[0, 1] * slope[0] - bend[0, 0] * slope[1]])
        step /= determinant
        for _ in range(30):
            trial = dual(tilt + step)
            if trial[0] <= value + 1e-12 * abs(value):
                break
            step /= 2
        tilt = tilt + step
        value, slope, bend = trial
    if not np.abs(slope).max() < 1e-8:
        raise ValueError("no distribution within the bounds has this mean, this SD and these shares together")
    return float(tilt[0]), float(tilt[1])


@functools.lru_cache(maxsize=256)
def maximum_entropy(mean: float, sd: float, edges: tuple[float, ...], above: tuple[float, ...]) -> Quantiles:
    """The quantile table for bounds with the cut-points between them, ``edges (J+1,)``, and the shares above each.

    ValueError if no distribution has this mean, this SD and these shares.
    """
    ends = (np.array(edges) - mean) / sd
    upper = np.array(above)
    target = np.array([0.0, 1.0])
    made = _table(ends, upper, *_tilt(ends, -np.diff(upper), target))
    for _ in range(8):  # a table is not quite the density: aim aside by what it misses
        m, s = made.moments()
        if max(abs(m), abs(s - 1)) < 1e-9:
            break
        target = target - np.array([m, m * m + s * s - 1.0])
        try:
            made = _table(ends, upper, *_tilt(ends, -np.diff(upper), target))
        except ValueError:  # almost two points: the table is as near as a table can be
            break
    if max(abs(error) for error in (made.moments()[0], made.moments()[1] - 1)) > 0.01:
        raise ValueError(
            "this mean and SD put a lump at a bound: bring the bounds closer, or give the covariate as levels, or a "
            "skewed one as kind: lognormal"
        )
    low, high = np.array(edges)[:-1], np.array(edges)[1:]
    own = np.flatnonzero(np.diff(knots_of(upper)) > 0)
    return Quantiles(made.knots, np.clip(mean + sd * made.table, low[own, None], high[own, None]))


@functools.lru_cache(maxsize=256)
def two_lumps(mean: float, sd: float, edges: tuple[float, ...], above: tuple[float, ...]) -> tuple[float, float] | None:
    """Where the density of maximum entropy is least between two lumps at the bounds, and the share beyond that point.

    None unless it rises from there to both ends of an interval, to `_LUMP` times as much at least.
    """
    ends, upper = (np.array(edges) - mean) / sd, np.array(above)
    a, b = _tilt(ends, -np.diff(upper), np.array([0.0, 1.0]))
    if not b > 0:
        return None
    valley = -a / (2 * b)
    for j in np.flatnonzero(np.diff(upper) < 0):
        low, high = ends[j], ends[j + 1]
        if low < valley < high and b * min(valley - low, high - valley) ** 2 > np.log(_LUMP):
            share = float(upper[j] - upper[j + 1])
            beyond = _interval(valley, high, a, b).log_mass - _interval(low, high, a, b).log_mass
            return mean + sd * valley, float(upper[j + 1] + share * np.exp(beyond))
    return None


def knots_of(upper: Floats) -> Floats:
    """The normal quantiles of the bounds and cut-points."""
    knots: Floats = np.clip(-ndtri(upper), -_REACH, _REACH)
    return knots


def _table(ends: Floats, upper: Floats, a: float, b: float) -> Quantiles:
    """The quantile table of y with the density exp(a y + b y^2) on each interval that has a share."""
    knots = knots_of(upper)
    kept = np.flatnonzero(np.diff(knots) > 0)
    rows = []
    for j in kept:
        part = _interval(ends[j], ends[j + 1], a, b, cells=2400)
        share = upper[j] - upper[j + 1]
        below = 1.0 - upper[j] + share * np.concatenate([[0.0], np.cumsum(part.masses)])
        beyond = upper[j + 1] + share * np.concatenate([np.cumsum(part.masses[::-1])[::-1], [0.0]])
        z = np.where(below < 0.5, ndtri(np.minimum(below, 0.5)), -ndtri(np.minimum(beyond, 1.0)))
        steps = np.linspace(knots[j], knots[j + 1], _STEPS + 1)
        rows.append(np.interp(steps, np.clip(z, -40.0, 40.0), part.edges))
    return Quantiles(np.array([*knots[kept], knots[kept[-1] + 1]]), np.array(rows))
