"""Yes/no outcomes and balance: ratios, differences and standardised differences against the shares of both arms.

A share is known by its count and the size of the arm, else by its percentage within rounding. What an effect of two
shares can be lies at the ends of both, since each effect rises with one share and falls with the other.
"""

from collections.abc import Callable, Iterator
from itertools import product
from math import inf, isfinite, log, sqrt

from analysis.audit.paper import ARMS, Finding, Number, Paper
from analysis.audit.published import Stands

SLACK = 1e-9
LOPSIDED = 0.25  # asymmetry in standard errors that no exact interval of some size shows


def _odds_ratio(control: float, treated: float) -> float:
    below = control * (1 - treated)
    return treated * (1 - control) / below if below > 0 else inf


def _risk_ratio(control: float, treated: float) -> float:
    return treated / control if control > 0 else inf


def _difference(control: float, treated: float) -> float:
    return treated - control


def _standardised(control: float, treated: float) -> float:
    """The size of it, since most papers print no sign."""
    both = control * (1 - control) + treated * (1 - treated)
    return abs(treated - control) / sqrt(both / 2) if both > 0 else 0.0 if treated == control else inf


EFFECTS: dict[str, Callable[[float, float], float]] = {
    "odds_ratio": _odds_ratio,
    "risk_ratio": _risk_ratio,
    "risk_difference": _difference,
}
SMD = "standardised difference"


def effect_findings(paper: Paper) -> Iterator[Finding]:
    """All findings about effects on yes/no outcomes, and about standardised differences."""
    for name, side in paper.outcomes():
        for effect in EFFECTS:
            yield from _limits(paper, f"binary.{name}.{side}.{effect}", effect)
            yield from _effect(paper, name, side, effect)
    for side, element in paper.table1("smd"):
        if side == "before":  # after matching or weighting the spread may be that before it
            yield from _share_smd(paper, f"table1.before[{element}]")
            yield from _mean_smd(paper, f"table1.before[{element}]")


def _limits(paper: Paper, path: str, effect: str) -> Iterator[Finding]:
    """The effect lies between its limits, a ratio in their middle on the log scale unless the interval is exact."""
    three = [paper.finite(f"{path}.{name}") for name in ("value", "low", "high")]
    if any(one is None for one in three):
        return
    value, low, high = (one for one in three if one is not None)
    told = f"{value.text} ({low.text} to {high.text})"
    keys = (value.key, low.key, high.key)
    if value.stands.high < low.stands.low - SLACK or value.stands.low > high.stands.high + SLACK:
        yield paper.finding(keys, "severe", "interval holds the effect", told, "an effect between its limits")
        return
    if effect == "risk_difference" or min(one.stands.low for one in (value, low, high)) <= 0:
        return
    middle = Stands(
        (log(low.stands.low) + log(high.stands.low)) / 2, (log(low.stands.high) + log(high.stands.high)) / 2
    )
    off = Stands(log(value.stands.low), log(value.stands.high)).gap(middle)
    half = (log(high.stands.high) - log(low.stands.low)) / 2
    if off > LOPSIDED * half / 1.959964:
        told += f": sqrt({low.text} x {high.text}) = {sqrt(low.value * high.value):.3f}, printed {value.text}"
        either = f"{value.value**2 / high.value:.2f} to {high.text}, or {low.text} to {value.value**2 / low.value:.2f}"
        yield paper.finding(keys, "moderate", "ratio amid its limits", told, f"limits {either}")


def _effect(paper: Paper, name: str, side: str, effect: str) -> Iterator[Finding]:
    """The effect is that of the two shares, unless it is adjusted."""
    printed = paper.finite(f"binary.{name}.{side}.{effect}.value")
    shares = [_share(paper, f"binary.{name}.{side}.{arm}", side, arm, "yes") for arm in ARMS]
    if printed is None:
        return
    found = _range(EFFECTS[effect], shares)
    if found is None or printed.stands.meets(found[0], SLACK):
        return
    told = f"{found[2]}: {_told(found[0])}, printed {printed.text}"
    wanted = f"{_told(found[0])}, or an adjusted one, which has no key here"
    check = f"{effect.replace('_', ' ')} of the shares"
    yield paper.finding((printed.key, *found[1]), "moderate", check, told, wanted)


