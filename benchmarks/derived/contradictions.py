"""Printed numbers of curves that do not go together: each with its figures, as a question or a finding.

A question is one that only the reader of the paper can settle, by the print or by ``assumed: {as_printed: NAME}``,
which keeps it as a finding.
"""

from collections.abc import Iterator, Sequence
from math import exp, isfinite, log, sqrt

from benchmarks.derived.parts import Contradiction
from benchmarks.derived.printed import SIDES, PrintedNumbers, PrintedRatio, Z, median_se
from benchmarks.derived.shape import Shape
from benchmarks.pasted.reading import ROLES

FAR = 2.0


def contradictions(numbers: PrintedNumbers, shape: Shape, kept: Sequence[str] = ()) -> Iterator[Contradiction]:
    """All of them but those about drop-out; ``kept`` are the names of those that the reader says are printed so."""
    for endpoint in shape.endpoints:
        for side in SIDES:
            yield from ratio_against_medians(numbers, endpoint, side, kept)
            yield from ratio_against_events(numbers, endpoint, side)
    whole, dying = shape.whole, shape.dying
    if whole and dying and whole != dying:
        for side in SIDES:
            yield from composite_against_death(numbers, whole, dying, side, kept)


def _asked(name: str, kept: Sequence[str]) -> str:
    """The line that settles a question of this name; none where it is settled."""
    return "" if name in kept else f"assumed: {{as_printed: {name}}}"


def ratio_against_medians(
    numbers: PrintedNumbers, endpoint: str, side: str, kept: Sequence[str] = ()
) -> Iterator[Contradiction]:
    """A hazard ratio whose logarithm is over two standard errors from that of the ratio of medians, within rounding.

    A question where it is so beside the medians' own standard errors (1 / (log 2 root n)), too.
    """
    start = f"endpoints.{endpoint}.{side}"
    ratio = numbers.ratio(f"{start}.cox") or numbers.ratio(f"{start}.cox_stratified")
    stands = [numbers.stands(f"{start}.km.{role}.median") for role in ROLES]
    medians = [numbers.value(f"{start}.km.{role}.median") for role in ROLES]
    control, treated = medians
    if ratio is None or not isfinite(ratio.se) or ratio.se <= 0 or control is None or treated is None:
        return
    if min(control, treated) <= 0 or stands[0] is None or stands[1] is None or min(s.low for s in stands if s) <= 0:
        return
    apart = ratio.log_hr - log(control / treated)
    slack = log(stands[0].high / control) + log(stands[1].high / treated)
    hr = numbers.stands(f"{start}.cox.hr") or numbers.stands(f"{start}.cox_stratified.hr")
    slack += log(hr.high) - ratio.log_hr if hr and isfinite(hr.high) else 0.0
    least = max(abs(apart) - slack, 0.0)
    if least <= FAR * ratio.se:
        return
    z = apart / ratio.se
    sizes = [numbers.size(side, role) for role in ROLES]
    se = sqrt(ratio.se**2 + sum(median_se(n) ** 2 for n in sizes if n))
    arms = numbers.arms
    text = (
        f"{endpoint} {side}: the hazard ratio {_hr(ratio)} and the medians {control:g} ({arms['control']}) / "
        f"{treated:g} ({arms['treated']}) = {control / treated:.2f} are {abs(z):.1f} standard errors of the ratio "
        "apart: hazards that are not proportional, or a misprint"
    )
    figures = {"hr": round(_plain(ratio), 4), "median_ratio": control / treated, "z": z, "z_of_both": apart / se}
    name = f"{endpoint} {side} hazard ratio and medians"
    yield Contradiction(text, figures, _asked(name, kept) if least > FAR * se else "")


def ratio_against_events(numbers: PrintedNumbers, endpoint: str, side: str) -> Iterator[Contradiction]:
    """A hazard ratio's interval that is narrower than its events allow: SE below sqrt(1/d1 + 1/d0)."""
    start = f"endpoints.{endpoint}.{side}"
    if numbers.design == "weighted" and side == "after":
        return
    events = [numbers.events(endpoint, side, role) for role in ROLES]
    ratio = numbers.ratio(f"{start}.cox") or numbers.ratio(f"{start}.cox_stratified")
    if ratio is None or not isfinite(ratio.se) or any(not count for count in events):
        return
    control, treated = (float(count or 0) for count in events)
    floor = sqrt(1 / control + 1 / treated)
    model = "cox" if f"{start}.cox.hr" in numbers.numbers else "cox_stratified"
    low, high = (numbers.stands(f"{start}.{model}.{end}") for end in ("low", "high"))
    most = (
        (log(high.high) - log(low.low)) / (2 * Z) if low and high and low.low > 0 and isfinite(high.high) else ratio.se
    )
    if most < floor:
        yield Contradiction(
            f"{endpoint} {side}: the hazard ratio {_hr(ratio)} has a standard error of {ratio.se:.3f} (at most "
            f"{most:.3f} within rounding); {control:.0f} and {treated:.0f} events allow {floor:.3f} at the least",
            {"se": ratio.se, "most": most, "floor": floor},
        )


def composite_against_death(
    numbers: PrintedNumbers, whole: str, dying: str, side: str, kept: Sequence[str] = ()
) -> Iterator[Contradiction]:
    """A median of a composite with death beyond that of death, or fewer of its events."""
    for role in ROLES:
        arm = numbers.arms[role]
        keys = [f"endpoints.{one}.{side}.km.{role}.median" for one in (whole, dying)]
        stands, medians = [numbers.stands(key) for key in keys], [numbers.value(key) for key in keys]
        if stands[0] and stands[1] and stands[0].low > stands[1].high and medians[1] is not None:
            first = "not reached" if medians[0] is None else f"{medians[0]:g}"
            text = f"{side}, {arm}: the median of {whole} is {first}, that of {dying} {medians[1]:g}; death ends both"
            figures = {"first": medians[0] if medians[0] is not None else float("inf"), "death": medians[1]}
            yield Contradiction(text, figures, _asked(f"{whole} beyond {dying} {side} {role}", kept))
        counts = [numbers.events(one, side, role) for one in (whole, dying)]
        if counts[0] is not None and counts[1] is not None and counts[0] < counts[1] - 0.5:
            text = f"{side}, {arm}: {counts[0]:.0f} events of {whole} are fewer than {counts[1]:.0f} of {dying}"
            name = f"fewer {whole} than {dying} {side} {role}"
            yield Contradiction(text, {"first": counts[0], "death": counts[1]}, _asked(name, kept))


def early_dropout_finding(
    arm: str, endpoint: str, median: float, follow_up: float, least: float, printed: float, unit: str
) -> Contradiction | None:
    """That drop-out goes early, where fewer had the event than the median and a constant drop-out allow."""
    if printed >= least:
        return None
    return Contradiction(
        f"{endpoint}, {arm}: with a median of {median:g} {unit} and a median follow-up of {follow_up:g} at least "
        f"{100 * least:.1f} % of the arm must have had the event before anybody's last visit, were drop-out constant; "
        f"{100 * printed:.1f} % are printed: drop-out goes early",
        {"median": median, "follow_up": follow_up, "least": least, "printed": printed},
    )


def _plain(ratio: PrintedRatio) -> float:
    return exp(ratio.log_hr)


def _hr(ratio: PrintedRatio) -> str:
    limits = f" ({exp(ratio.low):.2f}-{exp(ratio.high):.2f})" if isfinite(ratio.low) else ""
    return f"{exp(ratio.log_hr):.2f}{limits}"
