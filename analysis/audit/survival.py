"""Medians and follow-up: their limits, against events, hazard ratios and the calendar."""

from collections.abc import Iterator, Mapping
from math import exp, inf, isfinite, log, sqrt

from analysis.audit.paper import ARMS, SIDES, Finding, Number, Paper, Severity
from analysis.audit.published import Stands, parse_months
from simulator.cohort.estimand import TimeUnit
from simulator.mechanisms.entry import PER_MONTH
from simulator.world.sections import Printed

Z = 1.959964
TOO_WIDE = 2.5  # times the width that an exponential time would give
FEW_EVENTS = 0.25  # part of the arm below which a median that is reached calls for a remark
FAR_RATIO = log(2)  # distance on the log scale between the ratio of medians and the hazard ratio


def survival_findings(paper: Paper, published: Mapping[str, Printed], unit: TimeUnit) -> Iterator[Finding]:
    """All findings about medians and follow-up, which are printed in this ``unit``."""
    longest = _longest(published, unit)
    for key in paper.numbers:
        start, _, last = key.rpartition(".")
        if last == "median" and (".km." in key or ".follow_up." in key):
            yield from _limits(paper, start)
            yield from _width(paper, start)
            yield from _calendar(paper, start, longest, unit)
    for endpoint in dict.fromkeys(key.split(".")[1] for key in paper.numbers if key.startswith("endpoints.")):
        for side in SIDES:
            yield from _events(paper, endpoint, side)
            yield from _medians_and_ratio(paper, endpoint, side)


def _interval(paper: Paper, start: str) -> tuple[Number | None, Number | None, Number | None]:
    return paper.get(f"{start}.median"), paper.get(f"{start}.low"), paper.get(f"{start}.high")


def _limits(paper: Paper, start: str) -> Iterator[Finding]:
    median, low, high = _interval(paper, start)
    if median is None:
        return
    below = low is not None and median.stands.high < low.stands.low
    if below or (high is not None and high.stands.high < median.stands.low):
        keys = tuple(one.key for one in (median, low, high) if one is not None)
        told = f"{median.text} ({low.text if low else '?'} to {high.text if high else '?'})"
        said = f"the median{{of}}, {median.text}, lies outside its own interval"
        wanted = "a median between its limits"
        yield paper.finding(keys, "severe", "interval holds the median", told, wanted, said=said, off=99.0)


def _width(paper: Paper, start: str) -> Iterator[Finding]:
    """A median's interval against that of an exponential time without censoring, log SE = 1 / (log 2 sqrt n)."""
    median, low, high = _interval(paper, start)
    side, arm = start.split(".")[2], start.rpartition(".")[2]
    size = paper.size(side, arm)
    if median is None or low is None or high is None or not size:
        return
    if not 0 < low.stands.low <= low.stands.high < high.stands.low < inf:
        return
    se, plain = log(high.stands.low / low.stands.high) / (2 * Z), 1 / (log(2) * sqrt(size))
    if se > TOO_WIDE * plain:
        told = f"{median.text} ({low.text} to {high.text}) of {size} patients: log SE {se:.3f},"
        told += f" {se / plain:.1f} times the {plain:.3f} of an exponential time"
        span = [median.value * exp(k * Z * plain) for k in (-1, 1)]
        wanted = (
            f"about {span[0]:.1f} to {span[1]:.1f} or narrower; quartiles or a range, not an interval of the median"
        )
        severity: Severity = "moderate" if ".follow_up." in start else "note"
        said = f"the interval{{of}}, {low.text} to {high.text}, is too wide for the median of {size} patients"
        keys = (median.key, low.key, high.key)
        yield paper.finding(
            keys, severity, "interval of a median", told, wanted, said=said, off=se / (TOO_WIDE * plain)
        )


def _longest(published: Mapping[str, Printed], unit: TimeUnit) -> float | None:
    """The longest follow-up that the calendar allows, in the unit."""
    dates = [published.get(f"world.{path}") for path in ("entry.accrual.start", "followup.cut_off")]
    months = [parse_months(one.printed) for one in dates if one is not None]
    known = [one for one in months if one is not None]
    return (known[1].high - known[0].low) * PER_MONTH[unit] if len(known) == 2 else None


def _calendar(paper: Paper, start: str, longest: float | None, unit: TimeUnit) -> Iterator[Finding]:
    if longest is None:
        return
    for number in _interval(paper, start):
        if number is not None and isfinite(number.stands.low) and number.stands.low > longest:
            told = f"{number.text} {unit}, but from the first entry to the cut-off there are {longest:.1f}"
            wanted = f"at most {longest:.1f} {unit}"
            yield paper.finding((number.key,), "severe", "time within the calendar", told, wanted)


def _events(paper: Paper, endpoint: str, side: str) -> Iterator[Finding]:
    """Kaplan-Meier's curve is at or below one minus the events' part of the arm."""
    for arm in ARMS:
        start = f"endpoints.{endpoint}.{side}.km.{arm}"
        events, median, size = paper.count(f"{start}.events"), paper.get(f"{start}.median"), paper.size(side, arm)
        if events is None or median is None or not size:
            continue
        keys, told = (median.key, f"{start}.events"), f"{events} of {size} = {100 * events / size:.1f} % had the event"
        if not isfinite(median.stands.high) and 2 * events > size:
            yield paper.finding(keys, "severe", "median of the events", f"{told}, median {median.text}", "a median")
        elif isfinite(median.stands.high) and events < FEW_EVENTS * size:
            told += f", median {median.text}"
            wanted = "a median not reached, unless nearly all were censored early"
            yield paper.finding(keys, "note", "median of the events", told, wanted)


def _medians_and_ratio(paper: Paper, endpoint: str, side: str) -> Iterator[Finding]:
    start = f"endpoints.{endpoint}.{side}"
    control, treated = (paper.get(f"{start}.km.{arm}.median") for arm in ARMS)
    hr = paper.get(f"{start}.cox.hr") or paper.get(f"{start}.cox_stratified.hr")
    if control is None or treated is None or hr is None or min(one.stands.low for one in (control, treated, hr)) <= 0:
        return
    if not all(isfinite(one.stands.high) for one in (control, treated, hr)):
        return
    ratio = Stands(log(control.stands.low / treated.stands.high), log(control.stands.high / treated.stands.low))
    if ratio.gap(Stands(log(hr.stands.low), log(hr.stands.high))) > FAR_RATIO:
        told = f"medians {control.text} / {treated.text} = {control.value / treated.value:.2f}, hazard ratio {hr.text}"
        yield paper.finding(
            (hr.key, control.key, treated.key),
            "note",
            "medians and hazard ratio",
            told,
            "hazards far from proportional",
        )
