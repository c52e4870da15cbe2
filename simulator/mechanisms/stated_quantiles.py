"""Tables of quantiles from stated shares: pieces of normals, log-normals with a mean and an SD, and counts.

A piece is a normal between two points with a stated share of the patients; where that share is the normal's own, the
pieces make the normal. With Phi the normal distribution function, a log-normal between a and b has the k-th moment

    exp(k m + k^2 s^2 / 2) (Phi(beta - k s) - Phi(alpha - k s)) / (Phi(beta) - Phi(alpha)),   alpha = (log a - m) / s.
"""

import functools
import itertools
import math

import numpy as np
from scipy.special import betainc, log_ndtr, ndtr, ndtri, ndtri_exp, pdtr, pdtrc

from simulator.mechanisms.margins import _REACH, _STEPS, Quantiles, knots_of
from simulator.numerics.arrays import Floats

QUARTILE = float(ndtri(0.75))
MOST_SPREAD = 22.0  # SDs in a mean of a log-normal: beyond, a thousandth of the variance is never drawn


def extreme(patients: int) -> float:
    """How many SDs the greatest of so many normals is from their mean, by Blom's formula as in Wan et al. (2014)."""
    return float(ndtri((patients - 0.375) / (patients + 0.25)))


@functools.lru_cache(maxsize=256)
def pieces(ends: tuple[float, ...], above: tuple[float, ...], centre: float, sds: tuple[float, ...]) -> Quantiles:
    """The table of normals with one mean and these ``sds (J,)``, each between two of the ``ends (J + 1,)``.

    ``above (J + 1,)`` are the shares beyond each end, from 1 to 0; the first and the last end may be infinite.
    """
    upper = np.array(above)
    knots = knots_of(upper)
    kept = np.flatnonzero(np.diff(knots) > 0)
    rows = []
    for j in kept:
        steps = np.linspace(knots[j], knots[j + 1], _STEPS + 1)
        share = upper[j] - upper[j + 1]
        below = np.clip((ndtr(steps) - (1.0 - upper[j])) / share, 0.0, 1.0)
        beyond = np.clip((ndtr(-steps) - upper[j + 1]) / share, 0.0, 1.0)
        low, high = (ends[j] - centre) / sds[j], (ends[j + 1] - centre) / sds[j]
        y = steps if low == -high == -np.inf else _between(low, high, below, beyond)
        rows.append(np.maximum.accumulate(np.clip(centre + sds[j] * y, ends[j], ends[j + 1])))
    return Quantiles(np.array([*knots[kept], knots[kept[-1] + 1]]), np.array(rows))


def _between(low: float, high: float, below: Floats, beyond: Floats) -> Floats:
    """The quantiles of a standard normal between two points, by the shares ``below`` and ``beyond`` them ``(M,)``."""
    if low + high > 0:
        return -_between(-high, -low, beyond, below)
    top, bottom = log_ndtr(high), log_ndtr(low)
    with np.errstate(divide="ignore"):
        logs = top + np.log(below + beyond * np.exp(bottom - top))
    found: Floats = ndtri_exp(np.minimum(logs, 0.0))
    return found


@functools.lru_cache(maxsize=256)
def lognormal(mean: float, sd: float, edges: tuple[float, ...], above: tuple[float, ...]) -> Quantiles:
    """The table of logarithms of a log-normal in pieces between ``edges (J + 1,)`` that has this mean and this SD.

    ValueError if there is none.
    """
    if sd > MOST_SPREAD * mean:
        raise ValueError(f"an SD of more than {MOST_SPREAD:g} times the mean: give median and quartiles")
    with np.errstate(divide="ignore"):
        ends = np.log(edges)
    spread = math.log1p((sd / mean) ** 2)
    start = np.array([math.log(mean) - spread / 2, math.log(spread) / 2])
    if len(edges) == 2 and not np.isfinite(ends).any():
        centre, size = start[0], math.sqrt(spread)
    else:
        centre, size = _solved(ends, -np.diff(above), start, np.log([mean, mean * mean + sd * sd]))
    return pieces(tuple(ends), above, float(centre), (float(size),) * (len(edges) - 1))


def _solved(ends: Floats, shares: Floats, start: Floats, target: Floats) -> tuple[float, float]:
    """The mean and SD of the logarithm at which the first two moments, by their logarithms, are the target ``(2,)``."""
    from scipy.optimize import root  # slow to import

    def misses(at: Floats) -> Floats:
        centre, size = at[0], math.exp(min(max(at[1], -12.0), 4.0))
        moments = np.zeros(2)
        for (low, high), share in zip(itertools.pairwise((ends - centre) / size), shares, strict=True):
            if share:
                mass = [_log_mass(low - k * size, high - k * size) for k in (0, 1, 2)]
                logs = np.array([k * centre + (k * size) ** 2 / 2 + mass[k] - mass[0] for k in (1, 2)])
                moments += share * np.exp(np.minimum(logs - target, 300.0))
        return np.log(np.maximum(moments, 1e-300))

    found = root(misses, start, method="hybr", options={"xtol": 1e-13, "maxfev": 2000})
    if not np.abs(misses(found.x)).max() < 1e-8 or not -12 < found.x[1] < 4:
        raise ValueError("no log-normal within the bounds has this mean, this SD and these shares together")
    return float(found.x[0]), math.exp(found.x[1])


def _log_mass(low: float, high: float) -> float:
    """The logarithm of a standard normal's mass between two points."""
    if low + high > 0:
        low, high = -high, -low
    top = float(log_ndtr(high))
    return top + math.log1p(-math.exp(min(float(log_ndtr(low)) - top, -1e-16)))


@functools.lru_cache(maxsize=256)
def counts(mean: float, sd: float | None) -> Floats:
    """The thresholds ``(L,)`` on the normal scale between 0, 1, 2, ... of a Poisson or negative binomial count.

    ValueError where the SD is too small for a count, or the count has no end.
    """
    least = math.sqrt(mean)
    if sd is not None and sd < least * (1 - 1e-9):
        raise ValueError(
            f"a count with mean {mean:g} has an SD of at least {least:.4g}; with SD {sd:g} give it as levels "
            "(kind: ordinal), or as continuous"
        )
    more = 0.0 if sd is None else sd * sd - mean
    size, chance = (mean * mean / more, mean / (mean + more)) if more > 1e-9 * mean else (np.inf, 0.0)

    def shares(numbers: Floats) -> tuple[Floats, Floats]:
        """The shares of patients with at most so many, and with more."""
        if size == np.inf:
            return pdtr(numbers, mean), pdtrc(numbers, mean)
        return betainc(size, numbers + 1, chance), betainc(numbers + 1, size, 1 - chance)

    reach = 64 * 2 ** np.arange(13)
    enough = shares(reach.astype(np.float64))[1] < ndtr(-_REACH)
    if not enough.any():
        raise ValueError(f"a count with mean {mean:g} and SD {sd:g} reaches beyond {reach[-1]:,}: write lognormal")
    below, beyond = shares(np.arange(reach[np.argmax(enough)], dtype=np.float64))
    found = np.where(below < 0.5, ndtri(np.minimum(below, 0.5)), -ndtri(np.minimum(beyond, 0.5)))
    thresholds: Floats = found[: np.searchsorted(found, _REACH) + 1]
    return thresholds
