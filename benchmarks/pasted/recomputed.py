"""The p of printed counts, means and ratios, from closed forms: nothing is compiled to read a paper."""

from collections.abc import Sequence
from math import ceil, erfc, exp, floor, inf, lgamma, log, pi, prod, sqrt

from benchmarks.pasted.student import both_tails

Counts = tuple[Sequence[float], Sequence[float]]
_SLACK = 1e-7  # relative, as R's fisher.test has it
_Z95 = 1.959963984540054
MOST_TABLES = 20_000


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
    """The p of Pearson's test, of two levels with Yates's correction, and of Fisher's; none where nothing compares."""
    seen = [(a, b) for a, b in zip(*counts, strict=True) if a + b > 0]
    sizes = [sum(pair[arm] for pair in seen) for arm in (0, 1)]
    if len(seen) < 2 or min(sizes) <= 0:
        return []
    cells = [(pair[arm], sum(pair) * sizes[arm] / sum(sizes)) for pair in seen for arm in (0, 1)]
    found = [above(sum((o - e) ** 2 / e for o, e in cells), len(seen) - 1)]
    if len(seen) == 2:
        less = min(0.5, *(abs(o - e) for o, e in cells))
        found.append(above(sum((abs(o - e) - less) ** 2 / e for o, e in cells), 1))
    return [*found, *_fisher([(round(a), round(b)) for a, b in seen])]


def p_of_percents(texts: Sequence[str], n: Sequence[float]) -> tuple[tuple[float, float], ...]:
    """The least and greatest p of each test of `p_of_counts` over the counts whose shares are printed so."""
    if any(not text[:1].isdigit() for text in texts):
        return ()
    ends = []
    for text, size in zip(texts, n, strict=True):
        low, high = ((float(text) + sign * half_unit(text)) * size / 100 for sign in (-1, 1))
        ends.append((max(ceil(low - _SLACK), 0), min(floor(high + _SLACK), int(size))))
    if any(low > high for low, high in ends):
        return ()
    tests = [p_of_counts(([a, n[0] - a], [b, n[1] - b])) for a in ends[0] for b in ends[1]]
    shares = [[end / size for end in both] for both, size in zip(ends, n, strict=True)]
    meet = shares[0][0] <= shares[1][1] and shares[1][0] <= shares[0][1]
    if not all(len(found) == len(tests[0]) for found in tests):
        return ()
    return tuple((min(found), 1.0 if meet else max(found)) for found in zip(*tests, strict=True))


def _fisher(seen: Sequence[tuple[int, int]]) -> list[float]:
    """Fisher's exact p: the probability of all tables as improbable as this one; none where these are too many."""
    levels, row = [a + b for a, b in seen], sum(a for a, _ in seen)
    if prod(level + 1 for level in sorted(levels)[:-1]) > MOST_TABLES:
        return []
    levels.sort(reverse=True)
    total = _choices(sum(levels), row)
    own = sum(_choices(a + b, a) for a, b in seen) - total + _SLACK
    tables = [(0, 0.0)]
    for level in levels[1:]:
        tables = [
            (done + x, log_p + _choices(level, x)) for done, log_p in tables for x in range(min(level, row - done) + 1)
        ]
    every = [log_p + _choices(levels[0], row - done) - total for done, log_p in tables if row - done <= levels[0]]
    return [min(sum(exp(log_p) for log_p in every if log_p <= own), 1.0)]


def _choices(n: int, k: int) -> float:
    """The logarithm of n choose k."""
    return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)


def p_of_ratio(texts: Sequence[str]) -> tuple[float, float] | None:
    """The least and greatest Wald p of all ratios with 95 % limits that are printed so; None where they have none."""
    if any(not text[:1].isdigit() for text in texts):
        return None
    boxes = [(float(text) - half_unit(text), float(text) + half_unit(text)) for text in texts]
    if min(low for low, _ in boxes) <= 0:
        return None
    found = []
    for corner in range(8):
        middle, low, high = (log(box[corner >> k & 1]) for k, box in enumerate(boxes))
        if high > low:
            found.append(erfc(abs(middle) * 2 * _Z95 / (high - low) / sqrt(2)))
    spans_one = boxes[0][0] <= 1 <= boxes[0][1]
    return (min(found), 1.0 if spans_one else max(found)) if found else None


def half_unit(text: str) -> float:
    """Half a unit of the last decimal of a printed number."""
    return 0.5 * 10.0 ** -len(text.partition(".")[2])


def p_of_means(cells: Sequence[tuple[str, str]], n: Sequence[float]) -> tuple[float, float]:
    """The least and greatest p of Welch's and Student's test over all means and SDs that are printed so."""
    (mean0, sd0), (mean1, sd1) = cells
    if min(n) < 2:
        return 0.0, 1.0
    apart, half = abs(float(mean0) - float(mean1)), half_unit(mean0) + half_unit(mean1)
    found = []
    for difference in (max(apart - half, 0.0), apart + half):
        for sign in (-1, 1):
            v = [max(float(sd) + sign * half_unit(sd), 0.0) ** 2 for sd in (sd0, sd1)]
            parts = [v[0] / n[0], v[1] / n[1]]
            if sum(parts) <= 0:
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
