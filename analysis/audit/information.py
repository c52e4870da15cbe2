"""The information in events: no Cox model's standard error of a binary covariate is below sqrt(1/d1 + 1/d0).

At the maximum the covariate's expected values over the d events add up to d1, so by Jensen's inequality the
information sum q (1 - q) is at most d1 d0 / d; further covariates and strata only take information away. Where the
events of a group are not printed, the most that its size and the events of the arms allow stand for them. Fine and
Gray's model has a robust standard error, for which there is no such bound.
"""

from collections.abc import Iterator
from math import exp, log, sqrt

from analysis.audit.paper import ARMS, CountRow, Finding, Paper
from analysis.audit.published import parse_element
from analysis.audit.ratios import TREATMENT, Ratio, Z

_OPERATORS = {"<=": float.__le__, "<": float.__lt__, ">=": float.__ge__, ">": float.__gt__}


def information_findings(paper: Paper, ratios: tuple[Ratio, ...]) -> Iterator[Finding]:
    """The ratios whose intervals are narrower than the events allow."""
    for ratio in ratios:
        if ratio.model == "fine_gray":
            continue
        printed = _events_keys(paper, ratio)
        if paper.weighted(ratio.side):  # its variance is robust, and weights may make it less than the floor
            continue
        if any(key is None for key in printed) or ratio.se.low <= 0:
            continue
        event_keys = tuple(key for key in printed if key is not None)
        events = [_at_most(paper, key, ratio.side, arm) for key, arm in zip(event_keys, ARMS, strict=True)]
        if ratio.model in ("cox", "cox_stratified", "competing_cox") or ratio.element == TREATMENT:
            exact = paper.primary != "matching" or all(f".{ratio.side}." in key for key in event_keys)
            how = "the events" if exact else "the most events that matching can leave"
            yield from _below_floor(paper, ratio, (events[0], events[1]), event_keys, how)
            continue
        found = _members(paper, ratio)
        if found is None:
            continue
        row, inside = found
        keys = (*event_keys, *row.keys)
        if ratio.model == "subgroups":
            own = [min(_size(row, a, inside), events[a]) for a in range(2)]
            yield from _below_floor(paper, ratio, (own[0], own[1]), keys, "the most events of the subgroup")
        else:
            outside = [k for k in range(len(row.levels)) if k not in inside]
            a, b = (sum(min(_size(row, a, group), events[a]) for a in range(2)) for group in (inside, outside))
            split = _most_informative(a, b, sum(events))
            yield from _below_floor(paper, ratio, split, keys, "the most events that the group sizes allow")


def _events_keys(paper: Paper, ratio: Ratio) -> tuple[str | None, ...]:
    """By arm, the key of the events of the ratio's side, else of those before matching, which bound them."""
    made = []
    for arm in ARMS:
        counted = f"competing_events.{arm}" if ratio.model == "competing_cox" else f"km.{arm}.events"
        keys = [f"endpoints.{ratio.endpoint}.{side}.{counted}" for side in (ratio.side, "before")]
        made.append(next((key for key in keys if paper.count(key) is not None), None))
    return tuple(made)


def _at_most(paper: Paper, key: str, side: str, arm: str) -> int:
    """The most events of an arm: as printed, and no more than patients."""
    return min(n for n in (paper.count(key), paper.size(side, arm)) if n is not None)


def _size(row: CountRow, arm: int, group: list[int]) -> int:
    return int(row.counts[arm, group].sum())


def _below_floor(
    paper: Paper, ratio: Ratio, events: tuple[int, int], keys: tuple[str, ...], how: str
) -> Iterator[Finding]:
    if min(events) < 1:
        return
    floor = sqrt(1 / events[0] + 1 / events[1])
    if ratio.se.high < floor:
        hr, low, high = (one.value for one in ratio.numbers)
        told = f"{ratio}: SE = {log(high / low) / (2 * Z):.3f} (at most {ratio.se.high:.3f} within rounding)"
        told += f" < sqrt(1/{events[0]} + 1/{events[1]}) = {floor:.3f}, {how}"
        wanted = f"at least {hr * exp(-Z * floor):.2f} to {hr * exp(Z * floor):.2f}"
        wanted = f"no model-based Cox Wald interval, which is {wanted}"
        low_text, high_text = ratio.numbers[1].text, ratio.numbers[2].text
        many = f"{'' if how == 'the events' else 'at most '}{events[1]} and {events[0]} {{events}}"
        said = f"the interval{{of}}, {low_text} to {high_text}, is too narrow for {many}"
        half = max((ratio.se.high - ratio.se.low) / 2, 1e-9)
        off = (floor - (ratio.se.high + ratio.se.low) / 2) / half
        kind = "information of the events"
        yield paper.finding((*ratio.keys, *keys), "severe", kind, told, wanted, said=said, off=off)


def _members(paper: Paper, ratio: Ratio) -> tuple[CountRow, list[int]] | None:
    """The row of Table 1 that a term belongs to, and which of its levels the term names; None if it has no groups."""
    element = parse_element(ratio.element or "")
    named = f"{element.variable}{element.operator}{element.value}"
    rows = [row for row in paper.rows if row.side == ratio.side and row.keys[0].startswith("table1.")]
    for row in rows:
        if named in row.levels:
            return row, [row.levels.index(named)]
    whole = next((row for row in rows if row.name == element.variable), None)
    if whole is None or element.operator not in ("", *_OPERATORS):
        return None
    if not element.operator:
        return (whole, [1]) if len(whole.levels) == 2 else None
    try:
        cut, values = float(element.value), [float(parse_element(level).value) for level in whole.levels]
    except ValueError:
        return None
    return whole, [k for k, value in enumerate(values) if _OPERATORS[element.operator](value, cut)]


def _most_informative(a: int, b: int, total: int) -> tuple[int, int]:
    """The split of at most ``total`` events over groups of at most a and b that holds the most information."""
    first = min(a, max(total // 2, total - b))
    return first, min(b, total - first)
