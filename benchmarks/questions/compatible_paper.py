"""A paper's summary for `benchmarks.questions.compatible`: its log HR and SE, and what printed digits leave open."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import exp, log, nan

import numpy as np
from scipy.special import ndtri

from analysis.audit.published import exact_value, parse_printed
from benchmarks.asked.errors import RunError
from benchmarks.asked.published_keys import no_ratio, printed_ratio
from benchmarks.asked.scenario import Scenario
from simulator.numerics.arrays import Floats

CELL = "cox"
"""As what cells are read: those of a hazard ratio."""


@dataclass(frozen=True)
class Published:
    """A paper's summary: log HR and the log of its SE, with the variance that rounding leaves of each."""

    summary: Floats
    rounding: Floats

    @property
    def hr(self) -> float:
        """The published hazard ratio."""
        return exp(float(self.summary[0]))

    @property
    def se(self) -> float:
        """The standard error of its logarithm."""
        return exp(float(self.summary[1]))


def published_summary(scenario: Scenario, endpoint: str, stated: Mapping[str, str | None]) -> Published:
    """The published log HR of the primary analysis and the log of its SE.

    ``stated`` are hr, low and high as printed, or None. RunError where neither paper nor user states them, or they
    cannot be a ratio with its interval.
    """
    if all(value is None for value in stated.values()):
        printed = printed_ratio(scenario, endpoint)
        texts = {name: one.printed for name, one in printed.items() if _is_ratio(name, one.printed)}
        if len(texts) < len(stated):
            raise RunError(no_ratio(scenario, endpoint, "--hr, --low and --high"))
        return _summary_of(scenario, {name: (f"published: {name}", text) for name, text in texts.items()})
    texts = {name: text for name, text in stated.items() if text is not None}
    if len(texts) < len(stated):
        raise RunError("--hr, --low and --high: state all three, or none to take the world's published ones")
    return _summary_of(scenario, {name: (f"--{name}", text) for name, text in texts.items()})


def _summary_of(scenario: Scenario, texts: Mapping[str, tuple[str, str]]) -> Published:
    """The summary of numbers as printed, each with where it stands: 0.6 is anything from 0.55 to 0.65, 0.60 is not."""
    for name, (where, text) in texts.items():
        if not _is_ratio(name, text):
            raise RunError(f"{where} {text}: write a ratio above zero as it is printed, as in 0.60")
    stands = {name: parse_printed(text, f"{CELL}.{name}") for name, (_, text) in texts.items()}
    ends = {name: (log(one.low), log(one.high)) for name, one in stands.items()}
    said = " ".join(f"{where} {text}" for where, text in (texts[name] for name in ("low", "hr", "high")))
    values = [exact_value(texts[name][1], f"{CELL}.{name}") or nan for name in ("low", "hr", "high")]
    if not values[0] < values[1] < values[2]:
        raise RunError(f"{said}: must increase")
    centre = {name: (a + b) / 2 for name, (a, b) in ends.items()}
    width = {name: (b - a) ** 2 / 12 for name, (a, b) in ends.items()}
    span = centre["high"] - centre["low"]
    rounding = np.array([width["hr"], (width["low"] + width["high"]) / span**2])
    return Published(np.array([centre["hr"], _log_se(scenario, span)]), rounding)


def _is_ratio(name: str, text: str) -> bool:
    """Whether a ratio's or a limit's text is one number, of which every value that is printed so is above zero."""
    key = f"{CELL}.{name}"
    try:
        return exact_value(text, key) is not None and parse_printed(text, key).low > 0
    except ValueError:
        return False


def _log_se(scenario: Scenario, span: float) -> float:
    return log(span / (2 * float(ndtri(0.5 + scenario.analysis.survival.level / 2))))
