"""Hazard ratios: their intervals and their p-values."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import exp, inf, isfinite, log

from scipy.special import ndtr, ndtri

from analysis.audit.paper import Finding, Number, Paper, Severity
from analysis.audit.published import Stands
from simulator.documents.keys import split_key

Z = float(ndtri(0.975))
MODELS = ("cox", "cox_stratified", "univariable", "multivariable", "subgroups", "fine_gray", "competing_cox")
TREATMENT = "treatment"
CLOSE_Z = 0.05  # z-values this close are the same number to any reader
OTHER_TEST = 0.15  # Wald, likelihood-ratio and log-rank z of one fit differ by less than this part
FAR_Z, FAR_PART = 0.3, 0.3  # beyond both, no test of the same data gives this p
FEW_EVENTS_SE = 0.4  # above this SE a group has few events, and tests differ in proportion to it
LOPSIDED = 0.25  # asymmetry in standard errors that no profile of a likelihood shows


@dataclass(frozen=True)
class Ratio:
    """A hazard ratio with its limits as logarithms within rounding; ``p`` where it is printed."""

    path: str
    endpoint: str
    side: str
    model: str
    element: str | None
    numbers: tuple[Number, Number, Number]
    hr: Stands
    low: Stands
    high: Stands
    p: Number | None

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of the ratio, its limits and its p."""
        return tuple(one.key for one in (*self.numbers, self.p) if one is not None)

    @property
    def se(self) -> Stands:
        """The standard errors that the limits imply as a Wald interval."""
        return Stands((self.high.low - self.low.high) / (2 * Z), (self.high.high - self.low.low) / (2 * Z))

    def __str__(self) -> str:
        hr, low, high = (one.text for one in self.numbers)
        return f"{hr} ({low} to {high})"


def ratio_findings(paper: Paper, ratios: tuple[Ratio, ...]) -> Iterator[Finding]:
    """All findings about hazard ratios with their limits and p-values."""
    for ratio in ratios:
        if not (ratio.low.low <= ratio.hr.high and ratio.hr.low <= ratio.high.high and ratio.low.low < ratio.high.high):
            wanted = "a ratio between its limits"
            said = f"the HR{{of}}, {ratio.numbers[0].text}, lies outside its own interval, {_interval(ratio)}"
            yield paper.finding(
                ratio.keys, "severe", "interval holds the ratio", str(ratio), wanted, said=said, off=99.0
            )
        else:
            yield from _shape_and_p(paper, ratio)
    yield from _printed_twice(paper, ratios)
    yield from _screening(paper)


def read_ratios(paper: Paper) -> tuple[Ratio, ...]:
    """Every hazard ratio that has both limits."""
    return tuple(_ratios(paper))


def _ratios(paper: Paper) -> Iterator[Ratio]:
    for key, hr in paper.numbers.items():
        path, _, last = key.rpartition(".")
        if last != "hr" or not key.startswith("endpoints."):
            continue
        steps, limits = split_key(path), [paper.get(f"{path}.{name}") for name in ("low", "high")]
        numbers = (hr, *(one for one in limits if one is not None))
        if len(steps) != 4 or len(numbers) != 3 or steps[3].name not in MODELS:
            continue
        if all(one.stands.low > 0 and isfinite(one.stands.high) for one in numbers):
            logs = [Stands(log(one.stands.low), log(one.stands.high)) for one in numbers]
            three, last_step = (numbers[0], numbers[1], numbers[2]), steps[3]
            where = steps[1].name, steps[2].name
            yield Ratio(
                path,
                *where,
                last_step.name,
                last_step.element,
                three,
                logs[0],
                logs[1],
                logs[2],
                paper.get(f"{path}.p"),
            )


