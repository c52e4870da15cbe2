"""The p of counts and means that a pasted table prints, from closed forms: nothing is compiled to read a paper."""

from collections.abc import Sequence
from math import erfc, exp, inf, lgamma, pi, sqrt

from benchmarks.pasted.student import both_tails

Counts = tuple[Sequence[float], Sequence[float]]
_SLACK = 1e-7  # relative, as R's fisher.test has it


def above(chi2: float, df: int) -> float:
    """The probability of a chi-square above a value (Abramowitz and Stegun 1964, 26.4.4 and 26.4.5)."""
    if chi2 <= 0:
        return 1.0
    if df % 2:
        total, term = erfc(sqrt(chi2 / 2)), 2 * exp(-chi2 / 2) / sqrt(2 * pi) * sqrt(chi2)
        for k in range(1, df, 2):
            total += term
            term *= chi2 / (k + 2)
        return min(total, 1.0)
    total, term = 0.0, exp(-chi2 / 2)
    for k in range(df // 2):
        total += term
        term *= chi2 / 2 / (k + 1)
    return min(total, 1.0)


def p_of_counts(counts: Counts) -> list[float]:
    """The p of Pearson's test, and of two levels with Yates's correction and Fisher's; none where nothing compares."""
    seen = [(a, b) for a, b in zip(*counts, strict=True) if a + b > 0]
    sizes = [sum(pair[arm] for pair in seen) for arm in (0, 1)]
    if len(seen) < 2 or min(sizes) <= 0:
        return []
    cells = [(pair[arm], sum(pair) * sizes[arm] / sum(sizes)) for pair in seen for arm in (0, 1)]
    found = [above(sum((o - e) ** 2 / e for o, e in cells), len(seen) - 1)]
    if len(seen) == 2:
        less = min(0.5, *(abs(o - e) for o, e in cells))
        found.append(above(sum((abs(o - e) - less) ** 2 / e for o, e in cells), 1))
        found.append(_fisher(*(round(one) for pair in seen for one in pair)))
    return found


def _fisher(a: int, b: int, c: int, d: int) -> float:
    """Fisher's exact p of two by two: the probability of all tables as improbable as this one."""
    row, column, n = a + b, a + c, a + b + c + d

    def log_p(x: int) -> float:
        parts = (x, row - x, column - x, n - row - column + x)
        total = sum(lgamma(one + 1) for one in (row, n - row, column, n - column)) - lgamma(n + 1)
        return total - sum(lgamma(one + 1) for one in parts)

    every = [exp(log_p(x)) for x in range(max(0, row + column - n), min(row, column) + 1)]
    own = exp(log_p(a)) * (1 + _SLACK)
    return min(sum(p for p in every if p <= own), 1.0)


def half_unit(text: str) -> float:
    """Half a unit of the last decimal of a printed number."""
    return 0.5 * 10.0 ** -len(text.partition(".")[2])


def p_of_means(cells: Sequence[tuple[str, str]], n: Sequence[float]) -> tuple[float, float]:
    """The least and greatest p of Welch's and Student's test over all means and SDs that are printed so."""
    (mean0, sd0), (mean1, sd1) = cells
    apart, half = abs(float(mean0) - float(mean1)), half_unit(mean0) + half_unit(mean1)
    found = []
    for difference in (max(apart - half, 0.0), apart + half):
        for sign in (-1, 1):
            v = [max(float(sd) + sign * half_unit(sd), 0.0) ** 2 for sd in (sd0, sd1)]
            parts = [v[0] / n[0], v[1] / n[1]]
            if sum(parts) <= 0 or min(n) < 2:
                return 0.0, 1.0
            welch = sum(parts) ** 2 / sum(part**2 / (size - 1) for part, size in zip(parts, n, strict=True))
            pooled = sum((size - 1) * one for one, size in zip(v, n, strict=True)) / (sum(n) - 2)
            for df, se in ((welch, sqrt(sum(parts))), (sum(n) - 2, sqrt(pooled * (1 / n[0] + 1 / n[1])))):
                found.append(both_tails(difference / se, df))
    return min(found), max(found)


def stands_for(text: str) -> tuple[float, float]:
    """The values that a printed p stands for."""
    value = float(text.lstrip("<>≤≥"))
    if text[0] in "<≤":
        return -inf, value
    if text[0] in ">≥":
        return value, inf
    return value - half_unit(text), value + half_unit(text)
