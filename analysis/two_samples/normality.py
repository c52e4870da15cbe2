"""The Shapiro-Wilk test of one sample, by Royston's approximation (AS R94, Applied Statistics 44, 1995, 547-551).

It stands here because importing scipy's takes a second, and because R is the yardstick: scipy's normal quantiles have
six digits fewer.
"""

from functools import lru_cache
from math import asin, exp, log, pi, sqrt

import numpy as np
from numpy.polynomial.polynomial import polyval
from scipy.special import ndtr, ndtri

from simulator.numerics.arrays import Floats

FEWEST = 3
SMALL = 11
"""Up to this many values log(1 - W) has another approximation to normality."""
LAST = (0.0, 0.221157, -0.147981, -2.07119, 4.434685, -2.706056)
LAST_BUT_ONE = (0.0, 0.042981, -0.293762, -1.752461, 5.682633, -3.582633)
GAMMA = (-2.273, 0.459)
MEAN_SMALL, LOG_SD_SMALL = (0.544, -0.39978, 0.025054, -6.714e-4), (1.3822, -0.77857, 0.062767, -0.0020322)
MEAN, LOG_SD = (-1.5861, -0.31082, -0.083751, 0.0038915), (-0.4803, -0.082676, 0.0030302)
LEAST_P = 1e-99
KEPT = 10_000


def shapiro_wilk(values: Floats) -> tuple[float, float]:
    """W and the p-value of finite values ``(n,)`` that vary, n at least 3."""
    n = len(values)
    x = np.sort(values)
    x = (x - x[n // 2]) / (x[-1] - x[0])
    a, x = _weights(n), x - x.mean()
    along, whole = float(a @ x), sqrt(float(a @ a) * float(x @ x))
    lacks = (whole - along) * (whole + along) / whole**2
    return 1 - lacks, _p(lacks, n)


def _weights(n: int) -> Floats:
    """The weights of the ordered values: antisymmetric, the greatest one or two by polynomials in 1/sqrt(n).

    Those of up to `KEPT` values are kept, as arms of one size come again in every replicate; not to be written to.
    """
    return _kept_weights(n) if n <= KEPT else _weights_of(n)


@lru_cache(64)
def _kept_weights(n: int) -> Floats:
    made = _weights_of(n)
    made.flags.writeable = False
    return made


def _weights_of(n: int) -> Floats:
    half = n // 2
    if n == FEWEST:
        upper = np.array([sqrt(0.5)])
    else:
        m = -ndtri((np.arange(1, half + 1) - 0.375) / (n + 0.25))  # of the greatest first
        squares = 2 * float(m @ m)
        ends = np.array([polyval(1 / sqrt(n), one) for one in (LAST, LAST_BUT_ONE)[: 2 if n > 5 else 1]])
        ends += m[: len(ends)] / sqrt(squares)
        shrunk = (squares - 2 * float(m[: len(ends)] @ m[: len(ends)])) / (1 - 2 * float(ends @ ends))
        upper = np.concatenate([ends, m[len(ends) :] / sqrt(shrunk)])
    return np.concatenate([-upper, np.zeros(n % 2), upper[::-1]])


def _p(lacks: float, n: int) -> float:
    """The probability of a W as far from 1 or farther."""
    if n == FEWEST:
        return max(6 / pi * (asin(sqrt(1 - lacks)) - asin(sqrt(0.75))), 0.0)
    if lacks <= 0:
        return 1.0
    if n > SMALL:
        return float(ndtr(-(log(lacks) - polyval(log(n), MEAN)) / exp(polyval(log(n), LOG_SD))))
    gamma = polyval(n, GAMMA)
    if log(lacks) >= gamma:
        return LEAST_P
    return float(ndtr(-(-log(gamma - log(lacks)) - polyval(n, MEAN_SMALL)) / exp(polyval(n, LOG_SD_SMALL))))
