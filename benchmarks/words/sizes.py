"""Sizes in words: how far off an estimate is, in which direction, and how many digits its error allows."""

from collections.abc import Sequence
from math import exp, expm1, isfinite

from benchmarks.performance.measures import Measure
from benchmarks.words.plain_text import NOT_REACHED, natural, unit_of
from simulator.cohort.estimand import Estimand

NO_BREAK = "\u00a0"
SHARES = frozenset({"survival_difference", "incidence_difference", "risk_difference"})
WITHIN = 2.0
"""Simulation errors within which a distance from the truth is not told from none."""


def percent_text(value: float, error: float = 0.0) -> str:
    """A percentage, whole or below 10 with one decimal; whole too where its error is half a percent or more."""
    decimals = 1 if abs(value) < 9.95 and error < 0.5 else 0
    text = f"{value:.{decimals}f}".removesuffix(".0")
    return f"{'0' if text == '-0' else text}{NO_BREAK}%".replace("-", "−")


def share_text(share: float, error: float = 0.0) -> str:
    """A share as a percentage; what is not known is said."""
    return percent_text(100 * share, 100 * error) if isfinite(share) else "an unknown share"


def off_by(asked: Estimand, bias: Measure) -> str:
    """How far off the truth a mean is and on which side: '4 % too low', '0.3 months too much', 'on target'."""
    if isfinite(bias.mcse) and abs(bias.value) <= WITHIN * bias.mcse:
        return "as close as simulation can tell"
    if "log" in asked.measure:
        size = percent_text(abs(100 * expm1(bias.value)), 100 * bias.mcse * exp(bias.value))
        return f"{size} too {'low' if bias.value < 0 else 'high'}"
    if asked.measure in SHARES:
        points = f"{abs(100 * bias.value):.1f}".removesuffix(".0")
        return f"{points} of 100 patients too {'few' if bias.value < 0 else 'many'}"
    return f"{abs(bias.value):.2g} {unit_of(asked)} too {'little' if bias.value < 0 else 'much'}".replace("  ", " ")


def error_text(asked: Estimand, bias: Measure) -> str:
    """The simulation error of a distance, in its own words; nothing where it is not known."""
    if not isfinite(bias.mcse):
        return ""
    if "log" in asked.measure:
        size = 100 * bias.mcse * exp(bias.value)
        return f" (simulation error {percent_text(size, 0.0 if size < 0.95 else 1.0)})"
    return f" (simulation error {bias.mcse:.2g})"


def value_of(asked: Estimand, value: float) -> str:
    """A value as prose has it: 0.36, 2.5 months, 34 of 100 patients."""
    if not isfinite(value):
        return NOT_REACHED
    if asked.measure in SHARES:
        return f"{100 * value:.0f} of 100 patients".replace("-", "−")
    if unit_of(asked):
        return f"{value:.1f} {unit_of(asked)}".replace("-", "−")
    return f"{natural(asked, value):.2f}"


def listed(words: Sequence[str], last: str = "and") -> str:
    """Words in a row: 'a', 'a and b', 'a, b and c'."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {last} {words[-1]}" if words else ""


def counted(number: int, one: str, many: str = "") -> str:
    """A number with its noun: '1 setting', '3 settings'."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def first_up(text: str) -> str:
    """The text as a sentence begins: its first letter large, the rest as it stands."""
    return text[:1].upper() + text[1:]