def _share_smd(paper: Paper, path: str) -> Iterator[Finding]:
    printed = paper.finite(f"{path}.smd")
    found = _range(_standardised, [_share(paper, f"{path}.{arm}", "before", arm, "n") for arm in ARMS])
    if printed is not None and found is not None:
        yield from _smd(paper, printed, *found)


def _mean_smd(paper: Paper, path: str) -> Iterator[Finding]:
    """Of means and SD, where both arms print them."""
    printed = paper.finite(f"{path}.smd")
    numbers = [paper.finite(f"{path}.{arm}.{what}") for arm in ARMS for what in ("mean", "sd")]
    known = tuple(one for one in numbers if one is not None)
    if printed is None or len(known) != 4:
        return
    values = [
        abs(m1 - m0) / sqrt((s0**2 + s1**2) / 2)
        for m0, s0, m1, s1 in product(*((one.stands.low, one.stands.high) for one in known))
        if s0 > 0 or s1 > 0
    ]
    if not values:
        return
    control, treated = (Stands(known[k].stands.low, known[k].stands.high) for k in (0, 2))
    low = 0.0 if control.meets(treated) else min(values)
    texts = [one.text for one in known]
    told = f"{texts[0]} ± {texts[1]} against {texts[2]} ± {texts[3]}"
    yield from _smd(paper, printed, Stands(low, max(values)), tuple(one.key for one in known), told)


def _smd(paper: Paper, printed: Number, found: Stands, keys: tuple[str, ...], told: str) -> Iterator[Finding]:
    """A standardised difference as a number or, above 1, in percent."""
    size = Stands(*sorted(abs(end) for end in (printed.stands.low, printed.stands.high)))
    in_percent = Stands(size.low / 100, size.high / 100)
    if size.meets(found, 0.0005) or (size.low >= 1 and in_percent.meets(found, 0.0005)):
        return
    text = f"{told}: {_told(found)}, printed {printed.text}"
    yield paper.finding((printed.key, *keys), "moderate", SMD, text, f"{_told(found)}, or another definition")


def _share(paper: Paper, path: str, side: str, arm: str, counted: str) -> tuple[Stands, tuple[str, ...], str] | None:
    """The share of an arm, the key that says it, and how it is printed; None where nothing says it."""
    count, size = paper.count(f"{path}.{counted}"), paper.size(side, arm)
    if count is not None and size and count <= size:
        return Stands(count / size, count / size), (f"{path}.{counted}",), f"{count} of {size}"
    percent = paper.finite(f"{path}.percent")
    if percent is None:
        return None
    part = Stands(percent.stands.low / 100, percent.stands.high / 100).within(0.0, 1.0)
    return part, (percent.key,), f"{percent.text} %"


def _range(
    effect: Callable[[float, float], float], shares: list[tuple[Stands, tuple[str, ...], str] | None]
) -> tuple[Stands, tuple[str, ...], str] | None:
    """What an effect of the control's and the treated's share can be, the keys of both, and both as printed."""
    control, treated = shares
    if control is None or treated is None:
        return None
    ends = [effect(a, b) for a in (control[0].low, control[0].high) for b in (treated[0].low, treated[0].high)]
    low = min(ends) if effect is not _standardised or not control[0].meets(treated[0]) else 0.0
    if not isfinite(max(ends)):
        return None
    return Stands(low, max(ends)), (*control[1], *treated[1]), f"{treated[2]} against {control[2]}"


def _told(found: Stands) -> str:
    low, high = f"{found.low:.3f}", f"{found.high:.3f}"
    return low if low == high else f"{low} to {high}"
