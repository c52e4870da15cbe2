"""Slow two-sample tests from their formulas. Samples ``a`` (untreated) and ``b`` (treated), statistics of b - a."""

from math import comb

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2, norm
from scipy.stats import t as student_t

from simulator.numerics.arrays import Floats, Ints


def welch(a: Floats, b: Floats) -> tuple[float, float]:
    """t and two-sided p with Welch's (1947) degrees of freedom."""
    va, vb = np.var(a, ddof=1) / len(a), np.var(b, ddof=1) / len(b)
    t = (b.mean() - a.mean()) / np.sqrt(va + vb)
    df = (va + vb) ** 2 / (va**2 / (len(a) - 1) + vb**2 / (len(b) - 1))
    return float(t), float(2 * student_t.sf(abs(t), df))


def student(a: Floats, b: Floats) -> tuple[float, float]:
    """t and two-sided p with the pooled variance (Student 1908)."""
    df = len(a) + len(b) - 2
    pooled = ((len(a) - 1) * np.var(a, ddof=1) + (len(b) - 1) * np.var(b, ddof=1)) / df
    t = (b.mean() - a.mean()) / np.sqrt(pooled * (1 / len(a) + 1 / len(b)))
    return float(t), float(2 * student_t.sf(abs(t), df))


def orders(m: int, n: int) -> list[int]:
    """In how many orders of m and n patients U is 0, 1, ..., mn: the coefficients of Gauss's binomial, exactly."""
    made = [1] + [0] * (m * n)
    for k in range(1, m + 1):
        for power in range(m * n, n + k - 1, -1):  # times 1 - x^(n + k)
            made[power] -= made[power - n - k]
        for power in range(k, m * n + 1):  # over 1 - x^k
            made[power] += made[power - k]
    return made


def mann_whitney(a: Floats, b: Floats) -> tuple[float, float]:
    """U of b (pairs in which b is larger, ties half) and its two-sided p.

    Exact where both are below 50 and nothing is tied, else normal with tie and continuity correction.
    """
    u = sum(float((y > a).sum()) + 0.5 * float((y == a).sum()) for y in b)
    m, n = len(a), len(b)
    _, tied = np.unique(np.concatenate([a, b]), return_counts=True)
    if max(m, n) < 50 and (tied == 1).all():
        ways = orders(m, n)
        return u, min(1.0, 2 * sum(ways[: int(min(u, m * n - u)) + 1]) / sum(ways))
    total = m + n
    sigma = np.sqrt(m * n / 12 * (total + 1 - (tied**3 - tied).sum() / (total * (total - 1))))
    gap = u - m * n / 2
    z = (gap - 0.5 * np.sign(gap)) / sigma
    return u, float(2 * min(norm.cdf(z), norm.sf(z)))


def pearson(counts: Ints, correct: bool = False) -> tuple[float, float]:
    """Chi-square and p of ``counts (2, K)`` (Pearson 1900); Yates' (1934) correction for 2 x 2 as R limits it."""
    expected = np.outer(counts.sum(axis=1), counts.sum(axis=0)) / counts.sum()
    gap = np.abs(counts - expected)
    if correct and counts.shape[1] == 2:
        gap = gap - min(0.5, gap.min())
    statistic = float((gap**2 / expected).sum())
    return statistic, float(chi2.sf(statistic, counts.shape[1] - 1))


def tables(first_row: int, columns: list[int]) -> list[list[int]]:
    """Every first row of a 2 x K table with these margins."""
    if len(columns) == 1:
        return [[first_row]] if first_row <= columns[0] else []
    return [[k, *rest] for k in range(min(first_row, columns[0]) + 1) for rest in tables(first_row - k, columns[1:])]


def fisher(counts: Ints) -> float:
    """p: the probability, margins fixed, of all 2 x K tables no likelier than the observed one (Freeman & Halton 1951).

    Exact integers throughout, but for R's allowance that 1 + 1e-7 times the observed probability is no likelier.
    """
    columns = [int(c) for c in counts.sum(axis=0)]
    row = [int(c) for c in counts[0]]

    def ways(first: list[int]) -> int:
        product = 1
        for k, c in zip(first, columns, strict=True):
            product *= comb(c, k)
        return product

    observed = ways(row)
    limit = observed + observed // 10**7
    total = comb(sum(columns), sum(row))
    return sum(w for w in map(ways, tables(sum(row), columns)) if w <= limit) / total


def smd(a: Floats, b: Floats) -> float:
    """The standardised mean difference (mean b - mean a) / sqrt((var a + var b) / 2) (Austin 2009).

    Sample variances (n - 1) for numbers, p (1 - p) for 0/1 columns.
    """
    binary = np.isin(np.concatenate([a, b]), (0, 1)).all()
    va, vb = (v.mean() * (1 - v.mean()) if binary else np.var(v, ddof=1) for v in (a, b))
    return float((b.mean() - a.mean()) / np.sqrt((va + vb) / 2))


def quartiles(x: Floats) -> list[float]:
    """The three quartiles of type 7 (Hyndman & Fan 1996): the values at (n - 1) / 4, / 2 and 3 / 4, counted from 0.

    Between two places the value lies on the line between them.
    """
    ordered = sorted(x)
    found = []
    for place in ((len(x) - 1) * share for share in (0.25, 0.5, 0.75)):
        low, high = ordered[int(place)], ordered[min(int(place) + 1, len(x) - 1)]
        found.append(low + (place - int(place)) * (high - low))
    return found


def ipw(propensity: Floats, treated: NDArray[np.bool_], target: str) -> Floats:
    """Balancing weights h(e)/e for the treated and h(e)/(1 - e) for the others (Li, Morgan & Zaslavsky 2018, Table 1).

    The tilting function h says whom the weighted cohort stands for.
    """
    e = propensity
    tilt = {
        "ate": np.ones_like(e),
        "att": e,
        "atc": 1 - e,
        "overlap": e * (1 - e),
        "matching": np.minimum(e, 1 - e),
    }[target]
    return np.where(treated, tilt / e, tilt / (1 - e))
