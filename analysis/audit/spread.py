"""Means, standard deviations and ranges: what bounds, and the counts beyond a cut, allow."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from math import inf, isfinite, sqrt

from analysis.audit.paper import ARMS, CountRow, Finding, Paper
from analysis.audit.published import Stands, parse_element


@dataclass(frozen=True)
class _Spread:
    """Mean and SD of a covariate in an arm of ``n``, its bounds, and the keys of all of them."""

    mean: Stands
    sd: Stands
    n: int
    bounds: Stands
    keys: tuple[str, ...]
    text: str


def spread_findings(paper: Paper) -> Iterator[Finding]:
    """All findings about means, standard deviations and ranges."""
    for side, variable in paper.table1("mean"):
        for a, arm in enumerate(ARMS):
            one = _spread(paper, side, variable, arm)
            if one is None:
                continue
            yield from _bounds(paper, one)
            for row in paper.rows:
                cut = parse_element(row.levels[0])
                if row.side == side and row.complete and cut.variable == variable and len(row.levels) == 2:
                    yield from _cut(paper, one, row, a)
    yield from _ranges(paper)


def _spread(paper: Paper, side: str, variable: str, arm: str) -> _Spread | None:
    keys = tuple(f"table1.{side}[{variable}].{arm}.{what}" for what in ("mean", "sd"))
    mean, sd, n = paper.finite(keys[0]), paper.finite(keys[1]), paper.size(side, arm)
    if mean is None or sd is None or not n:
        return None
    limits = tuple(f"world.population.covariates.{variable}.bounds.{k}" for k in range(2))
    low, high = (paper.finite(key) for key in limits)
    bounds = Stands(low.value if low is not None else -inf, high.value if high is not None else inf)
    known = tuple(one.key for one in (low, high) if one is not None)
    return _Spread(mean.stands, sd.stands, n, bounds, (*keys, *known), f"{mean.text} ± {sd.text} of {n} patients")


def _bounds(paper: Paper, one: _Spread) -> Iterator[Finding]:
    low, high = one.bounds.low, one.bounds.high
    if one.mean.high < low or one.mean.low > high:
        told = f"{one.text}, all from {low:g} to {high:g}"
        yield paper.finding(one.keys, "severe", "mean within bounds", told, "a mean between the bounds")
    elif isfinite(low) and isfinite(high) and one.n > 1:
        middle = one.mean.within(low, high)
        best = min(max((low + high) / 2, middle.low), middle.high)
        most = sqrt(max((best - low) * (high - best), 0.0) * one.n / (one.n - 1))
        if one.sd.low > most:
            told = f"{one.text}; from {low:g} to {high:g} the SD is at most {most:.2f}"
            yield paper.finding(one.keys, "severe", "SD within bounds", told, f"at most {most:.2f}")


def _cut(paper: Paper, one: _Spread, row: CountRow, arm: int) -> Iterator[Finding]:
    """The two sides of a cut differ at least so much that the mean comes out, and that takes a variance."""
    first = parse_element(row.levels[0])
    try:
        cut = float(first.value)
    except ValueError:
        return
    below = int(row.counts[arm, 0 if first.operator.startswith("<") else 1])
    above = one.n - below
    if not below or not above:
        return
    mean = min(max(cut, one.mean.low), one.mean.high)
    variance = (mean - cut) ** 2 * (below / above if mean > cut else above / below)
    least = sqrt(variance * one.n / (one.n - 1))
    keys, told = (*one.keys, *row.keys), f"{one.text}, {below} of them below {cut:g} and {above} above"
    low, high = (below * one.bounds.low + above * cut) / one.n, (below * cut + above * one.bounds.high) / one.n
    if one.mean.high < low or one.mean.low > high:
        yield paper.finding(keys, "severe", "mean and cut", told, f"a mean from {low:.2f} to {high:.2f}")
    elif one.sd.high < least:
        yield paper.finding(keys, "severe", "SD and cut", f"{told}: SD at least {least:.2f}", f"at least {least:.2f}")


def _ranges(paper: Paper) -> Iterator[Finding]:
    """Minimum, median and maximum are in order, and the matched lie within all."""
    for key in paper.numbers:
        start, _, last = key.rpartition(".")
        if not key.startswith("exposure.") or last != "median":
            continue
        names = ("min", "median", "max")
        found = [one for one in (paper.finite(f"{start}.{name}") for name in names) if one is not None]
        for a, b in pairwise(found):
            if a.value > b.value and not a.stands.meets(b.stands, -1e-9):
                told, wanted = f"{a.text} > {b.text}", "minimum, median, maximum in order"
                yield paper.finding((a.key, b.key), "severe", "range in order", told, wanted)
        for name, sign in (("min", 1), ("max", -1)):
            after, before = paper.get(f"{start}.{name}"), paper.get(f"{start.replace('.after.', '.before.')}.{name}")
            if after is None or before is None or after is before or paper.primary != "matching":
                continue
            if sign * (before.value - after.value) > 0 and not before.stands.meets(after.stands, -1e-9):
                told = f"{name} {after.text} after matching, {before.text} before"
                yield paper.finding((after.key, before.key), "severe", "matched are part of all", told, before.text)