def _shape_and_p(paper: Paper, ratio: Ratio) -> Iterator[Finding]:
    """The ratio as geometric mean of its limits, and the p that ratio and limits give."""
    middle = Stands((ratio.low.low + ratio.high.low) / 2, (ratio.low.high + ratio.high.high) / 2)
    off = ratio.hr.gap(middle)
    lopsided = off / max(ratio.se.high, 1e-9)
    gap, part = _p_gap(ratio)
    if off > 1e-9:
        severity: Severity = "severe" if lopsided > LOPSIDED or part > OTHER_TEST / 2 else "moderate"
        told = f"{ratio}: sqrt({ratio.numbers[1].text} x {ratio.numbers[2].text})"
        told += f" = {exp((middle.low + middle.high) / 2):.3f} ({exp(middle.low):.3f} to {exp(middle.high):.3f} within"
        told += f" rounding), printed {ratio.numbers[0].text}"
        value, low, high = (log(one.value) for one in ratio.numbers)
        either = f"{exp(2 * value - high):.2f} to {ratio.numbers[2].text}"
        either += f", or {ratio.numbers[1].text} to {exp(2 * value - low):.2f}"
        said = f"the HR{{of}}, {ratio.numbers[0].text}, does not lie in the middle of its interval, {_interval(ratio)}"
        slack = (middle.high - middle.low + ratio.hr.high - ratio.hr.low) / 2
        yield paper.finding(
            ratio.keys, severity, "ratio amid its limits", told, f"limits {either}", said=said, off=1 + off / slack
        )
    if ratio.p is None or gap <= CLOSE_Z:
        return
    far = FAR_PART * max(ratio.se.high / FEW_EVENTS_SE, 1.0)
    severity = "note" if part <= OTHER_TEST else "severe" if gap > FAR_Z and part > far else "moderate"
    if off > 1e-9 and severity == "note" and part > OTHER_TEST / 2:
        severity = "moderate"
    z, wanted = _z_of_interval(ratio), _z_of_p(ratio.p.stands)
    told = f"{ratio}: z = {z.low:.2f} to {z.high:.2f} within rounding, p = {_p(z.high):.2g} to {_p(z.low):.2g};"
    told += f" printed p {ratio.p.text} is z = {wanted.low:.2f}"
    se = abs(log(ratio.numbers[0].value)) / wanted.low if wanted.low > 0 else inf
    limits = [exp(log(ratio.numbers[0].value) + side * Z * se) if se < 50 else inf for side in (-1, 1)]
    consistent = f"p = {_p((z.low + z.high) / 2):.2g}"
    consistent += f", or limits {limits[0]:.2f} to {limits[1]:.2f}" if isfinite(limits[1]) else ""
    if severity == "note":
        consistent += ", or a p of another test (log-rank, likelihood ratio)"
    said = f"the interval{{of}}, {_interval(ratio)}, gives p = {_p((z.low + z.high) / 2):.2g}, printed {ratio.p.text}"
    slack = max((z.high - z.low) / 2 + (wanted.high - wanted.low if isfinite(wanted.high) else 0.0) / 2, 1e-9)
    yield paper.finding(ratio.keys, severity, "p of the interval", told, consistent, said=said, off=1 + gap / slack)


def _interval(ratio: Ratio) -> str:
    return f"{ratio.numbers[1].text} to {ratio.numbers[2].text}"


def _p(z: float) -> float:
    return float(2 * ndtr(-abs(z)))


def _z_of_p(stands: Stands) -> Stands:
    p = stands.within(0.0, 1.0)
    return Stands(float(-ndtri(p.high / 2)), float(-ndtri(p.low / 2)) if p.low > 0 else inf)


def _z_of_interval(ratio: Ratio) -> Stands:
    """|z| within rounding: the ratio over the width of its interval."""
    least = 0.0 if ratio.hr.low <= 0 <= ratio.hr.high else min(abs(ratio.hr.low), abs(ratio.hr.high))
    most = max(abs(ratio.hr.low), abs(ratio.hr.high))
    return Stands(least / ratio.se.high, most / ratio.se.low if ratio.se.low > 0 else inf)


def _p_gap(ratio: Ratio) -> tuple[float, float]:
    """How far z of the printed p is from z of the interval, and the part of the larger one that this is."""
    if ratio.p is None:
        return 0.0, 0.0
    z, wanted = _z_of_interval(ratio), _z_of_p(ratio.p.stands)
    gap = z.gap(wanted)
    if gap <= CLOSE_Z:
        return gap, 0.0
    return gap, gap / (z.low if z.low > wanted.high else wanted.low)


def _printed_twice(paper: Paper, ratios: tuple[Ratio, ...]) -> Iterator[Finding]:
    """The treatment alone, as a comparison of the arms and as a row of the univariable table."""
    for one in ratios:
        other = next((r for r in ratios if r.path == one.path.replace(".cox", f".univariable[{TREATMENT}]")), None)
        if one.model != "cox" or other is None:
            continue
        for a, b in zip((*one.numbers, one.p), (*other.numbers, other.p), strict=True):
            if a is None or b is None or a.stands.meets(b.stands, -1e-9):
                continue
            close = a.stands.meets(b.stands)
            told = f"the same model: {a.text} and {b.text}"
            severity: Severity = "note" if close else "moderate"
            said = f"the same model is printed once as {a.text} and once as {b.text}"
            wanted = "one number in both places"
            yield paper.finding((a.key, b.key), severity, "one model, two numbers", told, wanted, said=said)


def _screening(paper: Paper) -> Iterator[Finding]:
    """Terms that enter a model by their univariable p have smaller ones than those that do not."""
    entered: dict[str, Number] = {}
    left_out: dict[str, Number] = {}
    for key, p in paper.numbers.items():
        path, _, last = key.rpartition(".")
        if last == "p" and ".univariable[" in path and f"[{TREATMENT}]" not in path:
            other = path.replace(".univariable[", ".multivariable[")
            (entered if f"{other}.hr" in paper.numbers else left_out)[path] = p
    for start in dict.fromkeys(path.partition("[")[0] for path in entered):
        own = [[p for path, p in some.items() if path.startswith(start)] for some in (entered, left_out)]
        if not all(own):
            continue
        most, least = max(own[0], key=lambda p: p.value), min(own[1], key=lambda p: p.value)
        if least.stands.high < most.stands.low:
            told = f"entered with p = {most.text}, left out with p = {least.text}"
            said = f"a trait entered the model with p = {most.text}, another was left out with p = {least.text}"
            wanted = "one threshold between them"
            yield paper.finding((most.key, least.key), "note", "screening by p", told, wanted, said=said)
